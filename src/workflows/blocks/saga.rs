//! The rollback saga: the steps in their exact order, each tried until it is done. Nothing stops it: it runs out
//! of reach of the workflow's cancellation, and what it has done is in the history.

use std::time::Duration;

use temporalio_sdk::workflows::select;
use temporalio_sdk::{CancellableFuture as _, WaitConditionOptions, WorkflowCancellationToken, WorkflowContext};

use crate::contracts::clock::Timestamp;
use crate::contracts::health::HealthStatus;
use crate::contracts::rollback::{RollbackCause, RollbackProgress, RollbackStep, StepReport, StepStatus};
use crate::workflows::blocks::activity::detached;
use crate::workflows::blocks::context::Context as _;
use crate::workflows::blocks::retry::Retry;

/// A workflow that can be rolled back.
pub trait Undo: Sized + 'static {
    /// One round of one step: what was done, or why it failed.
    fn undo(
        ctx: &WorkflowContext<Self>,
        step: RollbackStep,
        round: Round,
    ) -> impl Future<Output = Result<StepStatus, String>>;

    /// Where the workflow keeps its rollback.
    fn rollback(&mut self) -> Option<&mut Rollback>;

    /// How often somebody asked again: each time, a step that failed is tried at once.
    fn asked_again(&self) -> u64;

    /// A step has changed its status: publish it.
    fn note(ctx: &WorkflowContext<Self>);
}

/// A rollback, as the workflow's state keeps it.
#[derive(Clone, Debug)]
pub struct Rollback {
    pub progress: RollbackProgress,
    /// The round in which the current step failed last.
    failed_in: Option<Round>,
}

impl Rollback {
    /// A rollback of which nothing is done yet.
    pub fn begin(cause: RollbackCause) -> Self {
        let pending = |step| StepReport { step, status: StepStatus::Pending, started_at: None, ended_at: None };
        let steps = RollbackStep::ALL.into_iter().map(pending).collect();
        Self { progress: RollbackProgress { cause, steps, verified_at: None, completed_at: None }, failed_in: None }
    }

    pub fn health(&self) -> HealthStatus {
        if self.progress.completed_at.is_some() {
            HealthStatus::RolledBack
        } else if self.failed_in >= Some(Round::STUCK) {
            HealthStatus::Stuck
        } else {
            HealthStatus::RollingBack
        }
    }

    fn set(&mut self, step: RollbackStep, status: StepStatus, now: Timestamp) {
        let Some(report) = self.progress.steps.iter_mut().find(|report| report.step == step) else { return };
        match status {
            StepStatus::Pending => {}
            StepStatus::Running | StepStatus::Retrying { .. } => {
                report.started_at.get_or_insert(now);
            }
            StepStatus::Done { .. } | StepStatus::Skipped { .. } => {
                report.ended_at = Some(now);
                self.failed_in = None;
            }
        }
        report.status = status;
    }
}

/// How many times a step has been begun again. The first failure is shown at once, the second round calls for a
/// person, and from the third on the server alone tries again, for ever, so that the history stays small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Round(u32);

impl Round {
    pub const FIRST: Self = Self(1);
    /// Failing in this round, a step wants a person.
    const STUCK: Self = Self(2);

    pub fn retry(self) -> Retry {
        match self.0 {
            1 => Retry::Attempts(1),
            2 => Retry::Attempts(3),
            _ => Retry::Critical,
        }
    }

    /// Between this round and the next: half a second, doubling, at most an hour. Also the brake for an error that
    /// the activity calls permanent, which the server does not try again: each round is some twenty events, and a
    /// workflow ends at 50,000, so that a person has three months. Asking again ends the pause at once.
    fn pause(self) -> Duration {
        let doublings = self.0.saturating_sub(1).min(13);
        Duration::from_millis(500).saturating_mul(1 << doublings).min(Duration::from_hours(1))
    }

    fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Runs every step. Returns when all are done, and not before.
pub async fn run<W: Undo>(ctx: &WorkflowContext<W>) {
    for step in RollbackStep::ALL {
        change(ctx, |rollback, now| rollback.set(step, StepStatus::Running, now));
        let mut round = Round::FIRST;
        let ended = loop {
            let asked = ctx.state(W::asked_again);
            match W::undo(ctx, step, round).await {
                Ok(ended) => break ended,
                Err(failure) => {
                    change(ctx, |rollback, now| {
                        rollback.failed_in = Some(round);
                        rollback.set(step, StepStatus::Retrying { failure }, now);
                    });
                    wait(ctx, round.pause(), asked).await;
                    round = round.next();
                }
            }
        };
        change(ctx, |rollback, now| rollback.set(step, ended, now));
    }
    change(ctx, |rollback, now| rollback.progress.completed_at = Some(now));
}

/// Waits before the next round, unless somebody has asked again since the last one began: they may have cured what
/// failed.
async fn wait<W: Undo>(ctx: &WorkflowContext<W>, pause: Duration, asked: u64) {
    let out_of_reach = WaitConditionOptions::builder().cancellation_token(WorkflowCancellationToken::new()).build();
    let mut timer = ctx.timer(detached(pause));
    select! {
        _ = ctx.wait_condition_with_options(|state| state.asked_again() != asked, out_of_reach) => {}
        _ = timer => {}
    }
    timer.cancel();
}

fn change<W: Undo>(ctx: &WorkflowContext<W>, change: impl FnOnce(&mut Rollback, Timestamp)) {
    let now = ctx.now();
    ctx.state_mut(|state| {
        if let Some(rollback) = state.rollback() {
            change(rollback, now);
        }
    });
    W::note(ctx);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Rollback, Round};
    use crate::contracts::actor::{Actor, Via};
    use crate::contracts::clock::Timestamp;
    use crate::contracts::health::HealthStatus;
    use crate::contracts::rollback::{RollbackCause, RollbackStep, StepStatus};
    use crate::workflows::blocks::retry::Retry;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_unix_millis(millis).unwrap()
    }

    #[test]
    fn rounds_slow_down_and_end_in_trying_for_ever() {
        let mut round = Round::FIRST;
        let mut pauses = Vec::new();
        for _ in 0..40 {
            pauses.push(round.pause());
            round = round.next();
        }
        assert_eq!(pauses[0], Duration::from_millis(500));
        assert!(pauses.is_sorted(), "{pauses:?}");
        assert_eq!(pauses.last(), Some(&Duration::from_hours(1)));
        assert_eq!(round.retry(), Retry::Critical);
    }

    #[test]
    fn a_step_that_keeps_failing_calls_for_a_person_until_it_is_done() {
        let cause =
            RollbackCause { trigger: None, reason: "x".into(), actor: Actor::new("mira", Via::Console), at: at(0) };
        let mut rollback = Rollback::begin(cause);
        let fail = |rollback: &mut Rollback, round| {
            rollback.failed_in = Some(round);
            rollback.set(RollbackStep::Code, StepStatus::Retrying { failure: "no".into() }, at(2));
        };
        rollback.set(RollbackStep::Code, StepStatus::Running, at(1));
        fail(&mut rollback, Round::FIRST);
        assert_eq!(rollback.health(), HealthStatus::RollingBack, "once may happen");
        fail(&mut rollback, Round::FIRST.next());
        assert_eq!(rollback.health(), HealthStatus::Stuck);
        rollback.set(RollbackStep::Code, StepStatus::Done { detail: String::new() }, at(3));
        assert_eq!(rollback.health(), HealthStatus::RollingBack);
        let report = &rollback.progress.steps[1];
        assert_eq!((report.started_at, report.ended_at), (Some(at(1)), Some(at(3))));
        rollback.progress.completed_at = Some(at(4));
        assert_eq!(rollback.health(), HealthStatus::RolledBack);
    }
}
