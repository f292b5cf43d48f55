//! Where somebody outside decides: what happened waits here until their decision comes, whoever of them is there.

use serde_json::json;

use crate::contracts::clock::UnixMillis;
use crate::contracts::engine::decision::{BasedOn, Decision};
use crate::contracts::engine::fact::{Happening, Undecided};
use crate::contracts::ids::{DecisionId, StepId};
use crate::spec::facts::Fact;
use crate::workflows::engine::machine::Machine;
use crate::workflows::engine::machine::apply::{MOST_STEPS, base_key};

/// Events that wait at once: more than this nobody decides on, and nobody will.
const MOST_EVENTS: usize = 32;
/// Ends of children: each closes a step, or is of none.
const MOST_ENDS: usize = MOST_STEPS;
/// Runs of before kept no more than this of everything.
const MOST_BEFORE: usize = 32;

/// Bytes of what is kept of a payload until it is decided on.
const KEPT: usize = 8_000;
/// When what waits has so many bytes, less is kept of what comes: with the state it must fit a message of 2 MiB.
const FULL: usize = 300_000;
const KEPT_WHEN_FULL: usize = 200;

/// What a decision is on.
pub(super) struct Basis {
    /// It names what happened; what names nothing is on the goal as a whole.
    pub(super) is_named: bool,
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
        let is_full = self.habits.facts_stay && json!(self.memory.state.undecided).to_string().len() > FULL;
        let most = if is_full { KEPT_WHEN_FULL } else { KEPT };
        let id = DecisionId::new(format!("{}{}", Undecided::PREFIX, self.memory.facts));
        let undecided = Undecided { id, at: now, happening: fact.kept(most) };
        let waiting = self.memory.state.undecided.get_or_insert_default();
        waiting.push(undecided);
        let dropped = if self.habits.facts_stay {
            too_many(waiting).map(|at| waiting.remove(at))
        } else {
            (waiting.len() > MOST_BEFORE).then(|| waiting.remove(0))
        };
        if let Some(dropped) = dropped {
            self.note(now, "NEVER_DECIDED", json!({"decisionId": dropped.id}));
        }
    }

    /// Whether something waits for a decision that is to be made before the goal can be complete.
    pub(super) fn is_undecided(&self) -> bool {
        self.habits.facts_stay && self.memory.state.undecided.as_ref().is_some_and(|waiting| !waiting.is_empty())
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
        let is_named = decision.based_on.is_some() || undecided.is_some();
        let named = decision.based_on.as_ref().map(|based_on| based_on.step_id.clone());
        let step = named.or_else(|| undecided.as_ref().and_then(Undecided::step).cloned());
        let rejected = undecided.and_then(|undecided| match undecided.happening {
            Happening::Rejected { step_id, reason } => Some((step_id, reason)),
            Happening::Completed { .. }
            | Happening::Event { .. }
            | Happening::Approved { .. }
            | Happening::ChildCompleted { .. } => None,
        });
        Basis { is_named, step, rejected }
    }

    /// Where what a decision is on stands: under its id, or as the answer that it names.
    fn waiting(&self, decision: &Decision) -> Option<usize> {
        let waiting = self.memory.state.undecided.as_ref()?;
        let by_id = waiting.iter().position(|undecided| undecided.id == decision.decision_id);
        let is_named = |based_on: &BasedOn| waiting.iter().position(|one| one.based_on().as_ref() == Some(based_on));
        by_id.or_else(|| decision.based_on.as_ref().and_then(is_named))
    }
}

/// Where the one stands that the newest leaves no room for. What an answer or a person has closed a step with is never
/// it: a goal goes on only by what is decided on these, and there are no more of them than steps.
fn too_many(waiting: &[Undecided]) -> Option<usize> {
    let is_event = |one: &Undecided| matches!(one.happening, Happening::Event { .. });
    let is_end = |one: &Undecided| matches!(one.happening, Happening::ChildCompleted { .. });
    let oldest_beyond = |most: usize, is_such: &dyn Fn(&Undecided) -> bool| {
        (waiting.iter().filter(|one| is_such(one)).count() > most).then(|| waiting.iter().position(is_such)).flatten()
    };
    oldest_beyond(MOST_EVENTS, &is_event).or_else(|| oldest_beyond(MOST_ENDS, &is_end))
}
