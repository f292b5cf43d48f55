//! Runs one activity of a workflow that a person, a trigger or Temporal's own cancel may stop at any moment.

use std::pin::pin;
use std::time::Duration;

use temporalio_common::ActivityDefinition;
use temporalio_common::data_converters::TemporalDeserializable;
use temporalio_sdk::workflows::select;
use temporalio_sdk::{
    ActivityCancellationType, CancellableFuture as _, TimerOptions, WorkflowCancellationToken, WorkflowContext,
};

use crate::contracts::clock::Timestamp;
use crate::workflows::blocks::context::Context as _;
use crate::workflows::blocks::retry::Plan;
use crate::workflows::blocks::text;

/// How long stopping waits for an activity that changes the world outside and must not run beside its own
/// rollback. Longer than its heartbeat timeout, so a dead worker is known to be dead by then.
const PATIENCE: Duration = Duration::from_secs(20);

/// A workflow that can be stopped.
pub trait Stop: Sized + 'static {
    fn is_stopped(&self) -> bool;

    /// Temporal's own cancel arrived: stop, unless something else was first.
    fn cancelled(&mut self, now: Timestamp);
}

/// Why an activity gave no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// The workflow was stopped while it ran, or before it began.
    Stopped,
    /// It failed for good; what it said.
    Failed(String),
}

/// Runs `activity` until it ends or the workflow is stopped. Then it is cancelled: at once where it only looks,
/// after it has really stopped where it changes something.
pub async fn interruptible<W, A>(
    ctx: &WorkflowContext<W>,
    activity: A,
    input: A::Input,
    plan: Plan,
) -> Result<A::Output, Halt>
where
    W: Stop,
    A: ActivityDefinition,
    A::Output: TemporalDeserializable,
{
    if notice_stop(ctx) {
        return Err(Halt::Stopped);
    }
    // A token of its own: the workflow's cancellation reaches it through the same door as every other stop.
    let token = WorkflowCancellationToken::new();
    let mut running = pin!(ctx.execute_activity(activity, input, plan.options(token.clone())));
    select! {
        // First, so that a result that is there is not thrown away.
        result = running => return result.map_err(|error| Halt::Failed(text::failure(&error))),
        _ = ctx.wait_condition(W::is_stopped) => {}
    }
    notice_stop(ctx);
    token.cancel_with_reason("the deployment is being stopped");
    if plan.cancelling == ActivityCancellationType::WaitCancellationCompleted {
        let mut patience = ctx.timer(detached(PATIENCE));
        select! {
            _ = running => {}
            _ = patience => {}
        }
        patience.cancel();
    } else {
        // Resolves as soon as the request is on its way.
        drop(running.await);
    }
    Err(Halt::Stopped)
}

/// A timer out of reach of the workflow's cancellation.
pub fn detached(duration: Duration) -> TimerOptions {
    TimerOptions::builder(duration).cancellation_token(WorkflowCancellationToken::new()).build()
}

/// Whether the workflow is to stop; a cancel by Temporal becomes a stop here.
pub fn notice_stop<W: Stop>(ctx: &WorkflowContext<W>) -> bool {
    if !ctx.state(W::is_stopped) && ctx.cancellation_token().is_cancelled() {
        let now = ctx.now();
        ctx.state_mut(|state| state.cancelled(now));
    }
    ctx.state(W::is_stopped)
}
