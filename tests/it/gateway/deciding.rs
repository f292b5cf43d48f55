//! Decisions and rollbacks: applied, refused, repeated, in doubt and then resolved; always one effect.

use std::time::{Duration, Instant};

use gatewatch::contracts::actor::{Actor, Via};
use gatewatch::contracts::decision::{Decide, Outcome, Proof, RefusalCode, Verdict};
use gatewatch::contracts::failure::FailureKind;
use gatewatch::contracts::http::RollbackOutcome;
use gatewatch::contracts::rollback::RollbackRequest;
use gatewatch::contracts::workflow::ExecutionStatus;

use crate::gateway::desk::{DeskInput, DeskWorker, decision, with_gate};
use crate::gateway::{bounded, connected, number, resolved, signal, start, until};
use crate::support;

#[tokio::test]
async fn a_decision_is_applied_once_and_refused_with_its_reason() {
    bounded(async {
        let temporal = support::temporal();
        let _worker = DeskWorker::start(&temporal);
        let gateway = connected(&temporal).await;
        let id = start(&gateway, &temporal, &with_gate()).await;
        until(&gateway, &id, |detail| detail.row.published.is_some()).await;
        let approve = decision("d-1", Verdict::Approve);
        let Outcome::Applied { record } = gateway.decide(&id, &approve).await.unwrap() else { panic!("not applied") };
        assert_eq!(record.actor, Actor::new("mira", Via::Cli));
        // The server answers for an update id it has seen, so the same answer comes again.
        let again = gateway.decide(&id, &approve).await.unwrap();
        assert!(
            matches!(&again, Outcome::Applied { record: r } | Outcome::Repeated { record: r } if *r == record),
            "{again:?}"
        );
        let Outcome::Refused { refusal } = gateway.decide(&id, &decision("d-2", Verdict::Approve)).await.unwrap()
        else {
            panic!("not refused")
        };
        assert_eq!((refusal.code, &*refusal.message), (RefusalCode::NotOpen, "The desk is closed."));
        assert_eq!(number(&gateway, &id, "applied").await, 1);

        // Ended since: the outcome of what was decided is still known, and a new decision learns who was first.
        gateway.signal(&signal(&id, "close")).await.unwrap();
        until(&gateway, &id, |detail| detail.row.status == ExecutionStatus::Completed).await;
        assert_eq!(gateway.decide(&id, &approve).await.unwrap(), Outcome::Applied { record });
        let Outcome::Refused { refusal } = gateway.decide(&id, &decision("d-3", Verdict::Approve)).await.unwrap()
        else {
            panic!("not refused")
        };
        assert_eq!(refusal.code, RefusalCode::AlreadyDecided);
        assert!(refusal.message.contains("approved by mira"), "{refusal}");
    })
    .await;
}

