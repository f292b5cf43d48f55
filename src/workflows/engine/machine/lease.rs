//! Who works on what: leases, due times, reminders, requeueing.

use serde_json::json;

use crate::contracts::actor::Actor;
use crate::contracts::agent::AgentStatus;
use crate::contracts::clock::UnixMillis;
use crate::contracts::engine::decision::APPROVAL;
use crate::contracts::engine::state::StepStatus;
use crate::contracts::ids::{AttemptId, StepId};
use crate::spec::document::Overdue;
use crate::workflows::engine::machine::answer::Why;
use crate::workflows::engine::machine::event::{Outcome, Terms};
use crate::workflows::engine::machine::{Machine, signed};

/// Leases of one step after which a person must look: whoever takes it never answers.
const MOST_LEASES: u32 = 10;

/// Workflows of one step that are remembered.
const MOST_CHILDREN: usize = 10;

/// Who takes a step, and on which terms.
pub(super) struct Lease {
    pub(super) attempt: AttemptId,
    pub(super) agent: String,
    pub(super) terms: Terms,
}

impl Machine {
    pub(super) fn leased(&mut self, now: UnixMillis, id: &StepId, lease: Lease) -> Outcome {
        let Lease { attempt, agent, terms } = lease;
        let Some(step) = self.memory.state.open_steps.get(id) else {
            return Outcome::Refused(format!("There is no step {id}."));
        };
        if attempt.is_empty() {
            return Outcome::Refused("A lease needs a `runId`.".into());
        }
        if step.kind.as_str() == APPROVAL {
            return Outcome::Refused(format!("{id} is an approval: a person decides it."));
        }
        if step.status == StepStatus::InProgress && step.attempt_id.as_ref() == Some(&attempt) {
            return Outcome::Repeated;
        }
        let takes_over =
            terms.replaces.is_some() && step.status == StepStatus::InProgress && step.attempt_id == terms.replaces;
        if step.status != StepStatus::Waiting && !takes_over {
            return Outcome::Refused(format!("{id} is {}.", step.status.as_str()));
        }
        let (due, until) = (self.due(now, id), terms.lasts.map(|lasts| now.plus(lasts)));
        let instead = terms.replaces.filter(|_| takes_over);
        let told =
            json!({"stepId": id, "runId": attempt, "agent": agent, "due": due, "until": until, "instead": instead});
        self.note(now, "LEASED", told);
        if let Some(step) = self.memory.state.open_steps.get_mut(id) {
            step.status = StepStatus::InProgress;
            step.attempt_id = Some(attempt);
            step.agent = Some(agent);
            step.attempts += 1;
            step.updated_at = now;
            step.due = due;
            step.lease_until = until;
            step.reason = None;
            step.reminded_at = None;
            if let Some(child) = terms.child {
                // The newest: nobody asks for those that were begun long ago.
                step.children.drain(..step.children.len().saturating_sub(MOST_CHILDREN - 1));
                step.children.push(child);
            }
        }
        Outcome::Applied
    }

    pub(super) fn requeued(
        &mut self,
        now: UnixMillis,
        id: &StepId,
        attempt: Option<&AttemptId>,
        why: &Why<'_>,
    ) -> Outcome {
        let Why { reason, by } = *why;
        let Some(step) = self.memory.state.open_steps.get(id) else {
            return Outcome::Refused(format!("There is no step {id}."));
        };
        if attempt.is_some() && step.attempt_id.as_ref() != attempt {
            return Outcome::Refused(format!("{id} is not this attempt's any more."));
        }
        match step.status {
            StepStatus::Waiting => Outcome::Repeated,
            StepStatus::Done | StepStatus::Failed | StepStatus::Skipped => {
                Outcome::Refused(format!("{id} is {}; request the work again instead.", step.status.as_str()))
            }
            StepStatus::Blocked if self.is_held(id) => {
                self.raise_budget(now, id, why);
                Outcome::Applied
            }
            StepStatus::InProgress | StepStatus::Blocked => {
                self.note(now, "REQUEUED", signed(json!({"stepId": id, "reason": reason}), by));
                self.offer_again(now, id);
                Outcome::Applied
            }
        }
    }

