//! A gate: a point where a workflow waits for a person.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::contracts::clock::Timestamp;
use crate::contracts::evidence::EvidenceSummary;
use crate::contracts::ids::{EvidenceDigest, GateId};

/// What happens when nobody decides in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnDeadline {
    /// The gate closes as rejected. Production gates know nothing else.
    #[default]
    Reject,
    /// Somebody else is told; the gate stays open.
    Escalate,
    /// The gate closes as approved, with a warning. Task review only.
    ApproveWithWarning,
}

impl OnDeadline {
    /// What the gate is then, in words.
    pub fn outcome(self) -> &'static str {
        match self {
            Self::Reject => "rejected",
            Self::Escalate => "escalated",
            Self::ApproveWithWarning => "approved with a warning",
        }
    }
}

/// An open gate, as the workflow publishes it in its memo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenGate {
    pub id: GateId,
    /// What people call it: `production approval`.
    pub title: String,
    pub opened_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    #[serde(default)]
    pub then: OnDeadline,
    /// Grows each time evidence is collected again.
    #[serde(default)]
    pub revision: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub requested_by: String,
    /// What approving does, in words: `deploys v42 to production, watched 10 min`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub effect: String,
    /// Whether a decision needs the coordinator's proof.
    #[serde(default)]
    pub needs_proof: bool,
    /// What the approver is shown, and the digest the approval must carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceSummary>,
    /// An approval that a goal asks for: its id is the step's. It wants neither proof nor evidence, and is decided by the
    /// updates `approve` and `reject` of its workflow, never by `decide`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_step: bool,
}

impl OpenGate {
    pub fn digest(&self) -> Option<&EvidenceDigest> {
        self.evidence.as_ref().map(|evidence| &evidence.digest)
    }
}
