//! The gateway on a real server.

mod coordinating;
mod deciding;
mod desk;
mod link;
mod operating;
mod reading;
mod tailing;
mod unheard;

use std::time::Duration;

use gatewatch::config::settings::Temporal;
use gatewatch::contracts::ids::{RunId, WorkflowId};
use gatewatch::contracts::mutation::{Signal, Start, Target};
use gatewatch::contracts::workflow::WorkflowDetail;
use gatewatch::gateway::Gateway;
use gatewatch::gateway::signal::{Question, request_id};
use serde_json::Value;

use crate::gateway::desk::{DESK, DeskInput};
use crate::support;

/// Nothing here takes longer unless it hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs a test, but not for ever.
async fn bounded<T>(test: impl Future<Output = T>) -> T {
    Box::pin(tokio::time::timeout(PATIENCE, test)).await.expect("the test hangs")
}

/// A gateway that is connected.
async fn connected(temporal: &Temporal) -> Gateway {
    let gateway = Gateway::start(temporal);
    gateway.connected(support::PATIENCE).await.unwrap();
    gateway
}

/// Starts a desk under a fresh id.
async fn start(gateway: &Gateway, temporal: &Temporal, input: &DeskInput) -> WorkflowId {
    let id = WorkflowId::new(support::unique("desk"));
    start_as(gateway, temporal, &id, input).await;
    id
}

async fn start_as(gateway: &Gateway, temporal: &Temporal, id: &WorkflowId, input: &DeskInput) -> RunId {
    let start = Start {
        target: Target { workflow_id: id.clone(), request_id: request_id() },
        workflow_type: DESK.into(),
        task_queue: temporal.task_queue.clone(),
        input: vec![serde_json::to_value(input).unwrap()],
    };
    gateway.start_workflow(&start).await.unwrap().run_id
}

fn signal(id: &WorkflowId, name: &str) -> Signal {
    let target = Target { workflow_id: id.clone(), request_id: request_id() };
    Signal { target, run_id: None, name: name.to_owned(), args: Vec::new() }
}

/// Waits until a workflow is as wanted.
async fn until(gateway: &Gateway, id: &WorkflowId, wanted: impl Fn(&WorkflowDetail) -> bool) -> WorkflowDetail {
    support::wait_until("the workflow is as wanted", support::PATIENCE, async || {
        gateway.describe(id, None).await.ok().filter(&wanted)
    })
    .await
}

/// Asks a desk for a number.
async fn number(gateway: &Gateway, id: &WorkflowId, name: &str) -> u64 {
    let answer: Value = gateway.query(id, None, Question { name, args: &[] }).await.unwrap();
    answer.as_u64().unwrap()
}
