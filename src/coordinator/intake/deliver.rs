//! One answer on its way: signalled, answered, kept as done. Every part may have happened before.

use serde_json::{Value, json};

use crate::contracts::agent::{AgentMetrics, AgentResponse};
use crate::contracts::callback::{Fate, Receipt};
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::ids::RequestId;
use crate::contracts::mutation::{Signal, Target};
use crate::contracts::temporal::names::signal;
use crate::coordinator::backoff;
use crate::coordinator::clock::now_millis;
use crate::coordinator::extract;
use crate::coordinator::intake::decide::took;
use crate::coordinator::intake::{Child, Intake, Kept, pending, receipt, route, same};
use crate::store::callbacks::{Callback, Phase, Settled};
use crate::store::usage::Cost;

/// How long, in milliseconds, a workflow that has ended is asked what it had taken: its workers may be gone for good.
const ASKED: i64 = 24 * 60 * 60 * 1000;

/// What a try came to.
pub(super) enum Delivered {
    /// The workflow has it.
    Yes,
    /// It has ended, and did not have it as far as anybody can say.
    Over(Failure),
    /// Nobody knows; it is worth another try.
    Unknown(Failure),
    /// There is no such workflow, or it cannot be told this: nothing will come of it.
    Never(Failure),
}

impl Delivered {
    pub(super) fn unreadable(why: impl Into<String>) -> Self {
        Self::Never(Failure::new(FailureKind::Invalid, why, ""))
    }
}

impl Intake {
    /// Goes on where the answer is. Whoever calls this has it for themselves.
    pub(super) async fn handle(&self, callback: &Callback) -> Result<Receipt, Failure> {
        let Kept { response, metrics, problems, child } = match serde_json::from_str(&callback.response) {
            Ok(kept) => kept,
            Err(error) => {
                // Only somebody who writes into the database by hand makes it unreadable.
                tracing::error!(key = callback.key, %error, "an answer in the store cannot be read");
                return self.done(callback, receipt(callback, Fate::Rejected), None).await;
            }
        };
        let cost = || metrics.map(|metrics| cost(callback, &response, metrics));
        if callback.phase == Phase::Received {
            match self.deliver(callback, &response, child.as_ref()).await {
                Delivered::Yes => {}
                Delivered::Over(failure) => {
                    let message = format!("The workflow had ended. {}", failure.message);
                    let digest = same::digest(&response);
                    let late = Receipt { message, digest, ..receipt(callback, Fate::Late) };
                    return self.done(callback, late, cost()).await;
                }
                Delivered::Unknown(failure) => return self.wait(callback, &failure).await,
                // Its sender may have been told that it will be delivered: it waits for a workflow that is begun later.
                Delivered::Never(failure) if failure.kind == FailureKind::NotFound && is_awaited(callback) => {
                    self.0.store.rest(&callback.key, now_millis().plus(backoff::of_kept(callback.tries))).await?;
                    return Err(failure);
                }
                Delivered::Never(failure) => {
                    self.0.store.forget(&callback.key).await?;
                    return Err(failure);
                }
            }
        }
        let routed = self.tell_others(callback, &response).await?;
        let outcome = if problems.is_empty() { Fate::Delivered } else { Fate::Rejected };
        let delivered =
            Receipt { errors: problems, routed, digest: same::digest(&response), ..receipt(callback, outcome) };
        match self.decided(callback, &response, delivered).await {
            Ok(receipt) if receipt.routed.is_empty() => {
                // Its workflow has it: whoever goes through this again asks it for that, so nobody waits for the disk.
                self.0.store.done_soon(settled(callback, &receipt, cost())?).await?;
                Ok(receipt)
            }
            // What became of it elsewhere changes: what is told first must stand.
            Ok(receipt) => self.done(callback, receipt, cost()).await,
            Err(failure) => {
                self.0.store.signalled(&callback.key, now_millis()).await?;
                self.wait(callback, &failure).await
            }
        }
    }

    /// Until it is tried again, its sender need do nothing.
    async fn wait(&self, callback: &Callback, failure: &Failure) -> Result<Receipt, Failure> {
        tracing::warn!(
            workflow = %callback.workflow_id,
            step = %callback.step_id,
            attempt = %callback.attempt_id,
            tries = callback.tries,
            %failure,
            "an answer waits"
        );
        self.0.store.rest(&callback.key, now_millis().plus(backoff::of_kept(callback.tries))).await?;
        Ok(pending(callback))
    }

