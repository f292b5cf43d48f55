//! A budget that is used up: work is held back until a person gives more.

use std::collections::BTreeSet;

use serde_json::json;

use crate::contracts::clock::UnixMillis;
use crate::contracts::engine::budget::{Budget, BudgetLevel};
use crate::contracts::engine::state::{StepState, StepStatus};
use crate::contracts::ids::StepId;
use crate::workflows::engine::machine::answer::Why;
use crate::workflows::engine::machine::event::Outcome;
use crate::workflows::engine::machine::{Machine, signed};

impl Machine {
    /// Work counts from the first thing that happens on.
    pub(super) fn budget_begins(&mut self, now: UnixMillis) {
        if let Some(budget) = self.memory.state.budget.as_mut().filter(|budget| budget.since == UnixMillis::default()) {
            budget.since = now;
        }
    }

    /// Whoever keeps what answers cost says how much of the budget is used.
    pub(super) fn budget_reached(&mut self, now: UnixMillis, round: u32, level: BudgetLevel) -> Outcome {
        let Some(budget) = &mut self.memory.state.budget else {
            return Outcome::Refused("The goal has no budget.".into());
        };
        // Of a round before: it was raised meanwhile.
        if round != budget.round || budget.reached >= Some(level) {
            return Outcome::Repeated;
        }
        budget.reached = Some(level);
        let told = json!({"reason": format!("{} % of {budget} are used.", level.percent()), "round": round});
        let event = match level {
            BudgetLevel::Warning => "BUDGET_WARNING",
            BudgetLevel::Spent => "BUDGET_SPENT",
        };
        self.note(now, event, told);
        Outcome::Applied
    }

    /// While the budget is spent nothing waits for an agent, however it came to wait.
    pub(super) fn hold_back(&mut self, now: UnixMillis) {
        let state = &self.memory.state;
        let Some(budget) = state.budget.as_ref().filter(|budget| budget.is_spent() && !state.status.is_over()) else {
            return;
        };
        let reason = format!("The budget of {budget} is spent. Requeue it to give as much again, or cancel the goal.");
        let waits = |step: &StepState| step.status == StepStatus::Waiting && !step.is_approval();
        let steps = state.open_steps.iter().filter(|(_, step)| waits(step));
        let waiting: Vec<StepId> = steps.map(|(id, _)| id.clone()).collect();
        for id in waiting {
            self.mark(now, &id, StepStatus::Blocked, Some(reason.clone()));
            self.memory.held.insert(id);
        }
    }

    /// Whether this step waits for money and nothing else.
    pub(super) fn is_held(&self, id: &StepId) -> bool {
        self.memory.held.contains(id)
            && self.memory.state.open_steps.get(id).is_some_and(|step| step.status == StepStatus::Blocked)
    }

    /// A person gives as much again, counted from now: however much too much was spent, once is enough. All that was held
    /// back is offered.
    pub(super) fn raise_budget(&mut self, now: UnixMillis, id: &StepId, why: &Why<'_>) {
        let again = self.spec.guardrails().budget().unwrap_or_default();
        if let Some(budget) = &mut self.memory.state.budget {
            (budget.tokens, budget.usd) = (again.tokens, again.usd);
            budget.begun.get_or_insert(budget.since);
            budget.since = now;
            self.memory.rounds += 1;
            budget.round = self.memory.rounds;
            budget.reached = None;
            let more = format!("{budget} more from now on");
            let told = json!({"stepId": id, "status": more, "reason": why.reason, "round": budget.round});
            self.note(now, "BUDGET_RAISED", signed(told, why.by));
        }
        self.release(now);
    }

    /// Other rules have another budget. One that they leave as it was stays raised.
    pub(super) fn budget_follows(&mut self, now: UnixMillis, before: Option<&Budget>) {
        let next = self.spec.guardrails().budget();
        if next.as_ref() == before {
            return;
        }
        let state = &mut self.memory.state;
        let old = state.budget.take();
        let begun = || state.open_steps.values().map(|step| step.requested_at).min().unwrap_or(now);
        let (since, begun) = old.map_or_else(|| (begun(), None), |old| (old.since, old.begun));
        self.memory.rounds += 1;
        state.budget = next.map(|next| Budget { since, begun, round: self.memory.rounds, ..next });
        self.release(now);
    }

    fn release(&mut self, now: UnixMillis) {
        let held: BTreeSet<StepId> = self.memory.held.clone();
        for id in held.iter().filter(|id| self.is_held(id)).cloned().collect::<Vec<_>>() {
            self.offer_again(now, &id);
        }
        self.memory.held.clear();
    }
}
