//! Names on the wire: workflow types, signals, queries, updates, search attributes, memo keys, queues.

/// Task queue that workers poll and clients start on, unless configured otherwise.
pub const TASK_QUEUE: &str = "gatewatch";

/// Workflow types.
pub mod workflow {
    pub const PRODUCTION_READINESS: &str = "ProductionReadinessWorkflow";
    pub const PRODUCTION_DEPLOYMENT: &str = "ProductionDeploymentWorkflow";
    pub const ENGINE: &str = "EngineWorkflow";
    pub const CODEGEN: &str = "CodegenWorkflow";

    /// The type of a goal that this spec decides.
    pub fn of_spec(name: &str) -> &'static str {
        if name == "codegen" { CODEGEN } else { ENGINE }
    }
}

/// Updates: acknowledged, idempotent by update id.
pub mod update {
    /// Decides a gate: argument [`crate::contracts::decision::Decide`], answer `DecideReply`.
    pub const DECIDE: &str = "decide";
    /// Asks for the rollback: argument [`crate::contracts::rollback::RollbackRequest`], answer `RollbackReply`.
    pub const ROLLBACK: &str = "rollback";
    /// A goal: an agent takes a step. The signals of a goal are updates, too, under their own names.
    pub const LEASE: &str = "lease";
    /// A goal: a step is taken from its agent, or unblocked.
    pub const REQUEUE: &str = "requeue";
    /// A goal: the agent of a step is reminded.
    pub const NUDGE: &str = "nudge";
    /// A goal: a person says how a step ended.
    pub const OVERRIDE: &str = "override";
    /// A goal: other rules from now on.
    pub const ADOPT_SPEC: &str = "adoptSpec";
    /// A goal: so much of its budget is used.
    pub const BUDGET_REACHED: &str = "budgetReached";
}

/// Signals, under the seeds' names.
pub mod signal {
    pub const APPROVE_PRODUCTION: &str = "approveProduction";
    pub const REJECT_PRODUCTION: &str = "rejectProduction";
    pub const REQUEST_MORE_EVIDENCE: &str = "requestMoreEvidence";
    pub const TRIGGER_ROLLBACK: &str = "triggerRollback";
    pub const EXTEND_MONITORING: &str = "extendMonitoring";
    pub const PAUSE_MONITORING: &str = "pauseMonitoring";
    pub const RESUME_MONITORING: &str = "resumeMonitoring";
    /// A P0 or P1 bug was found: the seventh trigger.
    pub const REPORT_BUG: &str = "reportBug";
    pub const AGENT_COMPLETED: &str = "agentCompleted";
    pub const APPLY_DECISION: &str = "applyDecision";
    pub const REQUEST_WORK: &str = "requestWork";
    pub const CHILD_COMPLETED: &str = "childCompleted";
    pub const CUSTOM: &str = "custom";
    pub const APPROVE: &str = "approve";
    pub const REJECT: &str = "reject";
    pub const CANCEL: &str = "cancel";
    pub const CANCEL_GOAL: &str = "cancelGoal";
    pub const CANCEL_WORKFLOW: &str = "cancel_workflow";

    /// The signals that a type of ours listens to; nothing for the types of others.
    pub fn of(workflow_type: &str) -> &'static [&'static str] {
        match workflow_type {
            super::workflow::PRODUCTION_READINESS => &[APPROVE_PRODUCTION, REJECT_PRODUCTION, REQUEST_MORE_EVIDENCE],
            super::workflow::PRODUCTION_DEPLOYMENT => {
                &[TRIGGER_ROLLBACK, REPORT_BUG, EXTEND_MONITORING, PAUSE_MONITORING, RESUME_MONITORING]
            }
            super::workflow::ENGINE | super::workflow::CODEGEN => &[
                AGENT_COMPLETED,
                APPLY_DECISION,
                REQUEST_WORK,
                CHILD_COMPLETED,
                CUSTOM,
                APPROVE,
                REJECT,
                CANCEL,
                CANCEL_GOAL,
                CANCEL_WORKFLOW,
            ],
            _ => &[],
        }
    }
}

