//! The awaits of a goal: until something happens, until something is due, until it is over.

use std::pin::pin;
use std::time::Duration;

use temporalio_common::WorkflowDefinition;
use temporalio_sdk::workflows::select;
use temporalio_sdk::{
    ApplicationFailure, CancellableFuture, ContinueAsNewOptions, WorkflowContext, WorkflowResult, WorkflowTermination,
};
use temporalio_workflow::workflows::WorkflowImplementation;

use crate::contracts::actor::Actor;
use crate::contracts::clock::{Timestamp, UnixMillis};
use crate::contracts::engine::output::EngineOutput;
use crate::contracts::engine::state::EngineStatus;
use crate::contracts::temporal::args::Args;
use crate::workflows::blocks::context::Context as _;
use crate::workflows::engine::goal::Goal;
use crate::workflows::engine::machine::event::Event;

/// What ended a wait.
enum Woken {
    Moved,
    Due,
    Cancelled,
}

impl Woken {
    /// A wait that fails was cancelled, by Temporal's own cancel.
    fn by(moved: bool) -> Self {
        if moved { Self::Moved } else { Self::Cancelled }
    }
}

/// A workflow that has a goal.
pub(super) trait HasGoal {
    fn goal(&self) -> &Goal;
    fn goal_mut(&mut self) -> &mut Goal;
}

/// Runs a goal to its end, or to the next run.
pub(super) async fn run<W>(ctx: &WorkflowContext<W>) -> WorkflowResult<EngineOutput>
where
    W: HasGoal + WorkflowImplementation,
    W::Run: WorkflowDefinition<Input = Args>,
{
    if let Some(why) = ctx.state(|workflow| workflow.goal().why_not()) {
        return Err(ApplicationFailure::non_retryable(why).into());
    }
    ctx.state_mut(|workflow| workflow.goal_mut().boot(ctx));
    let mut timer = None;
    let mut due = None;
    loop {
        if let Some(output) = ctx.state(|workflow| workflow.goal().output()) {
            return ended(output);
        }
        if wants_a_new_run(ctx) {
            // Every handler is done in the activation that began it: none is cut off.
            ctx.continue_as_new(ctx.state(|workflow| workflow.goal().carried()), ContinueAsNewOptions::default())?;
        }
        let (wake, seen) = ctx.state(|workflow| (workflow.goal().wake(), workflow.goal().events()));
        if wake != due {
            if let Some(running) = timer.take() {
                CancellableFuture::cancel(&running);
            }
            due = wake;
            timer = wake.map(|wake| ctx.timer(from_now(ctx.now(), wake)));
        }
        let moved = ctx.wait_condition(move |workflow| workflow.goal().events() != seen);
        let woken = match timer.as_mut() {
            None => Woken::by(moved.await.is_ok()),
            Some(mut running) => {
                let mut moved = pin!(moved);
                select! {
                    moved = moved => Woken::by(moved.is_ok()),
                    _ = running => Woken::Due,
                }
            }
        };
        match woken {
            Woken::Moved => {}
            Woken::Due => {
                (timer, due) = (None, None);
                ctx.state_mut(|workflow| workflow.goal_mut().happen(ctx, Event::Tick));
            }
            Woken::Cancelled => {
                let reason = ctx.cancellation_token().reason().unwrap_or_default();
                ctx.state_mut(|workflow| {
                    workflow.goal_mut().happen(ctx, Event::Cancel { reason, by: Actor::default() })
                });
            }
        }
    }
}

fn ended(output: EngineOutput) -> WorkflowResult<EngineOutput> {
    match output.status {
        EngineStatus::Cancelled => Err(WorkflowTermination::cancelled()),
        EngineStatus::Failed => Err(ApplicationFailure::non_retryable(output.completion.reason).into()),
        EngineStatus::Completed | EngineStatus::Running | EngineStatus::Blocked | EngineStatus::AwaitingApproval => {
            Ok(output)
        }
    }
}

fn wants_a_new_run<W: HasGoal>(ctx: &WorkflowContext<W>) -> bool {
    // A run in which nothing happened would be followed by another one for ever.
    let limit = ctx.state(|workflow| workflow.goal().continue_after().filter(|_| workflow.goal().events() > 0));
    ctx.continue_as_new_suggested() || limit.is_some_and(|limit| ctx.history_length() > limit)
}

fn from_now(now: Timestamp, due: UnixMillis) -> Duration {
    due.timestamp().map_or(Duration::ZERO, |due| due.since(now).as_duration())
}
