//! Deciding a gate: an update whose id is the decision's own, in doubt when no worker answers.

use crate::contracts::decision::{Decide, DecideReply, DecisionRecord, Outcome, Refusal, RefusalCode, Verdict};
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::ids::{DecisionId, GateId, RequestId, WorkflowId};
use crate::contracts::mutation::{Signal, Target};
use crate::contracts::temporal::names::{gate, signal, update};
use crate::contracts::text;
use crate::contracts::workflow::WorkflowDetail;
use crate::gateway::update::{Ask, Asked};
use crate::gateway::{Gateway, payload};

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
    let message = format!("Already {} by {} at {}.", record.verdict.done(), record.who(), record.at);
    Refusal::new(RefusalCode::AlreadyDecided, message)
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
