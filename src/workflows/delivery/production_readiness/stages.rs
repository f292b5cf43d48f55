//! The awaits of readiness: collecting, waiting for a person, starting the deployment.

use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::Value;
use temporalio_sdk::workflows::{join, select};
use temporalio_sdk::{
    ActivityExecutionError, ApplicationFailure, CancellableFuture as _, ChildWorkflowOptions, ParentClosePolicy,
    WorkflowCancellationToken, WorkflowContext, WorkflowIdReusePolicy, WorkflowTermination,
};

use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::decision::{DecisionRecord, Verdict};
use crate::contracts::delivery::{ReadinessInput, ReadinessOutput};
use crate::contracts::evidence::{Check, CheckStatus, EvidencePackage};
use crate::contracts::phase::PhaseStatus;
use crate::contracts::temporal::activities::{Checks, CollectEvidence};
use crate::contracts::temporal::args::Args;
use crate::workflows::blocks::context::Context as _;
use crate::workflows::blocks::gate;
use crate::workflows::blocks::retry::{Plan, Retry, SILENCE};
use crate::workflows::blocks::text;
use crate::workflows::delivery::production_deployment::ProductionDeploymentWorkflow;
use crate::workflows::delivery::production_readiness::ProductionReadinessWorkflow;
use crate::workflows::delivery::production_readiness::state::{Readiness, Standing, Step};

/// Runs the whole catalogue; the rehearsal of the migrations copies the live database.
const VALIDATING: Plan = Plan::new(Retry::Default, Duration::from_hours(1)).heartbeat(SILENCE);
/// Looks at a repository and a live service; none should take longer.
const CHECKING: Plan = Plan::new(Retry::Default, Duration::from_mins(5)).heartbeat(SILENCE);

type Ctx = WorkflowContext<ProductionReadinessWorkflow>;

/// How it ends when it does not end with an answer.
pub(super) enum End {
    Cancelled,
    Failed(String),
}

pub(super) async fn decide_readiness(ctx: &Ctx, input: &ReadinessInput) -> Result<ReadinessOutput, End> {
    change(ctx, |_, _| {});
    let package = collect(ctx, ctx.cancellation_token()).await?;
    change(ctx, |readiness, now| readiness.open(package, now, input.deadline_ms));
    let record = wait_for_decision(ctx, input).await?;
    if record.verdict == Verdict::Approve {
        start_deployment(ctx).await?;
    }
    Ok(ctx.state(|state| state.readiness.output(&record)))
}

/// Publishes how it ended.
pub(super) fn finish(ctx: &Ctx, end: End) -> WorkflowTermination {
    match end {
        End::Cancelled => {
            change(ctx, |readiness, now| readiness.end(Standing::Cancelled, now));
            WorkflowTermination::cancelled()
        }
        End::Failed(why) => {
            change(ctx, |readiness, now| readiness.end(Standing::Failed, now));
            ApplicationFailure::non_retryable(why).into()
        }
    }
}

/// Runs the checks, puts the evidence together and writes the report.
async fn collect(ctx: &Ctx, scope: WorkflowCancellationToken) -> Result<EvidencePackage, End> {
    let (subject, revision) = ctx.state(|state| (state.readiness.subject(), state.readiness.gate().revision() + 1));
    let options = || CHECKING.options(scope.clone());

    change(ctx, |readiness, now| readiness.begin(Step::Validate, now));
    let mut checks = ctx
        .execute_activity(Checks::validate_all_gates, subject.clone(), VALIDATING.options(scope.clone()))
        .await
        .map_err(|error| failed(&error, "the checks could not be run"))?;
    let (documentation, monitoring) = join!(
        ctx.execute_activity(Checks::check_documentation, subject.clone(), options()),
        ctx.execute_activity(Checks::check_monitoring, subject.clone(), options()),
    );
    merge(&mut checks, documentation, &NOT_DOCUMENTED)?;
    merge(&mut checks, monitoring, &NOT_WATCHED)?;

    change(ctx, |readiness, now| {
        readiness.finish(Step::Validate, PhaseStatus::Done, now);
        readiness.begin(Step::Collect, now);
    });
    let package = ctx
        .execute_activity(Checks::collect_all_evidence, CollectEvidence { subject, revision, checks }, options())
        .await
        .map_err(|error| failed(&error, "the evidence could not be collected"))?;

    change(ctx, |readiness, now| {
        readiness.finish(Step::Collect, PhaseStatus::Done, now);
        readiness.begin(Step::Report, now);
    });
    let report = ctx.execute_activity(Checks::generate_readiness_report, package.clone(), options()).await;
    // The report is for reading: without it the evidence still speaks, and its score is computed here.
    let status = if report.is_ok() { PhaseStatus::Done } else { PhaseStatus::Failed };
    change(ctx, |readiness, now| {
        readiness.report(report.ok());
        readiness.finish(Step::Report, status, now);
    });
    Ok(package)
}

