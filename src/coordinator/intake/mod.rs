//! The intake of agents' answers: each has exactly one effect on its workflow, whatever is retried, reordered or killed.
//!
//! An answer is kept before anybody is told (`received`), signalled to its workflow (`signalled`), and what its sender
//! is told is kept (`done`). Whatever ends in between is resumed: by the next one who sends the same answer, by any
//! coordinator on the same database, or by this one when it starts again. The signal is chosen over its update twin: it
//! is durable without a worker, as cheap as a call can be, and the seeds' own workflows know it. Sent twice, it carries
//! the same request id; beyond a run the workflow itself knows which attempt of which step it has taken in. Whoever else
//! is told of it (`[[coordinator.routes]]`) is told the same way: kept for each before the receipt is written.

pub mod check;
mod decide;
mod deliver;
mod happened;
mod policy;
mod resume;
pub mod route;
mod rush;
mod same;
mod seed;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::contracts::agent::{AgentMetrics, AgentResponse, AgentStatus};
use crate::contracts::callback::{Fate, Receipt};
use crate::contracts::clock::Millis;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::hex;
use crate::contracts::http::FieldProblem;
use crate::contracts::ids::{WorkKind, WorkflowId};
use crate::coordinator::clock::{now, now_millis};
use crate::coordinator::intake::check::Invalid;
use crate::coordinator::intake::decide::OwnRules;
use crate::coordinator::intake::policy::Policies;
use crate::coordinator::intake::route::Routes;
use crate::coordinator::intake::rush::Rush;
use crate::coordinator::metrics::Metrics;
use crate::coordinator::senders::Sender;
use crate::gateway::Gateway;
use crate::store::Store;
use crate::store::callbacks::{Callback, NewCallback, Phase, Received};

/// How long whoever handles an answer has it for themselves: longer than any handling takes.
const LEASE: Millis = Millis::from_secs(30);
/// How long somebody who sends an answer that another one handles waits for what comes of it.
const WAIT: Duration = Duration::from_secs(8);
/// How often they look.
const LOOK: Duration = Duration::from_millis(40);

/// Takes answers in. Cheap to clone.
#[derive(Clone)]
pub struct Intake(Arc<Inner>);

struct Inner {
    gateway: Gateway,
    store: Store,
    metrics: Metrics,
    own_rules: OwnRules,
    policies: Policies,
    /// Who else is told of an answer.
    routes: Routes,
    /// Something is due that nobody has in hand.
    due: Notify,
    rush: Rush,
}

/// An answer as it is kept until it is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    /// Without what it cost: that never enters a history (C12).
    response: AgentResponse,
    /// What it cost counts once it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metrics: Option<AgentMetrics>,
    /// What was wrong with what came in, when this stands for an answer that cannot be read.
    problems: Vec<FieldProblem>,
    /// The sibling workflow whose end this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    child: Option<Child>,
}

/// A sibling workflow: its goal hears of its end by a signal of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Child {
    kind: WorkKind,
    workflow_id: WorkflowId,
}

impl From<AgentResponse> for Kept {
    fn from(mut response: AgentResponse) -> Self {
        Self { metrics: response.metrics.take(), response, problems: Vec::new(), child: None }
    }
}

/// What whoever sent an answer is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub receipt: Receipt,
    /// It had been taken in before: nothing happened twice.
    pub repeated: bool,
}

impl Intake {
    pub fn new(gateway: Gateway, store: Store, metrics: Metrics, routes: Routes) -> Self {
        let (own_rules, policies, due, rush) = Default::default();
        Self(Arc::new(Inner { gateway, store, metrics, own_rules, policies, routes, due, rush }))
    }

    /// Takes an answer in: kept, signalled, and answered with a receipt that everybody gets who sends it again. Fails
    /// when nothing was kept: the workflow is unknown, or the database does not answer. Whether the sender may give this
    /// answer is for the caller to ask: [`Sender::must`].
    pub async fn accept(&self, response: AgentResponse, sender: &Sender) -> Result<Answer, Failure> {
        self.take_in(response.into(), sender).await
    }

