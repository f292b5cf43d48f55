//! Where workflows are tried: a real server, a worker of one's own that can be killed, and eyes on what is published.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use gatewatch::contracts::decision::{Decide, DecideReply, Refusal};
use gatewatch::contracts::delivery::DeploymentOutput;
use gatewatch::contracts::temporal::args::Args;
use gatewatch::contracts::temporal::memo::Published;
use gatewatch::workflows::delivery::production_deployment::ProductionDeploymentWorkflow;
use gatewatch::workflows::delivery::production_readiness::ProductionReadinessWorkflow;
use gatewatch::workflows::registry;
use serde_json::{Value, json};
use temporalio_client::{
    Client, ClientOptions, Connection, ConnectionOptions, UntypedSignal, WorkflowDescribeOptions,
    WorkflowExecuteUpdateOptions, WorkflowGetResultOptions, WorkflowHandle, WorkflowSignalOptions,
    WorkflowStartOptions,
};
use temporalio_common::UntypedWorkflow;
use temporalio_common::data_converters::RawValue;
use temporalio_common::protos::temporal::api::common::v1::Payload;
use temporalio_common::protos::temporal::api::workflowservice::v1::DescribeWorkflowExecutionResponse;
use temporalio_sdk::runtime::RuntimeOptions;
use temporalio_sdk::{Runtime, Worker, WorkerOptions};
use tokio::sync::oneshot;

use crate::support;
use crate::workflows::fakes::Fakes;
use crate::workflows::world::World;

/// Nothing here takes longer unless it hangs.
const PATIENCE: Duration = Duration::from_mins(3);

pub(crate) type Readiness = WorkflowHandle<Client, ProductionReadinessWorkflow>;
pub(crate) type Deployment = WorkflowHandle<Client, ProductionDeploymentWorkflow>;

pub(crate) struct Bench {
    pub(crate) client: Client,
    pub(crate) world: Arc<World>,
    pub(crate) queue: String,
    register: Register,
    worker: Option<RunningWorker>,
}

/// Puts workflows and activities on a worker.
type Register = fn(&mut WorkerOptions, Arc<World>);

struct RunningWorker {
    stop: Option<oneshot::Sender<Stop>>,
    thread: Option<JoinHandle<()>>,
}

enum Stop {
    Gracefully,
    /// As `kill -9` does: nothing is finished, nothing is reported.
    Dead,
}

