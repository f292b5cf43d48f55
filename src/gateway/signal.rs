//! Signals, queries, starting, cancelling and terminating: the calls that any Temporal workflow understands.

use serde_json::Value;

use crate::contracts::failure::Failure;
use crate::contracts::ids::{RequestId, RunId, WorkflowId};
use crate::contracts::mutation::{Signal, Start, Stop};
use crate::gateway::{Gateway, unbuilt};

/// What became of a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    pub run_id: RunId,
    /// True when the workflow was running already: nothing was started.
    pub already: bool,
}

#[expect(clippy::unused_async, reason = "the signature, for those who compile against it")]
impl Gateway {
    /// Sends a signal. The server keeps it, worker or not; sent twice under one request id it is kept once a run.
    pub async fn signal(&self, _signal: &Signal) -> Result<(), Failure> {
        unbuilt("signal")
    }

    /// Asks a workflow. Needs a live worker; gives up after 2 s.
    pub async fn query(
        &self,
        _id: &WorkflowId,
        _run: Option<&RunId>,
        _name: &str,
        _args: &[Value],
    ) -> Result<Value, Failure> {
        unbuilt("query")
    }

    /// Starts a workflow, or says that one of that id runs already.
    pub async fn start_workflow(&self, _start: &Start) -> Result<Started, Failure> {
        unbuilt("start")
    }

    pub async fn cancel(&self, _stop: &Stop) -> Result<(), Failure> {
        unbuilt("cancel")
    }

    pub async fn terminate(&self, _stop: &Stop) -> Result<(), Failure> {
        unbuilt("terminate")
    }
}

/// A fresh id for one intent of one person.
pub fn request_id() -> RequestId {
    RequestId::new(uuid::Uuid::new_v4().to_string())
}