    /// The same of the end of a sibling workflow, which did the work of a step of this kind.
    pub async fn accept_ending(
        &self,
        response: AgentResponse,
        kind: &WorkKind,
        child: &WorkflowId,
        sender: &Sender,
    ) -> Result<Answer, Failure> {
        let child = Child { kind: kind.clone(), workflow_id: child.clone() };
        self.take_in(Kept { child: Some(child), ..response.into() }, sender).await
    }

    /// Tells the workflow of an answer that cannot be read that this attempt has failed, where it can be known which
    /// (C10). Whoever sent it is told what is wrong with it, whatever becomes of this. Fails when nobody was told.
    pub async fn refuse(&self, invalid: Invalid, sender: &Sender) -> Result<(), Failure> {
        let Some(response) = invalid.failure else {
            self.0.metrics.answer_taken("unreadable", false);
            return Ok(());
        };
        let kept = Kept { problems: invalid.problems, ..Kept::from(*response) };
        let told = self.take_in(kept, sender).await;
        told.map(drop)
            .inspect_err(|failure| tracing::warn!(%failure, "nobody was told of an answer that cannot be read"))
    }

    /// Keeps an answer durably and returns: it is delivered afterwards, as many at once as Temporal bears. Its sender
    /// is not told whether its workflow is there.
    pub async fn keep(&self, response: AgentResponse, sender: &Sender) -> Result<Answer, Failure> {
        let incoming = Incoming::new(response.into(), sender)?;
        let _waiting = self.0.rush.one_waits();
        let answer = match self.0.store.receive(incoming.callback.clone(), now_millis(), Millis(0)).await {
            Ok(Received::New(kept)) => {
                self.count(&incoming);
                self.0.due.notify_one();
                Ok(Answer { receipt: pending(&kept), repeated: false })
            }
            Ok(Received::Known(known)) => {
                let receipt = stands(&known).unwrap_or_else(|| pending(&known));
                Ok(same::repeated(receipt, &known, &incoming.callback))
            }
            Err(error) => Err(error.into()),
        };
        self.note(&incoming.callback, &answer);
        answer
    }

    async fn take_in(&self, kept: Kept, sender: &Sender) -> Result<Answer, Failure> {
        let incoming = Incoming::new(kept, sender)?;
        let answer = self.take(&incoming).await;
        self.note(&incoming.callback, &answer);
        answer
    }

    fn note(&self, callback: &NewCallback, answer: &Result<Answer, Failure>) {
        let outcome = match answer {
            Ok(answer) => answer.receipt.outcome.as_str(),
            Err(_) => "failed",
        };
        let repeated = answer.as_ref().is_ok_and(|answer| answer.repeated);
        self.0.metrics.answer_taken(outcome, repeated);
        tracing::info!(
            sender = callback.sender,
            workflow = %callback.workflow_id,
            step = %callback.step_id,
            attempt = %callback.attempt_id,
            outcome,
            repeated,
            "answer of an agent"
        );
    }

