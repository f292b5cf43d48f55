//! The overview: what needs somebody, from three lists and no call per workflow.

use std::time::{Duration, Instant};

use chrono::{SecondsFormat, TimeDelta, Utc};

use crate::console::event::Overview;
use crate::contracts::failure::Failure;
use crate::contracts::temporal::names::{attribute, workflow};
use crate::gateway::Gateway;

/// As many as anybody reads at once.
const SHOWN: u32 = 100;
/// Who polls changes rarely, and asking costs a call of its own.
const POLLERS_EVERY: Duration = Duration::from_secs(15);

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
        Ok(Overview { gates: gates?.rows, live: live?.rows, troubled: troubled?.rows, workers })
    }

    async fn workers(&mut self, gateway: &Gateway, queue: &str) -> Option<u32> {
        if let Some((at, workers)) = self.workers.filter(|(at, _)| at.elapsed() < POLLERS_EVERY) {
            self.workers = Some((at, workers));
            return workers;
        }
        // A server that does not say leaves it unknown: no reason to call everything else failed.
        let workers = gateway.pollers(queue).await.ok();
        self.workers = Some((Instant::now(), workers));
        workers
    }
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
