//! A person's decision on a gate: what is asked, what was recorded, why it was refused.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::contracts::actor::Actor;
use crate::contracts::clock::Timestamp;
use crate::contracts::ids::{DecisionId, EvidenceDigest, GateId, WorkflowId};

/// What a person can say to a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Let it through. Needs the digest of the evidence that was seen.
    Approve,
    /// Close the gate for good. Needs a reason.
    Reject,
    /// Collect the evidence again and ask at a new revision. Needs a reason.
    RequestEvidence,
}

impl Verdict {
    /// What was done to the gate, in words: `approved by mira`.
    pub fn done(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::Reject => "rejected",
            Self::RequestEvidence => "sent back for more evidence",
        }
    }
}

/// Argument of the `decide` update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decide {
    pub decision_id: DecisionId,
    pub gate: GateId,
    pub verdict: Verdict,
    /// Digest of the evidence the person saw.
    #[serde(default)]
    pub evidence: Option<EvidenceDigest>,
    #[serde(default)]
    pub reason: Option<String>,
    #[serde(default)]
    pub actor: Actor,
    /// The coordinator's signature that `actor` is who they say and may decide this gate.
    #[serde(default)]
    pub proof: Option<Proof>,
}

/// An Ed25519 signature over [`Decide::signed_bytes`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// The public key, in hex. It counts only when the workflow was started with it among its deciders.
    pub key: String,
    /// The signature, in hex.
    pub signature: String,
}

impl Decide {
    /// What a proof signs: every field that changes the effect, bound to one workflow.
    /// Each part carries its length, so no two decisions share their bytes.
    pub fn signed_bytes(&self, workflow: &WorkflowId) -> Vec<u8> {
        let verdict = match self.verdict {
            Verdict::Approve => "approve",
            Verdict::Reject => "reject",
            Verdict::RequestEvidence => "request-evidence",
        };
        let parts = [
            "gatewatch decide v1",
            workflow.as_str(),
            self.decision_id.as_str(),
            self.gate.as_str(),
            verdict,
            self.evidence.as_ref().map_or("", EvidenceDigest::as_str),
            self.reason.as_deref().unwrap_or(""),
            &self.actor.name,
        ];
        let mut bytes = Vec::new();
        for part in parts {
            bytes.extend_from_slice(part.len().to_string().as_bytes());
            bytes.push(b':');
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

/// A decision that took effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionRecord {
    pub decision_id: DecisionId,
    pub gate: GateId,
    pub verdict: Verdict,
    pub actor: Actor,
    #[serde(default)]
    pub reason: Option<String>,
    #[serde(default)]
    pub evidence: Option<EvidenceDigest>,
    pub at: Timestamp,
}

impl DecisionRecord {
    /// Who decided; the name may be missing, never the word.
    pub fn who(&self) -> &str {
        if self.actor.name.is_empty() { "somebody unnamed" } else { &self.actor.name }
    }
}

/// Answer of the `decide` update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecideReply {
    pub record: DecisionRecord,
    /// True when this very decision had been applied before: nothing happened twice.
    #[serde(default)]
    pub repeated: bool,
}

/// Why a decision was not applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalCode {
    /// The workflow has no such gate, or it is not open yet.
    NotOpen,
    /// Somebody decided it before.
    AlreadyDecided,
    /// The deadline has passed, and with it the gate is rejected.
    DeadlinePassed,
    /// The evidence changed since it was shown.
    StaleEvidence,
    /// A critical check fails: nobody can approve.
    CriticalCheckFailing,
    /// The decision carries no valid proof and the gate asks for one.
    NotAuthorised,
    /// Rejecting and asking for evidence need a reason.
    ReasonRequired,
    /// The argument cannot be read.
    Malformed,
}

impl RefusalCode {
    const ALL: [(Self, &'static str); 8] = [
        (Self::NotOpen, "not-open"),
        (Self::AlreadyDecided, "already-decided"),
        (Self::DeadlinePassed, "deadline-passed"),
        (Self::StaleEvidence, "stale-evidence"),
        (Self::CriticalCheckFailing, "critical-check-failing"),
        (Self::NotAuthorised, "not-authorised"),
        (Self::ReasonRequired, "reason-required"),
        (Self::Malformed, "malformed"),
    ];

    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(code, _)| *code == self).map_or("malformed", |(_, word)| word)
    }
}

/// A refusal with words a person can act on. Its `Display` form, `[code] message`, is what an update's
/// validator can carry: Temporal lets a validator answer with text alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("[{}] {message}", code.as_str())]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    pub code: RefusalCode,
    pub message: String,
}

impl Refusal {
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// Reads the `Display` form back out of a failure message, wherever it stands in it.
    pub fn parse(text: &str) -> Option<Self> {
        RefusalCode::ALL.iter().find_map(|(code, word)| {
            let tag = format!("[{word}] ");
            let start = text.find(&tag)?;
            Some(Self::new(*code, text.get(start + tag.len()..).unwrap_or_default()))
        })
    }
}

/// What became of a decision, as the one who sent it knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// It is in the workflow's history.
    Applied { record: DecisionRecord },
    /// It had been applied before, under the same id.
    Repeated { record: DecisionRecord },
    /// The workflow refused it.
    Refused { refusal: Refusal },
    /// Sent, not confirmed: no worker has answered yet. It may still be applied.
    InDoubt {
        #[serde(rename = "decisionId")]
        decision_id: DecisionId,
    },
}