/// Queries, under the seeds' names.
pub mod query {
    pub const GATE_STATUS: &str = "getGateStatus";
    pub const EVIDENCE_SUMMARY: &str = "getEvidenceSummary";
    pub const READINESS_SCORE: &str = "getReadinessScore";
    pub const DEPLOYMENT_STATUS: &str = "getDeploymentStatus";
    pub const HEALTH_METRICS: &str = "getHealthMetrics";
    pub const UAT_RESULTS: &str = "getUATResults";
    pub const ROLLBACK_STATUS: &str = "getRollbackStatus";
    pub const CURRENT_STATE: &str = "currentState";
    /// A goal: the text of the rules it is pinned to.
    pub const CURRENT_SPEC: &str = "currentSpec";
    pub const OPEN_STEPS: &str = "openSteps";
    pub const HISTORY: &str = "history";
}

/// Activities whose heartbeats and results are read from outside.
pub mod activity {
    /// Its heartbeats are the live health.
    pub const MONITOR_HEALTH: &str = "monitorHealth";
    /// Its result is the evidence.
    pub const COLLECT_ALL_EVIDENCE: &str = "collectAllEvidence";
}

/// Memo keys.
pub mod memo {
    pub const PUBLISHED: &str = "gatewatch";
}

/// Stands among the kinds of waiting work of a goal when it waits for a decision of the coordinator. No kind of work is
/// called so.
pub const DECISION: &str = "@decision";

/// Gates.
pub mod gate {
    pub const PRODUCTION_APPROVAL: &str = "production-approval";
}

/// The kind of a search attribute, as the operator service names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeKind {
    Keyword,
    KeywordList,
    Int,
    Datetime,
}

impl AttributeKind {
    /// The CLI's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keyword => "Keyword",
            Self::KeywordList => "KeywordList",
            Self::Int => "Int",
            Self::Datetime => "Datetime",
        }
    }
}

/// Search attributes.
pub mod attribute {
    use super::AttributeKind;

    pub const PHASE: &str = "phase";
    pub const ENVIRONMENT: &str = "environment";
    pub const HEALTH: &str = "health";
    pub const GATES: &str = "gates";
    pub const GATE_DEADLINE: &str = "gateDeadline";
    pub const GOAL_ID: &str = "goalId";
    pub const STATUS: &str = "status";
    pub const REPO: &str = "repo";
    pub const BRANCH: &str = "branch";
    pub const PR_NUMBER: &str = "prNumber";
    pub const TENANT: &str = "tenant";
    pub const SPEC: &str = "spec";
    /// Kinds of work that wait for an agent, and [`super::DECISION`].
    pub const WAITING_WORK: &str = "waitingWork";

    /// Every attribute gatewatch uses: the seeds' seven and ours. SQL visibility allows 10 Keyword, 3 Int,
    /// 3 Datetime and 3 KeywordList attributes (design §5).
    pub const ALL: [(&str, AttributeKind); 13] = [
        (GOAL_ID, AttributeKind::Keyword),
        (STATUS, AttributeKind::Keyword),
        (REPO, AttributeKind::Keyword),
        (BRANCH, AttributeKind::Keyword),
        (PR_NUMBER, AttributeKind::Int),
        (TENANT, AttributeKind::Keyword),
        (SPEC, AttributeKind::KeywordList),
        (WAITING_WORK, AttributeKind::KeywordList),
        (PHASE, AttributeKind::Keyword),
        (ENVIRONMENT, AttributeKind::Keyword),
        (HEALTH, AttributeKind::Keyword),
        (GATES, AttributeKind::KeywordList),
        (GATE_DEADLINE, AttributeKind::Datetime),
    ];
}
