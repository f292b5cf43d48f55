//! The way forward: the ten activities in order. Until migrating begins a failure ends it with nothing changed; from
//! then on everything but success is a rollback.

use std::time::Duration;

use temporalio_common::ActivityDefinition;
use temporalio_common::data_converters::TemporalDeserializable;
use temporalio_sdk::WorkflowContext;

use crate::contracts::delivery::{DeploymentInput, DeploymentStage, Journey};
use crate::contracts::health::Trigger;
use crate::contracts::temporal::activities::{
    Checks, Database, Deploy, FiredTrigger, MeasureBaseline, Monitor, MonitorHealth, MonitorMode, MonitorOutcome,
    ValidateProduction, VerifyBackup, VerifyDeployment,
};
use crate::workflows::blocks::activity::{Halt, interruptible, notice_stop};
use crate::workflows::blocks::context::Context as _;
use crate::workflows::blocks::monitor;
use crate::workflows::blocks::retry::{Plan, Retry, SILENCE};
use crate::workflows::blocks::text::clip;
use crate::workflows::delivery::production_deployment::{End, ProductionDeploymentWorkflow, change};

type Ctx = WorkflowContext<ProductionDeploymentWorkflow>;

/// Asks something that answers soon.
const LOOK: Plan = Plan::new(Retry::Network, Duration::from_secs(30));
/// Copies or reads a whole database.
const BACKUP: Plan = Plan::new(Retry::Default, Duration::from_hours(1)).heartbeat(SILENCE);
/// Changes production: stopped before its rollback begins.
const CHANGE: Plan = Plan::new(Retry::Default, Duration::from_mins(10)).heartbeat(SILENCE).stops_before_going_on();
/// Tests that go through the live service.
const TEST: Plan = Plan::new(Retry::Default, Duration::from_mins(10)).heartbeat(SILENCE);

pub(super) async fn deploy(ctx: &Ctx, input: &DeploymentInput) -> Result<(), End> {
    prepare(ctx, input).await?;
    back_up(ctx).await?;
    migrate(ctx).await?;
    release(ctx).await?;
    watch(ctx).await?;
    accept(ctx).await?;
    validate(ctx).await?;
    if notice_stop(ctx) {
        return Err(End::RollBack);
    }
    change(ctx, |deployment, now| deployment.enter(DeploymentStage::Live, now));
    Ok(())
}

/// Records what is live, measures what is normal, and looks whether a rollback could run.
async fn prepare(ctx: &Ctx, input: &DeploymentInput) -> Result<(), End> {
    enter(ctx, DeploymentStage::Preparing);
    let previous = before(ctx, Deploy::get_deployment_status, input.service.clone(), LOOK).await?;
    let settings = input.monitor.clone();
    let looks = settings.interval_ms.as_duration().saturating_mul(settings.baseline_samples);
    let measuring = Plan::new(Retry::Default, looks.saturating_mul(2) + Duration::from_mins(1)).heartbeat(SILENCE);
    let measure = MeasureBaseline { service: input.service.clone(), settings };
    let baseline = before(ctx, Monitor::get_metrics, measure, measuring).await?;
    let subject = ctx.state(|state| state.deployment.subject());
    let readiness = before(ctx, Deploy::get_rollback_readiness, subject, LOOK).await?;
    change(ctx, |deployment, _| {
        deployment.prepared(previous, readiness);
        deployment.evidence().baseline = Some(baseline);
    });
    Ok(())
}

