//! `ProductionDeploymentWorkflow`: put a commit into production, watch it, and put the old version back when it is
//! bad or when a person says so.
//!
//! First it records what is live, measures a baseline and looks whether a rollback could run. Then ten activities in
//! order: backup, verify the backup, migrate, deploy, wait, verify, monitor, user acceptance, validate, standing watch.
//! A backup that cannot be verified stops it there: nothing was changed, nothing is rolled back, and it fails.
//!
//! From the moment migrating begins every way out but success is the rollback: eight triggers (migration or deployment
//! failed; health endpoint, error rate, response time and database as the monitor sees them; user acceptance; a P0 or
//! P1 bug reported), a person (`rollback`, `triggerRollback`), or Temporal's cancel. Whatever runs is interrupted:
//! what only looks at once, what changes something after it has really stopped. Asked for before that moment, a
//! rollback is an abort: nothing was changed. Asked for after the workflow has completed as live it is too late; a
//! deployment of the old version is the way then.
//!
//! The rollback is a saga of six steps in their exact order, each tried until it is done, out of reach of every
//! cancellation: migrations → code → deploy → verify → monitor → document. An incident is opened beside it and can
//! neither hold it up nor fail it.
//!
//! `extendMonitoring`, `pauseMonitoring` and `resumeMonitoring` change what the memo says, which the monitor reads
//! on every look. A pause is limited in all and ends by itself.

#![expect(clippy::needless_pass_by_value, clippy::unused_self, reason = "the SDK dictates how handlers look")]

mod forward;
pub mod messages;
mod rollback;
mod state;

use temporalio_sdk::workflows::{workflow, workflow_methods};
use temporalio_sdk::{
    ApplicationFailure, SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult, WorkflowTermination,
};

use crate::contracts::clock::Timestamp;
use crate::contracts::delivery::{DeploymentInput, DeploymentOutput, DeploymentStatus, Journey};
use crate::contracts::health::HealthReport;
use crate::contracts::rollback::{RollbackReadiness, RollbackReply, RollbackRequest};
use crate::contracts::temporal::args::Args;
use crate::contracts::temporal::names;
use crate::workflows::blocks::activity::Stop;
use crate::workflows::blocks::context::Context;
use crate::workflows::blocks::decision;
use crate::workflows::delivery::production_deployment::state::Deployment;

type Rejection = Box<dyn std::error::Error + Send + Sync>;

/// How the way forward ended when it did not end live.
enum End {
    /// A technical failure before anything was changed.
    Failed(String),
    /// Somebody stopped it before anything was changed.
    Aborted,
    /// Something was changed, and must be undone.
    RollBack,
}

// ---- definition -----------------------------------------------------------------------------------------------

#[workflow]
pub struct ProductionDeploymentWorkflow {
    input: Result<DeploymentInput, String>,
    deployment: Deployment,
}

#[workflow_methods]
impl ProductionDeploymentWorkflow {
    #[init]
    pub fn new(ctx: &WorkflowContextView, args: Args) -> Self {
        let input = messages::read_input(&args);
        let deployment = Deployment::new(ctx.workflow_id(), ctx.first_execution_run_id(), input.as_ref().ok());
        Self { input, deployment }
    }

