//! The one path on which people change anything: re-read the target, send with a stable id, follow, audit.
//! Read-only mode blocks it in [`Operator::perform`] and nowhere else, because there is nowhere else.

use std::path::PathBuf;
use std::time::Duration;

use crate::contracts::actor::Actor;
use crate::contracts::failure::Failure;
use crate::contracts::mutation::{Description, Done, Mutation};
use crate::gateway::coordinator::Coordinator;
use crate::gateway::{Gateway, unbuilt};

/// What an operator may do, and how.
#[derive(Clone, Debug)]
pub struct Policy {
    pub read_only: bool,
    /// Roll back straight through Temporal when the coordinator does not answer.
    pub direct_rollback: bool,
    /// Who acts, and through what.
    pub actor: Actor,
    /// Where the audit trail is.
    pub audit: PathBuf,
}

/// A person at work on one namespace.
#[derive(Clone, Debug)]
pub struct Operator {
    gateway: Gateway,
    coordinator: Option<Coordinator>,
    policy: Policy,
}

#[expect(clippy::unused_async, reason = "the signature, for those who compile against it")]
impl Operator {
    pub fn new(gateway: Gateway, coordinator: Option<Coordinator>, policy: Policy) -> Self {
        Self { gateway, coordinator, policy }
    }

    /// What the confirm dialog and the CLI show before they ask.
    pub fn describe(&self, mutation: &Mutation) -> Description {
        mutation.describe(&self.gateway.cluster())
    }

    /// Does it. In doubt is an answer, not an error: see [`Self::follow`].
    pub async fn perform(&self, mutation: Mutation) -> Result<Done, Failure> {
        let _ = (&self.coordinator, &self.policy, mutation);
        unbuilt("operate")
    }

    /// Follows what [`Self::perform`] left in doubt, sending it again under its own id where that helps, until it is
    /// known what became of it or the time is over.
    pub async fn follow(&self, _mutation: &Mutation, _within: Duration) -> Result<Done, Failure> {
        unbuilt("operate")
    }
}
