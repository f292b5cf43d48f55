//! Decisions: their actions, the guardrails, and when the goal is complete.

use serde_json::{Value, json};

use crate::contracts::clock::UnixMillis;
use crate::contracts::engine::decision::{APPROVAL, Action, BasedOn, Decision};
use crate::contracts::engine::input::Decider;
use crate::contracts::engine::state::{Completion, EngineStatus, StepState, StepStatus};
use crate::contracts::ids::{StepId, WorkKind};
use crate::spec::Withdrawal;
use crate::spec::decide;
use crate::spec::facts::Fact;
use crate::workflows::engine::machine::event::Outcome;
use crate::workflows::engine::machine::undecided::Basis;
use crate::workflows::engine::machine::{LONGEST_NAME, Machine};

/// Steps a goal may have in all: a loop of rules ends here.
pub(super) const MOST_STEPS: usize = 500;
/// Artifacts and annotations a goal may have.
const MOST_ARTIFACTS: usize = 500;

/// A step that shall be there.
struct Wanted<'a> {
    kind: WorkKind,
    payload: Value,
    /// The next free one of its kind when it is not given.
    id: Option<StepId>,
    /// The step whose answer asked for it.
    after: Option<&'a StepId>,
}

impl Machine {
    pub(super) fn boot(&mut self, now: UnixMillis, decision: Decision) -> Outcome {
        if !self.memory.decisions.first(decision.decision_id.as_str()) {
            return Outcome::Repeated;
        }
        self.apply(now, decision, None);
        Outcome::Applied
    }

    /// A decision from outside.
    pub(super) fn decided(&mut self, now: UnixMillis, decision: Decision) -> Outcome {
        if decision.decision_id.is_empty() {
            return Outcome::Refused(
                "The decision has no `decisionId`: it could not be told from its repetition.".into(),
            );
        }
        if decision.decision_id.as_str().len() > LONGEST_NAME {
            return Outcome::Refused(format!("The `decisionId` is longer than {LONGEST_NAME} bytes."));
        }
        let is_known = self.memory.decisions.contains(decision.decision_id.as_str());
        if is_known || self.is_decided(&decision.decision_id) {
            return Outcome::Repeated;
        }
        if let Some(based_on) = &decision.based_on {
            if self.decider == Decider::Spec {
                return Outcome::Refused(
                    "This goal's spec decides what follows an answer; start it with `decider: \"coordinator\"` to decide from outside."
                        .into(),
                );
            }
            if !self.memory.bases.first(&base_key(based_on)) {
                return Outcome::Repeated;
            }
        }
        self.memory.decisions.first(decision.decision_id.as_str());
        let Basis { is_named, step, rejected } = self.take_basis(&decision);
        let failed_by = rejected.filter(|_| decision.is_empty());
        let decision = if is_named && failed_by.is_none() { self.in_its_time(now, decision) } else { decision };
        self.apply(now, decision, step.as_ref());
        if let Some((id, reason)) = failed_by {
            self.end(now, EngineStatus::Failed, "FAILED", format!("{id} was rejected: {reason}"));
        }
        Outcome::Applied
    }

    /// A decision on one of several things that wait does not complete the goal: what is decided on the others may ask
    /// for more. The last one does, unless it asks for more itself.
    fn in_its_time(&mut self, now: UnixMillis, mut decision: Decision) -> Decision {
        let is_put_off = std::mem::take(&mut self.memory.finalize_put_off) && !decision.asks_for_work();
        decision.finalize |= is_put_off;
        if decision.finalize && self.is_undecided() {
            decision.finalize = false;
            self.memory.finalize_put_off = true;
            self.note(now, "FINALIZE_PUT_OFF", json!({"decisionId": decision.decision_id}));
        }
        decision
    }

    /// Something outside happened.
    pub(super) fn told(&mut self, now: UnixMillis, name: &str, payload: &Value) -> Outcome {
        self.note(now, "EVENT", json!({"type": name, "payload": payload}));
        self.consider(now, &Fact::Event { name, payload }, &format!("dec-{name}-{}", self.memory.requested));
        Outcome::Applied
    }

