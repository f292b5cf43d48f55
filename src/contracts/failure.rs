//! An error at the boundary to a person: what failed, why, what to do.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of failure it is: what the caller branches on, and what picks the CLI's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The server does not know who asks: credentials are missing, wrong or expired.
    Unauthenticated,
    /// The server knows who asks and says no.
    Denied,
    /// No such workflow, namespace or gate.
    NotFound,
    /// The server cannot be reached, or does not answer.
    Unavailable,
    /// It answers, but not in time.
    DeadlineExceeded,
    /// Something of that name is there already, or it changed meanwhile.
    Conflict,
    /// The request itself is wrong.
    Invalid,
    /// Read-only mode, or a policy of ours, forbids it.
    ReadOnly,
    /// A bug: ours, or the server's.
    Internal,
}

/// A failure with words for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{message}{}{hint}", if hint.is_empty() { "" } else { " " })]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    pub kind: FailureKind,
    /// What failed and why, as a sentence.
    pub message: String,
    /// What to do next, as a sentence; empty when nobody can know.
    #[serde(default)]
    pub hint: String,
}

impl Failure {
    pub fn new(kind: FailureKind, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: hint.into() }
    }
}