/// Runs a test, but not for ever.
pub(crate) async fn bounded(test: impl AsyncFnOnce()) {
    tokio::time::timeout(PATIENCE, Box::pin(test())).await.expect("the test hangs");
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let mut bench = Self::without_worker().await;
        bench.start_worker();
        bench
    }

    pub(crate) async fn without_worker() -> Self {
        let queue = support::unique("workflows");
        Self { client: connect().await, world: World::new(), queue, register: ours, worker: None }
    }

    /// With a worker that runs somebody else's workflows.
    pub(crate) async fn of(register: Register) -> Self {
        let mut bench = Self { register, ..Self::without_worker().await };
        bench.start_worker();
        bench
    }

    /// The task queue of its worker.
    pub(crate) fn queue(&self) -> &str {
        &self.queue
    }

    pub(crate) fn start_worker(&mut self) {
        let (stop, stopped) = oneshot::channel();
        let (queue, world, register) = (self.queue.clone(), Arc::clone(&self.world), self.register);
        let thread = std::thread::spawn(move || work(queue, |options| register(options, world), stopped));
        self.worker = Some(RunningWorker { stop: Some(stop), thread: Some(thread) });
    }

    pub(crate) fn kill_worker(&mut self) {
        if let Some(mut worker) = self.worker.take() {
            worker.end(Stop::Dead);
        }
    }

    /// As a deployment of the worker does: the old one drains while the new one polls already.
    pub(crate) fn replace_worker(&mut self) {
        let old = self.worker.take();
        self.start_worker();
        if let Some(mut old) = old {
            old.end(Stop::Gracefully);
        }
    }

    pub(crate) async fn readiness(&self, input: Value) -> Readiness {
        let id = support::unique("ready");
        let options = WorkflowStartOptions::new(self.queue.as_str(), id.as_str()).build();
        self.client.start_workflow(ProductionReadinessWorkflow::run, Args::of([input]), options).await.unwrap();
        self.client.get_workflow_handle(id)
    }

    pub(crate) async fn deployment(&self, input: Value) -> Deployment {
        self.deployment_as(support::unique("deploy"), input).await
    }

    pub(crate) async fn deployment_as(&self, id: String, input: Value) -> Deployment {
        let options = WorkflowStartOptions::new(self.queue.as_str(), id.as_str()).build();
        self.client.start_workflow(ProductionDeploymentWorkflow::run, Args::of([input]), options).await.unwrap();
        self.client.get_workflow_handle(id)
    }

    /// A deployment that is being watched, and for no shorter than the test lasts.
    pub(crate) async fn watched_as(&self, id: String) -> Deployment {
        self.world.holds("monitorHealth");
        let handle = self.deployment_as(id, deployment_input()).await;
        self.world.reached("monitorHealth").await;
        handle
    }

    pub(crate) async fn watched(&self) -> Deployment {
        self.watched_as(support::unique("deploy")).await
    }

    /// Whether the server has recorded that somebody wants the workflow cancelled.
    pub(crate) async fn cancel_requested(&self, handle: &Deployment) -> bool {
        let description = self.describe(&handle.info().workflow_id).await;
        description.workflow_extended_info.is_some_and(|info| info.cancel_requested)
    }

    pub(crate) async fn describe(&self, id: &str) -> DescribeWorkflowExecutionResponse {
        let handle: WorkflowHandle<Client, UntypedWorkflow> = self.client.get_workflow_handle(id);
        handle.describe(WorkflowDescribeOptions::default()).await.unwrap().raw_description
    }

    /// The memo, if there is one yet.
    pub(crate) async fn published(&self, id: &str) -> Option<Published> {
        let memo = self.describe(id).await.workflow_execution_info.unwrap().memo?;
        let payload = memo.fields.get("gatewatch")?;
        assert!(payload.data.len() <= Published::MAX_BYTES, "{} bytes", payload.data.len());
        Some(serde_json::from_slice(&payload.data).unwrap())
    }

    /// A search attribute as JSON text; empty when it is not set.
    pub(crate) async fn attribute(&self, id: &str, name: &str) -> String {
        let info = self.describe(id).await.workflow_execution_info.unwrap();
        let attributes = info.search_attributes.unwrap_or_default();
        attributes
            .indexed_fields
            .get(name)
            .map(|payload| String::from_utf8(payload.data.clone()).unwrap())
            .unwrap_or_default()
    }

    /// Waits until the memo is as wanted.
    pub(crate) async fn until(&self, id: &str, what: &str, wanted: impl Fn(&Published) -> bool) -> Published {
        support::wait_until(what, PATIENCE, async || self.published(id).await.filter(&wanted)).await
    }

    /// Sends a signal as any SDK would: these payloads, whatever they are.
    pub(crate) async fn signal(&self, id: &str, name: &str, payloads: Vec<Payload>) {
        let handle: WorkflowHandle<Client, UntypedWorkflow> = self.client.get_workflow_handle(id);
        let signal = UntypedSignal::new(name);
        handle.signal(signal, RawValue::new(payloads), WorkflowSignalOptions::default()).await.unwrap();
    }
}

impl RunningWorker {
    fn end(&mut self, how: Stop) {
        if let Some(stop) = self.stop.take() {
            // It may have ended by itself, having failed; joining says so.
            let _ = stop.send(how);
        }
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the worker failed");
        }
    }
}

impl Drop for RunningWorker {
    fn drop(&mut self) {
        self.end(Stop::Dead);
    }
}

pub(crate) async fn result(handle: &Deployment) -> DeploymentOutput {
    handle.get_result(WorkflowGetResultOptions::default()).await.unwrap()
}

