//! The way back: what each of the six steps does for a deployment, and the incident beside them.

use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt as _;
use temporalio_common::ActivityDefinition;
use temporalio_common::data_converters::TemporalDeserializable;
use temporalio_sdk::workflows::select;
use temporalio_sdk::{WorkflowCancellationToken, WorkflowContext};

use crate::contracts::delivery::LiveVersion;
use crate::contracts::rollback::{RollbackStep, StepStatus};
use crate::contracts::temporal::activities::{
    Database, Deploy, Git, Incident, Monitor, MonitorMode, RecordRollback, RedeployPrevious, RollbackMigration,
    RollbackToCommit,
};
use crate::workflows::blocks::context::Context as _;
use crate::workflows::blocks::monitor;
use crate::workflows::blocks::retry::{Plan, Retry, SILENCE};
use crate::workflows::blocks::saga::{self, Rollback, Round, Undo};
use crate::workflows::blocks::text;
use crate::workflows::delivery::production_deployment::state::{Deployment, Migrations};
use crate::workflows::delivery::production_deployment::{ProductionDeploymentWorkflow, change};

type Ctx = WorkflowContext<ProductionDeploymentWorkflow>;

/// Rolls back. Returns when the old version is verified and every step is done.
pub(super) async fn roll_back(ctx: &Ctx) {
    change(ctx, Deployment::begin_rollback);
    let scope = WorkflowCancellationToken::new();
    let mut saga = pin!(saga::run(ctx).fuse());
    let mut incident = pin!(open_incident(ctx, scope.clone()).fuse());
    select! {
        () = saga => scope.cancel_with_reason("the rollback is done without it"),
        () = incident => saga.await,
    }
    change(ctx, Deployment::rolled_back);
}

/// Level 4: somebody else learns of it, early. It may fail, and it is not waited for.
async fn open_incident(ctx: &Ctx, scope: WorkflowCancellationToken) {
    let Some(record) = ctx.state(|state| state.deployment.record()) else { return };
    let options = Plan::new(Retry::Api, Duration::from_secs(30)).options(scope);
    let opened = ctx.execute_activity(Incident::create_incident_ticket, record, options).await;
    change(ctx, |deployment, _| match opened {
        Ok(ticket) => deployment.evidence().incident_id = Some(ticket.incident_id),
        Err(error) => deployment.find(format!("No incident was opened: {}", text::failure(&error))),
    });
}

impl Undo for ProductionDeploymentWorkflow {
    async fn undo(ctx: &Ctx, step: RollbackStep, round: Round) -> Result<StepStatus, String> {
        // Known since before anything was changed.
        let record = ctx.state(|state| state.deployment.record()).ok_or("it is not known what was live before")?;
        match step {
            RollbackStep::Migrations => migrations(ctx, &record, round).await,
            RollbackStep::Code => code(ctx, &record, round).await,
            RollbackStep::Deploy => deploy(ctx, &record, round)
                .await
                .map(|live| StepStatus::Done { detail: format!("{} has the traffic", live.version) }),
            RollbackStep::Verify => verify(ctx, &record, round).await,
            RollbackStep::Monitor => recover(ctx, round).await,
            RollbackStep::Document => document(ctx, record, round).await,
        }
    }

    fn rollback(&mut self) -> Option<&mut Rollback> {
        self.deployment.rollback()
    }

    fn asked_again(&self) -> u64 {
        self.deployment.asked_again
    }

    fn note(ctx: &Ctx) {
        change(ctx, |_, _| {});
    }
}

async fn migrations(ctx: &Ctx, record: &RecordRollback, round: Round) -> Result<StepStatus, String> {
    let (migrations, backup) =
        ctx.state(|state| (state.deployment.migrations().clone(), state.deployment.backup().clone()));
    let to = match migrations {
        Migrations::NotBegun => return Ok(skipped("no migration was begun")),
        Migrations::Applied(report) if report.applied.is_empty() => return Ok(skipped("no migration was applied")),
        Migrations::Applied(report) => report.from,
        // Down to where the backup was taken undoes whatever was done since.
        Migrations::InDoubt => backup.schema_version,
    };
    let input = RollbackMigration { deployment: record.deployment.clone(), to, backup };
    let undone = attempt(ctx, Database::rollback_migration, input, plan(round, Duration::from_mins(30))).await?;
    if let Some(later) = undone.kept_for {
        return Ok(skipped(&format!("kept for {later}")));
    }
    Ok(done(if undone.restored_from_backup {
        "restored from the backup".to_owned()
    } else if undone.reverted.is_empty() {
        "nothing had to be taken back".to_owned()
    } else {
        format!("took back {}", undone.reverted.join(", "))
    }))
}

