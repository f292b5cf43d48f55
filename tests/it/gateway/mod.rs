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
use gatewatch::contracts::decision::{Decide, Outcome};
use gatewatch::contracts::ids::{RunId, WorkflowId};
use gatewatch::contracts::mutation::{Signal, Start, Target};
use gatewatch::contracts::workflow::WorkflowDetail;
use gatewatch::gateway::Gateway;
use gatewatch::gateway::signal::request_id;
use temporalio_client::{
    Client, ClientOptions, Connection, ConnectionOptions, UntypedQuery, WorkflowHandle, WorkflowQueryOptions,
};
use temporalio_common::UntypedWorkflow;
use temporalio_common::data_converters::RawValue;

use crate::gateway::desk::{DESK, DeskInput};
use crate::support;

/// Nothing here takes longer unless it hangs.
const PATIENCE: Duration = Duration::from_mins(3);

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

/// Asks a desk for a number, as any client would.
async fn number(gateway: &Gateway, id: &WorkflowId, name: &str) -> u64 {
    let cluster = gateway.cluster();
    let address: url::Url = format!("http://{}", cluster.address).parse().unwrap();
    let connection = Connection::connect(ConnectionOptions::new(address).identity("test").build()).await.unwrap();
    let client = Client::new(connection, ClientOptions::new(&cluster.namespace).build()).unwrap();
    let desk: WorkflowHandle<Client, UntypedWorkflow> = client.get_workflow_handle(id.as_str());
    let query = UntypedQuery::new(name);
    let answer = desk.query(query, RawValue::new(Vec::new()), WorkflowQueryOptions::default()).await.unwrap();
    serde_json::from_slice(&answer.payloads[0].data).unwrap()
}

/// Sends a decision again, as whoever follows it does, until somebody has answered.
async fn resolved(gateway: &Gateway, id: &WorkflowId, decide: &Decide) -> Outcome {
    support::wait_until("the decision is out of doubt", support::PATIENCE, async || {
        let outcome = gateway.decide(id, decide).await.ok()?;
        (!matches!(outcome, Outcome::InDoubt { .. })).then_some(outcome)
    })
    .await
}
