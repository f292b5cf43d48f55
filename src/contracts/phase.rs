//! The phases of a workflow, as its strip shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::contracts::clock::Timestamp;

/// Where a phase stands. Each has a sign and a colour of its own on screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PhaseStatus {
    /// Not reached.
    #[default]
    Pending,
    Running,
    /// Waits for a person.
    Waiting,
    Done,
    Failed,
    Paused,
    RollingBack,
    RolledBack,
    Skipped,
}

/// One phase. Names are the workflow's own: people's workflows have other phases than ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    pub name: String,
    pub status: PhaseStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}
