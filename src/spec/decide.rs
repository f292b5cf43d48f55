//! One decision as a whole, for whoever decides outside of the workflow, and what must hold before a goal is complete.

use serde::Serialize;

use crate::contracts::engine::decision::{Action, Decision};
use crate::contracts::engine::state::{EngineState, StepStatus};
use crate::contracts::ids::{DecisionId, WorkKind};
use crate::spec::EngineSpec;
use crate::spec::document::Guardrails;
use crate::spec::facts::Fact;

/// A decision and how it came to be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decided {
    pub decision: Decision,
    /// Names of the rules that applied, in their order.
    pub rules: Vec<String>,
    /// Rules that could not be evaluated, and why.
    pub troubles: Vec<String>,
}

/// What a spec decides on a fact. `state` has taken the fact in already: the step that was answered is done or failed.
pub fn decide(spec: &dyn EngineSpec, state: &EngineState, fact: &Fact<'_>, decision_id: DecisionId) -> Decided {
    let verdict = spec.decide(state, fact);
    let mut troubles = verdict.troubles;
    let finalize = is_complete_after(spec, state, &verdict.actions).unwrap_or_else(|why| {
        troubles.push(format!("finalize: {why}"));
        false
    });
    let decision = Decision { decision_id, based_on: None, actions: verdict.actions, finalize };
    Decided { decision, rules: verdict.applied, troubles }
}

/// Whether nothing is left to do once these actions have been applied.
fn is_complete_after(spec: &dyn EngineSpec, state: &EngineState, actions: &[Action]) -> Result<bool, String> {
    let mut notes = Vec::new();
    for action in actions {
        match action {
            Action::RequestWork { .. } | Action::RequestApproval { .. } => return Ok(false),
            Action::Annotate { key, value } => notes.push((key.clone(), value.clone())),
        }
    }
    // Most answers of a goal leave something open: the state is copied only when this may be the last.
    if why_unfinished(state, spec.guardrails()).is_some() {
        return Ok(false);
    }
    let mut state = state.clone();
    state.artifacts.extend(notes);
    spec.is_reached(&state)
}

/// What speaks against completing a goal, whatever its rules and whoever asks say.
pub fn why_unfinished(state: &EngineState, guardrails: &Guardrails) -> Option<String> {
    if let Some((id, step)) = state.in_order().into_iter().find(|(_, step)| step.status.is_open()) {
        return Some(format!("{id} is {}.", step.status.as_str()));
    }
    if !state.is_settled() {
        return Some("The latest step of some kind is not done.".to_owned());
    }
    let is_done =
        |kind: &WorkKind| state.latest(kind.as_str()).is_some_and(|(_, step)| step.status == StepStatus::Done);
    let missing = guardrails.required.iter().find(|kind| !is_done(kind));
    missing.map(|kind| format!("{kind} is required and not done."))
}
