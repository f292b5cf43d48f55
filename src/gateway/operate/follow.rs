//! Following what was sent until its effect is in the workflow's own state, for as long as a person waits gladly.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::contracts::clock::Timestamp;
use crate::contracts::delivery::DeploymentSummary;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::http::RollbackOutcome;
use crate::contracts::mutation::{Done, Mutation};
use crate::contracts::rollback::RollbackReply;
use crate::contracts::workflow::WorkflowDetail;
use crate::gateway::connect;
use crate::gateway::operate::Operator;

/// A living worker shows an effect within half a second.
const GLADLY: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(120);

impl Operator {
    /// What was sent, with its effect when that is seen in time; an error when the workflow did not obey.
    pub(super) async fn seen(
        &self,
        mutation: &Mutation,
        before: Option<&WorkflowDetail>,
        done: Done,
    ) -> Result<Done, Failure> {
        let Some(id) = mutation.workflow().filter(|_| can_be_seen(mutation, &done)) else { return Ok(done) };
        let until = Instant::now() + GLADLY;
        while Instant::now() < until {
            if let Ok(detail) = self.gateway.describe(id, None).await {
                if let Some(seen) = effect(mutation, before, &detail) {
                    return Ok(seen);
                }
                refused(before, &detail)?;
            }
            sleep(LOOK).await;
        }
        Ok(done)
    }
}

/// Whether the workflow's state can tell more than the answer did.
fn can_be_seen(mutation: &Mutation, done: &Done) -> bool {
    match mutation {
        Mutation::ExtendMonitoring(_)
        | Mutation::PauseMonitoring(_)
        | Mutation::ResumeMonitoring(_)
        | Mutation::Cancel(_)
        | Mutation::Terminate(_) => true,
        Mutation::Rollback(_) => done.is_in_doubt(),
        Mutation::Decide(_) | Mutation::Signal(_) | Mutation::Start(_) | Mutation::RegisterAttributes => false,
    }
}

fn effect(mutation: &Mutation, before: Option<&WorkflowDetail>, now: &WorkflowDetail) -> Option<Done> {
    let seen = || Done::Signalled { seen_at: Some(connect::now()) };
    let deployment = deployment(now);
    match mutation {
        Mutation::ExtendMonitoring(_) => {
            let until = |summary: &DeploymentSummary| summary.monitor_until;
            let earlier: Option<Timestamp> = self::deployment(before?).and_then(until);
            deployment.and_then(until).filter(|until| Some(*until) > earlier).map(|_| seen())
        }
        Mutation::PauseMonitoring(_) => deployment?.paused_until.map(|_| seen()),
        Mutation::ResumeMonitoring(_) => deployment?.paused_until.is_none().then(seen),
        Mutation::Cancel(_) | Mutation::Terminate(_) => {
            (!now.row.status.is_open()).then_some(Done::Stopping { closed: true })
        }
        Mutation::Rollback(_) => {
            let progress = now.row.published.as_ref()?.rolling_back.as_ref()?;
            let reply = RollbackReply { already: false, cause: progress.cause.clone() };
            Some(Done::RolledBack { result: RollbackOutcome::Accepted { reply } })
        }
        Mutation::Decide(_) | Mutation::Signal(_) | Mutation::Start(_) | Mutation::RegisterAttributes => None,
    }
}

/// A workflow records the messages that it does not obey.
fn refused(before: Option<&WorkflowDetail>, now: &WorkflowDetail) -> Result<(), Failure> {
    let latest =
        |detail: &WorkflowDetail| detail.row.published.as_ref().and_then(|published| published.refused.clone());
    match (before, latest(now)) {
        (Some(before), Some(refused)) if latest(before).as_ref() != Some(&refused) => Err(Failure::new(
            FailureKind::Conflict,
            format!("Not done: {}: {}.", refused.name, refused.why.trim_end_matches('.')),
            "Open the workflow to see where it stands.",
        )),
        _ => Ok(()),
    }
}

fn deployment(detail: &WorkflowDetail) -> Option<&DeploymentSummary> {
    detail.row.published.as_ref()?.deployment.as_ref()
}
