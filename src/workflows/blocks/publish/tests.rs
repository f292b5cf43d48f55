//! What is sent, when nothing is, and that no memo outgrows its limit.

use proptest::prelude::*;
use temporalio_common::search_attributes::{SearchAttributeKey, SearchAttributes};

use super::trim::{fit, size};
use super::{Face, Publisher};
use crate::contracts::actor::{Actor, Via};
use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::decision::{DecisionRecord, Verdict};
use crate::contracts::delivery::{DeploymentStage, DeploymentSummary, LiveVersion, RefusedMessage};
use crate::contracts::evidence::{EvidenceSummary, FailingCheck};
use crate::contracts::gate::{OnDeadline, OpenGate};
use crate::contracts::health::{HealthStatus, Trigger};
use crate::contracts::ids::{CommitSha, DecisionId, DeploymentId, Environment, EvidenceDigest, GateId, Version};
use crate::contracts::phase::{Phase, PhaseStatus};
use crate::contracts::rollback::{
    RollbackCause, RollbackProgress, RollbackReadiness, RollbackStep, StepReport, StepStatus,
};
use crate::contracts::temporal::memo::Published;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(1_763_000_000_000 + millis).unwrap()
}

fn phases(names: &[&str]) -> Vec<Phase> {
    let phase = |name: &&str| Phase {
        name: (*name).to_owned(),
        status: PhaseStatus::Done,
        started_at: Some(at(1)),
        ended_at: Some(at(2)),
    };
    names.iter().map(phase).collect()
}

fn gate(text: &str) -> OpenGate {
    let failing = FailingCheck { title: text.to_owned(), critical: false, detail: text.to_owned() };
    OpenGate {
        id: GateId::from("production-approval"),
        title: "production approval".into(),
        opened_at: at(0),
        deadline: Some(at(72 * 3_600_000)),
        then: OnDeadline::Reject,
        revision: 1,
        requested_by: text.to_owned(),
        effect: text.to_owned(),
        needs_proof: true,
        evidence: Some(EvidenceSummary {
            digest: EvidenceDigest::new("5".repeat(64)),
            collected_at: at(0),
            commit: CommitSha::new("9".repeat(40)),
            version: Version::from("v42"),
            subject: text.to_owned(),
            author: text.to_owned(),
            score: 94,
            passed: 39,
            failed: 2,
            not_applicable: 1,
            failing: vec![failing; 4],
            critical_failing: 0,
        }),
        is_step: false,
    }
}

fn live(version: &str) -> LiveVersion {
    LiveVersion {
        deployment_id: DeploymentId::from("deploy-checkout-41"),
        version: Version::from(version),
        commit: CommitSha::new("a".repeat(40)),
        since: at(0),
    }
}

/// A deployment at its worst: rolling back, with everything there is to say.
fn deployment(text: &str) -> Published {
    let step = |step| StepReport {
        step,
        status: StepStatus::Done { detail: text.to_owned() },
        started_at: Some(at(1)),
        ended_at: Some(at(2)),
    };
    Published {
        v: 1,
        title: "checkout v42 → production".into(),
        started_by: text.to_owned(),
        service: Some("checkout".into()),
        environment: Some(Environment::production()),
        phases: phases(&["prepare", "backup", "migrate", "deploy", "verify", "monitor", "accept", "validate"]),
        deployment: Some(DeploymentSummary {
            service: "checkout".into(),
            deployment_id: DeploymentId::from("deploy-checkout-42"),
            commit: CommitSha::new("9".repeat(40)),
            version: Version::from("v42"),
            stage: DeploymentStage::RollingBack,
            previous: Some(live("v41")),
            live_since: Some(at(0)),
            monitor_until: Some(at(600_000)),
            paused_until: Some(at(5)),
        }),
        rollback: Some(RollbackReadiness {
            ready: true,
            previous_version: Version::from("v41"),
            previous_commit: CommitSha::new("a".repeat(40)),
            backup_verified_at: Some(at(0)),
            migrations: vec![text.to_owned(); 5],
            reversible: true,
            estimate_ms: Some(Millis(40_000)),
            why_not: Some(text.to_owned()),
        }),
        rolling_back: Some(RollbackProgress {
            cause: RollbackCause {
                trigger: Some(Trigger::ErrorRate),
                reason: text.to_owned(),
                actor: Actor::new("monitor", Via::Trigger),
                at: at(0),
            },
            steps: RollbackStep::ALL.into_iter().map(step).collect(),
            verified_at: Some(at(3)),
            completed_at: None,
        }),
        refused: Some(RefusedMessage { at: at(0), name: "pauseMonitoring".into(), why: text.to_owned() }),
        incident_id: Some("INC-1".into()),
        updated_at: Some(at(9)),
        ..Published::default()
    }
}

