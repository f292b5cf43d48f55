//! Where somebody outside decides: what happened waits here until their decision comes, whoever of them is there.

use serde_json::json;

use crate::contracts::clock::UnixMillis;
use crate::contracts::engine::decision::{BasedOn, Decision};
use crate::contracts::engine::fact::{Happening, Undecided};
use crate::contracts::ids::{DecisionId, StepId};
use crate::spec::facts::Fact;
use crate::workflows::engine::machine::Machine;
use crate::workflows::engine::machine::apply::base_key;

/// More than this does not wait: nobody decides, and nobody will.
const MOST: usize = 32;

/// What a decision is on.
pub(super) struct Basis {
    /// The step that what it asks for follows from.
    pub(super) step: Option<StepId>,
    /// Somebody rejected it.
    pub(super) rejected: Option<(StepId, String)>,
}

impl Machine {
    /// Keeps what happened until it is decided on.
    pub(super) fn wait_for_decision(&mut self, now: UnixMillis, fact: &Fact<'_>) {
        if !self.habits.facts_wait {
            return;
        }
        self.memory.facts += 1;
        let id = DecisionId::new(format!("{}{}", Undecided::PREFIX, self.memory.facts));
        let undecided = Undecided { id, at: now, happening: fact.kept() };
        let waiting = self.memory.state.undecided.get_or_insert_default();
        waiting.push(undecided);
        if waiting.len() > MOST {
            let oldest = waiting.remove(0);
            self.note(now, "NEVER_DECIDED", json!({"decisionId": oldest.id}));
        }
    }

    /// Whether a decision is on something that waited once and waits no more.
    pub(super) fn is_decided(&self, id: &DecisionId) -> bool {
        let number = id.as_str().strip_prefix(Undecided::PREFIX).and_then(|number| number.parse::<u64>().ok());
        let was_there = number.is_some_and(|number| (1..=self.memory.facts).contains(&number));
        was_there && self.waiting(&Decision { decision_id: id.clone(), ..Decision::default() }).is_none()
    }

    /// What this decision is on waits no more.
    pub(super) fn take_basis(&mut self, decision: &Decision) -> Basis {
        let found = self.waiting(decision);
        let undecided = self.memory.state.undecided.as_mut().zip(found).map(|(waiting, at)| waiting.remove(at));
        let answered = undecided.as_ref().and_then(Undecided::based_on);
        if let Some(answered) = &answered {
            // Whoever decides on this answer by its name comes too late.
            self.memory.bases.first(&base_key(answered));
        }
        let named = decision.based_on.as_ref().map(|based_on| based_on.step_id.clone());
        let step = named.or_else(|| undecided.as_ref().and_then(Undecided::step).cloned());
        let rejected = undecided.and_then(|undecided| match undecided.happening {
            Happening::Rejected { step_id, reason } => Some((step_id, reason)),
            Happening::Completed { .. }
            | Happening::Event { .. }
            | Happening::Approved { .. }
            | Happening::ChildCompleted { .. } => None,
        });
        Basis { step, rejected }
    }

    /// Where what a decision is on stands: under its id, or as the answer that it names.
    fn waiting(&self, decision: &Decision) -> Option<usize> {
        let waiting = self.memory.state.undecided.as_ref()?;
        let by_id = waiting.iter().position(|undecided| undecided.id == decision.decision_id);
        let is_named = |based_on: &BasedOn| waiting.iter().position(|one| one.based_on().as_ref() == Some(based_on));
        by_id.or_else(|| decision.based_on.as_ref().and_then(is_named))
    }
}