    /// Asks the rules about a fact, does what they say, and sees whether the goal is reached. True when one applied.
    pub(super) fn consider(&mut self, now: UnixMillis, fact: &Fact<'_>, decision_id: &str) -> bool {
        let applied = self.consult(now, fact, decision_id);
        self.finalize_if_reached(now);
        applied
    }

    /// The same where more is to be asked before the goal can be reached.
    pub(super) fn consult(&mut self, now: UnixMillis, fact: &Fact<'_>, decision_id: &str) -> bool {
        if self.decider == Decider::Coordinator {
            self.wait_for_decision(now, fact);
            return true;
        }
        let verdict = self.spec.decide(&self.memory.state, fact);
        for trouble in &verdict.troubles {
            self.note(now, "SPEC_TROUBLE", Value::String(trouble.clone()));
        }
        let applied = !verdict.applied.is_empty();
        if applied {
            self.note(now, "APPLY_DECISION", json!({"decisionId": decision_id, "rules": verdict.applied}));
            self.apply_actions(now, verdict.actions, fact.step());
        }
        applied
    }

    fn apply(&mut self, now: UnixMillis, decision: Decision, after: Option<&StepId>) {
        self.note(now, "APPLY_DECISION", serde_json::to_value(&decision).unwrap_or_default());
        self.apply_actions(now, decision.actions, after);
        if decision.finalize {
            self.finalize(now);
        } else {
            self.finalize_if_reached(now);
        }
    }

    pub(super) fn apply_actions(&mut self, now: UnixMillis, actions: Vec<Action>, after: Option<&StepId>) {
        for action in actions {
            match action {
                Action::RequestWork { work_kind, payload, step_id } => {
                    self.request(now, Wanted { kind: work_kind, payload, id: step_id, after });
                }
                Action::RequestApproval { payload, step_id } => {
                    self.request(now, Wanted { kind: WorkKind::from(APPROVAL), payload, id: step_id, after });
                }
                Action::Annotate { key, value } => self.keep(now, key, value),
            }
        }
        for Withdrawal { step, reason } in self.spec.post_apply(&self.memory.state) {
            self.note(now, "WITHDRAWN", json!({"stepId": step, "reason": reason}));
            self.mark(now, &step, StepStatus::Skipped, Some(reason));
        }
    }

    fn request(&mut self, now: UnixMillis, Wanted { kind, payload, id, after }: Wanted<'_>) {
        let state = &self.memory.state;
        if id.as_ref().is_some_and(|id| state.open_steps.contains_key(id)) {
            self.note(now, "ALREADY_REQUESTED", json!(id));
            return;
        }
        let longest = id.as_ref().map_or(0, |id| id.as_str().len()).max(kind.as_str().len());
        if longest > LONGEST_NAME {
            self.note(now, "NAME_TOO_LONG", json!({"bytes": longest, "most": LONGEST_NAME}));
            return;
        }
        if state.open_steps.len() >= MOST_STEPS {
            self.note(now, "TOO_MANY_STEPS", json!({"kind": kind, "most": MOST_STEPS}));
            return;
        }
        let counts = |step: &StepState| !self.habits.only_work_counts || step.status != StepStatus::Skipped;
        let so_far = state.open_steps.values().filter(|step| step.kind == kind && counts(step)).count();
        let is_limited = !self.habits.only_work_counts || kind.as_str() != APPROVAL;
        let most = self.spec.guardrails().max_attempts(&kind).filter(|_| is_limited);
        let used_up = most.filter(|most| usize::try_from(*most).is_ok_and(|most| so_far >= most));
        let id = id.unwrap_or_else(|| self.next_id(&kind));
        self.memory.requested += 1;
        let payload = self.kept(&Value::Null, payload);
        let step = StepState {
            status: if used_up.is_some() { StepStatus::Blocked } else { StepStatus::Waiting },
            reason: used_up
                .map(|most| format!("{kind} was requested {most} times already; a person must say how to go on.")),
            kind,
            requested_at: now,
            updated_at: now,
            payload,
            after: after.into_iter().cloned().collect(),
            order: self.memory.requested,
            ..StepState::default()
        };
        if step.status == StepStatus::Blocked {
            self.note(now, "BLOCKED", json!({"stepId": id, "reason": step.reason}));
        }
        self.memory.state.open_steps.insert(id, step);
    }