    pub(super) fn nudged(&mut self, now: UnixMillis, id: &StepId, by: &Actor) -> Outcome {
        match self.memory.state.open_steps.get(id).map(|step| step.status) {
            Some(StepStatus::InProgress) => {
                self.remind(now, id, "NUDGED", by);
                Outcome::Applied
            }
            Some(status) => Outcome::Refused(format!("{id} is {}: nobody works on it.", status.as_str())),
            None => Outcome::Refused(format!("There is no step {id}.")),
        }
    }

    /// Does with every overdue step what the guardrails say.
    pub(super) fn ticked(&mut self, now: UnixMillis) -> Outcome {
        self.end_leases(now);
        let state = &self.memory.state;
        let overdue: Vec<StepId> = state
            .in_order()
            .into_iter()
            .filter(|(_, step)| step.status.is_open() && step.due.is_some_and(|due| due <= now))
            .map(|(id, _)| id.clone())
            .collect();
        for id in overdue {
            self.overdue(now, &id);
            if self.memory.state.status.is_over() {
                break;
            }
        }
        Outcome::Applied
    }

    /// Who took these steps is gone, and will never say so.
    fn end_leases(&mut self, now: UnixMillis) {
        let steps = self.memory.state.in_order();
        let ended = steps.into_iter().filter(|(_, step)| step.lease_until.is_some_and(|until| until <= now));
        let ended: Vec<(StepId, AttemptId, u32)> =
            ended.map(|(id, step)| (id.clone(), step.attempt_id.clone().unwrap_or_default(), step.attempts)).collect();
        for (id, attempt, attempts) in ended {
            self.note(now, "LEASE_ENDED", json!({"stepId": id, "runId": attempt}));
            self.offer_again(now, &id);
            if let Some(step) = self.memory.state.open_steps.get_mut(&id).filter(|_| attempts >= MOST_LEASES) {
                step.status = StepStatus::Blocked;
                step.reason =
                    Some(format!("{attempts} agents took it, none answered; a person must say how to go on."));
            }
        }
    }

    fn overdue(&mut self, now: UnixMillis, id: &StepId) {
        let Some(step) = self.memory.state.open_steps.get(id) else { return };
        let attempt = step.attempt_id.clone().unwrap_or_default();
        match self.spec.guardrails().overdue(&step.kind, step.reminders) {
            Some(Overdue::Remind) => self.remind(now, id, "REMINDED", &Actor::default()),
            Some(Overdue::Replace) => {
                let agent = step.agent.clone();
                self.note(now, "REPLACED", json!({"stepId": id, "runId": attempt, "agent": agent}));
                self.offer_again(now, id);
                if let Some(step) = self.memory.state.open_steps.get_mut(id) {
                    step.reminders += 1;
                    step.passed_over.extend(agent.filter(|agent| !step.passed_over.contains(agent)));
                }
            }
            Some(Overdue::Fail) => {
                self.note(now, "OVERDUE", json!({"stepId": id, "runId": attempt}));
                self.fail_or_finish(now, id, AgentStatus::Fail, "It was not done in time.");
            }
            None => {
                self.note(now, "BLOCKED", json!({"stepId": id, "reason": "overdue"}));
                if let Some(step) = self.memory.state.open_steps.get_mut(id) {
                    step.status = StepStatus::Blocked;
                    step.reason = Some("It is overdue; a person must say how to go on.".to_owned());
                    (step.due, step.lease_until) = (None, None);
                    step.updated_at = now;
                }
            }
        }
    }

    fn remind(&mut self, now: UnixMillis, id: &StepId, event: &str, by: &Actor) {
        let due = self.due(now, id);
        self.note(now, event, signed(json!({"stepId": id, "due": due}), by));
        if let Some(step) = self.memory.state.open_steps.get_mut(id) {
            step.reminders += 1;
            step.reminded_at = Some(now);
            step.due = due;
            step.updated_at = now;
        }
    }

    /// Back to waiting. The agent that had it may still answer, until another one takes it.
    pub(super) fn offer_again(&mut self, now: UnixMillis, id: &StepId) {
        if let Some(step) = self.memory.state.open_steps.get_mut(id) {
            step.status = StepStatus::Waiting;
            step.attempt_id = None;
            step.agent = None;
            (step.due, step.lease_until, step.reminded_at) = (None, None, None);
            step.reason = None;
            step.updated_at = now;
        }
    }

    fn due(&self, now: UnixMillis, id: &StepId) -> Option<UnixMillis> {
        let step = self.memory.state.open_steps.get(id)?;
        let allowed = self.spec.guardrails().due(&step.kind)?;
        Some(now.plus(allowed))
    }
}
