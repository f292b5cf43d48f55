//! The overview: what needs somebody, from three lists and a look at the few deployments that are being watched. A
//! namespace that has never seen gatewatch is shown too, as far as it goes.

use std::time::{Duration, Instant};

use chrono::{SecondsFormat, TimeDelta, Utc};

use crate::console::event::{Overview, Whole};
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::link::Pollers;
use crate::contracts::temporal::names::{attribute, workflow};
use crate::contracts::workflow::{WorkflowPage, WorkflowRow};
use crate::gateway::Gateway;

/// As many as anybody reads at once.
const SHOWN: u32 = 100;
/// Who polls changes rarely, and asking costs a call of its own.
const POLLERS_EVERY: Duration = Duration::from_secs(15);

const FAILED: &str = "ExecutionStatus IN ('Failed', 'TimedOut', 'Terminated')";

/// What is remembered between looks.
#[derive(Debug, Default)]
pub struct Looks {
    pollers: Option<(Instant, Option<Pollers>)>,
    /// The namespace lacks our search attributes, as of the last look.
    unreadable: Option<Failure>,
}

/// The three lists: gates, live deployments, what failed.
type Lists = [WorkflowPage; 3];

impl Looks {
    pub async fn look(&mut self, gateway: &Gateway, queue: &str) -> Result<Overview, Failure> {
        if self.unreadable.is_some() {
            self.unreadable = gateway.unreadable().await;
        }
        let [gates, mut live, troubled] = match self.unreadable {
            None => self.whole(gateway).await?,
            Some(_) => plain(gateway).await?,
        };
        let pollers = self.pollers(gateway, queue).await;
        let looked_at = gateway.look_closer(&mut live.rows, Overview::LOOKED_AT).await;
        let is_held_up = |row: &WorkflowRow| looked_at.get(&row.run_id).is_some_and(Option::is_some);
        let is_idle = live.rows.iter().any(|row| row.task_queue == queue && is_held_up(row));
        Ok(Overview {
            all_gates: Whole::of(&gates),
            all_live: Whole::of(&live),
            gates: gates.rows,
            live: live.rows,
            troubled: troubled.rows,
            looked_at,
            workers: pollers.map(|pollers| pollers.count),
            polled_at: pollers.filter(|_| is_idle).and_then(|pollers| pollers.polled_at),
            unreadable: self.unreadable.clone(),
        })
    }

    async fn whole(&mut self, gateway: &Gateway) -> Result<Lists, Failure> {
        match lists(gateway, [waiting(), deploying(), troubled()]).await {
            Err(failure) if failure.kind == FailureKind::Invalid => {
                self.unreadable = gateway.unreadable().await;
                if self.unreadable.is_some() { plain(gateway).await } else { Err(failure) }
            }
            lists => lists,
        }
    }

    async fn pollers(&mut self, gateway: &Gateway, queue: &str) -> Option<Pollers> {
        if let Some((_, pollers)) = self.pollers.filter(|(at, _)| at.elapsed() < POLLERS_EVERY) {
            return pollers;
        }
        // A server that does not say leaves it unknown: no reason to call everything else failed.
        let pollers = gateway.pollers(queue).await.ok();
        self.pollers = Some((Instant::now(), pollers));
        pollers
    }
}

async fn lists(gateway: &Gateway, [gates, live, troubled]: [String; 3]) -> Result<Lists, Failure> {
    let lists = tokio::try_join!(
        gateway.list(&gates, None, SHOWN),
        gateway.list(&live, None, SHOWN),
        gateway.list(&troubled, None, SHOWN),
    );
    Ok(lists?.into())
}

/// As much as can be known in a namespace without our search attributes: what workflows publish, and how they ended.
async fn plain(gateway: &Gateway) -> Result<Lists, Failure> {
    let running = "ExecutionStatus = 'Running'";
    let deploying = format!("{running} AND WorkflowType = '{}'", workflow::PRODUCTION_DEPLOYMENT);
    let troubled = format!("CloseTime > '{}' AND {FAILED}", hour_ago());
    let [mut gates, live, troubled] = lists(gateway, [running.to_owned(), deploying, troubled]).await?;
    gates.rows.retain(|row| row.published.as_ref().is_some_and(|published| !published.gates.is_empty()));
    Ok([gates, live, troubled])
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
    format!("CloseTime > '{}' AND ({FAILED} OR {} IN ('rolled-back', 'stuck'))", hour_ago(), attribute::HEALTH)
}

fn hour_ago() -> String {
    (Utc::now() - TimeDelta::hours(1)).to_rfc3339_opts(SecondsFormat::Secs, true)
}
