//! Following what was sent until its effect is in the workflow's own state, for as long as a person waits gladly.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::contracts::clock::Timestamp;
use crate::contracts::delivery::{DeploymentSummary, RefusedMessage};
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::http::RollbackOutcome;
use crate::contracts::mutation::{Done, Mutation};
use crate::contracts::rollback::RollbackReply;
use crate::contracts::temporal::names::signal;
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
                refused(mutation, before, &detail)?;
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
        Mutation::Decide(_)
        | Mutation::Signal(_)
        | Mutation::Tell(_)
        | Mutation::Start(_)
        | Mutation::RegisterAttributes => false,
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
        Mutation::PauseMonitoring(_) => {
            let until = deployment?.paused_until?;
            // It may be paused from before, or have been and be no more.
            let is_new = match before {
                Some(before) => self::deployment(before).and_then(|summary| summary.paused_until) != Some(until),
                None => until > connect::now(),
            };
            is_new.then(seen)
        }
        Mutation::ResumeMonitoring(_) => deployment?.paused_until.is_none().then(seen),
        Mutation::Cancel(_) | Mutation::Terminate(_) => {
            (!now.row.status.is_open()).then_some(Done::Stopping { closed: true })
        }
        Mutation::Rollback(_) => {
            let progress = now.row.published.as_ref()?.rolling_back.as_ref()?;
            let reply = RollbackReply { already: false, cause: progress.cause.clone() };
            Some(Done::RolledBack { result: RollbackOutcome::Accepted { reply } })
        }
        Mutation::Decide(_)
        | Mutation::Signal(_)
        | Mutation::Tell(_)
        | Mutation::Start(_)
        | Mutation::RegisterAttributes => None,
    }
}

/// A workflow records the messages that it does not obey, whoever sent them.
fn refused(mutation: &Mutation, before: Option<&WorkflowDetail>, now: &WorkflowDetail) -> Result<(), Failure> {
    let latest =
        |detail: &WorkflowDetail| detail.row.published.as_ref().and_then(|published| published.refused.clone());
    let is_this = |refused: &RefusedMessage| Some(refused.name.as_str()) == signal_of(mutation);
    match (before, latest(now).filter(is_this)) {
        (Some(before), Some(refused)) if latest(before).as_ref() != Some(&refused) => Err(Failure::new(
            FailureKind::Conflict,
            format!("Not done: {}: {}.", refused.name, refused.why.trim_end_matches('.')),
            "Open the workflow to see where it stands.",
        )),
        _ => Ok(()),
    }
}

/// The signal that carries it, where one does.
fn signal_of(mutation: &Mutation) -> Option<&str> {
    match mutation {
        Mutation::Rollback(_) => Some(signal::TRIGGER_ROLLBACK),
        Mutation::ExtendMonitoring(_) => Some(signal::EXTEND_MONITORING),
        Mutation::PauseMonitoring(_) => Some(signal::PAUSE_MONITORING),
        Mutation::ResumeMonitoring(_) => Some(signal::RESUME_MONITORING),
        Mutation::Signal(signal) => Some(&signal.name),
        Mutation::Decide(_)
        | Mutation::Tell(_)
        | Mutation::Start(_)
        | Mutation::Cancel(_)
        | Mutation::Terminate(_)
        | Mutation::RegisterAttributes => None,
    }
}

fn deployment(detail: &WorkflowDetail) -> Option<&DeploymentSummary> {
    detail.row.published.as_ref()?.deployment.as_ref()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{effect, refused};
    use crate::contracts::clock::Millis;
    use crate::contracts::ids::WorkflowId;
    use crate::contracts::mutation::{Extend, Mutation, Pause, Target};
    use crate::contracts::temporal::memo::Published;
    use crate::contracts::workflow::{ExecutionStatus, WorkflowDetail, WorkflowRow};

    fn detail(published: serde_json::Value) -> WorkflowDetail {
        let published = serde_json::from_value::<Published>(published).unwrap();
        let row = WorkflowRow {
            id: WorkflowId::new("w"),
            run_id: "r".into(),
            workflow_type: "t".into(),
            status: ExecutionStatus::Running,
            task_queue: String::new(),
            started_at: None,
            closed_at: None,
            phase: None,
            environment: None,
            health: None,
            gates: Vec::new(),
            gate_deadline: None,
            published: Some(Box::new(published)),
            history_length: 0,
        };
        WorkflowDetail {
            row,
            health: None,
            activities: Vec::new(),
            children: Vec::new(),
            workflow_task_attempt: 0,
            workflow_task_waiting_since: None,
        }
    }

    fn target() -> Target {
        Target { workflow_id: "w".into(), request_id: "r".into() }
    }

    fn pause() -> Mutation {
        Mutation::PauseMonitoring(Pause { target: target(), for_ms: Millis(1), reason: String::new() })
    }

    fn paused(until: &str) -> WorkflowDetail {
        detail(json!({ "deployment": {
            "service": "s", "deploymentId": "d", "commit": "c", "version": "v", "stage": "monitoring", "pausedUntil": until
        }}))
    }

    #[test]
    fn a_pause_is_seen_when_it_is_another_one() {
        let (past, soon, later) = ("2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "2999-01-01T00:01:00Z");
        let seen = |before: Option<&str>, now| effect(&pause(), before.map(paused).as_ref(), &paused(now)).is_some();
        assert!(!seen(Some(soon), soon), "somebody's earlier pause");
        assert!(seen(Some(soon), later) && seen(Some(past), soon) && seen(None, soon));
        assert!(!seen(None, past), "it has run out");
    }

    #[test]
    fn a_message_of_another_that_is_refused_is_not_ours() {
        let refusing = |name| detail(json!({ "refused": { "at": "2020-01-01T00:00:00Z", "name": name, "why": "no" } }));
        let before = detail(json!({}));
        let extend = Mutation::ExtendMonitoring(Extend { target: target(), by_ms: Millis(1) });
        assert!(refused(&extend, Some(&before), &refusing("pauseMonitoring")).is_ok());
        assert!(refused(&extend, Some(&before), &refusing("extendMonitoring")).is_err());
        assert!(refused(&pause(), Some(&before), &refusing("pauseMonitoring")).is_err());
    }
}
