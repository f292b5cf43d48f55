//! The policy of a goal: the very document that it is pinned to, wherever it came from.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::contracts::engine::input::Decider;
use crate::contracts::engine::spec::SpecPin;
use crate::contracts::engine::state::EngineState;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::ids::WorkflowId;
use crate::coordinator::intake::Intake;
use crate::coordinator::intake::decide::Trouble;
use crate::spec::EngineSpec as _;
use crate::spec::rules::Rules;
use crate::spec::shipped;

/// The policy of a workflow that is pinned to none: the seeds' own.
const SEEDS_POLICY: &str = "codegen-coordinator";
/// More are not remembered at once.
const MOST: usize = 100;

/// Policies that were compiled, by the hash of their text.
#[derive(Default)]
pub(super) struct Policies(Mutex<HashMap<String, Arc<Rules>>>);

impl Policies {
    fn get(&self, key: &str) -> Option<Arc<Rules>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn remember(&self, key: &str, rules: Rules) -> Arc<Rules> {
        let rules = Arc::new(rules);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(key.to_owned(), Arc::clone(&rules));
        rules
    }
}

impl Intake {
    /// The policy that a goal is pinned to; none where its own rules decide. Fails when it is not to be had.
    pub(super) async fn policy(
        &self,
        workflow: &WorkflowId,
        state: &EngineState,
    ) -> Result<Option<Arc<Rules>>, Trouble> {
        if state.spec.is_some() && state.decider == Decider::Spec {
            return Ok(None);
        }
        let key = state.spec.as_ref().map_or(SEEDS_POLICY, |pin| pin.hash.as_str());
        if let Some(known) = self.0.policies.get(key) {
            return Ok(Some(known));
        }
        let name = state.spec.as_ref().map_or(SEEDS_POLICY, |pin| pin.name.as_str());
        let fits = |rules: &Rules| state.spec.as_ref().is_none_or(|pin| pin.hash == rules.pin().hash);
        let shipped = shipped::rules(name).and_then(Result::ok).filter(fits);
        let rules = match (shipped, &state.spec) {
            (Some(rules), _) => rules,
            (None, Some(pin)) => self.pinned(workflow, pin).await?,
            (None, None) => return Err(Trouble::Never(format!("There is no policy {SEEDS_POLICY}."))),
        };
        Ok(Some(self.0.policies.remember(key, rules)))
    }

    /// The workflow itself has the text.
    async fn pinned(&self, workflow: &WorkflowId, pin: &SpecPin) -> Result<Rules, Trouble> {
        let unknown = |why: String| {
            Trouble::Never(format!("The spec {} that the goal is pinned to is not to be had: {why}", pin.name))
        };
        let text = match self.0.gateway.goal_spec(workflow).await {
            Ok(text) => text,
            Err(failure) if matches!(failure.kind, FailureKind::Invalid | FailureKind::Internal) => {
                return Err(unknown(failure.message));
            }
            Err(failure) => return Err(failure.into()),
        };
        let rules =
            Rules::read(&format!("spec {}", pin.name), &text).map_err(|problem| unknown(problem.to_string()))?;
        if rules.pin().hash == pin.hash {
            return Ok(rules);
        }
        // It follows other rules by now: the next look sees both.
        Err(Trouble::Again(Failure::new(FailureKind::Unavailable, "The goal follows another spec by now.", "")))
    }
}
