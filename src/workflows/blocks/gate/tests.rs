//! The gate's rules as tables, and its invariants over every order of events.

use proptest::prelude::*;

use super::changes;
use super::{Gate, State};
use crate::contracts::actor::{Actor, Via};
use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::decision::{Decide, RefusalCode, Verdict};
use crate::contracts::evidence::{Check, CheckStatus, EvidencePackage};
use crate::contracts::ids::{CommitSha, DecisionId, EvidenceDigest, GateId, Version};
use crate::contracts::rollback::RollbackReadiness;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(millis).unwrap()
}

fn check(id: &str, status: CheckStatus, critical: bool) -> Check {
    Check { id: id.into(), title: id.into(), status, critical, weight: 1, detail: String::new(), source: String::new() }
}

fn package(checks: Vec<Check>, collected: i64) -> EvidencePackage {
    EvidencePackage {
        commit: CommitSha::from("9f31c2e0"),
        version: Version::from("v42"),
        subject: "retry".into(),
        author: "agent-3".into(),
        checks,
        rollback: RollbackReadiness::default(),
        collected_at: at(collected),
    }
}

fn good(collected: i64) -> EvidencePackage {
    package(vec![check("scan", CheckStatus::Passed, true)], collected)
}

fn gate() -> Gate {
    Gate::new(GateId::from("production-approval"), "production approval")
}

fn opened(evidence: EvidencePackage) -> Gate {
    let mut gate = gate();
    gate.open(at(0), Millis(1000), evidence);
    gate
}

fn say(id: &str, verdict: Verdict, evidence: Option<&EvidenceDigest>) -> Decide {
    Decide {
        decision_id: DecisionId::from(id),
        gate: GateId::from("production-approval"),
        verdict,
        evidence: evidence.cloned(),
        reason: Some("because".into()),
        actor: Actor::new("mira", Via::Console),
        proof: None,
    }
}

fn approve(id: &str, gate: &Gate) -> Decide {
    say(id, Verdict::Approve, gate.digest())
}

/// The code of the refusal, and its words, which must name something.
fn refused(gate: &mut Gate, decide: &Decide, now: i64) -> (RefusalCode, String) {
    let before = gate.state().clone();
    let refusal = gate.decide(decide, at(now)).unwrap_err();
    assert_eq!(*gate.state(), before, "a refusal changes nothing");
    (refusal.code, refusal.message)
}

#[test]
fn an_approval_that_names_the_evidence_closes_the_gate() {
    let mut gate = opened(good(0));
    let reply = gate.decide(&approve("d", &gate), at(5)).unwrap();
    assert!(!reply.repeated);
    assert_eq!(reply.record.actor.name, "mira");
    assert!(matches!(gate.state(), State::Closed(record) if record.verdict == Verdict::Approve));
    assert_eq!(gate.published(), None);
}

#[test]
fn each_rule_refuses_with_its_code_and_says_what_it_knows() {
    let mut unopened = gate();
    assert_eq!(refused(&mut unopened, &approve("d", &opened(good(0))), 1).0, RefusalCode::NotOpen);

    let mut gate = opened(good(0));
    let digest = gate.digest().cloned();
    let other = Decide { gate: GateId::from("plan"), ..approve("d", &gate) };
    assert_eq!(refused(&mut gate, &other, 1).0, RefusalCode::NotOpen);
    assert_eq!(refused(&mut gate, &say("", Verdict::Approve, digest.as_ref()), 1).0, RefusalCode::Malformed);
    assert_eq!(refused(&mut gate, &say("d", Verdict::Approve, None), 1).0, RefusalCode::StaleEvidence);
    let unknown = EvidenceDigest::from("0123456789abcdef");
    assert_eq!(refused(&mut gate, &say("d", Verdict::Approve, Some(&unknown)), 1).0, RefusalCode::StaleEvidence);
    for reason in [None, Some(String::new()), Some(" \n".to_owned())] {
        for verdict in [Verdict::Reject, Verdict::RequestEvidence] {
            let silent = Decide { reason: reason.clone(), ..say("d", verdict, None) };
            assert_eq!(refused(&mut gate, &silent, 1).0, RefusalCode::ReasonRequired);
        }
    }
    let late = approve("d", &gate);
    assert_eq!(refused(&mut gate, &late, 1000).0, RefusalCode::DeadlinePassed, "the deadline itself is too late");

    gate.decide(&say("first", Verdict::Reject, None), at(7)).unwrap();
    let (code, words) = refused(&mut gate, &late, 8);
    assert_eq!(code, RefusalCode::AlreadyDecided);
    assert!(words.contains("rejected by mira at 1970-01-01T00:00:00.007Z"), "{words}");
}