/// Production is not changed unless there is a way back: a backup that is whole, and a rollback that could run.
async fn back_up(ctx: &Ctx) -> Result<(), End> {
    enter(ctx, DeploymentStage::BackingUp);
    let (reference, subject) = ctx.state(|state| (state.deployment.reference(), state.deployment.subject()));
    let service = reference.service.clone();
    let backup = before(ctx, Database::create_production_backup, reference, BACKUP).await?;
    let verified_at = if backup.is_there() {
        let verify = VerifyBackup { service, backup: backup.clone() };
        Some(before(ctx, Database::verify_backup, verify, BACKUP).await?.verified_at)
    } else {
        change(ctx, |deployment, _| deployment.find("The service has no database: nothing was backed up.".to_owned()));
        None
    };
    // Asked again: the backup may be what was missing, and another deployment may have gone live.
    let readiness = before(ctx, Deploy::get_rollback_readiness, subject, LOOK).await?;
    let why_not = (!readiness.ready).then(|| readiness.why_not.clone().unwrap_or_default());
    change(ctx, |deployment, _| deployment.backed_up(backup, readiness, verified_at));
    match why_not {
        None if ctx.state(|state| state.deployment.is_overtaken()) => Err(End::Failed(
            "Not deployed: another deployment went live meanwhile. Nothing was changed in production; deploy again."
                .to_owned(),
        )),
        None => Ok(()),
        Some(why) => Err(End::Failed(format!(
            "Not deployed: a rollback could not run: {why} Nothing was changed in production; see to it and deploy again."
        ))),
    }
}

async fn migrate(ctx: &Ctx) -> Result<(), End> {
    if notice_stop(ctx) {
        return Err(End::Aborted);
    }
    enter(ctx, DeploymentStage::Migrating);
    let reference = ctx.state(|state| state.deployment.reference());
    let report = after(ctx, Database::run_production_migrations, reference, CHANGE, Trigger::MigrationFailure).await?;
    change(ctx, |deployment, _| deployment.migrated(report));
    Ok(())
}

/// Starts the version, gives it the traffic, and asks from outside which version answers.
async fn release(ctx: &Ctx) -> Result<(), End> {
    let failure = Trigger::DeploymentFailure;
    enter(ctx, DeploymentStage::Deploying);
    let reference = ctx.state(|state| state.deployment.reference());
    let started = after(ctx, Deploy::deploy_to_production, reference.clone(), CHANGE, failure).await?;
    change(ctx, |deployment, _| deployment.started(started.version));
    let go_live = ctx.state(|state| state.deployment.go_live());
    let live = after(ctx, Deploy::wait_for_deployment, go_live, CHANGE, failure).await?;
    change(ctx, |deployment, _| deployment.went_live(&live));

    enter(ctx, DeploymentStage::Verifying);
    let verify = VerifyDeployment { service: reference.service, version: live.version, commit: reference.commit };
    after(ctx, Deploy::verify_deployment, verify, LOOK.heartbeat(SILENCE), failure).await?;
    Ok(())
}

/// Watches the live version until its time is over or a trigger fires.
async fn watch(ctx: &Ctx) -> Result<(), End> {
    enter(ctx, DeploymentStage::Monitoring);
    change(ctx, |deployment, now| deployment.watch.start(now));
    let plan = monitor::plan(ctx.state(|state| state.deployment.settings().interval_ms));
    loop {
        let now = ctx.now();
        let input: MonitorHealth = ctx.state(|state| state.deployment.watch_input(MonitorMode::Watch, now));
        // A deployment that cannot be watched is one that nobody can vouch for.
        let outcome = after(ctx, Monitor::monitor_health, input, plan, Trigger::DeploymentFailure).await?;
        let until = outcome.report.until;
        if let Some(fired) = record(ctx, outcome) {
            change(ctx, |deployment, _| deployment.fire(fired.trigger, fired.detail, fired.at));
            return Err(End::RollBack);
        }
        // An extension that arrived while the watch was already on its way home begins another.
        if until.is_none() || until >= ctx.state(|state| state.deployment.watch.until()) {
            break;
        }
    }
    change(ctx, |deployment, now| {
        deployment.watch.end();
        deployment.resume(now);
    });
    Ok(())
}

