//! An answer whose goal has ended: whether the goal had it is asked of the goal, and never guessed.

use std::time::Duration;

use gatewatch::contracts::clock::{Millis, UnixMillis};
use gatewatch::contracts::temporal::args::Args;
use gatewatch::store::Store;
use gatewatch::store::callbacks::{Callback, Phase};
use gatewatch::workflows::engine::types::EngineWorkflow;
use serde_json::{Value, json};
use temporalio_client::WorkflowStartOptions;

use crate::coordinator::callbacks::{draft, left_behind, state, state_within, times};
use crate::coordinator::rig::{BUILDERS, Rig, answer, settings, settings_and};
use crate::coordinator::routes::{listener, told};
use crate::support::{self, PATIENCE, wait_until};
use crate::workflows::bench::{Bench, bounded, payloads, with};

/// A goal that is complete with its one step, `draft-1`.
async fn short(bench: &Bench) -> String {
    let id = support::unique("short");
    let plan = json!([{"type": "REQUEST_WORK", "workKind": "DRAFT"}]);
    let input = json!({"goalId": "g", "specDocument": "name = 'x'\n[finalize]\n", "initialPlan": plan});
    let options = WorkflowStartOptions::new(bench.queue(), id.as_str()).build();
    bench.client.start_workflow(EngineWorkflow::run, Args::of([input]), options).await.unwrap();
    state(bench, &id).await;
    id
}

async fn kept(store: &Store, key: &str) -> Callback {
    store.callback(key).await.unwrap().unwrap()
}

/// Answers that ended their goal, or came before its end, and a coordinator that was killed before it knew: told by then
/// or not, none of them came too late. While no worker can say so, they wait.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_goal_had_before_its_end_is_not_late_though_nobody_can_say_so_for_a_while() {
    bounded(async || {
        let mut bench = Bench::new().await;
        let other = support::unique("other");
        listener(&bench, &other).await;
        let more =
            format!("[[coordinator.routes]]\nname = \"other\"\nworkflows = [\"{other}\"]\nevent = \"drafted\"\n");
        let (settings, folder) = settings_and(support::temporal(), &more);
        let store = Store::open(&settings.coordinator.store).await.unwrap();
        let id = short(&bench).await;
        let report = |text: &str| with(draft(&id), json!({"status": "PARTIAL", "content": text}));
        for said in [report("half"), draft(&id)] {
            bench.signal(&id, "agentCompleted", payloads([json!("draft-1"), said])).await;
        }
        wait_until("it has ended", PATIENCE, async || state(&bench, &id).await.status.is_over().then_some(())).await;
        bench.kill_worker();
        let answers: [(&str, Value); 4] = [
            ("taken", draft(&id)),
            ("report", report("half")),
            ("another", with(draft(&id), json!({"runId": "run-2"}))),
            ("another report", report("more")),
        ];
        for (key, said) in &answers {
            let now = UnixMillis(chrono::Utc::now().timestamp_millis());
            store.receive(left_behind((*key).to_owned(), said), now, Millis(0)).await.unwrap();
        }
        let place = settings.coordinator.store.clone();
        drop(store);
        let rig = Rig::with(settings, folder).await;
        let store = Store::open(&place).await.unwrap();
        for (key, _) in &answers {
            let tried = async || Some(kept(&store, key).await).filter(|callback| callback.tries > 2);
            assert_eq!(wait_until("it was tried", PATIENCE, tried).await.phase, Phase::Received, "{key}");
        }
        bench.start_worker();
        let outcomes = ["delivered", "delivered", "late", "late"];
        for ((key, _), outcome) in answers.iter().zip(outcomes) {
            let done = async || Some(kept(&store, key).await).filter(|callback| callback.phase == Phase::Done);
            let said = wait_until("it is done", Duration::from_mins(1), done).await.answer.unwrap();
            assert!(said.contains(&format!("\"outcome\":\"{outcome}\"")), "{key}: {said}");
        }
        // Whoever else is to be told of what it had is told, too.
        let heard = async || told(&state_within(&bench, &other, PATIENCE).await).get(&id).copied().filter(|n| *n > 1);
        assert_eq!(wait_until("others are told", PATIENCE, heard).await, 2);
        assert_eq!(times(&state(&bench, &id).await, "AGENT_COMPLETED"), 2);
        rig.stop().await.unwrap();
    })
    .await;
}

/// Told and stopped the next moment: what was told is in the database.
#[tokio::test(flavor = "multi_thread")]
async fn who_stops_has_written_what_was_told() {
    bounded(async || {
        let bench = Bench::new().await;
        let (settings, folder) = settings(support::temporal());
        let store = Store::open(&settings.coordinator.store).await.unwrap();
        let rig = Rig::with(settings, folder).await;
        let id = short(&bench).await;
        let (status, receipt) = answer(rig.post("/agent/callback", &draft(&id)).bearer_auth(BUILDERS)).await;
        assert_eq!((status.as_u16(), &receipt["outcome"]), (200, &json!("delivered")), "{receipt}");
        rig.stop().await.unwrap();
        let left = store.take_due(UnixMillis(i64::MAX), Millis(0), 9).await.unwrap();
        assert!(left.is_empty(), "{left:?}");
    })
    .await;
}