#[test]
fn a_failing_critical_check_is_named_and_nobody_can_approve() {
    let checks = vec![
        check("scan", CheckStatus::Failed, true),
        check("lighthouse", CheckStatus::Failed, false),
        check("wcag", CheckStatus::Passed, true),
    ];
    let mut gate = opened(package(checks, 0));
    let seen = approve("d", &gate);
    let (code, words) = refused(&mut gate, &seen, 1);
    assert_eq!(code, RefusalCode::CriticalCheckFailing);
    assert!(words.contains("scan") && !words.contains("lighthouse") && !words.contains("wcag"), "{words}");
    let mut harmless = opened(package(vec![check("lighthouse", CheckStatus::Failed, false)], 0));
    assert!(harmless.decide(&approve("d", &harmless.clone()), at(1)).is_ok());
}

#[test]
fn a_repeated_decision_has_one_effect() {
    let mut gate = opened(good(0));
    let decide = approve("d", &gate);
    let first = gate.decide(&decide, at(5)).unwrap();
    let again = gate.decide(&decide, at(9_999_999)).unwrap();
    assert!(again.repeated, "long after the deadline too");
    assert_eq!(again.record, first.record);
    assert_eq!(gate.decisions().len(), 1);
}

#[test]
fn more_evidence_reopens_at_a_new_revision_while_the_clock_runs() {
    let mut gate = opened(good(0));
    let seen = approve("late", &gate);
    gate.decide(&say("more", Verdict::RequestEvidence, None), at(10)).unwrap();
    assert_eq!(*gate.state(), State::Collecting);
    assert!(gate.published().is_some(), "it still waits for people, and can still be rejected");
    assert_eq!(refused(&mut gate, &seen, 20).0, RefusalCode::NotOpen);

    let worse = package(vec![check("scan", CheckStatus::Failed, true)], 30);
    gate.open(at(40), Millis(1000), worse);
    let published = gate.published().unwrap();
    assert_eq!((published.revision, published.deadline), (2, Some(at(1000))), "the clock started at the first opening");
    let (code, words) = refused(&mut gate, &seen, 50);
    assert_eq!(code, RefusalCode::StaleEvidence);
    assert!(words.contains("score 100 → 0") && words.contains("scan passed → failed"), "{words}");
    assert!(gate.decide(&say("more", Verdict::RequestEvidence, None), at(60)).unwrap().repeated, "not collected twice");
    assert_eq!(*gate.state(), State::Open);
}

#[test]
fn a_gate_can_be_rejected_while_evidence_is_collected() {
    let mut gate = opened(good(0));
    gate.decide(&say("more", Verdict::RequestEvidence, None), at(10)).unwrap();
    gate.decide(&say("no", Verdict::Reject, None), at(11)).unwrap();
    gate.open(at(12), Millis(1000), good(12));
    assert!(matches!(gate.state(), State::Closed(record) if record.verdict == Verdict::Reject), "and stays so");
}

#[test]
fn evidence_that_cannot_be_collected_again_leaves_the_old() {
    let mut gate = opened(good(0));
    let seen = approve("d", &gate);
    gate.decide(&say("more", Verdict::RequestEvidence, None), at(10)).unwrap();
    gate.reopen_unchanged();
    assert_eq!(gate.revision(), 1);
    assert!(gate.decide(&seen, at(20)).is_ok());
}

#[test]
fn the_deadline_rejects() {
    let mut gate = opened(good(0));
    gate.expire(at(1000));
    let State::Closed(record) = gate.state().clone() else { panic!("{:?}", gate.state()) };
    assert_eq!((record.verdict, record.actor.via), (Verdict::Reject, Via::Deadline));
    assert_eq!(record.reason.as_deref(), Some("Nobody decided within 1000 ms."));
    let late = approve("d", &gate);
    assert_eq!(refused(&mut gate, &late, 1001).0, RefusalCode::DeadlinePassed);
}

