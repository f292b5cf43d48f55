//! Who works on what: leases, due times, reminders, requeueing.

use serde_json::json;

use crate::contracts::actor::Actor;
use crate::contracts::agent::AgentStatus;
use crate::contracts::clock::UnixMillis;
use crate::contracts::engine::decision::APPROVAL;
use crate::contracts::engine::state::StepStatus;
use crate::contracts::ids::{AttemptId, StepId};
use crate::spec::document::Overdue;
use crate::workflows::engine::machine::{Machine, Outcome, signed};

impl Machine {
    pub(super) fn leased(&mut self, now: UnixMillis, id: &StepId, attempt: AttemptId, agent: String) -> Outcome {
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
        if step.status != StepStatus::Waiting {
            return Outcome::Refused(format!("{id} is {}.", step.status.as_str()));
        }
        let due = self.due(now, id);
        self.note(now, "LEASED", json!({"stepId": id, "runId": attempt, "agent": agent, "due": due}));
        if let Some(step) = self.memory.state.open_steps.get_mut(id) {
            step.status = StepStatus::InProgress;
            step.attempt_id = Some(attempt);
            step.agent = Some(agent);
            step.attempts += 1;
            step.updated_at = now;
            step.due = due;
            step.reason = None;
        }
        Outcome::Applied
    }

    pub(super) fn requeued(&mut self, now: UnixMillis, id: &StepId, reason: &str, by: &Actor) -> Outcome {
        let Some(step) = self.memory.state.open_steps.get(id) else {
            return Outcome::Refused(format!("There is no step {id}."));
        };
        match step.status {
            StepStatus::Waiting => Outcome::Repeated,
            StepStatus::Done | StepStatus::Failed => {
                Outcome::Refused(format!("{id} is {}; request the work again instead.", step.status.as_str()))
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

    fn overdue(&mut self, now: UnixMillis, id: &StepId) {
        let Some(step) = self.memory.state.open_steps.get(id) else { return };
        let attempt = step.attempt_id.clone().unwrap_or_default();
        match self.spec.guardrails().overdue(&step.kind, step.reminders) {
            Some(Overdue::Remind) => self.remind(now, id, "REMINDED", &Actor::default()),
            Some(Overdue::Replace) => {
                self.note(now, "REPLACED", json!({"stepId": id, "runId": attempt}));
                self.offer_again(now, id);
                if let Some(step) = self.memory.state.open_steps.get_mut(id) {
                    step.reminders += 1;
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
                    step.due = None;
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
            step.due = due;
            step.updated_at = now;
        }
    }

    /// Back to waiting. The agent that had it may still answer, until another one takes it.
    fn offer_again(&mut self, now: UnixMillis, id: &StepId) {
        if let Some(step) = self.memory.state.open_steps.get_mut(id) {
            step.status = StepStatus::Waiting;
            step.attempt_id = None;
            step.agent = None;
            step.due = None;
            step.reason = None;
            step.updated_at = now;
        }
    }

    fn due(&self, now: UnixMillis, id: &StepId) -> Option<UnixMillis> {
        let step = self.memory.state.open_steps.get(id)?;
        let allowed = self.spec.guardrails().due(&step.kind)?;
        Some(UnixMillis(now.0.saturating_add(i64::try_from(allowed.0).unwrap_or(i64::MAX))))
    }
}
