//! The one path on which people change anything: what read-only stops, what is written down, what a decision is held
//! against, and what happens when the coordinator does not answer.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use gatewatch::config::settings::{CoordinatorClient, Temporal};
use gatewatch::contracts::actor::{Actor, Via};
use gatewatch::contracts::clock::{Millis, Timestamp};
use gatewatch::contracts::decision::{Outcome, RefusalCode, Verdict};
use gatewatch::contracts::delivery::{DeploymentStage, DeploymentSummary};
use gatewatch::contracts::engine::message::Message;
use gatewatch::contracts::evidence::{EvidenceSummary, FailingCheck};
use gatewatch::contracts::failure::{Failure, FailureKind};
use gatewatch::contracts::http::{DecisionRequest, RollbackOutcome};
use gatewatch::contracts::ids::{RequestId, StepId, WorkflowId};
use gatewatch::contracts::mutation::{Done, Extend, Mutation, Pause, Rollback, Signal, Start, Stop, Target, Tell};
use gatewatch::contracts::temporal::memo::Published;
use gatewatch::gateway::Gateway;
use gatewatch::gateway::audit::{self, Entry, Stage};
use gatewatch::gateway::coordinator::Coordinator;
use gatewatch::gateway::operate::{Operator, Policy};
use gatewatch::gateway::signal::request_id;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::coordinator::rig::nowhere;
use crate::gateway::desk::{DESK, DeskInput, DeskWorker, gated};
use crate::gateway::{bounded, connected, number, start, until};
use crate::support;

/// A person with a trail of their own.
struct Person {
    gateway: Gateway,
    policy: Policy,
    _folder: tempfile::TempDir,
}

impl Person {
    fn new(gateway: Gateway) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let policy = Policy {
            read_only: false,
            direct_rollback: true,
            actor: Actor::new("mira", Via::Cli),
            audit: folder.path().join("state/audit.jsonl"),
        };
        Self { gateway, policy, _folder: folder }
    }

    fn operator(&self) -> Operator {
        Operator::new(self.gateway.clone(), None, self.policy.clone())
    }

    /// Working through the coordinator at this address.
    fn through(&self, coordinator: &str) -> Operator {
        let settings = CoordinatorClient { url: coordinator.parse().unwrap(), token: None };
        Operator::new(self.gateway.clone(), Some(Coordinator::new(&settings).unwrap()), self.policy.clone())
    }

    fn trail(&self) -> Vec<Entry> {
        audit::verify(&self.policy.audit).unwrap()
    }

    /// The trail of one intent: what was asked, and how it ended.
    fn last_pair(&self) -> (Entry, Stage) {
        let [.., asked, ended] = &self.trail()[..] else { panic!("no pair: {:?}", self.trail()) };
        assert_eq!((&asked.id, &asked.actor), (&ended.id, &ended.actor));
        assert_eq!(asked.seq + 1, ended.seq);
        assert!(!matches!(ended.stage, Stage::Asked { .. }), "{ended:?}");
        (asked.clone(), ended.stage.clone())
    }
}

fn target(id: &WorkflowId) -> Target {
    Target { workflow_id: id.clone(), request_id: request_id() }
}

fn approval(id: &WorkflowId, evidence: Option<&str>) -> DecisionRequest {
    DecisionRequest {
        decision_id: support::unique("d").into(),
        workflow_id: id.clone(),
        gate: "production-approval".into(),
        verdict: Verdict::Approve,
        evidence: evidence.map(Into::into),
        reason: None,
    }
}

fn stop(id: &WorkflowId) -> Stop {
    Stop { target: target(id), run_id: None, reason: "over".to_owned() }
}

/// One of each, of that workflow. Adding a kind of mutation without one here does not compile.
fn every(id: &WorkflowId, queue: &str) -> Vec<Mutation> {
    let signal = Signal { target: target(id), run_id: None, name: "hello".to_owned(), args: vec![json!({"a": 1})] };
    let start = Start {
        target: Target { workflow_id: support::unique("started").into(), request_id: request_id() },
        workflow_type: DESK.into(),
        task_queue: queue.to_owned(),
        input: vec![serde_json::to_value(DeskInput::default()).unwrap()],
    };
    let all = vec![
        Mutation::ExtendMonitoring(Extend { target: target(id), by_ms: Millis(60_000) }),
        Mutation::PauseMonitoring(Pause { target: target(id), for_ms: Millis(60_000), reason: "known".to_owned() }),
        Mutation::ResumeMonitoring(target(id)),
        Mutation::Decide(approval(id, None)),
        Mutation::Rollback(Rollback { target: target(id), reason: Some("errors".to_owned()) }),
        Mutation::Signal(signal),
        Mutation::Tell(Tell { target: target(id), message: Message::Approve { step_id: "approval-1".into() } }),
        Mutation::Start(start),
        Mutation::RegisterAttributes,
        Mutation::Cancel(stop(id)),
        Mutation::Terminate(stop(id)),
    ];
    let kind = |mutation: &Mutation| match mutation {
        Mutation::Decide(_) => 0,
        Mutation::Rollback(_) => 1,
        Mutation::ExtendMonitoring(_) => 2,
        Mutation::PauseMonitoring(_) => 3,
        Mutation::ResumeMonitoring(_) => 4,
        Mutation::Signal(_) => 5,
        Mutation::Start(_) => 6,
        Mutation::Cancel(_) => 7,
        Mutation::Terminate(_) => 8,
        Mutation::RegisterAttributes => 9,
        Mutation::Tell(_) => 10,
    };
    let mut kinds: Vec<u32> = all.iter().map(kind).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, (0..11).collect::<Vec<_>>());
    all
}