fn decided(text: &str) -> DecisionRecord {
    DecisionRecord {
        decision_id: DecisionId::from("01J"),
        gate: GateId::from("production-approval"),
        verdict: Verdict::RequestEvidence,
        actor: Actor::new(text, Via::Console),
        reason: Some(text.to_owned()),
        evidence: Some(EvidenceDigest::new("5".repeat(64))),
        at: at(0),
    }
}

fn face(memo: Published) -> Face {
    Face { memo, phase: "deploying".into(), environment: Some(Environment::production()), health: None }
}

#[test]
fn only_changes_are_sent() {
    let mut publisher = Publisher::default();
    let first = publisher.next(face(Published { gates: vec![gate("x")], ..Published::default() }), at(0));
    assert_eq!(first.memo.unwrap().updated_at, Some(at(0)));
    let names: Vec<_> = first.attributes.iter().map(|update| update.name().to_owned()).collect();
    assert_eq!(names, ["phase", "environment", "gates", "gateDeadline"]);

    let same = publisher.next(face(Published { gates: vec![gate("x")], ..Published::default() }), at(5));
    assert!(same.memo.is_none() && same.attributes.is_empty(), "time alone is no news");

    let closed = Face { health: Some(HealthStatus::Watching), ..face(Published::default()) };
    let closed = publisher.next(closed, at(6));
    assert!(closed.memo.is_some());
    let names: Vec<_> = closed.attributes.iter().map(|update| update.name().to_owned()).collect();
    assert_eq!(names, ["health", "gates", "gateDeadline"]);
    let sent = SearchAttributes::new(closed.attributes);
    for removed in ["gates", "gateDeadline"] {
        let value = sent.get(&SearchAttributeKey::keyword_list(removed));
        assert_eq!(value, Some(Vec::new()), "{removed}: an empty list is how the server is told");
    }
}

#[test]
fn a_usual_memo_loses_nothing() {
    let memo = Published {
        gates: vec![gate("visual regression: 3 pages differ")],
        phases: phases(&["validate", "collect", "report", "approval"]),
        ..Published::default()
    };
    assert_eq!(fit(memo.clone()), memo, "{} bytes", size(&memo));
}

#[test]
fn a_rollback_with_long_words_keeps_what_is_acted_on() {
    let memo = deployment(&"the database said something very long about what it did not like; ".repeat(5));
    let fitted = fit(memo.clone());
    assert!(size(&memo) > Published::MAX_BYTES && size(&fitted) <= Published::MAX_BYTES);
    assert_eq!(fitted.deployment, memo.deployment);
    let (kept, all) = (fitted.rolling_back.unwrap(), memo.rolling_back.unwrap());
    assert_eq!(kept.steps.iter().map(|step| step.step).collect::<Vec<_>>(), RollbackStep::ALL);
    assert_eq!(kept.verified_at, all.verified_at);
    assert_eq!(
        fitted.phases.iter().map(|phase| phase.status).collect::<Vec<_>>(),
        memo.phases.iter().map(|phase| phase.status).collect::<Vec<_>>(),
        "the strip stays"
    );
}

/// What a trigger says when it fires is whole wherever it is read as data.
#[test]
fn the_reason_of_a_rollback_is_cut_last() {
    let mut memo = deployment(&"the database said something very long about what it did not like; ".repeat(2));
    let reason = "response time: 122.8× (298 ms) (limit > 5× (12 ms) for > 5.0 min): failing 3 of 3 looks in a row";
    reason.clone_into(&mut memo.rolling_back.as_mut().unwrap().cause.reason);
    assert!(size(&memo) > Published::MAX_BYTES);
    let fitted = fit(memo);
    assert!(size(&fitted) <= Published::MAX_BYTES);
    assert_eq!(fitted.rolling_back.unwrap().cause.reason, reason);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever people write, whatever fails, the memo fits and what is acted on is in it.
    #[test]
    fn every_memo_fits(text in "(.|\"|\\\\|\n|€|\u{1}){0,400}", gates in 0_usize..3, rolling in any::<bool>()) {
        let mut memo = deployment(&text);
        memo.gates = vec![gate(&text); gates.min(1)];
        memo.title.clone_from(&text);
        memo.decided = Some(decided(&text));
        if !rolling {
            memo.rolling_back = None;
        }
        let fitted = fit(memo.clone());
        prop_assert!(size(&fitted) <= Published::MAX_BYTES, "{} bytes", size(&fitted));
        prop_assert_eq!(&fitted.deployment, &memo.deployment);
        prop_assert_eq!(fitted.rolling_back.is_some(), memo.rolling_back.is_some());
        for (kept, gate) in fitted.gates.iter().zip(&memo.gates) {
            prop_assert_eq!((&kept.id, kept.deadline, kept.digest()), (&gate.id, gate.deadline, gate.digest()));
        }
        prop_assert_eq!(fitted.gates.len(), memo.gates.len());
        prop_assert_eq!(fit(fitted.clone()), fitted);
    }
}
