//! The coordinator as a client sees it, over HTTP.

use crate::config::settings;
use crate::contracts::decision::Outcome;
use crate::contracts::failure::Failure;
use crate::contracts::http::{DecisionRequest, RollbackBody, RollbackOutcome};
use crate::contracts::ids::WorkflowId;
use crate::gateway::unbuilt;

/// A client of one coordinator. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Coordinator {
    settings: settings::CoordinatorClient,
}

#[expect(clippy::unused_async, reason = "the signature, for those who compile against it")]
impl Coordinator {
    pub fn new(settings: &settings::CoordinatorClient) -> Result<Self, Failure> {
        Ok(Self { settings: settings.clone() })
    }

    /// `host:port`, for people.
    pub fn address(&self) -> String {
        self.settings.url.to_string()
    }

    pub async fn decide(&self, _request: &DecisionRequest) -> Result<Outcome, Failure> {
        unbuilt("coordinator")
    }

    pub async fn rollback(&self, _id: &WorkflowId, _body: &RollbackBody) -> Result<RollbackOutcome, Failure> {
        unbuilt("coordinator")
    }

    /// Answers when the coordinator is there.
    pub async fn health(&self) -> Result<(), Failure> {
        unbuilt("coordinator")
    }

    /// Answers when it can reach Temporal too.
    pub async fn ready(&self) -> Result<(), Failure> {
        unbuilt("coordinator")
    }

    /// The public key that its decisions are signed with, in hex.
    pub async fn public_key(&self) -> Result<String, Failure> {
        unbuilt("coordinator")
    }
}
