//! The state machine of a goal.
//!
//! Everything that happens is an [`Event`]; [`Machine::handle`] answers what became of it and what the outside must do.
//! Every event is safe to see twice. After the goal has ended nothing changes any more: what still arrives is refused
//! and noted.
//!
//! | part | what it owns |
//! |---|---|
//! | `answer` | what agents, children and people report of a step |
//! | `apply` | decisions: their actions, the guardrails, when the goal is complete |
//! | `budget` | what is held back when the budget is spent |
//! | `event` | what can happen, what becomes of it, and what the outside must do |
//! | `lease` | who works on what: leases, due times, reminders, requeueing |
//! | `undecided` | what waits for a decision, where somebody outside decides |
//! | `withdraw` | what a step that is done after all makes superfluous |
//! | `journal` | the bounded log |

mod answer;
mod apply;
mod budget;
pub mod event;
mod journal;
mod lease;
mod undecided;
mod withdraw;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::contracts::actor::Actor;
use crate::contracts::clock::{Timestamp, UnixMillis};
use crate::contracts::engine::decision::Action;
use crate::contracts::engine::input::{Decider, EngineInput};
use crate::contracts::engine::state::{EngineState, EngineStatus};
use crate::contracts::ids::{StepId, WorkKind};
use crate::spec::EngineSpec;
use crate::workflows::blocks::seen::SeenIds;
use crate::workflows::blocks::text::clip;
use crate::workflows::engine::machine::answer::{Override, Why};
use crate::workflows::engine::machine::event::{Effect, Event, Habits, Outcome, Reaction};
use crate::workflows::engine::machine::lease::Lease;

/// Bytes of the longest id, kind or key that is taken: they are kept as they are.
pub const LONGEST_NAME: usize = 200;

/// What must survive continue-as-new.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Memory {
    pub state: EngineState,
    /// Decisions that were applied.
    decisions: SeenIds,
    /// Answers that were decided on.
    bases: SeenIds,
    /// What counts once and has counted.
    #[serde(skip_serializing_if = "SeenIds::is_empty")]
    once: SeenIds,
    /// How many steps of a kind there ever were: the source of step ids.
    counters: BTreeMap<String, u64>,
    /// Steps ever requested.
    requested: u64,
    /// Facts that ever waited for a decision: the source of their ids.
    facts: u64,
    /// A decision completes the goal as soon as nothing waits for one any more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    finalize_put_off: bool,
    /// Bytes of everything that is kept of payloads, answers and artifacts.
    kept_bytes: usize,
    /// Steps that wait until a person gives more money.
    held: BTreeSet<StepId>,
    /// Rounds of budgets there ever were.
    rounds: u32,
}

/// A goal.
#[derive(Clone)]
pub struct Machine {
    memory: Memory,
    spec: Arc<dyn EngineSpec>,
    decider: Decider,
    habits: Habits,
}

impl Machine {
    /// A new goal. Nothing is requested before [`Event::Boot`].
    pub fn start(input: &EngineInput, spec: Arc<dyn EngineSpec>) -> Self {
        let mut state = EngineState {
            goal_id: input.goal_id.clone(),
            goal: input.goal.clone(),
            spec: Some(spec.pin().clone()),
            decider: input.decider,
            budget: spec.guardrails().budget(),
            ..EngineState::default()
        };
        // Rules name branches after the goal.
        state.artifacts.insert("goalId".to_owned(), Value::String(input.goal_id.as_str().to_owned()));
        let rounds = state.budget.as_ref().map_or(0, |budget| budget.round);
        let memory = Memory { state, rounds, ..Memory::default() };
        let mut machine = Self { memory, spec, decider: input.decider, habits: Habits::default() };
        machine.memory.state.plan = machine.kept(&Value::Null, input.initial_plan.clone());
        machine
    }

    /// A goal that goes on where it was.
    pub fn resume(mut memory: Memory, decider: Decider, spec: Arc<dyn EngineSpec>) -> Self {
        memory.state.decider = decider;
        Self { memory, spec, decider, habits: Habits::default() }
    }

    /// From now on.
    pub fn keep_to(&mut self, habits: Habits) {
        self.habits = habits;
    }

    pub fn spec(&self) -> &dyn EngineSpec {
        &*self.spec
    }

    pub fn decider(&self) -> Decider {
        self.decider
    }

    pub fn state(&self) -> &EngineState {
        &self.memory.state
    }

    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Lets an event happen.
    pub fn handle(&mut self, now: Timestamp, event: Event) -> Reaction {
        let now = UnixMillis::from(now);
        let before = (self.memory.state.status, next_due(&self.memory.state));
        let outcome = if self.memory.state.status.is_over() {
            self.after_the_end(&event)
        } else {
            self.budget_begins(now);
            let outcome = self.happen(now, event);
            self.hold_back(now);
            self.settle();
            outcome
        };
        if let Outcome::Refused(why) = &outcome {
            self.note(now, "REFUSED", Value::String(why.clone()));
        }
        Reaction { outcome, effects: self.effects(before) }
    }

    /// Notes what could not even be read.
    pub fn refuse(&mut self, now: Timestamp, why: &str) {
        self.note(now.into(), "REFUSED", Value::String(why.to_owned()));
    }

