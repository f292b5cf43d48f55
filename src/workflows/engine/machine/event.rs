//! What can happen to a goal, what becomes of it, and what the outside must do then.

use std::sync::Arc;

use serde_json::Value;

use crate::contracts::actor::Actor;
use crate::contracts::agent::AgentResponse;
use crate::contracts::clock::{Millis, UnixMillis};
use crate::contracts::engine::budget::BudgetLevel;
use crate::contracts::engine::decision::Decision;
use crate::contracts::engine::state::EngineStatus;
use crate::contracts::ids::{AttemptId, RequestId, StepId, WorkKind, WorkflowId};
use crate::spec::EngineSpec;

/// What can happen to a goal.
#[expect(clippy::large_enum_variant, reason = "an event is handled where it is made: none are kept")]
pub enum Event {
    /// The first decision: of the input, or of the spec.
    Boot(Decision),
    /// An agent answered.
    AgentCompleted {
        step: StepId,
        response: AgentResponse,
    },
    /// Somebody outside decided.
    ApplyDecision(Decision),
    /// Somebody outside asks for one piece of work.
    RequestWork {
        kind: WorkKind,
        payload: Value,
        step: Option<StepId>,
    },
    Approve {
        step: StepId,
        by: Actor,
    },
    Reject {
        step: StepId,
        reason: String,
        by: Actor,
    },
    /// A sibling workflow ended.
    ChildCompleted {
        kind: String,
        result: Value,
        /// Its result as the answer of the attempt that it was; none when it does not say which.
        answer: Option<Box<AgentResponse>>,
    },
    /// Something outside happened, such as `ciStatusChanged`.
    Custom {
        name: String,
        payload: Value,
    },
    Cancel {
        reason: String,
        by: Actor,
    },
    /// An agent takes a step.
    Lease {
        step: StepId,
        attempt: AttemptId,
        agent: String,
        terms: Terms,
    },
    /// A person takes a step from its agent, or unblocks it: it is offered again.
    Requeue {
        step: StepId,
        /// Only from this attempt; from any when there is none.
        attempt: Option<AttemptId>,
        reason: String,
        by: Actor,
    },
    /// A person reminds the agent.
    Nudge {
        step: StepId,
        by: Actor,
    },
    /// A person says how a step ended.
    Override {
        step: StepId,
        done: bool,
        reason: String,
        by: Actor,
        replacements: Replacements,
    },
    /// So much of the budget is used, as the coordinator counts.
    BudgetReached {
        round: u32,
        level: BudgetLevel,
    },
    /// Time has passed: something may be overdue.
    Tick,
    /// Other rules from now on; `document` is their text.
    AdoptSpec {
        spec: Arc<dyn EngineSpec>,
        document: String,
    },
    /// What counts once under this id, also when it comes again in another run.
    Once {
        id: RequestId,
        event: Box<Event>,
    },
}

/// What becomes of steps that were to replace one which is done after all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacements {
    Withdraw,
    /// As it was before anything was withdrawn: for histories of that time.
    Leave,
}

/// What runs that began before it was thought of do otherwise, so that their histories replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habits {
    /// What happens waits for its decision, where somebody outside decides.
    pub facts_wait: bool,
    /// Nothing but an event is given up undecided, and the goal is not complete while something waits.
    pub facts_stay: bool,
    /// Of a kind's steps, only work that is still wanted counts as attempts.
    pub only_work_counts: bool,
}

impl Default for Habits {
    /// Those of today.
    fn default() -> Self {
        Self { facts_wait: true, facts_stay: true, only_work_counts: true }
    }
}

/// On which terms a step is leased.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// When it ends by itself; never when it is not said.
    pub lasts: Option<Millis>,
    /// The attempt it goes on from: another agent takes over.
    pub replaces: Option<AttemptId>,
    /// The workflow that does the work.
    pub child: Option<WorkflowId>,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Applied,
    /// It had been applied before: nothing happened twice.
    Repeated,
    /// Nothing changed, and why.
    Refused(String),
}

/// What the outside must do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Come back with [`Event::Tick`] then; never when there is no time.
    WakeAt(Option<UnixMillis>),
    /// The goal has ended.
    End(EngineStatus),
}

/// The answer to an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    pub outcome: Outcome,
    pub effects: Vec<Effect>,
}