/// Keeps the report; the trigger that fired, if one did.
fn record(ctx: &Ctx, outcome: MonitorOutcome) -> Option<FiredTrigger> {
    change(ctx, |deployment, _| deployment.evidence().health = Some(outcome.report));
    outcome.fired
}

async fn accept(ctx: &Ctx) -> Result<(), End> {
    enter(ctx, DeploymentStage::Accepting);
    let reference = ctx.state(|state| state.deployment.reference());
    // A journey that cannot be walked is a journey that fails.
    let results = after(ctx, Checks::run_production_uat, reference, TEST, Trigger::UserAcceptance).await?;
    let failing: Vec<String> = results.journeys.iter().filter(|journey| fails(journey)).map(told).collect();
    change(ctx, |deployment, now| {
        deployment.accepted(results.journeys);
        if !failing.is_empty() {
            let reason = format!("Critical journeys fail: {}", clip(&failing.join("; "), 200));
            deployment.fire(Trigger::UserAcceptance, reason, now);
        }
    });
    if failing.is_empty() { Ok(()) } else { Err(End::RollBack) }
}

fn fails(journey: &Journey) -> bool {
    journey.critical && !journey.passed
}

fn told(journey: &Journey) -> String {
    format!("{}: {}", journey.name, journey.detail)
}

/// The last word, and the standing watch. Neither is a trigger: what they find is told, and a person judges.
async fn validate(ctx: &Ctx) -> Result<(), End> {
    enter(ctx, DeploymentStage::Validating);
    let (reference, validate) = ctx.state(|state| {
        let deployment = &state.deployment;
        let validate = ValidateProduction {
            deployment: deployment.reference(),
            version: deployment.version().clone(),
            report: deployment.health_report().unwrap_or_default(),
            uat: deployment.uat(),
        };
        (deployment.reference(), validate)
    });
    match interruptible(ctx, Checks::validate_production, validate, TEST).await {
        Ok(validation) => change(ctx, |deployment, _| deployment.validated(validation.valid, validation.findings)),
        Err(Halt::Failed(why)) => {
            change(ctx, |deployment, _| deployment.validated(false, vec![format!("Could not be validated: {why}")]));
        }
        Err(Halt::Stopped) => return Err(End::RollBack),
    }
    match interruptible(ctx, Monitor::setup_monitoring, reference, LOOK).await {
        Ok(setup) => change(ctx, |deployment, _| deployment.watched_from_now_on(setup.active)),
        Err(Halt::Failed(why)) => {
            change(ctx, |deployment, _| deployment.find(format!("The standing watch was not set up: {why}")));
        }
        Err(Halt::Stopped) => return Err(End::RollBack),
    }
    Ok(())
}

fn enter(ctx: &Ctx, stage: DeploymentStage) {
    change(ctx, |deployment, now| deployment.enter(stage, now));
}

/// An activity before anything was changed.
async fn before<A>(ctx: &Ctx, activity: A, input: A::Input, plan: Plan) -> Result<A::Output, End>
where
    A: ActivityDefinition,
    A::Output: TemporalDeserializable,
{
    let name = activity.name().to_owned();
    interruptible(ctx, activity, input, plan).await.map_err(|halt| match halt {
        Halt::Stopped => End::Aborted,
        Halt::Failed(why) => End::Failed(format!(
            "Not deployed: {name} failed: {why}. Nothing was changed in production; fix it and deploy again."
        )),
    })
}

/// An activity after something was changed: its failure is the trigger `failure`.
async fn after<A>(ctx: &Ctx, activity: A, input: A::Input, plan: Plan, failure: Trigger) -> Result<A::Output, End>
where
    A: ActivityDefinition,
    A::Output: TemporalDeserializable,
{
    let name = activity.name().to_owned();
    interruptible(ctx, activity, input, plan).await.map_err(|halt| {
        if let Halt::Failed(why) = halt {
            change(ctx, |deployment, now| deployment.fire(failure, format!("{name} failed: {why}"), now));
        }
        End::RollBack
    })
}
