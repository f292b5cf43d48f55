//! What agents, sibling workflows and people report of a step.

use serde_json::{Value, json};

use crate::contracts::actor::Actor;
use crate::contracts::agent::{AgentResponse, AgentStatus};
use crate::contracts::clock::UnixMillis;
use crate::contracts::engine::decision::APPROVAL;
use crate::contracts::engine::input::Decider;
use crate::contracts::engine::state::{EngineStatus, StepStatus};
use crate::contracts::ids::{StepId, WorkflowId};
use crate::spec::facts::Fact;
use crate::workflows::blocks::text::clip;
use crate::workflows::engine::machine::event::{Outcome, Replacements};
use crate::workflows::engine::machine::{LONGEST_NAME, Machine, signed};

/// Why a person does something, and who that is.
#[derive(Clone, Copy)]
pub(super) struct Why<'a> {
    pub(super) reason: &'a str,
    pub(super) by: &'a Actor,
}

/// What a person says of a step.
pub(super) struct Override<'a> {
    pub(super) done: bool,
    pub(super) replacements: Replacements,
    pub(super) why: Why<'a>,
}

/// How much of a reason is kept.
const REASON: usize = 300;

impl Machine {
    pub(super) fn answered(&mut self, now: UnixMillis, id: &StepId, mut response: AgentResponse) -> Outcome {
        // What it cost is the coordinator's to keep: it never enters a history (C12).
        response.metrics = None;
        response.step_id = id.clone();
        if let Err(outcome) = self.takes(id, &response) {
            return outcome;
        }
        self.note(now, "AGENT_COMPLETED", serde_json::to_value(&response).unwrap_or_default());
        self.compare_goal(now, &response);
        self.close(now, &response);
        if response.status != AgentStatus::Partial {
            let decision = format!("dec-{id}-{}", response.attempt_id);
            self.consider(now, &Fact::Completed { response: &response }, &decision);
        }
        Outcome::Applied
    }

    /// Workflow, step and attempt say whose answer it is. Another goal's id beside them is a mistake of whoever answers:
    /// it refuses nothing, and the log says so.
    fn compare_goal(&mut self, now: UnixMillis, response: &AgentResponse) {
        let (ours, named) = (&self.memory.state.goal_id, &response.goal_id);
        if ours.is_empty() || named.is_empty() || ours == named {
            return;
        }
        let (ours, named) = (clip(ours.as_str(), LONGEST_NAME), clip(named.as_str(), LONGEST_NAME));
        let reason =
            format!("The answer names the goal {named}, and this is {ours}: it counts by its workflow and step.");
        self.note(now, "OTHER_GOAL", json!({"stepId": response.step_id, "reason": reason}));
    }

    /// Whether this answer is one of the attempt that has the step; what becomes of it when it is not.
    fn takes(&self, id: &StepId, response: &AgentResponse) -> Result<(), Outcome> {
        let Some(step) = self.memory.state.open_steps.get(id) else {
            return Err(Outcome::Refused(format!("There is no step {id}.")));
        };
        if self.was_answered(id, response) {
            return Err(Outcome::Repeated);
        }
        match (step.status, &step.attempt_id) {
            (StepStatus::Done | StepStatus::Failed | StepStatus::Skipped, _) => {
                return Err(Outcome::Refused(format!("{id} is {} already.", step.status.as_str())));
            }
            (StepStatus::InProgress, Some(leased))
                if !response.attempt_id.is_empty() && *leased != response.attempt_id =>
            {
                let why = format!("{id} was given to another attempt, {leased}; this answer is late.");
                return Err(Outcome::Refused(why));
            }
            (StepStatus::Waiting | StepStatus::InProgress | StepStatus::Blocked, _) => {}
        }
        if step.kind.as_str() == APPROVAL {
            return Err(Outcome::Refused(format!("{id} is an approval: a person decides it.")));
        }
        if response.attempt_id.as_str().len() > LONGEST_NAME {
            return Err(Outcome::Refused(format!("The `runId` is longer than {LONGEST_NAME} bytes.")));
        }
        Ok(())
    }

    /// Whether this very answer was taken in before.
    pub(super) fn was_answered(&self, id: &StepId, response: &AgentResponse) -> bool {
        self.memory.state.open_steps.get(id).is_some_and(|step| {
            let same_attempt = step.attempt_id.as_ref().is_none_or(|known| *known == response.attempt_id);
            match step.status {
                StepStatus::Done => response.status == AgentStatus::Ok && same_attempt,
                StepStatus::Failed => response.status == AgentStatus::Fail && same_attempt,
                StepStatus::Waiting | StepStatus::InProgress | StepStatus::Blocked | StepStatus::Skipped => false,
            }
        })
    }