/// Waits until a person or the deadline has closed the gate, collecting evidence again as often as it is asked for.
async fn wait_for_decision(ctx: &Ctx, input: &ReadinessInput) -> Result<DecisionRecord, End> {
    let left = ctx.state(|state| state.readiness.gate().published().and_then(|gate| gate.deadline));
    let left = left.map_or(Millis(0), |deadline| deadline.since(ctx.now()));
    let mut deadline = ctx.timer(left.as_duration());
    loop {
        let scope = ctx.cancellation_token().child_token();
        match ctx.state(|state| state.readiness.gate().state().clone()) {
            gate::State::Closed(record) => {
                deadline.cancel();
                return Ok(record);
            }
            gate::State::Withdrawn => return Err(End::Cancelled),
            gate::State::Unopened | gate::State::Open => select! {
                moved = ctx.wait_condition(|state| !state.readiness.is_open()) => moved.map_err(|_| End::Cancelled)?,
                _ = deadline => change(ctx, Readiness::expire),
            },
            gate::State::Collecting => {
                let mut again = pin!(collect(ctx, scope.clone()).fuse());
                select! {
                    moved = ctx.wait_condition(|state| state.readiness.is_closed()) => moved.map_err(|_| End::Cancelled)?,
                    _ = deadline => change(ctx, Readiness::expire),
                    collected = again => collected_again(ctx, collected, input.deadline_ms)?,
                }
                scope.cancel_with_reason("the gate is closed");
            }
        }
    }
}

fn collected_again(ctx: &Ctx, collected: Result<EvidencePackage, End>, window: Millis) -> Result<(), End> {
    match collected {
        Ok(package) => change(ctx, |readiness, now| readiness.open(package, now, window)),
        Err(End::Failed(why)) => change(ctx, |readiness, now| readiness.reopen_unchanged(now, &why)),
        Err(End::Cancelled) => return Err(End::Cancelled),
    }
    Ok(())
}

/// Starts the deployment as a workflow that outlives this one. Its id must be new: what was approved is one deployment,
/// and people will look for it under this id.
async fn start_deployment(ctx: &Ctx) -> Result<(), End> {
    let Some(then) = ctx.state(|state| state.readiness.then_deploy()) else { return Ok(()) };
    let deployment: Value = serde_json::to_value(&then.input).unwrap_or_default();
    let options = ChildWorkflowOptions::builder()
        .workflow_id(then.workflow_id.as_str().to_owned())
        .parent_close_policy(ParentClosePolicy::Abandon)
        .id_reuse_policy(WorkflowIdReusePolicy::RejectDuplicate)
        // It is approved: a cancel that arrives now is too late.
        .cancellation_token(WorkflowCancellationToken::new())
        .build();
    let started = ctx.start_child_workflow(ProductionDeploymentWorkflow::run, Args::of([deployment]), options).await;
    started.map(drop).map_err(|error| {
        End::Failed(format!(
            "Approved, but the deployment {} was not started: {error}. Start it under another id.",
            then.workflow_id
        ))
    })
}

/// Changes the state and publishes it.
fn change(ctx: &Ctx, change: impl FnOnce(&mut Readiness, Timestamp)) {
    let now = ctx.now();
    let upserts = ctx.state_mut(|state| {
        change(&mut state.readiness, now);
        state.readiness.publish(now)
    });
    ctx.upsert(upserts);
}

fn failed(error: &ActivityExecutionError, what: &str) -> End {
    if error.as_cancelled().is_some() {
        return End::Cancelled;
    }
    End::Failed(format!(
        "Not ready: {what}: {}. Nothing was approved; fix it and start readiness again.",
        text::failure(error)
    ))
}

/// A row for a check that could not be carried out and that the catalogue's evaluation does not have.
struct Unchecked {
    id: &'static str,
    title: &'static str,
    critical: bool,
    weight: u32,
}

const NOT_DOCUMENTED: Unchecked =
    Unchecked { id: "documentation-updated", title: "documentation updated", critical: false, weight: 5 };
/// What cannot be watched cannot be rolled back in time.
const NOT_WATCHED: Unchecked =
    Unchecked { id: "monitoring-configured", title: "monitoring configured", critical: true, weight: 10 };

/// One row a check: the later, more special result replaces the catalogue's. A check that could not be carried out is a
/// failed check, and counts as much as it did before.
fn merge(
    checks: &mut Vec<Check>,
    looked: Result<Check, ActivityExecutionError>,
    otherwise: &Unchecked,
) -> Result<(), End> {
    let known = checks.iter_mut().find(|known| known.id == otherwise.id);
    match (looked, known) {
        (Ok(check), Some(known)) => *known = check,
        (Ok(check), None) => checks.push(check),
        (Err(error), _) if error.as_cancelled().is_some() => return Err(End::Cancelled),
        (Err(error), Some(known)) => {
            known.status = CheckStatus::Failed;
            known.detail = unchecked(&error);
        }
        (Err(error), None) => checks.push(Check {
            id: otherwise.id.to_owned(),
            title: otherwise.title.to_owned(),
            status: CheckStatus::Failed,
            critical: otherwise.critical,
            weight: otherwise.weight,
            detail: unchecked(&error),
            source: String::new(),
        }),
    }
    Ok(())
}

fn unchecked(error: &ActivityExecutionError) -> String {
    format!("could not be checked: {}", text::failure(error))
}
