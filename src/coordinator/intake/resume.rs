//! What a crash, a restart or an outage left behind is gone on with; what is long done is forgotten.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::watch;

use crate::contracts::clock::Millis;
use crate::coordinator::clock::now_millis;
use crate::coordinator::intake::{Intake, LEASE};

/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(500);
/// How many are taken at once, and how many of these are under way together: all must fit into their lease.
const BATCH: u32 = 32;
const TOGETHER: usize = 16;
/// How long it is known what was answered. Later the workflow itself still knows what it has taken in.
const KEPT: Millis = Millis::from_hours(30 * 24);
/// Between two times of forgetting.
const FORGETTING: Duration = Duration::from_hours(1);

impl Intake {
    /// Goes on until told to stop.
    pub async fn resume(self, mut stopping: watch::Receiver<bool>) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut forget = tokio::time::interval(FORGETTING);
        loop {
            tokio::select! {
                // A dropped sender means stop as well.
                _ = stopping.changed() => return,
                _ = look.tick() => {
                    self.resume_due().await;
                    self.resume_routes().await;
                }
                () = self.0.due.notified() => self.resume_due().await,
                _ = forget.tick() => self.forget_old().await,
            }
        }
    }

    async fn resume_due(&self) {
        loop {
            let due = match self.0.store.take_due(now_millis(), LEASE, BATCH).await {
                Ok(due) => due,
                Err(error) => {
                    tracing::warn!(%error, "the store does not say what is due");
                    return;
                }
            };
            let full = u32::try_from(due.len()).is_ok_and(|found| found == BATCH);
            futures_util::stream::iter(due)
                .for_each_concurrent(TOGETHER, async |callback| match self.handle(&callback).await {
                    Ok(receipt) => {
                        tracing::info!(key = callback.key, outcome = receipt.outcome.as_str(), "an answer was resumed");
                    }
                    Err(failure) => tracing::warn!(key = callback.key, %failure, "an answer was resumed in vain"),
                })
                .await;
            if !full {
                return;
            }
        }
    }

    /// Goes on telling others. What is left when the batch is done is due at the next look.
    async fn resume_routes(&self) {
        match self.0.store.take_due_routes(now_millis(), LEASE, BATCH).await {
            Ok(due) => {
                let tell = async |one| {
                    self.tell_other(&one).await;
                };
                futures_util::stream::iter(due).for_each_concurrent(TOGETHER, tell).await;
            }
            Err(error) => tracing::warn!(%error, "the store does not say who is to be told"),
        }
    }

    async fn forget_old(&self) {
        let then = now_millis().minus(KEPT);
        match self.0.store.forget_done_before(then).await {
            Ok(0) => {}
            Ok(forgotten) => tracing::info!(forgotten, "answers that were done long ago are forgotten"),
            Err(error) => tracing::warn!(%error, "the store does not forget"),
        }
        if let Err(error) = self.0.store.forget_routes_before(then).await {
            tracing::warn!(%error, "the store does not forget who was told");
        }
        if let Err(error) = self.0.store.forget_reminders_before(then).await {
            tracing::warn!(%error, "the store does not forget reminders");
        }
    }
}
