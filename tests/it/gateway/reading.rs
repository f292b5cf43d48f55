//! Lists, details and histories: everything decoded, nothing lost, nothing hostile passed on.

use std::collections::BTreeSet;
use std::time::Duration;

use gatewatch::contracts::failure::FailureKind;
use gatewatch::contracts::ids::{GateId, WorkflowId};
use gatewatch::contracts::link::Pollers;
use gatewatch::contracts::mutation::Stop;
use gatewatch::contracts::mutation::Target;
use gatewatch::contracts::workflow::{EventKind, ExecutionStatus};
use gatewatch::gateway::Gateway;
use gatewatch::gateway::signal::request_id;
use serde_json::json;

use crate::gateway::desk::{DeskInput, DeskWorker, gated, with_gate};
use crate::gateway::{bounded, connected, signal, start, start_as, until};
use crate::support;

#[tokio::test]
async fn a_list_is_paged_filtered_counted_and_decoded() {
    bounded(async {
        let temporal = support::namespace();
        let _worker = DeskWorker::start(&temporal);
        let gateway = connected(&temporal).await;
        for n in 0..7 {
            let input = DeskInput { phase: Some(if n < 3 { "qa" } else { "live" }.to_owned()), ..DeskInput::default() };
            start(&gateway, &temporal, &input).await;
        }
        let gated = DeskInput { gates: vec!["qa".to_owned(), "production-approval".to_owned()], ..with_gate() };
        let gated = start(&gateway, &temporal, &gated).await;
        let bad = DeskInput { memo: Some(json!({ "gates": "not a list" })), ..DeskInput::default() };
        let bad = start(&gateway, &temporal, &bad).await;
        let stop = Stop {
            target: Target { workflow_id: bad.clone(), request_id: request_id() },
            run_id: None,
            reason: "enough".to_owned(),
        };
        until(&gateway, &bad, |detail| detail.row.history_length > 4).await;
        gateway.terminate(&stop).await.unwrap();

        support::wait_until("visibility has caught up", support::PATIENCE, async || {
            let counts = gateway.count("").await.unwrap();
            let live = gateway.list("phase = 'live'", None, 50).await.unwrap().rows.len();
            let open = gateway.list("gates = 'qa'", None, 50).await.unwrap().rows.len();
            let by = |status| counts.by_status.iter().find(|(s, _)| *s == status).map_or(0, |(_, n)| *n);
            let done = counts.total == 9 && by(ExecutionStatus::Running) == 8 && by(ExecutionStatus::Terminated) == 1;
            (done && live == 4 && open == 1).then_some(())
        })
        .await;

        let (mut ids, mut page, mut pages) = (BTreeSet::new(), None, 0);
        loop {
            let answer = gateway.list("", page, 4).await.unwrap();
            assert!(answer.rows.len() <= 4);
            pages += 1;
            ids.extend(answer.rows.into_iter().map(|row| row.id));
            page = answer.next;
            if page.is_none() {
                break;
            }
        }
        assert_eq!((ids.len(), pages >= 3), (9, true));

        let row = gateway.list("gates IS NOT NULL", None, 10).await.unwrap().rows.remove(0);
        assert_eq!(row.id, gated);
        let named: BTreeSet<_> = row.gates.iter().map(GateId::as_str).collect();
        assert_eq!(named, ["production-approval", "qa"].into());
        let published = row.published.expect("the memo comes with the list");
        assert_eq!(published.gates[0].title, "production approval");
        let all = gateway.list("", None, 50).await.unwrap().rows;
        assert!(all.iter().find(|row| row.id == bad).expect("a bad memo loses no row").published.is_none());
        let inbox = gateway.gates().await.unwrap();
        assert_eq!(inbox.iter().map(|gate| &gate.workflow_id).collect::<Vec<_>>(), [&gated]);
    })
    .await;
}

#[tokio::test]
async fn hostile_ids_and_memos_are_shown_escaped_and_still_reached() {
    bounded(async {
        let temporal = support::temporal();
        let _worker = DeskWorker::start(&temporal);
        let gateway = connected(&temporal).await;
        let hostile = format!("{}\u{202e}drow\u{7}\\u{{202e}}", support::unique("desk"));
        let mut memo = gated();
        memo.title = "\u{1b}]0;owned\u{7}\u{2066}title".to_owned();
        // As a person's list would show it, and as it is typed again to open it.
        let shown = WorkflowId::new(gatewatch::contracts::text::id(&hostile));
        assert!(!shown.as_str().contains(['\u{202e}', '\u{7}']));
        start_as(
            &gateway,
            &temporal,
            &shown,
            &DeskInput { memo: serde_json::to_value(memo).ok(), ..DeskInput::default() },
        )
        .await;
        let detail = until(&gateway, &shown, |detail| detail.row.published.is_some()).await;
        assert_eq!(detail.row.id, shown);
        assert_eq!(detail.row.published.unwrap().title, "\\u{1b}]0;owned\\u{7}\\u{2066}title");
        let history = gateway.history(&shown, None, None).await.unwrap();
        let text = format!("{history:?}");
        assert!(!text.contains('\u{2066}') && !text.contains('\u{1b}'));
        gateway.signal(&signal(&shown, "close")).await.unwrap();
        until(&gateway, &shown, |detail| detail.row.status == ExecutionStatus::Completed).await;
    })
    .await;
}

