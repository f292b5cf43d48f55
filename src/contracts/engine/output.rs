//! What a goal's workflow answers: to updates, to queries, and when it ends.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::contracts::engine::state::{Completion, EngineStatus, Goal, LogEntry, StepState};
use crate::contracts::ids::GoalId;

/// How a goal ended; the whole state is the query `currentState`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EngineOutput {
    pub goal_id: GoalId,
    pub status: EngineStatus,
    pub completion: Completion,
}

/// Answer to an update that was obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EngineReply {
    /// It had been obeyed before: nothing happened twice.
    pub repeated: bool,
    /// Where the goal stands now.
    pub status: EngineStatus,
}

/// Answer to the update `lease`: what is to be done, from the one who knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeaseReply {
    #[serde(flatten)]
    pub reply: EngineReply,
    pub goal_id: GoalId,
    pub goal: Goal,
    pub step: StepState,
}

/// Answer to the query `history`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistorySummary {
    /// Oldest first.
    pub entries: Vec<LogEntry>,
    /// Older entries that are kept no more.
    pub dropped: u64,
}
