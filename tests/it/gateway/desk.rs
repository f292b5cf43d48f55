//! A small workflow with everything the gateway talks to, and a worker for it that can be killed: published state,
//! a gate, a rollback, monitoring signals, heartbeats, continue-as-new.

#![expect(clippy::needless_pass_by_value, reason = "the SDK dictates how handlers look")]

use std::thread::JoinHandle;
use std::time::Duration;

use gatewatch::config::settings;
use gatewatch::contracts::actor::{Actor, Via};
use gatewatch::contracts::clock::{Millis, Timestamp};
use gatewatch::contracts::decision::{Decide, DecideReply, DecisionRecord, Refusal, RefusalCode, Verdict};
use gatewatch::contracts::delivery::{DeploymentSummary, RefusedMessage};
use gatewatch::contracts::gate::OpenGate;
use gatewatch::contracts::health::HealthReport;
use gatewatch::contracts::rollback::{RollbackCause, RollbackProgress, RollbackReply, RollbackRequest};
use gatewatch::contracts::temporal::args::Args;
use gatewatch::contracts::temporal::memo::Published;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use temporalio_client::{Client, ClientOptions, Connection, ConnectionOptions};
use temporalio_common::search_attributes::SearchAttributeKey;
use temporalio_sdk::activities::{ActivityContext, ActivityError, activities};
use temporalio_sdk::runtime::RuntimeOptions;
use temporalio_sdk::workflows::{workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ContinueAsNewOptions, MemoValue, Runtime, SyncWorkflowContext, Worker, WorkerOptions,
    WorkflowContext, WorkflowContextView, WorkflowResult,
};
use tokio::sync::oneshot;

/// The workflow's type.
pub(super) const DESK: &str = "it.Desk";

type Rejection = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct DeskInput {
    /// The memo `gatewatch`, whatever it is.
    pub(super) memo: Option<Value>,
    pub(super) phase: Option<String>,
    pub(super) gates: Vec<String>,
    /// Runs the heartbeating monitor.
    pub(super) monitor: bool,
    /// How many runs still follow on `again`.
    pub(super) more_runs: u32,
}

#[workflow]
struct Desk {
    input: DeskInput,
    published: Option<Published>,
    applied: Vec<DecisionRecord>,
    rollbacks: u32,
    again: bool,
    closed: bool,
}

#[workflow_methods]
impl Desk {
    #[init]
    fn new(_ctx: &WorkflowContextView, args: Args) -> Self {
        let input: DeskInput = args.read(&[]).unwrap_or_default();
        let published = input.memo.clone().and_then(|memo| serde_json::from_value(memo).ok());
        Self { input, published, applied: Vec::new(), rollbacks: 0, again: false, closed: false }
    }