/// Any mutation with any words in it.
fn any_mutation() -> impl Strategy<Value = Mutation> {
    let words = || any::<String>();
    (0..11usize, words(), words(), words(), any::<u64>()).prop_map(|(kind, id, request, reason, number)| {
        let mut mutation = every(&WorkflowId::new(id), "queue").swap_remove(kind);
        let request = RequestId::new(request);
        match &mut mutation {
            Mutation::Decide(decide) => {
                decide.reason = Some(reason);
                decide.verdict = [Verdict::Approve, Verdict::Reject, Verdict::RequestEvidence][(number % 3) as usize];
            }
            Mutation::Rollback(rollback) => rollback.reason = Some(reason),
            Mutation::ExtendMonitoring(extend) => extend.by_ms = Millis(number),
            Mutation::PauseMonitoring(pause) => (pause.for_ms, pause.reason) = (Millis(number), reason),
            Mutation::ResumeMonitoring(target) => target.request_id = request,
            Mutation::Signal(signal) => (signal.name, signal.args) = (reason, vec![json!(number)]),
            Mutation::Tell(tell) => tell.message = Message::Reject { step_id: StepId::new(number.to_string()), reason },
            Mutation::Start(start) => start.input = vec![json!(reason)],
            Mutation::Cancel(stop) | Mutation::Terminate(stop) => stop.reason = reason,
            Mutation::RegisterAttributes => {}
        }
        mutation
    })
}

/// Read-only is answered where there is nobody to ask: no server, no coordinator. Asking either would be another answer.
#[test]
fn a_read_only_session_refuses_whatever_is_asked_before_it_asks_anybody() {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let person = tokio.block_on(async {
        let mut person = Person::new(Gateway::start(&nowhere()));
        person.policy.read_only = true;
        person
    });
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let operator = tokio.block_on(async { person.through(&format!("http://{}", listener.local_addr().unwrap())) });
    proptest!(ProptestConfig::with_cases(48), |(mutation in any_mutation())| {
        let refused: Failure = tokio.block_on(operator.perform(mutation.clone())).unwrap_err();
        prop_assert_eq!(refused.kind, FailureKind::ReadOnly);
        let (asked, ended) = person.last_pair();
        prop_assert_eq!(asked.stage, Stage::Asked { name: mutation.name().to_owned(), mutation: mutation.clone() });
        prop_assert_eq!(ended, Stage::Failed { failure: refused });
        let followed = tokio.block_on(operator.follow(&mutation, Duration::ZERO)).unwrap_err();
        prop_assert_eq!(followed.kind, FailureKind::ReadOnly);
    });
    assert!(listener.accept().is_err(), "the coordinator was asked");
}

/// A desk whose deployment is watched, with an open gate.
fn watched(evidence: Option<EvidenceSummary>) -> DeskInput {
    let deployment = DeploymentSummary {
        service: "checkout".into(),
        deployment_id: "d-1".into(),
        commit: "9f2c1ab".into(),
        version: "v42".into(),
        stage: DeploymentStage::Monitoring,
        previous: None,
        live_since: None,
        monitor_until: None,
        paused_until: None,
    };
    let mut memo = Published { deployment: Some(deployment), ..gated() };
    memo.gates[0].evidence = evidence;
    DeskInput { memo: serde_json::to_value(memo).ok(), ..DeskInput::default() }
}

