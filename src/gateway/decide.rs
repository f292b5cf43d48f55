//! Deciding a gate: an update whose id is the decision's own, in doubt when no worker answers.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::contracts::decision::{Decide, DecideReply, DecisionRecord, Outcome, Refusal, RefusalCode, Verdict};
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::ids::{DecisionId, GateId, RequestId, WorkflowId};
use crate::contracts::mutation::{Signal, Target};
use crate::contracts::temporal::names::{gate, signal, update};
use crate::contracts::text;
use crate::contracts::workflow::WorkflowDetail;
use crate::gateway::update::{Ask, Asked};
use crate::gateway::{Gateway, payload};

/// One look at an update that nobody has answered.
const LOOK: Duration = Duration::from_secs(5);
/// Between looks that are answered at once.
const PAUSE: Duration = Duration::from_millis(300);

impl Gateway {
    /// Sends a decision and waits 2 s for a worker; then it is in doubt. Sending it again has no second effect. A proven
    /// rejection in doubt is repeated as the durable signal, which a restart of the server does not lose.
    pub async fn decide(&self, id: &WorkflowId, decide: &Decide) -> Result<Outcome, Failure> {
        let mut decide = decide.clone();
        decide.gate = GateId::new(text::original(decide.gate.as_str()));
        let argument = serde_json::to_value(&decide).map_err(|error| unreadable(&error.to_string()))?;
        let ask = Ask { name: update::DECIDE, id: decide.decision_id.as_str() };
        let asked = match self.update(id, ask, &argument).await {
            Ok(asked) => asked,
            // The workflow has ended. Its memo says who was first.
            Err(failure) if failure.kind == FailureKind::Conflict => {
                let detail = self.describe(id, None).await?;
                return if detail.row.status.is_open() { Err(failure) } else { Ok(too_late(&detail, &decide)) };
            }
            Err(failure) => return Err(failure),
        };
        let outcome = outcome(asked, &decide.decision_id)?;
        let in_doubt = matches!(outcome, Outcome::InDoubt { .. });
        let is_durable = decide.verdict == Verdict::Reject && decide.gate.as_str() == gate::PRODUCTION_APPROVAL;
        // A gate refuses an unproven signal, and publishes that it did.
        if in_doubt && is_durable && decide.proof.is_some() {
            let request_id = RequestId::new(decide.decision_id.as_str());
            let target = Target { workflow_id: id.clone(), request_id };
            let name = signal::REJECT_PRODUCTION.to_owned();
            if let Err(failure) = self.signal(&Signal { target, run_id: None, name, args: vec![argument] }).await {
                // The update may arrive all the same: it stays in doubt, whatever became of the signal.
                tracing::warn!(%failure, "a rejection in doubt was not left as a signal too");
            }
        }
        Ok(outcome)
    }

    /// Watches a decision that was sent, until its outcome is known or the time is over.
    pub async fn decide_follow(
        &self,
        id: &WorkflowId,
        decision: &DecisionId,
        within: Duration,
    ) -> Result<Outcome, Failure> {
        let until = Instant::now() + within;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Outcome::InDoubt { decision_id: decision.clone() });
            }
            if let Ok(Some(asked)) = self.update_outcome(id, decision.as_str(), left.min(LOOK)).await {
                return outcome(asked, decision);
            }
            // The server may have lost the update, or the signal may have been first: the memo tells.
            match self.describe(id, None).await {
                Ok(detail) => {
                    if let Some(record) = decided(&detail).filter(|record| record.decision_id == *decision) {
                        return Ok(Outcome::Applied { record: record.clone() });
                    }
                    if !detail.row.status.is_open() {
                        return Ok(Outcome::Refused { refusal: ended(&detail) });
                    }
                }
                Err(failure) if failure.kind == FailureKind::NotFound => return Err(failure),
                // The link is down or slow: it is followed for as long as there is time.
                Err(_) => {}
            }
            sleep(PAUSE.min(left)).await;
        }
    }
}

/// The latest decision a workflow publishes.
pub(crate) fn decided(detail: &WorkflowDetail) -> Option<&DecisionRecord> {
    detail.row.published.as_ref()?.decided.as_ref()
}

pub(crate) fn ended(detail: &WorkflowDetail) -> Refusal {
    let status = detail.row.status.as_str();
    Refusal::new(RefusalCode::NotOpen, format!("The workflow has ended ({status}); it has no open gate."))
}

/// Somebody was first.
pub(crate) fn already(record: &DecisionRecord) -> Refusal {
    let verb = match record.verdict {
        Verdict::Approve => "approved",
        Verdict::Reject => "rejected",
        Verdict::RequestEvidence => "sent back for more evidence",
    };
    let who = if record.actor.name.is_empty() { "somebody" } else { &record.actor.name };
    Refusal::new(RefusalCode::AlreadyDecided, format!("Already {verb} by {who} at {}.", record.at))
}

/// What a decision on a workflow that has ended comes to.
fn too_late(detail: &WorkflowDetail, decide: &Decide) -> Outcome {
    match decided(detail).filter(|record| record.gate == decide.gate) {
        Some(record) if record.decision_id == decide.decision_id => Outcome::Repeated { record: record.clone() },
        Some(record) => Outcome::Refused { refusal: already(record) },
        None => Outcome::Refused { refusal: ended(detail) },
    }
}

fn outcome(asked: Asked, decision: &DecisionId) -> Result<Outcome, Failure> {
    match asked {
        Asked::Answered(payloads) => match payload::first::<DecideReply>(payloads.as_ref()) {
            Some(DecideReply { record, repeated: true }) => Ok(Outcome::Repeated { record }),
            Some(DecideReply { record, repeated: false }) => Ok(Outcome::Applied { record }),
            None => Err(unreadable("its answer is of another form")),
        },
        Asked::Rejected(why) => match Refusal::parse(&why) {
            Some(refusal) => Ok(Outcome::Refused { refusal }),
            None => Err(Failure::new(
                FailureKind::Invalid,
                format!("The workflow does not take the decision: {why}."),
                "Check that it is a workflow with gates and that its workers are of a current version.",
            )),
        },
        Asked::InDoubt => Ok(Outcome::InDoubt { decision_id: decision.clone() }),
    }
}

fn unreadable(why: &str) -> Failure {
    Failure::new(
        FailureKind::Internal,
        format!("The decision cannot be read: {why}."),
        "Open the workflow to see what became of it.",
    )
}