    #[run(name = "it.Desk")]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u32> {
        const PHASE: SearchAttributeKey<String> = SearchAttributeKey::keyword("phase");
        const GATES: SearchAttributeKey<Vec<String>> = SearchAttributeKey::keyword_list("gates");
        let input = ctx.state(|desk| desk.input.clone());
        // Messages that came first have changed it already.
        let published =
            ctx.state(|desk| desk.published.as_ref().map(|published| serde_json::to_value(published).unwrap()));
        if let Some(memo) = published.or(input.memo.clone()) {
            ctx.upsert_memo([("gatewatch", Some(MemoValue::new(memo)))])?;
        }
        if let Some(phase) = input.phase.clone() {
            ctx.upsert_search_attributes([PHASE.value_set(phase)]);
        }
        if !input.gates.is_empty() {
            ctx.upsert_search_attributes([GATES.value_set(input.gates.clone())]);
        }
        if input.monitor {
            let options = ActivityOptions::with_start_to_close_timeout(Duration::from_mins(1))
                .heartbeat_timeout(Duration::from_secs(5))
                .build();
            drop(ctx.execute_activity(DeskActivities::monitor, (), options));
        }
        ctx.wait_condition(|desk: &Self| desk.closed || desk.again).await?;
        if ctx.state(|desk| desk.again && desk.input.more_runs > 0) {
            let next = DeskInput { more_runs: input.more_runs - 1, ..input };
            let next = Args::of([serde_json::to_value(next).unwrap()]);
            ctx.continue_as_new(next, ContinueAsNewOptions::default())?;
        }
        Ok(ctx.state(|desk| desk.rollbacks))
    }

    #[update_validator(decide)]
    fn check_decide(&self, _ctx: &WorkflowContextView, args: &Args) -> Result<(), Rejection> {
        self.check(&args.read(&[])?)?;
        Ok(())
    }

    #[update]
    fn decide(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: Args) -> Result<DecideReply, Rejection> {
        Ok(self.apply(ctx, &args.read(&[])?)?)
    }

    #[signal(name = "rejectProduction")]
    fn reject_production(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: Args) {
        if let Ok(decide) = args.read::<Decide>(&[]) {
            let _ = self.apply(ctx, &decide);
        }
    }

    #[update]
    fn rollback(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: Args) -> Result<RollbackReply, Rejection> {
        Ok(self.roll_back(ctx, args.read(&[])?))
    }

    #[signal(name = "triggerRollback")]
    fn trigger_rollback(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: Args) {
        if let Ok(request) = args.read(&[]) {
            self.roll_back(ctx, request);
        }
    }

    #[signal(name = "extendMonitoring")]
    fn extend_monitoring(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: Args) {
        let by: Value = args.read(&[]).unwrap();
        let by = Millis(by["byMs"].as_u64().unwrap());
        self.deployment(ctx, |summary, now| {
            summary.monitor_until = Some(summary.monitor_until.unwrap_or(now).plus(by));
        });
    }

    #[signal(name = "pauseMonitoring")]
    fn pause_monitoring(&mut self, ctx: &mut SyncWorkflowContext<Self>, _args: Args) {
        self.deployment(ctx, |summary, now| summary.paused_until = Some(now.plus(Millis::from_secs(60))));
    }

    /// Never obeyed here, and says so.
    #[signal(name = "resumeMonitoring")]
    fn resume_monitoring(&mut self, ctx: &mut SyncWorkflowContext<Self>, _args: Args) {
        let (at, name) = (now(ctx), "resumeMonitoring".to_owned());
        let refused = RefusedMessage { at, name, why: "not paused".to_owned() };
        self.published.get_or_insert_default().refused = Some(refused);
        self.publish(ctx);
    }

    #[signal]
    fn again(&mut self, _ctx: &mut SyncWorkflowContext<Self>, _args: Args) {
        self.again = true;
    }

    #[signal]
    fn close(&mut self, _ctx: &mut SyncWorkflowContext<Self>, _args: Args) {
        self.closed = true;
    }

    #[query]
    fn applied(&self, _ctx: &WorkflowContextView, _args: Args) -> usize {
        self.applied.len()
    }

    #[query]
    fn rollbacks(&self, _ctx: &WorkflowContextView, _args: Args) -> u32 {
        self.rollbacks
    }
}

impl Desk {
    fn check(&self, decide: &Decide) -> Result<(), Refusal> {
        if self.applied.iter().any(|record| record.decision_id == decide.decision_id) {
            return Ok(());
        }
        let open =
            self.published.as_ref().is_some_and(|published| published.gates.iter().any(|gate| gate.id == decide.gate));
        if open { Ok(()) } else { Err(Refusal::new(RefusalCode::NotOpen, "The desk is closed.")) }
    }

    fn apply(&mut self, ctx: &SyncWorkflowContext<Self>, decide: &Decide) -> Result<DecideReply, Refusal> {
        if let Some(record) = self.applied.iter().find(|record| record.decision_id == decide.decision_id) {
            return Ok(DecideReply { record: record.clone(), repeated: true });
        }
        self.check(decide)?;
        let record = DecisionRecord {
            decision_id: decide.decision_id.clone(),
            gate: decide.gate.clone(),
            verdict: decide.verdict,
            actor: decide.actor.clone(),
            reason: decide.reason.clone(),
            evidence: decide.evidence.clone(),
            at: now(ctx),
        };
        self.applied.push(record.clone());
        let published = self.published.get_or_insert_default();
        if decide.verdict != Verdict::RequestEvidence {
            published.gates.retain(|gate| gate.id != decide.gate);
        }
        published.decided = Some(record.clone());
        self.publish(ctx);
        Ok(DecideReply { record, repeated: false })
    }

