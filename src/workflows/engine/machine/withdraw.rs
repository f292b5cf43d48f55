//! A step that had failed is done after all: what was asked for because it had failed is withdrawn.

use serde_json::{Value, json};

use crate::contracts::agent::AgentStatus;
use crate::contracts::clock::UnixMillis;
use crate::contracts::engine::state::{StepState, StepStatus};
use crate::contracts::ids::StepId;
use crate::spec::facts::Fact;
use crate::workflows::engine::machine::Machine;

impl Machine {
    /// Withdraws what was to replace a failed step that is done after all. Answers other failures for which it was to
    /// count as well: the rules must be asked about them once more.
    pub(super) fn withdraw_replacements(&mut self, now: UnixMillis, id: &StepId) -> Vec<StepId> {
        let replacements = self.replacements(id);
        let others = self.others_that_count_on(&replacements, id);
        for replacement in replacements {
            self.note(now, "WITHDRAWN", json!({"stepId": replacement, "reason": format!("{id} was overridden.")}));
            self.mark(now, &replacement, StepStatus::Skipped, Some(format!("{id} is done after all.")));
        }
        others
    }

    /// What was asked for since this step failed and because of it, however often that failed as well. What is done by
    /// now stays, with all that followed from it.
    fn replacements(&self, id: &StepId) -> Vec<StepId> {
        let state = &self.memory.state;
        let failed = |step: &StepState| step.status == StepStatus::Failed;
        let mut found: Vec<StepId> = Vec::new();
        let mut causes: Vec<(StepId, UnixMillis)> = Vec::new();
        causes.extend(state.open_steps.get(id).filter(|step| failed(step)).map(|step| (id.clone(), step.updated_at)));
        while let Some((cause, since)) = causes.pop() {
            for (id, step) in state.in_order() {
                let is_new = step.after.contains(&cause) && step.requested_at >= since && !found.contains(id);
                if !is_new || !(step.status.is_open() || failed(step)) {
                    continue;
                }
                found.push(id.clone());
                if failed(step) {
                    causes.push((id.clone(), step.updated_at));
                }
            }
        }
        found
    }

    /// Failures since then for which the rules asked for nothing, perhaps because this was under way.
    fn others_that_count_on(&self, replacements: &[StepId], overridden: &StepId) -> Vec<StepId> {
        let state = &self.memory.state;
        let requested = |id| state.open_steps.get(id).map(|step: &StepState| step.requested_at);
        let Some(since) = replacements.iter().filter_map(requested).min() else { return Vec::new() };
        let followed = |id: &StepId| state.open_steps.values().any(|step| step.after.contains(id));
        let stands = |id: &StepId, step: &StepState| {
            let latest = state.latest(step.kind.as_str()).is_some_and(|(latest, _)| latest == id);
            step.status == StepStatus::Failed && step.updated_at >= since && latest && !followed(id)
        };
        let own = |id: &StepId| id == overridden || replacements.contains(id);
        let steps = state.in_order().into_iter();
        steps.filter(|(id, step)| !own(id) && stands(id, step)).map(|(id, _)| id.clone()).collect()
    }

    pub(super) fn ask_again(&mut self, now: UnixMillis, id: &StepId) {
        if self.memory.state.status.is_over() {
            return;
        }
        let step = self.memory.state.open_steps.get(id);
        let reason = step.and_then(|step| step.reason.clone()).unwrap_or_default();
        let mut response = self.in_place_of_agent(id, AgentStatus::Fail, &reason);
        response.content = step.map_or(Value::Null, |step| step.content.clone());
        self.consider(
            now,
            &Fact::Completed { response: &response },
            &format!("dec-{id}-{}-again", response.attempt_id),
        );
    }
}