    #[run(name = "ProductionDeploymentWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<DeploymentOutput> {
        let ended = match ctx.state(|state| state.input.clone()) {
            Ok(input) => forward::deploy(ctx, &input).await,
            Err(why) => Err(End::Failed(format!("The input cannot be read: {why}."))),
        };
        match ended {
            Ok(()) => {}
            Err(End::Failed(why)) => return Err(fail(ctx, why)),
            Err(End::Aborted) => change(ctx, Deployment::abort),
            Err(End::RollBack) => rollback::roll_back(ctx).await,
        }
        if ctx.state(|state| state.deployment.was_cancelled()) {
            return Err(WorkflowTermination::cancelled());
        }
        Ok(ctx.state(|state| state.deployment.output()))
    }

    // ---- messages ---------------------------------------------------------------------------------------------

    #[update_validator(rollback)]
    fn check_rollback(&self, _ctx: &WorkflowContextView, args: &Args) -> Result<(), Rejection> {
        args.read::<RollbackRequest>(&[]).map_err(|why| decision::malformed(&why))?;
        Ok(())
    }

    /// Asks for the rollback. Any number of requests lead to one.
    #[update]
    pub fn rollback(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: Args) -> Result<RollbackReply, Rejection> {
        let request: RollbackRequest = args.read(&[]).map_err(|why| decision::malformed(&why))?;
        let reply = self.deployment.ask_rollback(request, ctx.now());
        self.publish(ctx);
        Ok(reply)
    }

    /// The same as a durable signal. It is obeyed even when its argument cannot be read: what it asks for is in its
    /// name, and rolling back is the safe direction.
    #[signal(name = "triggerRollback")]
    pub fn trigger_rollback(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: Args) {
        let request = messages::read_rollback_signal(&args);
        self.deployment.ask_rollback(request, ctx.now());
        self.publish(ctx);
    }

    #[signal(name = "reportBug")]
    pub fn report_bug(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: Args) {
        let told = args.read(&messages::positional::REPORT_BUG);
        self.told(ctx, names::signal::REPORT_BUG, told, Deployment::report_bug);
    }

    #[signal(name = "extendMonitoring")]
    pub fn extend_monitoring(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: Args) {
        let told = args.read(&messages::positional::EXTEND_MONITORING);
        self.told(ctx, names::signal::EXTEND_MONITORING, told, Deployment::extend);
    }

    #[signal(name = "pauseMonitoring")]
    pub fn pause_monitoring(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: Args) {
        let told = args.read(&messages::positional::PAUSE_MONITORING);
        self.told(ctx, names::signal::PAUSE_MONITORING, told, Deployment::hold);
    }

    #[signal(name = "resumeMonitoring")]
    pub fn resume_monitoring(&mut self, ctx: &mut SyncWorkflowContext<Self>, _args: Args) {
        let now = ctx.now();
        self.deployment.resume(now);
        self.publish(ctx);
    }

    #[query(name = "getDeploymentStatus")]
    pub fn deployment_status(&self, _ctx: &WorkflowContextView, _args: Args) -> DeploymentStatus {
        self.deployment.status()
    }

    /// The last report a finished watch left; the live series is in the heartbeats of `monitorHealth`.
    #[query(name = "getHealthMetrics")]
    pub fn health_metrics(&self, _ctx: &WorkflowContextView, _args: Args) -> Option<HealthReport> {
        self.deployment.health_report()
    }

    #[query(name = "getUATResults")]
    pub fn uat_results(&self, _ctx: &WorkflowContextView, _args: Args) -> Vec<Journey> {
        self.deployment.uat()
    }

    /// Whether a rollback could run, and to what.
    #[query(name = "getRollbackStatus")]
    pub fn rollback_status(&self, _ctx: &WorkflowContextView, _args: Args) -> RollbackReadiness {
        self.deployment.readiness()
    }
}

impl ProductionDeploymentWorkflow {
    /// A message that was read, or could not be: obeyed, or recorded as refused.
    fn told<T>(
        &mut self,
        ctx: &impl Context,
        name: &str,
        told: Result<T, String>,
        obey: fn(&mut Deployment, &T, Timestamp) -> Result<(), String>,
    ) {
        let now = ctx.now();
        let obeyed = told
            .map_err(|why| decision::malformed(&why).message)
            .and_then(|message| obey(&mut self.deployment, &message, now));
        if let Err(why) = obeyed {
            self.deployment.refuse(now, name, &why);
        }
        self.publish(ctx);
    }

    fn publish(&mut self, ctx: &impl Context) {
        ctx.upsert(self.deployment.publish(ctx.now()));
    }
}

impl Stop for ProductionDeploymentWorkflow {
    fn is_stopped(&self) -> bool {
        self.deployment.is_stopped()
    }

    fn cancelled(&mut self, now: Timestamp) {
        self.deployment.cancel(now);
    }
}

/// Changes the state and publishes it.
fn change(ctx: &WorkflowContext<ProductionDeploymentWorkflow>, change: impl FnOnce(&mut Deployment, Timestamp)) {
    let now = ctx.now();
    let upserts = ctx.state_mut(|state| {
        change(&mut state.deployment, now);
        state.deployment.publish(now)
    });
    ctx.upsert(upserts);
}

/// Ends as failed. Nothing was changed in production.
fn fail(ctx: &WorkflowContext<ProductionDeploymentWorkflow>, why: String) -> WorkflowTermination {
    change(ctx, |deployment, now| deployment.fail(&why, now));
    ApplicationFailure::non_retryable(why).into()
}