#[tokio::test]
async fn a_detail_shows_what_beats_and_a_history_begins_at_its_end() {
    bounded(async {
        let temporal = support::temporal();
        let gateway = connected(&temporal).await;
        assert_eq!(gateway.pollers(&temporal.task_queue).await.unwrap(), Pollers::default());
        let worker = DeskWorker::start(&temporal);
        let id = start(&gateway, &temporal, &DeskInput { monitor: true, ..DeskInput::default() }).await;
        let first = until(&gateway, &id, |detail| detail.health.is_some()).await;
        let taken = first.health.unwrap().taken;
        let later =
            until(&gateway, &id, |detail| detail.health.as_ref().is_some_and(|health| health.taken > taken)).await;
        let activity = &later.activities[0];
        assert_eq!((&*activity.activity_type, activity.attempt), ("monitorHealth", 1));
        assert!(activity.last_heartbeat_at.is_some() && activity.last_worker.is_some());
        let pollers = gateway.pollers(&temporal.task_queue).await.unwrap();
        assert!(pollers.count == 1 && pollers.polled_at.is_some(), "{pollers:?}");

        for _ in 0..3 {
            gateway.signal(&signal(&id, "unknown")).await.unwrap();
        }
        // A signal that comes during a workflow task is in the history only when that task ends.
        let page = support::wait_until("the three signals are in the history", support::PATIENCE, async || {
            let page = gateway.history(&id, None, None).await.ok()?;
            let signals = page.events.iter().filter(|event| event.kind == EventKind::Signal).count();
            (signals >= 3).then_some(page)
        })
        .await;
        let ids: Vec<i64> = page.events.iter().map(|event| event.id).collect();
        assert!(
            ids.is_sorted_by(|left, right| left > right) && ids.last() == Some(&1) && page.next.is_none(),
            "{ids:?}"
        );
        let first = page.events.last().unwrap();
        assert_eq!(
            (first.kind, &*first.event_type, &*first.subject),
            (EventKind::Workflow, "WorkflowExecutionStarted", "it.Desk")
        );
        assert!(first.payloads[0].text.contains("\"monitor\": true"));
        let scheduled = page.events.iter().find(|event| event.event_type == "ActivityTaskScheduled").unwrap();
        assert_eq!((&*scheduled.subject, scheduled.group), ("monitorHealth", scheduled.id));
        assert_eq!(page.events.iter().filter(|event| event.kind == EventKind::Signal).count(), 3);
        assert!(gateway.evidence(&id).await.unwrap().is_none());

        // With every worker dead the last state can still be read.
        drop(worker);
        assert!(gateway.describe(&id, None).await.unwrap().health.is_some());
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_is_told_apart() {
    bounded(async {
        let temporal = support::temporal();
        let gateway = connected(&temporal).await;
        let none = WorkflowId::new(support::unique("none"));
        let failure = gateway.describe(&none, None).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotFound);
        assert!(failure.message.contains(none.as_str()), "{failure}");
        let failure = gateway.signal(&signal(&none, "x")).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotFound);
        let failure = gateway.list("phase = ", None, 10).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Invalid, "{failure}");
        let failure = gateway.list("noSuchAttribute = 'x'", None, 10).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Invalid, "{failure}");

        let mut elsewhere = temporal.clone();
        elsewhere.namespace = "nowhere".to_owned();
        let elsewhere = Gateway::start(&elsewhere);
        let failure = elsewhere.list("", None, 10).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotFound);
        assert!(failure.message.contains("nowhere") && failure.hint.contains("namespace"), "{failure}");
        assert!(elsewhere.connected(Duration::from_secs(1)).await.is_ok(), "the server itself answers");
    })
    .await;
}

#[tokio::test]
async fn the_server_says_what_it_is_and_knows_our_attributes() {
    bounded(async {
        let gateway = connected(&support::temporal()).await;
        let info = gateway.server_info().await.unwrap();
        assert!(info.version.contains('.') && info.visibility_store.as_deref() == Some("sqlite"), "{info:?}");
        assert!(gateway.missing_attributes().await.unwrap().is_empty());
        assert!(gateway.register_attributes().await.unwrap().is_empty(), "nothing to do is no failure");
    })
    .await;
}
