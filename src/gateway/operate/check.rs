//! Re-reading the target before anything is sent: what was on the screen may be a minute old, and lists are only a
//! hint. A decision that cannot be taken any more is answered here, with who was first.

use crate::contracts::decision::{DecisionRecord, Outcome, Refusal, RefusalCode, Verdict as Said};
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::gate::OpenGate;
use crate::contracts::http::{DecisionRequest, RollbackOutcome};
use crate::contracts::ids::{EvidenceDigest, WorkflowId};
use crate::contracts::mutation::{Done, Mutation};
use crate::contracts::rollback::RollbackReply;
use crate::contracts::workflow::WorkflowDetail;
use crate::gateway::decide::{already, decided, ended};
use crate::gateway::operate::Operator;

/// What the re-read says.
pub(super) enum Verdict {
    /// Send it; this is how the target was just before.
    Go(Option<Box<WorkflowDetail>>),
    /// Nothing to send: it is known what became of it.
    Settled(Done),
}

impl Operator {
    pub(super) async fn checked(&self, mutation: &Mutation) -> Result<Verdict, Failure> {
        match mutation {
            Mutation::Decide(request) => {
                let detail = self.gateway.describe(&request.workflow_id, None).await?;
                Ok(match settled(request, &detail) {
                    Some(result) => Verdict::Settled(Done::Decided { result }),
                    None => Verdict::Go(Some(Box::new(detail))),
                })
            }
            Mutation::Rollback(rollback) => self.rollback_checked(&rollback.target.workflow_id).await,
            Mutation::ExtendMonitoring(_)
            | Mutation::PauseMonitoring(_)
            | Mutation::ResumeMonitoring(_)
            | Mutation::Signal(_)
            | Mutation::Cancel(_)
            | Mutation::Terminate(_) => match mutation.workflow() {
                Some(id) => Ok(Verdict::Go(Some(Box::new(self.open(id).await?)))),
                None => Ok(Verdict::Go(None)),
            },
            // One that has ended may have ended because of this very message: its workflow knows.
            Mutation::Tell(tell) => self
                .gateway
                .describe(&tell.target.workflow_id, None)
                .await
                .map(|detail| Verdict::Go(Some(Box::new(detail)))),
            Mutation::Start(_) | Mutation::RegisterAttributes => Ok(Verdict::Go(None)),
        }
    }

    /// A rollback is asked for even when the target cannot be read: the coordinator may reach what we cannot.
    async fn rollback_checked(&self, id: &WorkflowId) -> Result<Verdict, Failure> {
        let detail = match self.gateway.describe(id, None).await {
            Ok(detail) => detail,
            Err(failure) if failure.kind == FailureKind::NotFound => return Err(failure),
            Err(failure) => {
                tracing::warn!(%failure, "rolling back without a look at the target");
                return Ok(Verdict::Go(None));
            }
        };
        let rolling_back = detail.row.published.as_ref().and_then(|published| published.rolling_back.as_ref());
        if let Some(progress) = rolling_back {
            let reply = RollbackReply { already: true, cause: progress.cause.clone() };
            let result = RollbackOutcome::Accepted { reply };
            return Ok(Verdict::Settled(Done::RolledBack { result }));
        }
        closed(&detail)?;
        Ok(Verdict::Go(Some(Box::new(detail))))
    }

    async fn open(&self, id: &WorkflowId) -> Result<WorkflowDetail, Failure> {
        let detail = self.gateway.describe(id, None).await?;
        closed(&detail)?;
        Ok(detail)
    }
}

fn closed(detail: &WorkflowDetail) -> Result<(), Failure> {
    if detail.row.status.is_open() {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::Conflict,
        format!("Not done: {} has ended ({}).", detail.row.id, detail.row.status.as_str()),
        "Open it to see how it ended.",
    ))
}

/// What became of a decision, or must become of it, as far as the workflow's published state tells. The workflow has
/// the last word; this spares a round trip and says who was first.
fn settled(request: &DecisionRequest, detail: &WorkflowDetail) -> Option<Outcome> {
    let decided = decided(detail);
    if let Some(record) = decided.filter(|record| record.decision_id == request.decision_id) {
        return Some(Outcome::Repeated { record: record.clone() });
    }
    if let Some(record) = decided.filter(|record| record.gate == request.gate && closes(record)) {
        return Some(Outcome::Refused { refusal: already(record) });
    }
    if !detail.row.status.is_open() {
        return Some(Outcome::Refused { refusal: ended(detail) });
    }
    // A workflow that publishes nothing decides for itself.
    let published = detail.row.published.as_ref()?;
    match published.gates.iter().find(|gate| gate.id == request.gate) {
        Some(gate) => refusal(request, gate),
        None => Some(refuse(RefusalCode::NotOpen, format!("Gate {} is not open.", request.gate))),
    }
}

/// Asking for more evidence leaves the gate open.
fn closes(record: &DecisionRecord) -> bool {
    match record.verdict {
        Said::Approve | Said::Reject => true,
        Said::RequestEvidence => false,
    }
}

fn refusal(request: &DecisionRequest, gate: &OpenGate) -> Option<Outcome> {
    if gate.is_step {
        let message =
            format!("{} is an approval of a goal: `gatewatch goal approve` and `goal reject` decide it.", gate.id);
        return Some(refuse(RefusalCode::NotOpen, message));
    }
    match request.verdict {
        Said::Approve => {
            let now = gate.digest();
            if now.is_some() && now != request.evidence.as_ref() {
                return Some(refuse(
                    RefusalCode::StaleEvidence,
                    format!(
                        "The evidence changed since it was shown: it was {}, and is {} (revision {}) now.",
                        request.evidence.as_ref().map_or_else(|| "none".to_owned(), EvidenceDigest::short),
                        now.map_or_else(|| "none".to_owned(), EvidenceDigest::short),
                        gate.revision,
                    ),
                ));
            }
            let failing = gate.evidence.as_ref().filter(|evidence| evidence.critical_failing > 0)?;
            let names: Vec<_> =
                failing.failing.iter().filter(|check| check.critical).map(|check| check.title.as_str()).collect();
            // A memo that grew too long keeps the number and drops the names.
            let which = if names.is_empty() { failing.critical_failing.to_string() } else { names.join(", ") };
            Some(refuse(
                RefusalCode::CriticalCheckFailing,
                format!("Nobody can approve while a critical check fails: {which}."),
            ))
        }
        Said::Reject | Said::RequestEvidence => {
            let given = request.reason.as_deref().is_some_and(|reason| !reason.trim().is_empty());
            (!given).then(|| refuse(RefusalCode::ReasonRequired, "It needs a reason.".to_owned()))
        }
    }
}

fn refuse(code: RefusalCode, message: String) -> Outcome {
    Outcome::Refused { refusal: Refusal::new(code, message) }
}
