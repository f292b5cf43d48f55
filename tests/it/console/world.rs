//! Workflows, gates and deployments for the screens to show.

use gatewatch::console::event::Overview;
use gatewatch::contracts::actor::{Actor, Via};
use gatewatch::contracts::clock::{Millis, Timestamp};
use gatewatch::contracts::decision::{DecisionRecord, Outcome};
use gatewatch::contracts::evidence::{EvidenceSummary, FailingCheck};
use gatewatch::contracts::gate::{OnDeadline, OpenGate};
use gatewatch::contracts::health::HealthStatus;
use gatewatch::contracts::http::DecisionRequest;
use gatewatch::contracts::ids::{CommitSha, Environment, EvidenceDigest, GateId, RunId, WorkflowId, WorkflowType};
use gatewatch::contracts::mutation::Done;
use gatewatch::contracts::temporal::memo::Published;
use gatewatch::contracts::workflow::{ExecutionStatus, WorkflowDetail, WorkflowRow};

use crate::console::drive::noon;

pub(super) fn ago(seconds: u64) -> Timestamp {
    noon().minus(Millis::from_secs(seconds))
}

pub(super) fn later(seconds: u64) -> Timestamp {
    noon().plus(Millis::from_secs(seconds))
}

pub(super) fn row(id: &str, kind: &str) -> WorkflowRow {
    WorkflowRow {
        id: WorkflowId::new(id),
        run_id: RunId::new(format!("run-{id}")),
        workflow_type: WorkflowType::new(kind),
        status: ExecutionStatus::Running,
        task_queue: "gatewatch".to_owned(),
        started_at: Some(ago(300)),
        closed_at: None,
        phase: None,
        environment: None,
        health: None,
        gates: Vec::new(),
        gate_deadline: None,
        published: None,
        history_length: 12,
    }
}

pub(super) fn evidence(digest: &str) -> EvidenceSummary {
    EvidenceSummary {
        digest: EvidenceDigest::new(digest),
        collected_at: ago(180),
        commit: CommitSha::new("9f31c2e4d5a6b7c8"),
        version: "v42".into(),
        subject: "checkout: retry idempotent payments".to_owned(),
        author: "agent-3".to_owned(),
        score: 94,
        passed: 39,
        failed: 1,
        not_applicable: 1,
        failing: vec![FailingCheck {
            title: "visual regression".to_owned(),
            critical: false,
            detail: "3 pages differ".to_owned(),
        }],
        critical_failing: 0,
    }
}

/// A readiness workflow that waits at its production gate.
pub(super) fn waiting(id: &str, digest: &str) -> WorkflowRow {
    let gate = OpenGate {
        id: GateId::new("production-approval"),
        title: "production approval".to_owned(),
        opened_at: ago(240),
        deadline: Some(later(258_960)),
        then: OnDeadline::Reject,
        revision: 1,
        requested_by: "release-bot".to_owned(),
        effect: "deploys v42 to production, watched 10 min".to_owned(),
        needs_proof: false,
        evidence: Some(evidence(digest)),
        is_step: false,
    };
    WorkflowRow {
        environment: Some(Environment::production()),
        gates: vec![gate.id.clone()],
        gate_deadline: gate.deadline,
        published: Some(Box::new(Published {
            v: Published::VERSION,
            title: "checkout v42 → production".to_owned(),
            started_by: "release-bot".to_owned(),
            gates: vec![gate],
            ..Published::default()
        })),
        ..row(id, "ProductionReadinessWorkflow")
    }
}

/// A workflow as it describes itself, with nothing under way.
pub(super) fn described(row: WorkflowRow) -> WorkflowDetail {
    WorkflowDetail {
        row,
        activities: Vec::new(),
        children: Vec::new(),
        health: None,
        workflow_task_attempt: 1,
        workflow_task_waiting_since: None,
    }
}

/// A deployment that is live.
pub(super) fn live(id: &str, health: HealthStatus) -> WorkflowRow {
    WorkflowRow {
        environment: Some(Environment::production()),
        health: Some(health),
        ..row(id, "ProductionDeploymentWorkflow")
    }
}

pub(super) fn overview(gates: Vec<WorkflowRow>, live: Vec<WorkflowRow>) -> Overview {
    Overview { gates, live, workers: Some(3), ..Overview::default() }
}

/// What became of a decision that was applied at once.
pub(super) fn applied(request: &DecisionRequest) -> Done {
    let record = DecisionRecord {
        decision_id: request.decision_id.clone(),
        gate: request.gate.clone(),
        verdict: request.verdict,
        actor: Actor::new("mira", Via::Console),
        reason: request.reason.clone(),
        evidence: request.evidence.clone(),
        at: noon(),
    };
    Done::Decided { result: Outcome::Applied { record } }
}
