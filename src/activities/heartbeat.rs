//! Keeping Temporal told that an activity goes on: it is the only way for a cancellation to reach it.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use temporalio_sdk::activities::ActivityContext;

use crate::activities::error::Cancelled;

/// How often; the SDK sends fewer where the heartbeat timeout allows.
const EVERY: Duration = Duration::from_secs(1);

/// Whether work that must not be broken off has been asked to end.
#[derive(Debug, Default)]
pub struct Stop(AtomicBool);

impl Stop {
    /// An error once it has: called where ending leaves nothing half done.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.0.load(Ordering::Relaxed) { Err(Cancelled.into()) } else { Ok(()) }
    }
}

/// Does `work` with heartbeats beside it. Cancelled, the work is dropped where it stands: for what only looks or
/// waits, or leaves nothing behind that its next attempt would not find.
pub async fn beside<T>(
    ctx: &ActivityContext,
    work: impl Future<Output = anyhow::Result<T>> + Send,
) -> anyhow::Result<T> {
    tokio::select! {
        done = beating(ctx, work) => done,
        () = ctx.cancelled() => Err(Cancelled.into()),
    }
}

/// Does `work` with heartbeats beside it. Cancelled, it is asked to stop and waited for: for what changes the world
/// and must have ended, one way or the other, before anybody undoes it.
pub async fn until_it_stops<T>(
    ctx: &ActivityContext,
    stop: &Stop,
    work: impl Future<Output = anyhow::Result<T>> + Send,
) -> anyhow::Result<T> {
    let mut work = pin!(beating(ctx, work));
    tokio::select! {
        done = &mut work => done,
        () = ctx.cancelled() => {
            stop.0.store(true, Ordering::Relaxed);
            work.await
        }
    }
}

async fn beating<T>(ctx: &ActivityContext, work: impl Future<Output = anyhow::Result<T>> + Send) -> anyhow::Result<T> {
    let mut work = pin!(work);
    let mut every = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = every.tick() => {
                if let Err(error) = ctx.record_heartbeat(()).await {
                    tracing::warn!(%error, "a heartbeat could not be recorded");
                }
            }
        }
    }
}