async fn code(ctx: &Ctx, record: &RecordRollback, round: Round) -> Result<StepStatus, String> {
    if record.previous.commit == record.deployment.commit {
        return Ok(skipped("the same commit was live before"));
    }
    let input = RollbackToCommit {
        deployment: record.deployment.clone(),
        to: record.previous.commit.clone(),
        reason: record.cause.reason.clone(),
        actor: record.cause.actor.clone(),
    };
    let rolled_back = attempt(ctx, Git::rollback_to_commit, input, plan(round, Duration::from_mins(5))).await?;
    if let Some(later) = rolled_back.kept_for {
        return Ok(skipped(&format!("kept for {later}")));
    }
    Ok(done(format!("{} restores {}", rolled_back.rollback_commit.short(), record.previous.commit.short())))
}

async fn deploy(ctx: &Ctx, record: &RecordRollback, round: Round) -> Result<LiveVersion, String> {
    let input = RedeployPrevious {
        service: record.deployment.service.clone(),
        undone: record.deployment.deployment_id.clone(),
        previous: record.previous.clone(),
    };
    let live = attempt(ctx, Deploy::rollback_deployment, input, plan(round, Duration::from_mins(10))).await?;
    ctx.state_mut(|state| state.deployment.restored(&live));
    Ok(live)
}

async fn verify(ctx: &Ctx, record: &RecordRollback, round: Round) -> Result<StepStatus, String> {
    if round > Round::FIRST {
        // What was serving a moment ago may have died since: serve it again, then look again.
        deploy(ctx, record, round).await?;
    }
    let input = ctx.state(|state| state.deployment.verify_rollback(record));
    // Never left to the server alone: each round begins with serving it again.
    let looking = Plan::new(Retry::Attempts(3), Duration::from_secs(30)).heartbeat(SILENCE);
    let verified = attempt(ctx, Deploy::verify_deployment, input, looking).await?;
    ctx.state_mut(|state| {
        if let Some(rollback) = state.deployment.rollback() {
            rollback.progress.verified_at = Some(verified.verified_at);
        }
    });
    Ok(done(format!("{} answers, commit {}", verified.version, verified.commit.short())))
}

async fn recover(ctx: &Ctx, round: Round) -> Result<StepStatus, String> {
    let now = ctx.now();
    let (input, settings) = ctx
        .state(|state| (state.deployment.watch_input(MonitorMode::Recover, now), state.deployment.settings().clone()));
    let watching = Plan { retry: round.retry(), ..monitor::plan(settings.interval_ms) };
    let outcome = attempt(ctx, Monitor::monitor_health, input, watching).await?;
    change(ctx, |deployment, _| deployment.evidence().health = Some(outcome.report));
    Ok(done(format!("{} good looks in a row", settings.recovery_samples)))
}

async fn document(ctx: &Ctx, record: RecordRollback, round: Round) -> Result<StepStatus, String> {
    let ticket = attempt(ctx, Incident::document_rollback, record, plan(round, Duration::from_mins(5))).await?;
    let detail = format!("incident {}", ticket.incident_id);
    change(ctx, |deployment, _| deployment.evidence().incident_id = Some(ticket.incident_id));
    Ok(done(detail))
}

fn plan(round: Round, longest: Duration) -> Plan {
    Plan::new(round.retry(), longest).heartbeat(SILENCE)
}

/// One round of an activity, out of reach of every cancellation.
async fn attempt<A>(ctx: &Ctx, activity: A, input: A::Input, plan: Plan) -> Result<A::Output, String>
where
    A: ActivityDefinition,
    A::Output: TemporalDeserializable,
{
    let options = plan.options(WorkflowCancellationToken::new());
    ctx.execute_activity(activity, input, options).await.map_err(|error| text::failure(&error))
}

fn done(detail: String) -> StepStatus {
    StepStatus::Done { detail }
}

fn skipped(why: &str) -> StepStatus {
    StepStatus::Skipped { why: why.to_owned() }
}
