//! One answer, several workflows, on real goals: each is told once, whatever is sent again or killed, and none waits for
//! another.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use gatewatch::contracts::engine::state::EngineState;
use gatewatch::contracts::temporal::args::Args;
use gatewatch::workflows::engine::types::EngineWorkflow;
use serde_json::{Value, json};
use temporalio_client::WorkflowStartOptions;

use crate::coordinator::callbacks::{draft, goal, state, times};
use crate::coordinator::proof::Processes;
use crate::coordinator::rig::{BUILDERS, Rig, answer, settings_and};
use crate::support::{self, PATIENCE, wait_until};
use crate::workflows::bench::{Bench, bounded, payloads, with};

/// A goal that others are told of, and that continues as new all the time.
pub(super) async fn listener(bench: &Bench, id: &str) {
    let input = json!({
        "goalId": id, "specName": "tutorial", "continueAfter": 20,
        "bootDecision": {"decisionId": "boot", "actions": [{"type": "REQUEST_WORK", "workKind": "DRAFT"}]}
    });
    let options = WorkflowStartOptions::new(bench.queue(), id).build();
    bench.client.start_workflow(EngineWorkflow::run, Args::of([input]), options).await.unwrap();
    state(bench, id).await;
}

/// How often a goal was told of each workflow's answer.
pub(super) fn told(state: &EngineState) -> BTreeMap<String, usize> {
    assert_eq!(state.log_dropped, 0, "the log would not tell");
    let mut told = BTreeMap::new();
    for entry in state.log.iter().filter(|entry| entry.event == "EVENT" && entry.data["type"] == "drafted") {
        *told.entry(entry.data["payload"]["workflowId"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_who_sends_an_answer_is_told_who_else_was() {
    bounded(async || {
        let bench = Bench::new().await;
        let [qa, gone, soon] = ["qa", "gone", "soon"].map(support::unique);
        let more = format!(
            "[[coordinator.routes]]\nname = \"qa\"\nwhen = \"response.agentRole == 'writer' && response.status == 'OK'\"\n\
             workflows = [\"{qa}\", \"{gone}\", \"${{response.content.also}}\"]\nevent = \"drafted\"\n\
             [[coordinator.routes]]\nname = \"never\"\nwhen = \"response.status == 'FAIL'\"\nworkflows = [\"{qa}\"]\n\
             event = \"drafted\"\n"
        );
        let (settings, folder) = settings_and(support::temporal(), &more);
        let rig = Rig::with(settings, folder).await;
        listener(&bench, &qa).await;
        listener(&bench, &gone).await;
        bench.signal(&gone, "cancel", payloads([json!("enough")])).await;
        wait_until("it has ended", PATIENCE, async || {
            state(&bench, &gone).await.status.is_over().then_some(())
        })
        .await;
        let id = goal(&bench, "acme:routed").await;
        let content = json!({"title": "T", "text": "x", "also": [soon, "umbrella:secret", id]});
        let body = with(draft(&id), json!({"content": content}));
        let post = async || answer(rig.post("/agent/callback", &body).bearer_auth(BUILDERS)).await;
        let answers = join_all((0..4).map(|_| post())).await;
        assert!(answers.iter().all(|told| told.0 == 200 && told.1 == answers[0].1), "{answers:?}");
        let receipt = &answers[0].1;
        let outcomes: BTreeMap<&str, &str> = receipt["routed"]
            .as_array()
            .unwrap_or_else(|| panic!("{receipt}"))
            .iter()
            .map(|told| (told["workflowId"].as_str().unwrap(), told["outcome"].as_str().unwrap()))
            .collect();
        // What is a tenant's stays a tenant's: nothing is said to workflows outside of it, whether they are there or not.
        let all = [&*qa, &*gone, &*soon, "umbrella:secret"].map(|id| (id, "refused"));
        assert_eq!(outcomes, BTreeMap::from(all), "{receipt}");
        assert!(told(&state(&bench, &qa).await).is_empty());

        let id = goal(&bench, "routed").await;
        let body = with(draft(&id), json!({"content": with(content, json!({"also": [soon, id]}))}));
        let post = async || answer(rig.post("/agent/callback", &body).bearer_auth(BUILDERS)).await;
        let (status, receipt) = post().await;
        let outcome = |target: &str| {
            let routed = receipt["routed"].as_array().unwrap();
            let found = routed.iter().find(|told| told["workflowId"] == target);
            found.unwrap_or_else(|| panic!("{target}: {receipt}"))["outcome"].as_str().unwrap()
        };
        assert_eq!((status.as_u16(), receipt["routed"].as_array().unwrap().len()), (200, 3), "{receipt}");
        assert_eq!([&*qa, &*gone, &*soon].map(outcome), ["delivered", "late", "pending"], "{receipt}");
        assert_eq!(times(&state(&bench, &id).await, "AGENT_COMPLETED"), 1, "its own workflow waits for nobody");
        let heard = |state: &EngineState| told(state).get(&id).copied();
        assert_eq!(heard(&state(&bench, &qa).await), Some(1));
        // One that is not there yet is told when it is.
        listener(&bench, &soon).await;
        let told = async || heard(&state(&bench, &soon).await);
        assert_eq!(wait_until("it is told", PATIENCE, told).await, 1);
        assert_eq!(post().await, (status, receipt.clone()), "what was said stands");
        let metrics = rig.get("/metrics").send().await.unwrap().text().await.unwrap();
        let line = r#"gatewatch_coordinator_routed_answers_total{outcome="delivered",route="qa"} 2"#;
        assert!(metrics.contains(line), "{metrics}");
        rig.stop().await.unwrap();
    })
    .await;
}

/// Each answer is sent three times and told to two more workflows, which continue as new meanwhile, and the coordinator
/// is killed in between.
#[tokio::test(flavor = "multi_thread")]
async fn each_of_three_workflows_has_each_answer_once_whatever_is_killed() {
    const ANSWERS: usize = 24;
    const KILLS: usize = 4;
    let bench = Bench::new().await;
    let [pr, qa] = ["pr", "qa"].map(support::unique);
    let routes = format!(
        "[[coordinator.routes]]\nname = \"pr\"\nworkflows = [\"{pr}\"]\nevent = \"drafted\"\n\
         [[coordinator.routes]]\nname = \"qa\"\nworkflows = [\"{qa}\", \"nobody-${{response.goalId}}\"]\nevent = \"drafted\"\n"
    );
    listener(&bench, &pr).await;
    listener(&bench, &qa).await;
    let mut ids = Vec::new();
    for _ in 0..ANSWERS {
        ids.push(goal(&bench, "three").await);
    }
    let processes = Processes::new(bench.queue(), &routes);
    let url = processes.url("/agent/callback");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(25)).build().unwrap();
    let send = async |id: &String| {
        let sent = async || {
            let request = http.post(&url).bearer_auth(BUILDERS).json(&draft(id)).send();
            let response = request.await.ok()?;
            // Whoever is killed in the middle answers nothing.
            let (status, body) = (response.status().as_u16(), response.json::<Value>().await.ok()?);
            matches!(status, 200 | 202).then_some((status, body))
        };
        wait_until("somebody takes it", PATIENCE * 2, sent).await
    };
    let mut coordinator = processes.start("coordinator");
    let mut receipts: BTreeMap<&String, Vec<Value>> = BTreeMap::new();
    for batch in ids.chunks(ANSWERS / KILLS) {
        let sending = join_all((0..3).flat_map(|_| batch).map(async |id| (id, send(id).await)));
        let killing = async {
            let first = async || {
                let told = told(&state(&bench, &pr).await);
                batch.iter().any(|id| told.contains_key(id)).then_some(())
            };
            wait_until("the first is told", PATIENCE, first).await;
            coordinator.start_kill().unwrap();
            coordinator.wait().await.unwrap();
            coordinator = processes.start("coordinator");
        };
        let (told, ()) = tokio::join!(sending, killing);
        for (id, (_, receipt)) in told.into_iter().filter(|(_, (status, _))| *status == 200) {
            receipts.entry(id).or_default().push(receipt);
        }
    }
    for listener in [&pr, &qa] {
        let all = async || Some(told(&state(&bench, listener).await)).filter(|told| told.len() == ANSWERS);
        let told = wait_until("all are told", PATIENCE * 2, all).await;
        assert!(ids.iter().all(|id| told[id] == 1), "{told:?}");
    }
    for id in &ids {
        let state = state(&bench, id).await;
        assert_eq!((times(&state, "AGENT_COMPLETED"), times(&state, "REFUSED")), (1, 0), "{state:?}");
    }
    for (id, receipts) in receipts {
        assert!(receipts.iter().all(|receipt| *receipt == receipts[0]), "{id}: {receipts:?}");
        assert_eq!(receipts[0]["routed"].as_array().unwrap().len(), 3, "{receipts:?}");
    }
}
