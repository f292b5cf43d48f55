//! What `update` asks for: of the root (where to go, what to ask, what to say) and of the outside. Data, so that tests
//! compare whole values; `perform` does the outside ones and answers with events.

use crate::console::question::Question;
use crate::console::screen::{Place, ScreenId};
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::ids::{EvidenceDigest, RunId, WorkflowId};
use crate::contracts::mutation::Mutation;
use crate::contracts::workflow::PageToken;

/// Everything that can be asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    // The root's own: these never reach the outside.
    /// Show another place.
    Go(Place),
    /// One screen back.
    Back,
    /// Ask the person before something is done; the answer leads to `Mutate`.
    Ask(Box<Question>),
    /// Say something at the right end of the hint line.
    Say(Note),

    // The outside's.
    /// Keep exactly these fresh from now on.
    Watch(Vec<(Interest, Generation)>),
    /// Ask for everything watched now.
    Refresh,
    /// Fetch one thing once.
    Fetch(Fetch),
    /// Change the world, through the one mutation path.
    Mutate(Box<Mutation>),
    /// Into the clipboard.
    Copy(String),
    /// Tell somebody who is not looking.
    Notify(Notice),
    /// The window's title.
    Title(String),
    /// Demo: switch a fault on or off.
    Fault(&'static str),
    /// Give the terminal back until `fg`.
    Suspend,
    Quit,
}

/// Something to keep fresh while it is on screen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interest {
    /// Open gates, live deployments, what failed or is stuck: the first screen, the tabs and the alert line.
    Overview,
    /// The first page of a visibility query, and how many it matches.
    Workflows { query: String },
    /// One workflow in detail; each second while a deployment is live.
    Workflow(WorkflowId),
    /// One goal: the workflow in detail, and its steps as often as its history grows.
    Goal(WorkflowId),
    /// Who does the work of goals, as the coordinator counts it.
    Agents,
    /// The evidence under one digest: read once, because it cannot change.
    Evidence { workflow: WorkflowId, digest: EvidenceDigest },
    /// The newest events of one run, and those that follow. Each screen keeps its own, so each has to be told the
    /// beginning: what one is watching does not do for the other.
    History { workflow: WorkflowId, run: Option<RunId>, on: ScreenId },
}

/// Which time something is watched: an answer to an earlier time is dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

/// Something to fetch once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// The next page of a list.
    MoreWorkflows { query: String, after: PageToken },
    /// An older page of a history.
    OlderHistory { workflow: WorkflowId, run: Option<RunId>, after: PageToken },
}

/// What is said at the right end of the hint line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub level: Level,
    pub text: String,
    /// The deed it tells of the outcome of, in words: the same when a person tries again under another id.
    pub about: Option<String>,
}

/// How much it matters. Errors stay until dismissed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Info,
    Done,
    Warning,
    /// It failed because nobody answered just now: it goes by itself, as that may.
    Passing,
    Error,
}

impl Note {
    pub fn info(text: impl Into<String>) -> Self {
        Self::new(Level::Info, text)
    }

    pub fn done(text: impl Into<String>) -> Self {
        Self::new(Level::Done, text)
    }

    pub fn warning(text: impl Into<String>) -> Self {
        Self::new(Level::Warning, text)
    }

    pub fn error(text: impl Into<String>) -> Self {
        Self::new(Level::Error, text)
    }

    /// Something other than a mutation failed. What can only be mended by a person stays until one has seen it.
    pub fn failed(failure: &Failure) -> Self {
        let passes = matches!(failure.kind, FailureKind::Unavailable | FailureKind::DeadlineExceeded);
        Self::new(if passes { Level::Passing } else { Level::Error }, failure.to_string())
    }

    #[must_use]
    pub fn about(self, deed: String) -> Self {
        Self { about: Some(deed), ..self }
    }

    fn new(level: Level, text: impl Into<String>) -> Self {
        Self { level, text: text.into(), about: None }
    }
}

/// What a notification says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub title: String,
    pub body: String,
}
