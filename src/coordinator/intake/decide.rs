//! What follows an answer, where the workflow's own rules do not decide: the policy that the goal is pinned to, asked
//! about its state, and one `applyDecision` for each answer (C2).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::contracts::agent::{AgentResponse, AgentStatus};
use crate::contracts::callback::Receipt;
use crate::contracts::engine::decision::{BasedOn, Decision};
use crate::contracts::engine::input::Decider;
use crate::contracts::engine::state::{EngineState, StepStatus};
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::ids::{DecisionId, RequestId, WorkflowId};
use crate::contracts::mutation::{Signal, Target};
use crate::contracts::temporal::names::signal;
use crate::coordinator::clock::now_millis;
use crate::coordinator::extract;
use crate::coordinator::intake::{Intake, LEASE, seed};
use crate::spec::EngineSpec as _;
use crate::spec::decide::{Decided, decide};
use crate::spec::facts::Fact;
use crate::spec::rules::Rules;
use crate::store::callbacks::Callback;

/// How long it is remembered who decides: an id may be used again for another goal.
const REMEMBERED: Duration = Duration::from_mins(1);
/// More are not remembered at once.
const MOST_REMEMBERED: usize = 10_000;
/// How long a turn to decide is used: less than its lease, so that nobody decides in another one's turn.
const TURN: Duration = Duration::from_secs(15);
/// How long somebody else's turn on the same workflow is waited for, and how often it is looked for.
const PATIENCE: Duration = Duration::from_secs(4);
const LOOK: Duration = Duration::from_millis(25);

/// Workflows whose own rules decide, and when that was seen.
#[derive(Default)]
pub(super) struct OwnRules(Mutex<HashMap<WorkflowId, Instant>>);

impl OwnRules {
    fn decide(&self, workflow: &WorkflowId) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(workflow).is_some_and(|seen| seen.elapsed() < REMEMBERED)
    }

    fn remember(&self, workflow: &WorkflowId) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_REMEMBERED {
            known.clear();
        }
        known.insert(workflow.clone(), Instant::now());
    }
}

/// What is worth another try is a failure; what never will be is a sentence.
pub(super) enum Trouble {
    Again(Failure),
    Never(String),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        match failure.kind {
            FailureKind::Unavailable
            | FailureKind::DeadlineExceeded
            | FailureKind::Unauthenticated
            | FailureKind::Denied
            | FailureKind::ReadOnly => Self::Again(failure),
            FailureKind::NotFound | FailureKind::Conflict | FailureKind::Invalid | FailureKind::Internal => {
                Self::Never(failure.to_string())
            }
        }
    }
}

/// Decides as long as it is the caller's turn. What was cut off is done again, with one effect.
pub(super) async fn within_turn<T>(deciding: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    tokio::time::timeout(TURN, deciding).await.unwrap_or_else(|_| {
        let why = format!("Deciding took longer than {} s.", TURN.as_secs());
        Err(Trouble::Again(Failure::new(FailureKind::Unavailable, why, "")))
    })
}

impl Intake {
    /// The receipt with what was decided. Fails when it is worth another try.
    pub(super) async fn decided(
        &self,
        callback: &Callback,
        response: &AgentResponse,
        receipt: Receipt,
    ) -> Result<Receipt, Failure> {
        if response.status == AgentStatus::Partial {
            return Ok(receipt);
        }
        let workflow = extract::workflow_id(callback.workflow_id.as_str());
        match self.has_own_rules(&workflow).await {
            Ok(true) => return Ok(receipt),
            Ok(false) => {}
            Err(Trouble::Again(failure)) => return Err(failure),
            Err(Trouble::Never(why)) => return Ok(Receipt { message: why, ..receipt }),
        }
        let until = Instant::now() + PATIENCE;
        let turn = loop {
            if let Some(turn) = self.0.store.begin_deciding(&callback.workflow_id, now_millis(), LEASE).await? {
                break turn;
            }
            if Instant::now() >= until {
                let why = format!("Somebody else decides on {workflow} for long.");
                return Err(Failure::new(FailureKind::Unavailable, why, ""));
            }
            tokio::time::sleep(LOOK).await;
        };
        let decided = within_turn(self.decide_now(callback, response, &workflow, &receipt)).await;
        self.0.store.end_deciding(turn).await?;
        match decided {
            Ok(decision) => Ok(Receipt { applied: decision, ..receipt }),
            Err(Trouble::Again(failure)) => Err(failure),
            Err(Trouble::Never(why)) => {
                tracing::warn!(%workflow, why, "nothing was decided on an answer");
                Ok(Receipt { message: why, ..receipt })
            }
        }
    }

    /// What it publishes says so, without a worker; where it publishes nothing, its state is asked.
    async fn has_own_rules(&self, workflow: &WorkflowId) -> Result<bool, Trouble> {
        if self.0.own_rules.decide(workflow) {
            return Ok(true);
        }
        let detail = self.0.gateway.describe(workflow, None).await?;
        let own = detail.row.published.is_some_and(|published| published.decider == Decider::Spec);
        if own {
            self.0.own_rules.remember(workflow);
        }
        Ok(own)
    }