#[test]
fn a_deadline_beyond_reason_is_cut() {
    let mut gate = gate();
    gate.open(at(0), Millis(u64::MAX), good(0));
    assert_eq!(gate.published().unwrap().deadline, Some(at(0).plus(Gate::LONGEST)));
}

#[test]
fn what_changed_is_counted_beyond_the_first_three() {
    let many = |status| (0..6).map(|n| check(&n.to_string(), status, false)).collect::<Vec<_>>();
    let words = changes::between(&package(many(CheckStatus::Passed), 0), &package(many(CheckStatus::Failed), 1));
    assert_eq!(words, "score 100 → 0, 0 passed → failed, 1 passed → failed, and 4 more");
    assert_eq!(changes::between(&good(0), &good(1)), "it was collected again and says the same");
}

/// Anything that can happen to a gate.
#[derive(Clone, Debug)]
enum Happening {
    Open { failing: bool },
    Unchanged,
    Decide { id: u8, verdict: Verdict, current: bool, reason: bool },
    Expire,
    Withdraw,
}

fn happening() -> impl Strategy<Value = Happening> {
    let verdict = prop_oneof![Just(Verdict::Approve), Just(Verdict::Reject), Just(Verdict::RequestEvidence)];
    prop_oneof![
        2 => any::<bool>().prop_map(|failing| Happening::Open { failing }),
        1 => Just(Happening::Unchanged),
        5 => (0_u8..6, verdict, any::<bool>(), any::<bool>())
            .prop_map(|(id, verdict, current, reason)| Happening::Decide { id, verdict, current, reason }),
        1 => Just(Happening::Expire),
        1 => Just(Happening::Withdraw),
    ]
}

fn happen(gate: &mut Gate, happening: &Happening, now: Timestamp) {
    match happening {
        Happening::Open { failing } => {
            let status = if *failing { CheckStatus::Failed } else { CheckStatus::Passed };
            gate.open(now, Millis(50), package(vec![check("scan", status, true)], now.unix_millis()));
        }
        Happening::Unchanged => gate.reopen_unchanged(),
        Happening::Decide { id, verdict, current, reason } => {
            let unknown = EvidenceDigest::from("feedfeedfeed");
            let digest = if *current { gate.digest().cloned() } else { Some(unknown) };
            let reason = reason.then(|| "because".to_owned());
            let decide = Decide { reason, ..say(&id.to_string(), *verdict, digest.as_ref()) };
            let _ = gate.decide(&decide, now);
        }
        Happening::Expire => gate.expire(now),
        Happening::Withdraw => gate.withdraw(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Closed is for good; an approval exists only where the evidence shown passed every critical check, was
    /// named, and the deadline had not passed; the clock is set once; every decision id takes effect once.
    #[test]
    fn the_gate_keeps_its_word(happenings in proptest::collection::vec((happening(), 0_i64..30), 0..40)) {
        let mut gate = gate();
        let mut now = 0;
        for (step, wait) in happenings {
            now += wait;
            let before = gate.clone();
            happen(&mut gate, &step, at(now));
            if matches!(before.state(), State::Closed(_) | State::Withdrawn) {
                prop_assert_eq!(before.state(), gate.state());
                prop_assert_eq!(before.decisions(), gate.decisions());
            }
            if let (State::Closed(record), false) = (gate.state(), matches!(before.state(), State::Closed(_)))
                && record.verdict == Verdict::Approve
            {
                prop_assert_eq!(before.state(), &State::Open);
                let shown = before.package().expect("approved without evidence");
                prop_assert_eq!(shown.failing_critical().count(), 0);
                prop_assert_eq!(record.evidence.as_ref(), before.digest());
                prop_assert!(at(now) < before.deadline.expect("no deadline"));
                prop_assert!(record.actor.via != Via::Deadline);
            }
            if before.deadline.is_some() {
                prop_assert_eq!(before.deadline, gate.deadline);
            }
            let mut ids: Vec<_> = gate.decisions().iter().map(|record| record.decision_id.clone()).collect();
            ids.sort();
            ids.dedup();
            prop_assert_eq!(ids.len(), gate.decisions().len());
        }
    }
}