    fn happen(&mut self, now: UnixMillis, event: Event) -> Outcome {
        match event {
            Event::Boot(decision) => self.boot(now, decision),
            Event::AgentCompleted { step, response } => self.answered(now, &step, response),
            Event::ApplyDecision(decision) => self.decided(now, decision),
            Event::RequestWork { kind, payload, step } => self.work_asked_for(now, kind, payload, step),
            Event::Approve { step, by } => self.approved(now, &step, &by),
            Event::Reject { step, reason, by } => self.rejected(now, &step, &reason, &by),
            Event::ChildCompleted { kind, result, answer: None } => self.child_completed(now, &kind, &result),
            Event::ChildCompleted { kind, result, answer: Some(answer) } => {
                self.child_answered(now, &kind, &result, *answer)
            }
            Event::Custom { name, payload } => self.told(now, &name, &payload),
            Event::Cancel { reason, by } => self.cancelled(now, reason, &by),
            Event::Lease { step, attempt, agent, terms } => self.leased(now, &step, Lease { attempt, agent, terms }),
            Event::Requeue { step, attempt, reason, by } => {
                self.requeued(now, &step, attempt.as_ref(), &Why { reason: &reason, by: &by })
            }
            Event::Nudge { step, by } => self.nudged(now, &step, &by),
            Event::Override { step, done, reason, by, replacements } => {
                let why = Why { reason: &reason, by: &by };
                self.overridden(now, &step, &Override { done, replacements, why })
            }
            Event::BudgetReached { round, level } => self.budget_reached(now, round, level),
            Event::Tick => self.ticked(now),
            Event::AdoptSpec { spec, .. } => self.adopted(now, spec),
            Event::Once { id, event } => {
                if self.memory.once.contains(id.as_str()) {
                    return Outcome::Repeated;
                }
                let outcome = self.happen(now, *event);
                if outcome == Outcome::Applied {
                    self.memory.once.first(id.as_str());
                }
                outcome
            }
        }
    }

    /// Once it has ended: cancelling again is a repetition, the clock means nothing, all else is too late.
    fn after_the_end(&self, event: &Event) -> Outcome {
        let status = self.memory.state.status;
        match event {
            Event::Tick => Outcome::Repeated,
            Event::Cancel { .. } if status == EngineStatus::Cancelled => Outcome::Repeated,
            Event::ApplyDecision(decision) if self.memory.decisions.contains(decision.decision_id.as_str()) => {
                Outcome::Repeated
            }
            Event::AgentCompleted { step, response } if self.was_answered(step, response) => Outcome::Repeated,
            Event::ChildCompleted { answer: Some(answer), .. } if self.was_answered(&answer.step_id, answer) => {
                Outcome::Repeated
            }
            Event::Once { id, .. } if self.memory.once.contains(id.as_str()) => Outcome::Repeated,
            Event::Boot(_)
            | Event::AgentCompleted { .. }
            | Event::ApplyDecision(_)
            | Event::RequestWork { .. }
            | Event::Approve { .. }
            | Event::Reject { .. }
            | Event::ChildCompleted { .. }
            | Event::Custom { .. }
            | Event::Cancel { .. }
            | Event::Lease { .. }
            | Event::Requeue { .. }
            | Event::Nudge { .. }
            | Event::Override { .. }
            | Event::BudgetReached { .. }
            | Event::AdoptSpec { .. }
            | Event::Once { .. } => {
                Outcome::Refused(format!("The goal is {}; nothing changes any more.", status.as_str()))
            }
        }
    }

    fn work_asked_for(&mut self, now: UnixMillis, kind: WorkKind, payload: Value, step: Option<StepId>) -> Outcome {
        if step.as_ref().is_some_and(|id| self.memory.state.open_steps.contains_key(id)) {
            return Outcome::Repeated;
        }
        self.note(now, "REQUEST_WORK", json!({"kind": kind, "stepId": step}));
        self.apply_actions(now, vec![Action::RequestWork { work_kind: kind, payload, step_id: step }], None);
        Outcome::Applied
    }

    fn cancelled(&mut self, now: UnixMillis, reason: String, by: &Actor) -> Outcome {
        let reason = if reason.trim().is_empty() { "No reason was given.".to_owned() } else { reason };
        if !by.name.is_empty() {
            self.note(now, "CANCEL_REQUESTED", signed(json!({"reason": reason}), by));
        }
        self.end(now, EngineStatus::Cancelled, "CANCELLED", reason);
        Outcome::Applied
    }

    fn adopted(&mut self, now: UnixMillis, spec: Arc<dyn EngineSpec>) -> Outcome {
        if self.memory.state.spec.as_ref() == Some(spec.pin()) {
            return Outcome::Repeated;
        }
        self.note(now, "SPEC_ADOPTED", serde_json::to_value(spec.pin()).unwrap_or_default());
        self.memory.state.spec = Some(spec.pin().clone());
        let budget = self.spec.guardrails().budget();
        self.spec = spec;
        self.budget_follows(now, budget.as_ref());
        self.finalize_if_reached(now);
        Outcome::Applied
    }

    fn effects(&self, (status, due): (EngineStatus, Option<UnixMillis>)) -> Vec<Effect> {
        let state = &self.memory.state;
        if state.status.is_over() && !status.is_over() {
            return vec![Effect::End(state.status)];
        }
        if next_due(state) == due { Vec::new() } else { vec![Effect::WakeAt(next_due(state))] }
    }
}

/// What is noted of something a person asked for, with who that was as far as the message says.
fn signed(mut data: Value, by: &Actor) -> Value {
    if let Some(fields) = data.as_object_mut().filter(|_| !by.name.is_empty()) {
        let by = Actor { name: clip(&by.name, LONGEST_NAME), via: by.via };
        fields.insert("by".to_owned(), json!(by));
    }
    data
}

/// The earliest time at which something is overdue, or a lease ends.
pub fn next_due(state: &EngineState) -> Option<UnixMillis> {
    let open = state.open_steps.values().filter(|step| step.status.is_open());
    open.flat_map(|step| [step.due, step.lease_until]).flatten().min()
}