    fn roll_back(&mut self, ctx: &SyncWorkflowContext<Self>, request: RollbackRequest) -> RollbackReply {
        let published = self.published.get_or_insert_default();
        if let Some(progress) = &published.rolling_back {
            return RollbackReply { already: true, cause: progress.cause.clone() };
        }
        self.rollbacks += 1;
        let reason = request.reason.unwrap_or_default();
        let at = request.asked_at.unwrap_or_else(|| now(ctx));
        let cause = RollbackCause { trigger: None, reason, actor: request.actor, at };
        published.rolling_back =
            Some(RollbackProgress { cause: cause.clone(), steps: Vec::new(), verified_at: None, completed_at: None });
        self.publish(ctx);
        RollbackReply { already: false, cause }
    }

    fn deployment(&mut self, ctx: &SyncWorkflowContext<Self>, change: impl FnOnce(&mut DeploymentSummary, Timestamp)) {
        let now = now(ctx);
        let published = self.published.get_or_insert_default();
        change(published.deployment.as_mut().expect("the test's memo holds a deployment"), now);
        self.publish(ctx);
    }

    fn publish(&self, ctx: &SyncWorkflowContext<Self>) {
        if let Some(published) = self.published.clone() {
            ctx.upsert_memo([("gatewatch", Some(MemoValue::new(published)))]).unwrap();
        }
    }
}

fn now(ctx: &SyncWorkflowContext<Desk>) -> Timestamp {
    ctx.workflow_time().unwrap().into()
}

struct DeskActivities;

#[activities]
impl DeskActivities {
    #[activity(name = "monitorHealth")]
    async fn monitor(ctx: ActivityContext) -> Result<(), ActivityError> {
        let mut report = HealthReport { interval_ms: Millis(50), ..HealthReport::default() };
        loop {
            report.taken += 1;
            ctx.record_heartbeat(report.clone()).await?;
            tokio::select! {
                () = ctx.cancelled() => return Err(ActivityError::cancelled()),
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
            }
        }
    }
}

/// A memo with one open gate.
pub(super) fn gated() -> Published {
    let gate = OpenGate {
        id: "production-approval".into(),
        title: "production approval".to_owned(),
        opened_at: Timestamp::from_unix_millis(1_763_000_000_000).unwrap(),
        deadline: None,
        then: gatewatch::contracts::gate::OnDeadline::Reject,
        revision: 1,
        requested_by: "release-bot".to_owned(),
        effect: "deploys v42".to_owned(),
        needs_proof: false,
        evidence: None,
        is_step: false,
    };
    Published { v: 1, gates: vec![gate], ..Published::default() }
}

pub(super) fn with_gate() -> DeskInput {
    DeskInput { memo: serde_json::to_value(gated()).ok(), ..DeskInput::default() }
}

/// A decision of mira's.
pub(super) fn decision(id: &str, verdict: Verdict) -> Decide {
    Decide {
        decision_id: id.into(),
        gate: "production-approval".into(),
        verdict,
        evidence: None,
        reason: Some("because".to_owned()),
        actor: Actor::new("mira", Via::Cli),
        proof: None,
    }
}

/// A worker on a thread of its own; dropping it kills it as `kill -9` would.
pub(super) struct DeskWorker {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl DeskWorker {
    pub(super) fn start(temporal: &settings::Temporal) -> Self {
        let (stop, stopped) = oneshot::channel();
        let temporal = temporal.clone();
        let thread = std::thread::spawn(move || {
            let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            tokio.block_on(work(temporal, stopped));
            tokio.shutdown_background();
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for DeskWorker {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking(), "the worker failed");
    }
}

async fn work(temporal: settings::Temporal, stopped: oneshot::Receiver<()>) {
    let options = ConnectionOptions::new(temporal.address.clone()).identity("desk").build();
    let connection = Connection::connect(options).await.unwrap();
    let client = Client::new(connection, ClientOptions::new(&temporal.namespace).build()).unwrap();
    let runtime = Runtime::from_current_tokio(RuntimeOptions::default()).unwrap();
    let mut options = WorkerOptions::new(temporal.task_queue.clone())
        .sticky_queue_schedule_to_start_timeout(Duration::from_secs(1))
        .max_heartbeat_throttle_interval(Duration::from_millis(50))
        .default_heartbeat_throttle_interval(Duration::from_millis(50))
        .build();
    options.register_workflow::<Desk>().unwrap();
    options.register_activities(DeskActivities);
    let mut worker = Worker::new(&runtime, client, options).unwrap();
    tokio::select! {
        ended = worker.run() => panic!("the worker ended by itself: {ended:?}"),
        _ = stopped => {}
    }
}
