//! What is known of the deployment on screen, gathered from its description and from the list, whichever is newer.

use crate::console::countdown::{Countdown, Prospect};
use crate::console::ctx::Ctx;
use crate::console::remote::Remote;
use crate::console::screens::deployment::state::{Seen, State};
use crate::contracts::clock::Timestamp;
use crate::contracts::delivery::{DeploymentStage, DeploymentSummary};
use crate::contracts::health::{HealthReport, Sample, TriggerState, TriggerStatus};
use crate::contracts::ids::{Environment, Version};
use crate::contracts::rollback::{RollbackProgress, RollbackStep, StepReport, StepStatus};
use crate::contracts::temporal::memo::Published;
use crate::contracts::workflow::{HeldUp, PendingActivity, WorkflowDetail, WorkflowRow};

/// A deployment, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    pub now: Timestamp,
    pub row: &'a WorkflowRow,
    pub detail: Option<&'a WorkflowDetail>,
    /// Asking again has failed: what is shown is old.
    pub stale: bool,
    /// When what is shown was true.
    pub at: Option<Timestamp>,
    pub seen: Option<&'a Seen>,
}

impl<'a> Scene<'a> {
    /// None while nothing at all is known of the workflow, or none is chosen.
    pub fn of(state: &'a State, ctx: &Ctx<'a>) -> Option<Self> {
        let id = state.workflow.as_ref()?;
        let remote: &'a Remote<WorkflowDetail> = ctx.world.detail(id);
        let overview = &ctx.world.overview;
        let in_list = || {
            let overview = overview.value()?;
            let rows = overview.live.iter().chain(&overview.troubled).chain(&overview.gates);
            rows.into_iter().find(|row| row.id == *id)
        };
        let (row, at, is_old) = match remote.value() {
            Some(detail) => (&detail.row, remote.at(), remote.is_stale()),
            None => (in_list()?, overview.at(), overview.is_stale()),
        };
        Some(Self { now: ctx.now, row, detail: remote.value(), stale: is_old, at, seen: state.seen.as_ref() })
    }

