//! The overview: what needs somebody, from three lists and a look at the few deployments that are being watched.

use std::time::{Duration, Instant};

use chrono::{SecondsFormat, TimeDelta, Utc};
use futures_util::future::join_all;

use crate::console::event::{Overview, Whole};
use crate::contracts::failure::Failure;
use crate::contracts::temporal::names::{attribute, workflow};
use crate::contracts::workflow::WorkflowRow;
use crate::gateway::Gateway;

/// As many as anybody reads at once.
const SHOWN: u32 = 100;
/// Who polls changes rarely, and asking costs a call of its own.
const POLLERS_EVERY: Duration = Duration::from_secs(15);
/// Watched deployments that are looked at one by one. More at a time are nobody's.
const LOOKED_AT: usize = 8;

/// What is remembered between looks.
#[derive(Debug, Default)]
pub struct Looks {
    workers: Option<(Instant, Option<u32>)>,
}

impl Looks {
    pub async fn look(&mut self, gateway: &Gateway, queue: &str) -> Result<Overview, Failure> {
        let (gates, live, troubled) = (waiting(), deploying(), troubled());
        let (gates, live, troubled) = tokio::join!(
            gateway.list(&gates, None, SHOWN),
            gateway.list(&live, None, SHOWN),
            gateway.list(&troubled, None, SHOWN),
        );
        let workers = self.workers(gateway, queue).await;
        let (gates, mut live) = (gates?, live?);
        look_closer(gateway, &mut live.rows).await;
        Ok(Overview {
            all_gates: Whole::of(&gates),
            all_live: Whole::of(&live),
            gates: gates.rows,
            live: live.rows,
            troubled: troubled?.rows,
            workers,
        })
    }

    async fn workers(&mut self, gateway: &Gateway, queue: &str) -> Option<u32> {
        if let Some((_, workers)) = self.workers.filter(|(at, _)| at.elapsed() < POLLERS_EVERY) {
            return workers;
        }
        // A server that does not say leaves it unknown: no reason to call everything else failed.
        let workers = gateway.pollers(queue).await.ok();
        self.workers = Some((Instant::now(), workers));
        workers
    }
}

/// A trigger that arms is in the monitor's heartbeat, and no list has that.
async fn look_closer(gateway: &Gateway, live: &mut [WorkflowRow]) {
    let watched = live.iter_mut().filter(|row| row.is_watched()).take(LOOKED_AT);
    join_all(watched.map(|row| async {
        // Without an answer it stays what the list says; the link says why.
        if let Ok(detail) = gateway.describe(&row.id, None).await {
            row.health = detail.row.health;
        }
    }))
    .await;
}

fn waiting() -> String {
    format!("ExecutionStatus = 'Running' AND {} IS NOT NULL", attribute::GATES)
}

fn deploying() -> String {
    format!(
        "ExecutionStatus = 'Running' AND (WorkflowType = '{}' OR {} IS NOT NULL)",
        workflow::PRODUCTION_DEPLOYMENT,
        attribute::HEALTH
    )
}

fn troubled() -> String {
    let hour_ago = Utc::now() - TimeDelta::hours(1);
    format!(
        "CloseTime > '{}' AND (ExecutionStatus IN ('Failed', 'TimedOut', 'Terminated') OR {} IN ('rolled-back', 'stuck'))",
        hour_ago.to_rfc3339_opts(SecondsFormat::Secs, true),
        attribute::HEALTH
    )
}