async fn desk(gateway: &Gateway, temporal: &Temporal, input: &DeskInput) -> WorkflowId {
    let id = start(gateway, temporal, input).await;
    until(gateway, &id, |detail| detail.row.published.is_some()).await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_done_leaves_what_was_asked_and_how_it_ended_in_one_chain() {
    bounded(async {
        let temporal = support::temporal();
        let _worker = DeskWorker::start(&temporal);
        let person = Person::new(connected(&temporal).await);
        let id = desk(&person.gateway, &temporal, &watched(None)).await;
        let all = every(&id, &temporal.task_queue);
        for (index, mutation) in all.iter().enumerate() {
            let result = person.operator().perform(mutation.clone()).await;
            let (asked, ended) = person.last_pair();
            assert_eq!(person.trail().len(), 2 * (index + 1), "a pair each");
            assert_eq!(asked.stage, Stage::Asked { name: mutation.name().to_owned(), mutation: mutation.clone() });
            assert_eq!((asked.id.as_str(), asked.actor.name.as_str()), (mutation.id(), "mira"));
            match &result {
                Ok(done) => assert_eq!(ended, Stage::Done { result: done.clone() }),
                Err(failure) => assert_eq!(ended, Stage::Failed { failure: failure.clone() }),
            }
            let expected = match mutation {
                // This desk never resumes, and says so; and what was cancelled cannot be terminated.
                Mutation::ResumeMonitoring(_) | Mutation::Terminate(_) => Err(FailureKind::Conflict),
                _ => Ok(()),
            };
            assert_eq!(
                result.as_ref().map(|_| ()).map_err(|failure| failure.kind),
                expected,
                "{mutation:?}: {result:?}"
            );
        }
        let trail = fs::read_to_string(&person.policy.audit).unwrap();
        let tampered = trail.replacen("\"known\"", "\"never\"", 1);
        fs::write(&person.policy.audit, tampered).unwrap();
        let broken = audit::verify(&person.policy.audit).unwrap_err().to_string();
        assert!(broken.contains("line 3 of") && broken.contains("changed after it was written"), "{broken}");
    })
    .await;
}

fn evidence(critical_failing: u32) -> EvidenceSummary {
    let failing = FailingCheck { title: "security scan".to_owned(), critical: true, detail: "1 critical".to_owned() };
    EvidenceSummary {
        digest: "a".repeat(64).into(),
        collected_at: Timestamp::from_unix_millis(1_763_000_000_000).unwrap(),
        commit: "9f2c1ab".into(),
        version: "v42".into(),
        subject: "Retry payments".to_owned(),
        author: "Mira".to_owned(),
        score: 90,
        passed: 9,
        failed: critical_failing,
        not_applicable: 0,
        failing: vec![failing; critical_failing as usize],
        critical_failing,
    }
}

async fn n_updates(gateway: &Gateway, id: &WorkflowId) -> usize {
    let page = gateway.history(id, None, None).await.unwrap();
    page.events.iter().filter(|event| event.event_type.contains("Update")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_gate_would_refuse_is_not_even_sent() {
    bounded(async {
        let temporal = support::temporal();
        let _worker = DeskWorker::start(&temporal);
        let person = Person::new(connected(&temporal).await);
        let right = "a".repeat(64);
        let stale = "b".repeat(64);
        let cases = [
            (0, Some(stale.as_str()), RefusalCode::StaleEvidence),
            (0, None, RefusalCode::StaleEvidence),
            (1, Some(right.as_str()), RefusalCode::CriticalCheckFailing),
        ];
        for (critical, seen, code) in cases {
            let id = desk(&person.gateway, &temporal, &watched(Some(evidence(critical)))).await;
            let done = person.operator().perform(Mutation::Decide(approval(&id, seen))).await.unwrap();
            let Done::Decided { result: Outcome::Refused { refusal } } = &done else { panic!("{done:?}") };
            assert_eq!(refusal.code, code, "{refusal}");
            assert_eq!(person.last_pair().1, Stage::Done { result: done.clone() });
            assert_eq!(n_updates(&person.gateway, &id).await, 0, "nothing was sent: {code:?}");
            assert_eq!(number(&person.gateway, &id, "applied").await, 0);
        }
        let id = desk(&person.gateway, &temporal, &watched(Some(evidence(0)))).await;
        let approve = Mutation::Decide(approval(&id, Some(&right)));
        for expected in ["applied", "repeated"] {
            let done = person.operator().perform(approve.clone()).await.unwrap();
            let Done::Decided { result } = done else { panic!("{done:?}") };
            assert_eq!(serde_json::to_value(&result).unwrap()["outcome"], expected, "{result:?}");
        }
        let again = person.operator().perform(Mutation::Decide(approval(&id, Some(&right)))).await.unwrap();
        let Done::Decided { result: Outcome::Refused { refusal } } = again else { panic!("{again:?}") };
        assert_eq!(refusal.code, RefusalCode::AlreadyDecided);
        assert_eq!(number(&person.gateway, &id, "applied").await, 1);
    })
    .await;
}

fn rollback(id: &WorkflowId) -> Mutation {
    Mutation::Rollback(Rollback { target: target(id), reason: Some("errors".to_owned()) })
}

fn is_accepted(done: &Done) -> bool {
    matches!(done, Done::RolledBack { result: RollbackOutcome::Accepted { .. } })
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_coordinator_decisions_wait_and_rollbacks_go_past_it_when_they_may() {
    bounded(async {
        let temporal = support::temporal();
        let _worker = DeskWorker::start(&temporal);
        let mut person = Person::new(connected(&temporal).await);
        let gateway = person.gateway.clone();
        let nobody = format!("http://{}", gatewatch::devstack::port::free().unwrap());
        let id = desk(&gateway, &temporal, &watched(None)).await;

        let failure = person.through(&nobody).perform(Mutation::Decide(approval(&id, None))).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unavailable);
        assert!(failure.message.contains("coordinator") && failure.message.contains("cannot be reached"), "{failure}");
        assert!(failure.hint.contains("Check that it runs"), "the way out: {failure}");
        assert_eq!(person.last_pair().1, Stage::Failed { failure });
        assert_eq!(number(&gateway, &id, "applied").await, 0, "it is not decided past whoever proves who decides");

        person.policy.direct_rollback = false;
        let failure = person.through(&nobody).perform(rollback(&id)).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unavailable);
        assert!(failure.hint.contains("console.direct_rollback"), "the way out: {failure}");
        assert_eq!(number(&gateway, &id, "rollbacks").await, 0);

        person.policy.direct_rollback = true;
        let done = person.through(&nobody).perform(rollback(&id)).await.unwrap();
        assert!(is_accepted(&done), "{done:?}");
        assert_eq!(person.last_pair().1, Stage::Done { result: done });
        assert_eq!(number(&gateway, &id, "rollbacks").await, 1);
    })
    .await;
}

/// Accepts, and never answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_hangs_leaves_a_decision_in_doubt_and_holds_no_rollback_up() {
    bounded(async {
        let temporal = support::temporal();
        let _worker = DeskWorker::start(&temporal);
        let person = Person::new(connected(&temporal).await);
        let gateway = person.gateway.clone();
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let operator = person.through(&format!("http://{}", silent.local_addr().unwrap()));
        let id = desk(&gateway, &temporal, &watched(None)).await;
        let (begun, asked) = (Instant::now(), Timestamp::from(SystemTime::now()));
        let (decided, rolled_back) = tokio::join!(
            async {
                let done = operator.perform(Mutation::Decide(approval(&id, None))).await.unwrap();
                (done, begun.elapsed())
            },
            async {
                let done = operator.perform(rollback(&id)).await.unwrap();
                (done, begun.elapsed())
            },
        );
        assert!(decided.0.is_in_doubt(), "{decided:?}");
        assert!(decided.1 < Duration::from_secs(12), "{decided:?}");
        assert!(is_accepted(&rolled_back.0), "{rolled_back:?}");
        assert!(rolled_back.1 < Duration::from_secs(10), "{rolled_back:?}");
        let Done::RolledBack { result: RollbackOutcome::Accepted { reply } } = &rolled_back.0 else { unreachable!() };
        let waited = reply.cause.at.since(asked).as_duration();
        assert!(waited < rolled_back.1 / 2, "it was asked for before the coordinator was silent: {waited:?} after");
        assert_eq!(number(&gateway, &id, "rollbacks").await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_down_is_not_done_but_for_a_rollback() {
    bounded(async {
        let temporal = support::temporal();
        let _worker = DeskWorker::start(&temporal);
        let mut person = Person::new(connected(&temporal).await);
        // A folder stands where the trail should be.
        person.policy.audit = folder_in_the_way(&person);
        let gateway = person.gateway.clone();
        let id = desk(&gateway, &temporal, &watched(None)).await;
        let failure = person.operator().perform(Mutation::Decide(approval(&id, None))).await.unwrap_err();
        assert!(failure.message.contains("audit trail"), "{failure}");
        assert_eq!(number(&gateway, &id, "applied").await, 0);
        assert!(is_accepted(&person.operator().perform(rollback(&id)).await.unwrap()));
    })
    .await;
}

fn folder_in_the_way(person: &Person) -> PathBuf {
    let path: &Path = person.policy.audit.parent().unwrap();
    let path = path.join("in-the-way");
    fs::create_dir_all(&path).unwrap();
    path
}

/// What the trail says is what it says: a value, not a guess at one.
#[test]
fn every_mutation_survives_being_written_down() {
    for mutation in every(&"deploy-1".into(), "queue") {
        let text: Value = serde_json::to_value(&mutation).unwrap();
        assert_eq!(serde_json::from_value::<Mutation>(text).unwrap(), mutation);
    }
}