/// A decision as the gateway would send it.
pub(crate) async fn decide(handle: &Readiness, decide: &Decide) -> Result<DecideReply, Refusal> {
    send_decision(handle, decide.decision_id.as_str(), serde_json::to_value(decide).unwrap()).await
}

pub(crate) async fn send_decision(handle: &Readiness, id: &str, decide: Value) -> Result<DecideReply, Refusal> {
    let options = WorkflowExecuteUpdateOptions::builder().update_id(id.to_owned()).build();
    let reply = handle.execute_update(ProductionReadinessWorkflow::decide, Args::of([decide]), options).await;
    reply.map_err(|error| Refusal::parse(&error.to_string()).unwrap_or_else(|| panic!("no refusal: {error}")))
}

/// Payloads as the TypeScript SDK sends them.
pub(crate) fn payloads(values: impl IntoIterator<Item = Value>) -> Vec<Payload> {
    let payload = |value: Value| Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: value.to_string().into_bytes(),
        ..Payload::default()
    };
    values.into_iter().map(payload).collect()
}

pub(crate) fn garbage() -> Vec<Payload> {
    vec![Payload {
        metadata: [("encoding".to_owned(), b"binary/protobuf".to_vec())].into(),
        data: vec![0xff, 0x00, 0xfe, 0x80],
        ..Payload::default()
    }]
}

/// An input of `ProductionDeploymentWorkflow` that watches for a moment only.
pub(crate) fn deployment_input() -> Value {
    json!({
        "service": "checkout",
        "branchName": "main",
        "commitSha": "9f31c2e0",
        "requestedBy": "release-bot",
        "maxPauseMs": 60_000,
        "monitor": {"intervalMs": 100, "durationMs": 1_000, "baselineSamples": 1, "recoverySamples": 3},
    })
}

pub(crate) fn readiness_input() -> Value {
    json!({"service": "checkout", "commitSha": "9f31c2e0", "requestedBy": "release-bot"})
}

/// `input` with these fields replaced.
pub(crate) fn with(mut input: Value, fields: Value) -> Value {
    let (Some(into), Value::Object(fields)) = (input.as_object_mut(), fields) else { panic!("objects, please") };
    into.extend(fields);
    input
}

fn ours(options: &mut WorkerOptions, world: Arc<World>) {
    registry::register(options).unwrap();
    options.register_activities(Fakes(world));
}

async fn connect() -> Client {
    let address = support::temporal().address;
    let connection = Connection::connect(ConnectionOptions::new(address).identity("tests").build()).await.unwrap();
    Client::new(connection, ClientOptions::new("default").build()).unwrap()
}

/// The life of a worker, on a thread and a runtime of its own: `Worker::run` is not `Send`.
fn work(queue: String, register: impl FnOnce(&mut WorkerOptions) + Send, stopped: oneshot::Receiver<Stop>) {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let how = tokio.block_on(async move {
        let client = connect().await;
        let runtime = Runtime::from_current_tokio(RuntimeOptions::default()).unwrap();
        let mut options = WorkerOptions::new(queue)
            .sticky_queue_schedule_to_start_timeout(Duration::from_secs(1))
            .max_heartbeat_throttle_interval(Duration::from_millis(50))
            .default_heartbeat_throttle_interval(Duration::from_millis(50))
            .graceful_shutdown_period(Duration::from_millis(100))
            .build();
        register(&mut options);
        let mut worker = Worker::new(&runtime, client, options).unwrap();
        let shut_down = worker.shutdown_handle();
        let run = worker.run();
        tokio::pin!(run);
        tokio::select! {
            ended = &mut run => panic!("the worker ended by itself: {ended:?}"),
            how = stopped => {
                let how = how.unwrap_or(Stop::Dead);
                if matches!(how, Stop::Gracefully) {
                    shut_down();
                    run.await.unwrap();
                }
                how
            }
        }
    });
    match how {
        Stop::Gracefully => drop(tokio),
        Stop::Dead => tokio.shutdown_background(),
    }
}
