//! Names on the wire: workflow types, signals, queries, updates, search attributes, memo keys, queues.

/// Task queue that workers poll and clients start on, unless configured otherwise.
pub const TASK_QUEUE: &str = "gatewatch";

/// Workflow types.
pub mod workflow {
    pub const PRODUCTION_READINESS: &str = "ProductionReadinessWorkflow";
    pub const PRODUCTION_DEPLOYMENT: &str = "ProductionDeploymentWorkflow";
}

/// Updates: acknowledged, idempotent by update id.
pub mod update {
    /// Decides a gate: argument [`crate::contracts::decision::Decide`], answer `DecideReply`.
    pub const DECIDE: &str = "decide";
    /// Asks for the rollback: argument [`crate::contracts::rollback::RollbackRequest`], answer `RollbackReply`.
    pub const ROLLBACK: &str = "rollback";
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

    /// Every attribute gatewatch uses: the seeds' seven and ours. SQL visibility allows 10 Keyword, 3 Int,
    /// 3 Datetime and 3 KeywordList attributes (design §5).
    pub const ALL: [(&str, AttributeKind); 12] = [
        ("goalId", AttributeKind::Keyword),
        ("status", AttributeKind::Keyword),
        ("repo", AttributeKind::Keyword),
        ("branch", AttributeKind::Keyword),
        ("prNumber", AttributeKind::Int),
        ("tenant", AttributeKind::Keyword),
        ("spec", AttributeKind::KeywordList),
        (PHASE, AttributeKind::Keyword),
        (ENVIRONMENT, AttributeKind::Keyword),
        (HEALTH, AttributeKind::Keyword),
        (GATES, AttributeKind::KeywordList),
        (GATE_DEADLINE, AttributeKind::Datetime),
    ];
}