    async fn deliver(&self, callback: &Callback, response: &AgentResponse, child: Option<&Child>) -> Delivered {
        let mut said = match serde_json::to_value(response) {
            Ok(said) => said,
            Err(error) => return Delivered::unreadable(format!("The answer cannot be sent: {error}.")),
        };
        let (name, about) = match child {
            None => (signal::AGENT_COMPLETED, callback.step_id.as_str()),
            Some(child) => {
                // Whose result it is; the goal knows itself.
                said["workflowId"] = json!(child.workflow_id);
                (signal::CHILD_COMPLETED, child.kind.as_str())
            }
        };
        let signal = Signal {
            target: Target {
                workflow_id: extract::workflow_id(callback.workflow_id.as_str()),
                request_id: RequestId::new(callback.key.as_str()),
            },
            run_id: None,
            name: name.to_owned(),
            args: vec![Value::String(about.to_owned()), said],
        };
        match self.send(&signal).await {
            // It may have ended by this very answer, when a crash came after the signal.
            Delivered::Over(failure) => self.after_the_end(callback, response, failure).await,
            sent @ (Delivered::Yes | Delivered::Unknown(_) | Delivered::Never(_)) => sent,
        }
    }

    /// Sends a signal; sent again under its id it has one effect.
    pub(super) async fn send(&self, signal: &Signal) -> Delivered {
        match self.0.gateway.signal(signal).await {
            Ok(()) => Delivered::Yes,
            Err(failure) => match failure.kind {
                FailureKind::Conflict => Delivered::Over(failure),
                FailureKind::NotFound | FailureKind::Invalid => Delivered::Never(failure),
                // Temporal refuses the coordinator: an outage of ours, which somebody will mend.
                FailureKind::Unauthenticated
                | FailureKind::Denied
                | FailureKind::ReadOnly
                | FailureKind::Unavailable
                | FailureKind::DeadlineExceeded
                | FailureKind::Internal => Delivered::Unknown(failure),
            },
        }
    }

    /// What became of an answer whose workflow has ended. Its sender may have been told that the workflow has it: as long
    /// as nobody can say, it waits.
    async fn after_the_end(&self, callback: &Callback, response: &AgentResponse, over: Failure) -> Delivered {
        let workflow = extract::workflow_id(callback.workflow_id.as_str());
        let age = now_millis().0.saturating_sub(callback.received_at.0);
        match self.0.gateway.goal_state(&workflow).await {
            Ok(state) if took(&state, response) => Delivered::Yes,
            // What answers no such question, or is forgotten, nobody will ever say anything of.
            Err(failure) if !matches!(failure.kind, FailureKind::Invalid | FailureKind::NotFound) && age < ASKED => {
                Delivered::Unknown(failure)
            }
            Ok(_) | Err(_) => Delivered::Over(over),
        }
    }

    async fn done(&self, callback: &Callback, receipt: Receipt, cost: Option<Cost>) -> Result<Receipt, Failure> {
        let first = self.0.store.done(settled(callback, &receipt, cost)?).await?;
        Ok(serde_json::from_str(&first).unwrap_or(receipt))
    }
}

/// At the first try it is its sender who hears that there is no such workflow.
fn is_awaited(callback: &Callback) -> bool {
    callback.tries > 1 && now_millis().0.saturating_sub(callback.received_at.0) < route::AWAITED
}

fn settled(callback: &Callback, receipt: &Receipt, cost: Option<Cost>) -> Result<Settled, Failure> {
    let answer = serde_json::to_string(receipt)
        .map_err(|error| Failure::new(FailureKind::Internal, format!("The receipt cannot be kept: {error}."), ""))?;
    Ok(Settled { key: callback.key.clone(), answer, cost, at: now_millis() })
}

fn cost(callback: &Callback, response: &AgentResponse, metrics: AgentMetrics) -> Cost {
    Cost {
        key: callback.key.clone(),
        goal_id: response.goal_id.clone(),
        workflow_id: response.workflow_id.clone(),
        step_id: response.step_id.clone(),
        attempt_id: response.attempt_id.clone(),
        agent_role: response.agent_role.clone(),
        metrics,
        at: callback.received_at,
    }
}
