//! Rolling back: what asked for it, its six steps in their exact order, how far it got.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::contracts::actor::Actor;
use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::health::Trigger;
use crate::contracts::ids::{CommitSha, RequestId, Version};

/// Argument of the `rollback` update and of the `triggerRollback` signal. Asking needs no proof: rolling back
/// is the safe direction. Who asked is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RollbackRequest {
    #[serde(default)]
    pub request_id: RequestId,
    #[serde(default)]
    pub reason: Option<String>,
    #[serde(default)]
    pub actor: Actor,
    /// When it was asked for, by the clock of whoever passed it on: without a worker it may wait for long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
}

/// Answer of the `rollback` update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RollbackReply {
    /// True when a rollback had been asked for before: there is still one.
    pub already: bool,
    pub cause: RollbackCause,
}

/// Why a deployment is rolled back: a trigger, or a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RollbackCause {
    /// Absent when a person asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Trigger>,
    pub reason: String,
    pub actor: Actor,
    /// When the trigger fired, or the person asked; where the request does not say when that was, when it arrived.
    pub at: Timestamp,
}

/// The six steps of requirements §3.10, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RollbackStep {
    Migrations,
    Code,
    Deploy,
    Verify,
    Monitor,
    Document,
}

impl RollbackStep {
    pub const ALL: [Self; 6] =
        [Self::Migrations, Self::Code, Self::Deploy, Self::Verify, Self::Monitor, Self::Document];

    pub fn title(self) -> &'static str {
        match self {
            Self::Migrations => "roll back database migrations",
            Self::Code => "code to previous commit",
            Self::Deploy => "deploy previous version",
            Self::Verify => "verify it serves",
            Self::Monitor => "watch until healthy",
            Self::Document => "document the reason",
        }
    }
}

/// Where a step stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum StepStatus {
    #[default]
    Pending,
    Running,
    /// It failed and is tried again until it succeeds; pending activities tell attempt and next retry.
    Retrying {
        failure: String,
    },
    Done {
        detail: String,
    },
    /// There was nothing to do, and why.
    Skipped {
        why: String,
    },
}

/// One line of the rollback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    pub step: RollbackStep,
    pub status: StepStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// How far a rollback got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RollbackProgress {
    pub cause: RollbackCause,
    pub steps: Vec<StepReport>,
    /// When the previous version was seen serving again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Timestamp>,
    /// When the last step was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
}

/// Whether a rollback could run now, and to what (query `getRollbackStatus`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RollbackReadiness {
    pub ready: bool,
    /// Why it is not ready, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
    pub previous_version: Version,
    pub previous_commit: CommitSha,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup_verified_at: Option<Timestamp>,
    /// Names of the migrations that would be taken back, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub migrations: Vec<String>,
    /// Every one of them has a down script.
    pub reversible: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate_ms: Option<Millis>,
}
