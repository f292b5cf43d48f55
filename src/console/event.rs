//! Everything that can happen, in one enum on one channel, in one order. Each event carries the instant it happened at,
//! so that `update` has no clock of its own.

use crate::console::action::Action;
use crate::console::effect::{Fetch, Generation};
use crate::console::key::KeyPress;
use crate::console::look::Look;
use crate::console::screen::Place;
use crate::console::world::Upstream;
use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::engine::state::EngineState;
use crate::contracts::evidence::ShownEvidence;
use crate::contracts::failure::Failure;
use crate::contracts::ids::WorkflowId;
use crate::contracts::link::Link;
use crate::contracts::mutation::{Done, Mutation};
use crate::contracts::roster::AgentRoster;
use crate::contracts::workflow::{
    HistoryBatch, HistoryPage, LookedAt, WorkflowCounts, WorkflowDetail, WorkflowPage, WorkflowRow,
};

/// An event and when it happened.
#[derive(Clone, Debug)]
pub struct Stamped {
    /// By the wall clock: what ages and deadlines are told by. It can be set back.
    pub at: Timestamp,
    /// Since the console began, by a clock that nobody sets: what the pace of keys is told by.
    pub up: Millis,
    pub event: Event,
}

/// Everything that can happen.
#[derive(Clone, Debug)]
pub enum Event {
    Key(KeyPress),
    /// Bracketed paste: never keys.
    Paste(String),
    Resize {
        width: u16,
        height: u16,
    },
    FocusGained,
    FocusLost,
    /// Something on screen ages.
    Tick,
    /// What is watched was answered, or could not be.
    Answer {
        generation: Generation,
        answer: Box<Answer>,
    },
    /// What is watched was asked for again and is as it was.
    Same {
        generation: Generation,
    },
    /// What was fetched once.
    Fetched {
        fetch: Fetch,
        answer: Box<Answer>,
    },
    /// News of a mutation. In doubt comes first and the outcome after it, under the same id.
    Mutated {
        id: String,
        result: Result<Done, Failure>,
    },
    /// The way to a server changed.
    Link {
        upstream: Upstream,
        link: Link,
    },
    /// Theme and keymap were read again.
    Look(Result<Box<Look>, Failure>),
    /// Something of the console itself failed: a log that cannot be written, a clipboard that is not there.
    Failed(Failure),
    /// Something went well outside: copied, fault switched.
    Said(String),
    /// SIGTERM, SIGHUP or SIGINT.
    Shutdown,
    /// SIGTSTP from outside.
    Stop,
    /// Back from the shell.
    Resumed,
}

/// What was asked for, or why it could not be had.
#[derive(Clone, Debug)]
pub enum Answer {
    Overview(Result<Overview, Failure>),
    Workflows {
        query: String,
        result: Result<WorkflowPage, Failure>,
    },
    Counts {
        query: String,
        result: Result<WorkflowCounts, Failure>,
    },
    Workflow {
        id: WorkflowId,
        result: Result<Box<WorkflowDetail>, Failure>,
    },
    /// All that a goal knows, told by a worker; or why none did.
    Goal {
        id: WorkflowId,
        result: Result<Box<EngineState>, Failure>,
    },
    Agents(Result<AgentRoster, Failure>),
    /// The newest page of a history; it replaces what was known.
    History {
        workflow: WorkflowId,
        result: Result<HistoryPage, Failure>,
    },
    /// Events that followed, oldest first.
    Tail {
        workflow: WorkflowId,
        result: Result<HistoryBatch, Failure>,
    },
    /// The evidence of a workflow's gate; none when it has collected none.
    Evidence {
        workflow: WorkflowId,
        result: Result<Option<Box<ShownEvidence>>, Failure>,
    },
}

impl Answer {
    /// Whether it brings something.
    pub fn is_ok(&self) -> bool {
        match self {
            Self::Overview(result) => result.is_ok(),
            Self::Workflows { result, .. } => result.is_ok(),
            Self::Counts { result, .. } => result.is_ok(),
            Self::Workflow { result, .. } => result.is_ok(),
            Self::Goal { result, .. } => result.is_ok(),
            Self::Agents(result) => result.is_ok(),
            Self::History { result, .. } => result.is_ok(),
            Self::Tail { result, .. } => result.is_ok(),
            Self::Evidence { result, .. } => result.is_ok(),
        }
    }
}

/// What needs somebody, and what is live.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overview {
    /// Workflows with open gates, earliest deadline first.
    pub gates: Vec<WorkflowRow>,
    /// Deployments that are running.
    pub live: Vec<WorkflowRow>,
    /// Failed, timed out or terminated within the hour.
    pub troubled: Vec<WorkflowRow>,
    /// What holds live deployments up, or nothing, of those that were looked at one by one; by run.
    pub looked_at: LookedAt,
    /// Workers polling the task queue; absent when the server did not say.
    pub workers: Option<u32>,
    /// When one of them last asked for work: told only while work of that queue is not taken, because a worker in order
    /// may wait a minute for an answer.
    pub polled_at: Option<Timestamp>,
    /// Why phases and gates cannot be read in this namespace; absent when they can.
    pub unreadable: Option<Failure>,
    /// Whether these are all workflows with open gates, and all live deployments.
    pub all_gates: Whole,
    pub all_live: Whole,
}

impl Overview {
    /// Live deployments that are looked at one by one. More at a time are nobody's.
    pub const LOOKED_AT: usize = 8;
}

/// Whether a list has everything in it, or only its first page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Whole {
    #[default]
    Yes,
    No,
}

impl Whole {
    pub fn of(page: &WorkflowPage) -> Self {
        if page.next.is_some() { Self::No } else { Self::Yes }
    }
}

/// What reaches a screen. Actions are those of its context; keys and pastes only while it has a text field in focus.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    Action(Action),
    Key(KeyPress),
    Paste(&'a str),
    /// The screen is shown, with something to show.
    Opened(&'a Place),
    Answer(&'a Answer),
    Fetched(&'a Fetch, &'a Answer),
    /// News of a mutation that this console sent.
    Mutated(&'a Mutation, &'a Result<Done, Failure>),
    /// The body's size changed: scroll offsets may have to follow.
    Resized,
    Tick,
}
