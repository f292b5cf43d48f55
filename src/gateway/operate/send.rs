//! Sending: each mutation by the way that fits it. Decisions go through the coordinator where there is one, because it
//! alone can prove who decides; a rollback goes through it first and straight to Temporal when it does not answer.

use serde_json::{Value, json};

use crate::contracts::decision::{Decide, Outcome};
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::http::{DecisionRequest, RollbackBody, RollbackOutcome};
use crate::contracts::mutation::{Done, Mutation, Rollback, Signal, Target};
use crate::contracts::rollback::RollbackRequest;
use crate::contracts::temporal::names::signal;
use crate::gateway::connect;
use crate::gateway::failure::Trouble;
use crate::gateway::operate::Operator;

impl Operator {
    pub(super) async fn send(&self, mutation: &Mutation) -> Result<Done, Failure> {
        match mutation {
            Mutation::Decide(request) => self.send_decision(request).await.map(|result| Done::Decided { result }),
            Mutation::Rollback(rollback) => {
                self.send_rollback(rollback).await.map(|result| Done::RolledBack { result })
            }
            Mutation::ExtendMonitoring(extend) => {
                self.send_signal(&extend.target, signal::EXTEND_MONITORING, json!({ "byMs": extend.by_ms })).await
            }
            Mutation::PauseMonitoring(pause) => {
                let argument = json!({ "forMs": pause.for_ms, "reason": pause.reason });
                self.send_signal(&pause.target, signal::PAUSE_MONITORING, argument).await
            }
            Mutation::ResumeMonitoring(target) => self.send_signal(target, signal::RESUME_MONITORING, json!({})).await,
            Mutation::Signal(signal) => {
                let sent = self.gateway.signal_or_trouble(signal).await;
                answered(sent.map(|()| Done::Signalled { seen_at: None }))
            }
            Mutation::Tell(tell) => {
                self.gateway.tell_goal(tell, &self.policy.actor).await.map(|result| Done::Told { result })
            }
            Mutation::Start(start) => {
                let started = self.gateway.start_or_trouble(start).await;
                answered(started.map(|started| Done::Started { run_id: started.run_id, already: started.already }))
            }
            Mutation::Cancel(stop) => {
                answered(self.gateway.cancel(stop).await.map(|()| Done::Stopping { closed: false }))
            }
            Mutation::Terminate(stop) => {
                answered(self.gateway.terminate_or_trouble(stop).await.map(|()| Done::Stopping { closed: false }))
            }
            Mutation::RegisterAttributes => {
                let registered = self.gateway.register_attributes().await?;
                let names = registered.into_iter().map(|attribute| attribute.name.to_owned()).collect();
                Ok(Done::Registered { names })
            }
        }
    }

    async fn send_decision(&self, request: &DecisionRequest) -> Result<Outcome, Failure> {
        if let Some(coordinator) = &self.coordinator {
            return coordinator.decide(request).await;
        }
        let decide = Decide {
            decision_id: request.decision_id.clone(),
            gate: request.gate.clone(),
            verdict: request.verdict,
            evidence: request.evidence.clone(),
            reason: request.reason.clone(),
            actor: self.policy.actor.clone(),
            proof: None,
        };
        self.gateway.decide(&request.workflow_id, &decide).await
    }

    async fn send_rollback(&self, rollback: &Rollback) -> Result<RollbackOutcome, Failure> {
        let Target { workflow_id, request_id } = &rollback.target;
        // Now, and not when a coordinator has been silent for long enough.
        let asked_at = Some(connect::now());
        if let Some(coordinator) = &self.coordinator {
            let body = RollbackBody { request_id: request_id.clone(), reason: rollback.reason.clone() };
            match coordinator.rollback(workflow_id, &body).await {
                Err(failure) if self.policy.direct_rollback && is_silence(&failure) => {
                    tracing::warn!(%failure, "rolling back straight through Temporal");
                }
                Err(failure) if is_silence(&failure) => return Err(without_another_way(failure)),
                answer => return answer,
            }
        }
        let request = RollbackRequest {
            request_id: request_id.clone(),
            reason: rollback.reason.clone(),
            actor: self.policy.actor.clone(),
            asked_at,
        };
        self.gateway.rollback(workflow_id, &request).await
    }

    /// One of our own signals: its argument carries the request id and who asks.
    async fn send_signal(&self, target: &Target, name: &str, argument: Value) -> Result<Done, Failure> {
        let mut argument = argument;
        if let Some(fields) = argument.as_object_mut() {
            fields.insert("requestId".to_owned(), json!(target.request_id));
            fields.insert("actor".to_owned(), json!(self.policy.actor));
        }
        let (target, name) = (target.clone(), name.to_owned());
        let sent = self.gateway.signal_or_trouble(&Signal { target, run_id: None, name, args: vec![argument] }).await;
        answered(sent.map(|()| Done::Signalled { seen_at: None }))
    }
}

/// Silence after it was sent is a doubt, not a failure: asking again under another id could do it twice.
fn answered(sent: Result<Done, Trouble>) -> Result<Done, Failure> {
    match sent {
        Err(Trouble::Unanswered(failure)) => {
            tracing::warn!(%failure, "it was sent, and no answer came");
            Ok(Done::Unanswered)
        }
        sent => Ok(sent?),
    }
}

/// The way past the coordinator is there, and settings forbid it.
fn without_another_way(failure: Failure) -> Failure {
    let hint = "Start the coordinator and ask again, or set console.direct_rollback to roll back without it.";
    Failure { hint: hint.to_owned(), ..failure }
}

/// The coordinator did not say no; it said nothing, or that it is broken.
fn is_silence(failure: &Failure) -> bool {
    match failure.kind {
        FailureKind::Unavailable | FailureKind::DeadlineExceeded | FailureKind::Internal => true,
        FailureKind::Unauthenticated
        | FailureKind::Denied
        | FailureKind::NotFound
        | FailureKind::Conflict
        | FailureKind::Invalid
        | FailureKind::ReadOnly => false,
    }
}
