//! What whoever sends an agent's answer is told about it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::contracts::clock::Timestamp;
use crate::contracts::engine::decision::Decision;
use crate::contracts::http::FieldProblem;
use crate::contracts::ids::{AttemptId, StepId, WorkflowId};

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Its workflow has it durably.
    Delivered,
    /// It is kept and will be delivered: nobody need send it again.
    Pending,
    /// Its workflow had ended.
    Late,
    /// It could not be read; its workflow was told that this attempt failed, and why.
    Rejected,
}

impl Fate {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Pending => "pending",
            Self::Late => "late",
            Self::Rejected => "rejected",
        }
    }
}

/// What became of an answer at a workflow that it was told to beside its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reached {
    /// That workflow has it durably.
    Delivered,
    /// It is kept and will be told: that workflow is not there yet, or Temporal does not answer.
    Pending,
    /// That workflow had ended.
    Late,
    /// There is no such workflow, and there was none for as long as it was waited for.
    Missing,
    /// It is not told: that workflow is another tenant's, or nobody can tell it this.
    Refused,
}

impl Reached {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Pending => "pending",
            Self::Late => "late",
            Self::Missing => "missing",
            Self::Refused => "refused",
        }
    }

    /// What [`Self::as_str`] wrote.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Delivered, Self::Pending, Self::Late, Self::Missing, Self::Refused]
            .into_iter()
            .find(|reached| reached.as_str() == word)
    }
}

/// One of the workflows that an answer was told to beside its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoutedTo {
    /// The route that leads there.
    pub route: String,
    pub workflow_id: WorkflowId,
    pub outcome: Reached,
}

/// Answer of `POST /agent/callback`. Everybody who sends the same answer gets the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// Whether its workflow has it, or will have it.
    pub ok: bool,
    pub outcome: Fate,
    pub workflow_id: WorkflowId,
    pub step_id: StepId,
    /// `runId` on the wire, as the seeds have it.
    #[serde(rename = "runId")]
    pub attempt_id: AttemptId,
    pub received_at: Timestamp,
    /// What the coordinator decided on it; none when the workflow's own rules decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<Decision>,
    /// Who else was told, and what was known of it when the receipt was written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routed: Vec<RoutedTo>,
    /// As a sentence, when there is something to add.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What was wrong with it, field by field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
    /// Of what was taken in. Who sends something else for the same attempt gets the same receipt, and its message says that
    /// it was not taken in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
}