    /// Takes the answer into the step and the artifacts.
    fn close(&mut self, now: UnixMillis, response: &AgentResponse) {
        for (key, artifact) in response.keyed_artifacts() {
            self.keep(now, key, artifact);
        }
        let Some(step) = self.memory.state.open_steps.get(&response.step_id) else { return };
        let before = step.content.clone();
        let content = self.kept(&before, response.content.clone());
        let Some(step) = self.memory.state.open_steps.get_mut(&response.step_id) else { return };
        step.take(response);
        step.content = content;
        step.updated_at = now;
        step.agent = step.agent.take().map(|agent| clip(&agent, LONGEST_NAME));
        step.reason = step.reason.take().map(|reason| clip(&reason, REASON));
    }

    pub(super) fn approved(&mut self, now: UnixMillis, id: &StepId, by: &Actor) -> Outcome {
        match self.approval(id, StepStatus::Done) {
            Ok(()) => {}
            Err(outcome) => return outcome,
        }
        self.note(now, "APPROVED", signed(json!({"stepId": id}), by));
        self.decided_by(id, by);
        self.mark(now, id, StepStatus::Done, None);
        self.consider(now, &Fact::Approved { step: id }, &format!("dec-{id}-approved"));
        Outcome::Applied
    }

    pub(super) fn rejected(&mut self, now: UnixMillis, id: &StepId, reason: &str, by: &Actor) -> Outcome {
        match self.approval(id, StepStatus::Failed) {
            Ok(()) => {}
            Err(outcome) => return outcome,
        }
        if reason.trim().is_empty() {
            return Outcome::Refused("Rejecting needs a reason.".into());
        }
        self.note(now, "REJECTED", signed(json!({"stepId": id, "reason": reason}), by));
        self.decided_by(id, by);
        self.mark(now, id, StepStatus::Failed, Some(clip(reason, REASON)));
        if !self.consider(now, &Fact::Rejected { step: id, reason }, &format!("dec-{id}-rejected")) {
            self.end(now, EngineStatus::Failed, "FAILED", format!("{id} was rejected: {reason}"));
        }
        Outcome::Applied
    }

    /// Whoever decided an approval is who worked on it.
    fn decided_by(&mut self, id: &StepId, by: &Actor) {
        if let Some(step) = self.memory.state.open_steps.get_mut(id).filter(|_| !by.name.is_empty()) {
            step.agent = Some(clip(&by.name, LONGEST_NAME));
        }
    }

    /// Whether a person can decide this step; `wanted` is what it would be then.
    fn approval(&self, id: &StepId, wanted: StepStatus) -> Result<(), Outcome> {
        let Some(step) = self.memory.state.open_steps.get(id) else {
            return Err(Outcome::Refused(format!("There is no step {id}.")));
        };
        if step.kind.as_str() != APPROVAL {
            return Err(Outcome::Refused(format!("{id} is {}, not an approval.", step.kind)));
        }
        match step.status {
            StepStatus::Waiting | StepStatus::InProgress | StepStatus::Blocked => Ok(()),
            StepStatus::Done | StepStatus::Failed if step.status == wanted => Err(Outcome::Repeated),
            StepStatus::Done | StepStatus::Failed | StepStatus::Skipped => {
                Err(Outcome::Refused(format!("{id} is {} already.", step.status.as_str())))
            }
        }
    }

    pub(super) fn child_completed(&mut self, now: UnixMillis, kind: &str, result: &Value) -> Outcome {
        let status = match result.get("status").and_then(Value::as_str) {
            Some("FAIL" | "FAILED") => StepStatus::Failed,
            _ => StepStatus::Done,
        };
        let step = self.step_of_child(kind, result);
        match step.as_ref().and_then(|id| self.memory.state.open_steps.get(id)) {
            Some(step) if step.status == status => return Outcome::Repeated,
            Some(step) if !step.status.is_open() => {
                return Outcome::Refused(format!("The step of this child is {} already.", step.status.as_str()));
            }
            Some(_) | None => {}
        }
        self.note(now, "CHILD_COMPLETED", json!({"kind": kind, "result": result}));
        if let Some(id) = &step {
            let errors = result.get("errors").map_or_else(|| "It did not say why.".to_owned(), Value::to_string);
            let reason = (status == StepStatus::Failed).then(|| clip(&errors, REASON));
            self.mark(now, id, status, reason);
        }
        self.consider(
            now,
            &Fact::ChildCompleted { kind, result },
            &format!("dec-child-{kind}-{}", self.memory.requested),
        );
        Outcome::Applied
    }