    pub fn published(&self) -> Option<&'a Published> {
        self.row.published.as_deref()
    }

    pub fn summary(&self) -> Option<&'a DeploymentSummary> {
        self.published()?.deployment.as_ref()
    }

    pub fn environment(&self) -> Option<&'a Environment> {
        self.row.environment.as_ref().or_else(|| self.published()?.environment.as_ref())
    }

    pub fn stage(&self) -> Option<DeploymentStage> {
        self.summary().map(|summary| summary.stage)
    }

    pub fn is_open(&self) -> bool {
        self.row.status.is_open()
    }

    /// Health as last seen: what was kept of it, which is the whole of it once the screen has taken in an answer.
    pub fn health(&self) -> Option<&'a HealthReport> {
        let now = self.detail.and_then(|detail| detail.health.as_deref());
        self.seen.map(|seen| &seen.report).or(now)
    }

    pub fn last_sample(&self) -> Option<&'a Sample> {
        self.health()?.samples.last()
    }

    /// Since when it has been bad, as far as this console saw.
    pub fn detected_at(&self) -> Option<Timestamp> {
        self.seen?.detected_at
    }

    pub fn rolling(&self) -> Option<&'a RollbackProgress> {
        self.published()?.rolling_back.as_ref()
    }

    /// Where a rollback goes.
    pub fn previous_version(&self) -> Option<&'a Version> {
        let published = self.published()?;
        let before = published.deployment.as_ref().and_then(|summary| summary.previous.as_ref());
        before.map(|live| &live.version).or_else(|| published.rollback.as_ref().map(|ready| &ready.previous_version))
    }

    pub fn paused_until(&self) -> Option<Timestamp> {
        self.summary()?.paused_until.filter(|until| *until > self.now)
    }

    pub fn is_monitoring(&self) -> bool {
        self.is_open() && self.stage() == Some(DeploymentStage::Monitoring)
    }

    /// From when to when it is watched.
    pub fn watch(&self) -> Option<(Timestamp, Timestamp)> {
        let health = self.health();
        let summary = self.summary()?;
        let from = health.and_then(|report| report.started_at).or(summary.live_since)?;
        let until = summary.monitor_until.or_else(|| health.and_then(|report| report.until))?;
        (from < until).then_some((from, until))
    }

    /// The trigger that fires first if nothing gets better.
    pub fn countdown(&self) -> Option<Countdown<'a>> {
        Countdown::of(self.health().filter(|_| self.is_monitoring())?)
    }

    /// What can be said of when it fires, by what this console has seen.
    pub fn prospect(&self, countdown: &Countdown<'_>) -> Prospect {
        countdown.prospect(self.now, self.at.unwrap_or(self.now))
    }

    pub fn fired(&self) -> Option<&'a TriggerState> {
        self.health()?.fired()
    }

    /// The rollback has taken migrations back.
    pub fn is_taken_back(&self) -> bool {
        let is_done = |report: &StepReport| {
            report.step == RollbackStep::Migrations && matches!(report.status, StepStatus::Done { .. })
        };
        self.rolling().is_some_and(|rolling| rolling.steps.iter().any(is_done))
    }

    /// The step the rollback is at: the first that is neither done nor skipped.
    pub fn current_step(&self) -> Option<&'a StepReport> {
        let unfinished =
            |report: &&StepReport| !matches!(report.status, StepStatus::Done { .. } | StepStatus::Skipped { .. });
        self.rolling()?.steps.iter().find(unfinished)
    }

    /// What the server is about to run, runs or tries again for a step.
    pub fn pending(&self, step: RollbackStep) -> Option<&'a PendingActivity> {
        let of_step = activities(step);
        let mut all = self.detail?.activities.iter();
        all.find(|activity| of_step.contains(&activity.activity_type.as_str()))
    }

    /// What held it up when this console last saw it.
    pub fn held_up(&self) -> Option<HeldUp> {
        self.detail?.held_up(self.at?)
    }

    /// When somebody last looked, once the next look is overdue or this console sees none: what is shown of the health is
    /// as old as that. Where no look is due, before the watch and after its end, the verdicts stand.
    pub fn last_looked_at(&self) -> Option<Timestamp> {
        let report = self.health()?;
        let is_due = matches!(self.stage()?, DeploymentStage::Monitoring | DeploymentStage::RollingBack);
        let is_late = self.at.is_some_and(|at| report.overdue(at).is_some());
        report.samples.last().map(|sample| sample.at).filter(|_| is_due && (self.stale || is_late))
    }

    /// Something on screen counts by itself.
    pub fn is_moving(&self) -> bool {
        self.is_open() || self.stale
    }
}

/// The activities a step of the rollback may be waiting for.
fn activities(step: RollbackStep) -> &'static [&'static str] {
    match step {
        RollbackStep::Migrations => &["rollbackMigration"],
        RollbackStep::Code => &["rollbackToCommit"],
        RollbackStep::Deploy => &["rollbackVercelDeployment"],
        // What was serving a moment ago is served again before it is looked at again.
        RollbackStep::Verify => &["verifyDeployment", "rollbackVercelDeployment"],
        RollbackStep::Monitor => &["monitorHealth"],
        RollbackStep::Document => &["documentRollback"],
    }
}

/// Since when the triggers that fail now have been failing, by the looks that are still known.
pub fn failing_since(report: &HealthReport) -> Option<Timestamp> {
    let bad = |state: &TriggerState| matches!(state.status, TriggerStatus::Failing { .. } | TriggerStatus::Fired);
    if !report.triggers.iter().any(bad) {
        return None;
    }
    let streak = report
        .consecutive_health_failures
        .max(report.consecutive_error_rate_failures)
        .max(report.consecutive_database_failures);
    let first = usize::try_from(streak)
        .ok()
        .filter(|streak| *streak > 0)
        .map(|streak| report.samples.len().saturating_sub(streak))
        .and_then(|at| report.samples.get(at))
        .map(|sample| sample.at);
    first
        .into_iter()
        .chain(report.response_time_above_since)
        .min()
        .or_else(|| report.samples.last().map(|last| last.at))
}
