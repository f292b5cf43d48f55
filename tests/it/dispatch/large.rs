//! A sibling workflow of somebody else's, whose result is as large as a result may be.

use gatewatch::contracts::engine::state::StepStatus;
use gatewatch::contracts::temporal::args::Args;
use serde_json::json;
use temporalio_client::{Client, ClientOptions, Connection, ConnectionOptions};
use temporalio_sdk::runtime::RuntimeOptions;
use temporalio_sdk::workflows::{workflow, workflow_methods};
use temporalio_sdk::{Runtime, Worker, WorkerOptions, WorkflowContext, WorkflowContextView, WorkflowResult};

use crate::dispatch::rig::{PATIENCE, Place};
use crate::support::wait_until;

/// What Temporal takes, but for the quotes and a few bytes: no message has room for it and its own fields.
const LARGE: usize = 2 * 1024 * 1024 - 100;

#[workflow]
struct Large;

#[workflow_methods]
impl Large {
    #[init]
    fn new(_ctx: &WorkflowContextView, _args: Args) -> Self {
        Self
    }

    #[run(name = "it.Large")]
    #[expect(clippy::unused_async, reason = "the SDK dictates how it looks")]
    async fn run(_ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        Ok("x".repeat(LARGE))
    }
}

async fn worker(place: &Place) -> Worker {
    let options = ConnectionOptions::new(place.temporal.address.clone()).identity("large").build();
    let connection = Connection::connect(options).await.unwrap();
    let client = Client::new(connection, ClientOptions::new(&place.temporal.namespace).build()).unwrap();
    let runtime = Runtime::from_current_tokio(RuntimeOptions::default()).unwrap();
    let mut options = WorkerOptions::new("large".to_owned()).build();
    options.register_workflow::<Large>().unwrap();
    Worker::new(&runtime, client, options).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_temporal_does_not_carry_to_the_goal_fails_the_step() {
    let place = Place::with(
        "[[agents]]\nname = \"large\"\nkinds = [\"QA\"]\nadapter = \"workflow\"\nworkflow_type = \"it.Large\"\n\
         task_queue = \"large\"\nmax_output = 2097152\n[dispatcher]\nidle = \"500ms\"\n",
    )
    .await;
    let _process = place.process().await;
    let mut worker = worker(&place).await;
    let id = place
        .start(
            "EngineWorkflow",
            json!({"goalId": "g", "specDocument": "name = 'large'\n[finalize]\n", "bootDecision": {"decisionId": "boot",
                "actions": [{"type": "REQUEST_WORK", "workKind": "QA"}]}}),
        )
        .await;
    let failed = async || {
        let step = place.gateway.goal(&id).await.ok()?.open_steps.get(&"qa-1".into())?.clone();
        (step.status == StepStatus::Failed).then_some(step.reason.unwrap_or_default())
    };
    let why = tokio::select! {
        ended = worker.run() => panic!("the worker ended by itself: {ended:?}"),
        why = wait_until("the step has failed", PATIENCE, failed) => why,
    };
    assert!(why.contains("cannot be told to the goal"), "{why}\n{}", place.logs());
}