    /// A child that names the attempt it was has answered the step: the rules hear of both at once, and the goal can be
    /// reached only after both.
    pub(super) fn child_answered(
        &mut self,
        now: UnixMillis,
        kind: &str,
        result: &Value,
        mut response: AgentResponse,
    ) -> Outcome {
        response.metrics = None;
        let id = response.step_id.clone();
        if let Err(outcome) = self.takes(&id, &response) {
            return outcome;
        }
        self.note(now, "CHILD_COMPLETED", json!({"kind": kind, "result": result}));
        self.close(now, &response);
        let decision = format!("dec-{id}-{}", response.attempt_id);
        self.consult(now, &Fact::ChildCompleted { kind, result }, &format!("{decision}-child"));
        self.consider(now, &Fact::Completed { response: &response }, &decision);
        Outcome::Applied
    }

    /// The step a child worked for: named by it, known to have started it, or the open one of its kind.
    fn step_of_child(&self, kind: &str, result: &Value) -> Option<StepId> {
        let state = &self.memory.state;
        let named = result.get("stepId").and_then(Value::as_str).map(StepId::from);
        if let Some(named) = named.filter(|id| state.open_steps.contains_key(id)) {
            return Some(named);
        }
        let workflow = result.get("workflowId").and_then(Value::as_str);
        let started = state
            .in_order()
            .into_iter()
            .find(|(_, step)| step.children.iter().any(|child| Some(child.as_str()) == workflow));
        let of_kind = || state.latest(kind).filter(|(_, step)| step.status.is_open());
        started.or_else(of_kind).map(|(id, _)| id.clone())
    }

    /// A person says how a step ended; the rules are asked as if its agent had.
    pub(super) fn overridden(&mut self, now: UnixMillis, id: &StepId, said: &Override<'_>) -> Outcome {
        let Override { done, replacements, why: Why { reason, by } } = *said;
        let Some(step) = self.memory.state.open_steps.get(id) else {
            return Outcome::Refused(format!("There is no step {id}."));
        };
        let status = if done { AgentStatus::Ok } else { AgentStatus::Fail };
        let wanted = if done { StepStatus::Done } else { StepStatus::Failed };
        if step.status == wanted {
            return Outcome::Repeated;
        }
        if step.kind.as_str() == APPROVAL {
            return Outcome::Refused(format!("{id} is an approval: approve or reject it."));
        }
        if step.status == StepStatus::Skipped {
            return Outcome::Refused(format!("{id} is SKIPPED; request the work again instead."));
        }
        if reason.trim().is_empty() {
            return Outcome::Refused("Overriding a step needs a reason.".into());
        }
        self.note(now, "OVERRIDDEN", signed(json!({"stepId": id, "status": wanted, "reason": reason}), by));
        let others = match replacements {
            // Whoever decides from outside is not asked about an override: what they asked for goes on.
            Replacements::Withdraw if done && self.decider == Decider::Spec => self.withdraw_replacements(now, id),
            Replacements::Withdraw | Replacements::Leave => Vec::new(),
        };
        self.fail_or_finish(now, id, status, reason);
        for other in others {
            self.ask_again(now, &other);
        }
        Outcome::Applied
    }

    /// Ends an attempt in its agent's place.
    pub(super) fn fail_or_finish(&mut self, now: UnixMillis, id: &StepId, status: AgentStatus, reason: &str) {
        let response = self.in_place_of_agent(id, status, reason);
        self.close(now, &response);
        self.consider(now, &Fact::Completed { response: &response }, &format!("dec-{id}-{}", response.attempt_id));
    }

    /// What its agent would have said.
    pub(super) fn in_place_of_agent(&self, id: &StepId, status: AgentStatus, reason: &str) -> AgentResponse {
        let attempt = self.memory.state.open_steps.get(id).and_then(|step| step.attempt_id.clone()).unwrap_or_default();
        AgentResponse {
            goal_id: self.memory.state.goal_id.clone(),
            workflow_id: WorkflowId::default(),
            step_id: id.clone(),
            attempt_id: attempt,
            agent_role: String::new(),
            status,
            content: Value::Null,
            artifacts: Vec::new(),
            metrics: None,
            errors: Value::String(reason.to_owned()),
        }
    }

    pub(super) fn mark(&mut self, now: UnixMillis, id: &StepId, status: StepStatus, reason: Option<String>) {
        if let Some(step) = self.memory.state.open_steps.get_mut(id) {
            step.status = status;
            step.updated_at = now;
            step.reason = reason;
            (step.due, step.lease_until) = (None, None);
        }
    }
}