    /// Decides on the state as it is, unless this answer was decided on before. The caller has the workflow's turn.
    async fn decide_now(
        &self,
        callback: &Callback,
        response: &AgentResponse,
        workflow: &WorkflowId,
        receipt: &Receipt,
    ) -> Result<Option<Decision>, Trouble> {
        let state = self.0.gateway.goal_state(workflow).await?;
        let Some(rules) = self.policy(workflow, &state).await? else { return Ok(None) };
        let is_seeds = seed::is_of(&state);
        let state = if is_seeds { seed::whole(state, &*rules) } else { state };
        let id = DecisionId::new(format!("dec-{}", &callback.key[..callback.key.len().min(32)]));
        let planned = callback.answer.as_deref().and_then(|kept| serde_json::from_str::<Receipt>(kept).ok());
        if let Some(planned) = planned.and_then(|planned| planned.applied).filter(|_| was_applied(&state, &id)) {
            return Ok(Some(planned));
        }
        let is_others = was_decided(&state, response) && !was_applied(&state, &id);
        if !took(&state, response) || state.status.is_over() || is_others {
            return Ok(None);
        }
        let decision = on(&state, response, &rules, id);
        let decision =
            if is_seeds { seed::fitted(decision, &state, &*rules).map_err(Trouble::Never)? } else { decision };
        if decision.is_empty() {
            // Where the goal waits for a decision, it hears that nothing follows.
            if state.undecided.is_some() {
                self.apply(workflow, &decision.decision_id, json!(decision)).await?;
            }
            return Ok(None);
        }
        // Kept before it is sent: after a crash the receipt says what was applied.
        let plan = Receipt { applied: Some(decision.clone()), ..receipt.clone() };
        let plan = serde_json::to_string(&plan).map_err(|error| Trouble::Never(error.to_string()))?;
        self.0.store.planned(&callback.key, &plan, now_millis()).await.map_err(|error| Trouble::Again(error.into()))?;
        let argument = if is_seeds { seed::written(&decision) } else { json!(decision) };
        self.apply(workflow, &decision.decision_id, argument).await?;
        Ok(Some(decision))
    }

    /// Sends a decision. Sent again it has no second effect.
    pub(super) async fn apply(
        &self,
        workflow: &WorkflowId,
        id: &DecisionId,
        argument: serde_json::Value,
    ) -> Result<(), Trouble> {
        let signal = Signal {
            target: Target { workflow_id: workflow.clone(), request_id: RequestId::new(id.as_str()) },
            run_id: None,
            name: signal::APPLY_DECISION.to_owned(),
            args: vec![argument],
        };
        Ok(self.0.gateway.signal(&signal).await?)
    }
}

/// What the policy says; it may say nothing.
fn on(state: &EngineState, response: &AgentResponse, rules: &Rules, id: DecisionId) -> Decision {
    let decided = decide(rules, state, &Fact::Completed { response }, id);
    tell_troubles(rules, &decided);
    Decision { based_on: Some(based_on(response)), ..decided.decision }
}

pub(super) fn tell_troubles(rules: &Rules, decided: &Decided) {
    for trouble in &decided.troubles {
        tracing::warn!(spec = %rules.pin().name, trouble, "a rule could not be evaluated");
    }
}

fn based_on(response: &AgentResponse) -> BasedOn {
    BasedOn { step_id: response.step_id.clone(), attempt_id: response.attempt_id.clone() }
}

/// Whether somebody else was faster: the goal keeps what waits for a decision, and this does not wait any more.
fn was_decided(state: &EngineState, response: &AgentResponse) -> bool {
    let based_on = based_on(response);
    state.undecided.as_ref().is_some_and(|waiting| waiting.iter().all(|one| one.based_on().as_ref() != Some(&based_on)))
}

/// Whether the workflow took this answer: it may have refused it as too late.
pub(super) fn took(state: &EngineState, response: &AgentResponse) -> bool {
    state.open_steps.get(&response.step_id).is_some_and(|step| {
        // A step that was taken without an attempt's name has none.
        let is_attempts = step.attempt_id.as_ref().is_none_or(|attempt| *attempt == response.attempt_id);
        is_attempts
            && match response.status {
                AgentStatus::Ok => step.status == StepStatus::Done,
                AgentStatus::Fail => step.status == StepStatus::Failed,
                AgentStatus::Partial => is_logged(state, response),
            }
    })
}

/// Whether a report on the way is in the log. Where the log does not hold everything, its attempt is trusted.
fn is_logged(state: &EngineState, response: &AgentResponse) -> bool {
    let answers = || state.log.iter().filter(|entry| entry.event == "AGENT_COMPLETED").map(|entry| &entry.data);
    let is_whole = state.log_dropped == 0 && answers().all(|data| data.get("omittedBytes").is_none());
    let said = json!(AgentResponse { metrics: None, ..response.clone() });
    !is_whole || answers().any(|data| *data == said)
}

fn was_applied(state: &EngineState, id: &DecisionId) -> bool {
    let by =
        |entry: &serde_json::Value| entry.get("decisionId").and_then(serde_json::Value::as_str) == Some(id.as_str());
    state.log.iter().any(|entry| entry.event == "APPLY_DECISION" && by(&entry.data))
}