    async fn take(&self, incoming: &Incoming) -> Result<Answer, Failure> {
        let until = Instant::now() + WAIT;
        loop {
            match self.0.store.receive(incoming.callback.clone(), now_millis(), LEASE).await? {
                Received::New(kept) => {
                    self.count(incoming);
                    let receipt = self.handle(&kept).await?;
                    return Ok(Answer { receipt, repeated: false });
                }
                Received::Known(known) => {
                    if let Some(receipt) = stands(&known) {
                        return Ok(same::repeated(receipt, &known, &incoming.callback));
                    }
                    // Whoever had it may be gone.
                    if let Some(left) = self.0.store.take_over(&known.key, now_millis(), LEASE).await? {
                        return Ok(same::repeated(self.handle(&left).await?, &left, &incoming.callback));
                    }
                    if Instant::now() >= until {
                        return Ok(same::repeated(pending(&known), &known, &incoming.callback));
                    }
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn count(&self, incoming: &Incoming) {
        if let Some(metrics) = &incoming.metrics {
            self.0.metrics.used(&incoming.callback.sender, metrics);
        }
    }
}

/// An answer that came in.
struct Incoming {
    callback: NewCallback,
    metrics: Option<AgentMetrics>,
}

impl Incoming {
    fn new(kept: Kept, sender: &Sender) -> Result<Self, Failure> {
        let key = key(&kept.response);
        let body = serde_json::to_string(&kept)
            .map_err(|error| Failure::new(FailureKind::Invalid, format!("The answer cannot be kept: {error}."), ""))?;
        let AgentResponse { workflow_id, step_id, attempt_id, .. } = kept.response;
        let sender = sender.name().to_owned();
        let callback = NewCallback { key, workflow_id, step_id, attempt_id, sender, response: body };
        Ok(Self { callback, metrics: kept.metrics })
    }
}

/// Bytes of a key that all answers of a workflow begin with.
const OF_WORKFLOW: usize = 6;

/// What makes two answers the same: the attempt of the step of the workflow that they end. Reports on the way, and
/// answers that name no attempt, are told apart by what they say. Those of one workflow lie side by side in the
/// database's indexes: answers that are committed together then change few pages.
fn key(response: &AgentResponse) -> String {
    let AgentResponse { workflow_id, step_id, attempt_id, .. } = response;
    let mut digest = Sha256::new();
    for part in [workflow_id.as_str(), step_id.as_str(), attempt_id.as_str()] {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    if response.status == AgentStatus::Partial || attempt_id.is_empty() {
        digest.update(serde_json::to_vec(response).unwrap_or_default());
    }
    let mut key = digest.finalize();
    key[..OF_WORKFLOW].copy_from_slice(&Sha256::digest(workflow_id.as_str())[..OF_WORKFLOW]);
    hex::encode(&key)
}

/// What everybody is told, once it is done.
fn stands(callback: &Callback) -> Option<Receipt> {
    if callback.phase != Phase::Done {
        return None;
    }
    let kept = callback.answer.as_deref().and_then(|answer| serde_json::from_str(answer).ok());
    // Only somebody who writes into the database by hand makes it unreadable.
    Some(kept.unwrap_or_else(|| receipt(callback, Fate::Delivered)))
}

fn pending(callback: &Callback) -> Receipt {
    let message = "It is kept and will be delivered; there is no need to send it again.".to_owned();
    Receipt { message, ..receipt(callback, Fate::Pending) }
}

fn receipt(callback: &Callback, outcome: Fate) -> Receipt {
    Receipt {
        ok: matches!(outcome, Fate::Delivered | Fate::Pending),
        outcome,
        workflow_id: callback.workflow_id.clone(),
        step_id: callback.step_id.clone(),
        attempt_id: callback.attempt_id.clone(),
        received_at: callback.received_at.timestamp().unwrap_or_else(now),
        applied: None,
        routed: Vec::new(),
        message: String::new(),
        errors: Vec::new(),
        digest: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::key;
    use crate::coordinator::intake::check;

    /// What is kept is found under it, also by a later version.
    #[test]
    fn the_key_of_an_answer_stays_what_it_is() {
        let answer = |status: &str| {
            format!(
                r#"{{"goalId":"g","workflowId":"goal-1","stepId":"write-impl-1","runId":"run-1","agentRole":"a",
                    "status":"{status}","content":{{"b":1.50,"a":"\u00e4"}},"errors":null}}"#
            )
        };
        let attempt = "7ad913b2f0d5298a8bb6135aa4620a1540361472db6ebca91185e46e8e392410";
        let report = "7ad913b2f0d565444bc110a34fbcf3acbae968e7c51ca9d13e2637a4a4b23dfb";
        for (status, expected) in [("OK", attempt), ("FAIL", attempt), ("PARTIAL", report)] {
            assert_eq!(key(&check::read(answer(status).as_bytes()).unwrap()), expected, "{status}");
        }
        // Nobody knows which attempt failed.
        let unreadable = check::read(br#"{"workflowId":"goal-1","stepId":"write-impl-1"}"#).unwrap_err();
        assert_eq!(
            key(&unreadable.failure.unwrap()),
            "7ad913b2f0d5558c8c952bf9b24564ed2dbd9c17c6a081542e29869218a12b30"
        );
    }
}
