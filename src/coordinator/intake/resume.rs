//! What a crash, a restart or an outage left behind is gone on with; what is long done is forgotten.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::watch;

use crate::contracts::callback::Fate;
use crate::contracts::clock::Millis;
use crate::coordinator::clock::now_millis;
use crate::coordinator::intake::{Intake, LEASE};
use crate::store::callbacks::Callback;

/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(500);
/// How many are taken at once, and how many of these are under way together: all must fit into their lease.
const BATCH: u32 = 32;
const TOGETHER: usize = 16;
/// The same while many senders wait. They go first: a workflow that has waited for its answer waits a little more, and
/// Temporal takes fewer a second than come in anyway.
const BATCH_IN_RUSH: u32 = 8;
const TOGETHER_IN_RUSH: usize = 4;
/// Batches after which other things have their turn.
const BATCHES: usize = 16;
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
        let mut goes_on = true;
        loop {
            tokio::select! {
                // A dropped sender means stop as well.
                _ = stopping.changed() => return,
                _ = look.tick() => {
                    goes_on = self.resume_due().await;
                    self.resume_routes().await;
                }
                () = self.0.due.notified(), if goes_on => goes_on = self.resume_due().await,
                _ = forget.tick() => self.forget_old().await,
            }
        }
    }

    /// Whether anything came of it. While Temporal is away nothing does, however much is due: each try is written down,
    /// and whoever still answers would wait for that.
    async fn resume_due(&self) -> bool {
        for _ in 0..BATCHES {
            let (limit, together) =
                if self.0.rush.is_on() { (BATCH_IN_RUSH, TOGETHER_IN_RUSH) } else { (BATCH, TOGETHER) };
            let due = match self.0.store.take_due(now_millis(), LEASE, limit).await {
                Ok(due) => due,
                Err(error) => {
                    tracing::warn!(%error, "the store does not say what is due");
                    return false;
                }
            };
            let found = due.len();
            let settled = futures_util::stream::iter(due)
                .map(async |callback| self.resume_one(&callback).await)
                .buffer_unordered(together)
                .filter(|settled| std::future::ready(*settled))
                .count()
                .await;
            if settled == 0 && found > 0 {
                return false;
            }
            if u32::try_from(found).is_ok_and(|found| found < limit) {
                return true;
            }
        }
        // There is more.
        self.0.due.notify_one();
        true
    }

    /// Whether it need not be tried again.
    async fn resume_one(&self, callback: &Callback) -> bool {
        let handled = self.handle(callback).await;
        let Callback { workflow_id: workflow, step_id: step, attempt_id: attempt, .. } = callback;
        match handled {
            Ok(receipt) => {
                let outcome = receipt.outcome.as_str();
                self.0.metrics.answer_resumed(outcome);
                tracing::info!(%workflow, %step, %attempt, outcome, "an answer was resumed");
                receipt.outcome != Fate::Pending
            }
            Err(failure) => {
                self.0.metrics.answer_resumed("failed");
                tracing::warn!(%workflow, %step, %attempt, %failure, "an answer was resumed in vain");
                true
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