    /// `<kind in kebab case>-<n>`, from a counter: the same on every replay.
    fn next_id(&mut self, kind: &WorkKind) -> StepId {
        loop {
            let counter = self.memory.counters.entry(kind.as_str().to_owned()).or_default();
            *counter += 1;
            let id = StepId::numbered(kind, *counter);
            if !self.memory.state.open_steps.contains_key(&id) {
                return id;
            }
        }
    }

    /// Keeps an artifact or an annotation.
    pub(super) fn keep(&mut self, now: UnixMillis, key: String, value: Value) {
        if key.len() > LONGEST_NAME {
            self.note(now, "NAME_TOO_LONG", json!({"bytes": key.len(), "most": LONGEST_NAME}));
            return;
        }
        let artifacts = &self.memory.state.artifacts;
        if artifacts.len() >= MOST_ARTIFACTS && !artifacts.contains_key(&key) {
            self.note(now, "TOO_MANY_ARTIFACTS", json!({"key": key, "most": MOST_ARTIFACTS}));
            return;
        }
        let before = artifacts.get(&key).cloned().unwrap_or_default();
        let value = self.kept(&before, value);
        self.memory.state.artifacts.insert(key, value);
    }

    /// Completes the goal when the rules find it reached.
    pub(super) fn finalize_if_reached(&mut self, now: UnixMillis) {
        if self.decider == Decider::Coordinator || self.why_unfinished().is_some() {
            return;
        }
        match self.spec.is_reached(&self.memory.state) {
            Ok(true) => self.finalize(now),
            Ok(false) => {}
            Err(why) => self.note(now, "SPEC_TROUBLE", Value::String(format!("finalize: {why}"))),
        }
    }

    /// Completes the goal if nothing speaks against it, whoever asks.
    fn finalize(&mut self, now: UnixMillis) {
        match self.why_unfinished() {
            None => self.end(now, EngineStatus::Completed, "FINALIZED", "The goal is reached.".to_owned()),
            Some(why) => self.note(now, "NOT_FINALIZED", Value::String(why)),
        }
    }

    fn why_unfinished(&self) -> Option<String> {
        decide::why_unfinished(&self.memory.state, self.spec.guardrails())
    }

    pub(super) fn end(&mut self, now: UnixMillis, status: EngineStatus, event: &str, reason: String) {
        self.note(now, event, json!({"reason": reason}));
        let state = &mut self.memory.state;
        state.status = status;
        state.completion = Some(Completion { done: status == EngineStatus::Completed, reason, at: now });
    }

    /// Derives where the goal stands from where its steps stand.
    pub(super) fn settle(&mut self) {
        let state = &mut self.memory.state;
        if state.status.is_over() {
            return;
        }
        let any = |wanted: fn(&StepState) -> bool| state.open_steps.values().any(wanted);
        let is_approval = |step: &StepState| step.kind.as_str() == APPROVAL && step.status == StepStatus::Waiting;
        let is_work = |step: &StepState| {
            step.kind.as_str() != APPROVAL && matches!(step.status, StepStatus::Waiting | StepStatus::InProgress)
        };
        state.status = if any(is_approval) {
            EngineStatus::AwaitingApproval
        } else if any(|step| step.status == StepStatus::Blocked) && !any(is_work) {
            EngineStatus::Blocked
        } else {
            EngineStatus::Running
        };
    }
}

/// What a decision was made on, as one text.
pub(super) fn base_key(based_on: &BasedOn) -> String {
    format!("{}\u{0}{}", based_on.step_id, based_on.attempt_id)
}