#[tokio::test]
async fn without_a_worker_a_decision_is_in_doubt_and_resolved_when_one_comes() {
    bounded(async {
        let temporal = support::temporal();
        let gateway = connected(&temporal).await;
        let worker = DeskWorker::start(&temporal);
        let id = start(&gateway, &temporal, &with_gate()).await;
        until(&gateway, &id, |detail| detail.row.published.is_some()).await;
        drop(worker);
        let begun = Instant::now();
        let outcome = gateway.decide(&id, &decision("d-1", Verdict::Approve)).await.unwrap();
        assert_eq!(outcome, Outcome::InDoubt { decision_id: "d-1".into() });
        assert!(begun.elapsed() < Duration::from_secs(4), "a person is not kept waiting: {:?}", begun.elapsed());
        let outcome = gateway.decide(&id, &decision("d-1", Verdict::Approve)).await.unwrap();
        assert_eq!(outcome, Outcome::InDoubt { decision_id: "d-1".into() }, "nobody has answered yet");

        let approve = decision("d-1", Verdict::Approve);
        let (outcome, _worker) =
            tokio::join!(resolved(&gateway, &id, &approve), async { DeskWorker::start(&temporal) });
        assert!(matches!(&outcome, Outcome::Applied { record } if record.decision_id.as_str() == "d-1"), "{outcome:?}");
        assert_eq!(number(&gateway, &id, "applied").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_rejection_and_a_rollback_in_doubt_are_left_as_durable_signals_with_one_effect() {
    bounded(async {
        let temporal = support::temporal();
        let gateway = connected(&temporal).await;
        let id = start(&gateway, &temporal, &with_gate()).await;
        // Nothing has run yet: the gate opens when the first worker comes, and then finds both.
        let outcome = gateway.decide(&id, &proven("d-9")).await.unwrap();
        assert_eq!(outcome, Outcome::InDoubt { decision_id: "d-9".into() });
        let request = RollbackRequest {
            request_id: "r-1".into(),
            reason: Some("errors".to_owned()),
            actor: Actor::new("mira", Via::Cli),
            asked_at: None,
        };
        for _ in 0..2 {
            let outcome = gateway.rollback(&id, &request).await.unwrap();
            assert_eq!(outcome, RollbackOutcome::InDoubt { request_id: "r-1".into() });
        }
        let page = gateway.history(&id, None, None).await.unwrap();
        let mut signals: Vec<_> = page.events.iter().map(|event| event.subject.as_str()).collect();
        signals.retain(|subject| subject.contains("Production") || subject.contains("Rollback"));
        assert_eq!(signals, ["triggerRollback", "rejectProduction"], "each is in the history once");

        let _worker = DeskWorker::start(&temporal);
        let detail = until(&gateway, &id, |detail| {
            detail.row.published.as_ref().is_some_and(|state| state.decided.is_some() && state.rolling_back.is_some())
        })
        .await;
        let published = detail.row.published.unwrap();
        assert_eq!(published.decided.unwrap().verdict, Verdict::Reject);
        let outcome = resolved(&gateway, &id, &proven("d-9")).await;
        assert!(matches!(outcome, Outcome::Applied { .. } | Outcome::Repeated { .. }), "{outcome:?}");
        assert_eq!(number(&gateway, &id, "applied").await, 1, "the signal and the update are one decision");
        assert_eq!(number(&gateway, &id, "rollbacks").await, 1, "the signal and the update are one rollback");
        let RollbackOutcome::Accepted { reply } = gateway.rollback(&id, &request).await.unwrap() else {
            panic!("in doubt")
        };
        assert_eq!(reply.cause.reason, "errors");
    })
    .await;
}

/// A rejection with a proof, which the desk does not look at.
fn proven(id: &str) -> Decide {
    let proof = Proof { key: "aa".to_owned(), signature: "bb".to_owned() };
    Decide { proof: Some(proof), ..decision(id, Verdict::Reject) }
}

#[tokio::test]
async fn an_unproven_rejection_in_doubt_is_not_left_as_a_signal_that_would_be_refused() {
    bounded(async {
        let temporal = support::temporal();
        let gateway = connected(&temporal).await;
        let id = start(&gateway, &temporal, &with_gate()).await;
        let outcome = gateway.decide(&id, &decision("d-1", Verdict::Reject)).await.unwrap();
        assert_eq!(outcome, Outcome::InDoubt { decision_id: "d-1".into() });
        let page = gateway.history(&id, None, None).await.unwrap();
        assert!(page.events.iter().all(|event| event.subject != "rejectProduction"), "{:?}", page.events);
        let _worker = DeskWorker::start(&temporal);
        let outcome = resolved(&gateway, &id, &decision("d-1", Verdict::Reject)).await;
        assert!(matches!(outcome, Outcome::Applied { .. } | Outcome::Repeated { .. }), "{outcome:?}");
    })
    .await;
}

#[tokio::test]
async fn what_is_never_sent_is_a_failure_and_no_doubt() {
    bounded(async {
        let mut temporal = support::temporal();
        temporal.address = "http://127.0.0.1:1".parse().unwrap();
        let gateway = gatewatch::gateway::Gateway::start(&temporal);
        let failure = gateway.decide(&"x".into(), &decision("d", Verdict::Approve)).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unavailable);

        let temporal = support::temporal();
        let gateway = connected(&temporal).await;
        let _worker = DeskWorker::start(&temporal);
        let id = start(&gateway, &temporal, &DeskInput::default()).await;
        let outcome = gateway.decide(&id, &decision("d", Verdict::Approve)).await.unwrap();
        assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
    })
    .await;
}
