//! Keeping Temporal told that an activity goes on: it is the only way for a cancellation to reach it.

use std::time::Duration;

use temporalio_sdk::activities::ActivityContext;

use crate::activities::error::Cancelled;

/// How often; the SDK sends fewer where the heartbeat timeout allows.
const EVERY: Duration = Duration::from_secs(1);

/// Does `work` with heartbeats beside it. Dropped in the middle when somebody cancels: whatever is worked on here
/// stands on records and transactions that a kill would test just as well.
pub async fn beside<T>(
    ctx: &ActivityContext,
    work: impl Future<Output = anyhow::Result<T>> + Send,
) -> anyhow::Result<T> {
    let mut every = tokio::time::interval(EVERY);
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = ctx.cancelled() => return Err(Cancelled.into()),
            _ = every.tick() => {
                if let Err(error) = ctx.record_heartbeat(()).await {
                    tracing::warn!(%error, "a heartbeat could not be recorded");
                }
            }
        }
    }
}
