//! The closed set of screens and of the places keys are looked up in. One name everywhere: folder, keymap section,
//! theme, tests.

use crate::contracts::ids::{GateId, WorkflowId};

/// The screens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScreenId {
    #[default]
    Now,
    Gates,
    Workflows,
    Workflow,
    Steps,
    Deployment,
    History,
    Agents,
}

impl ScreenId {
    pub const ALL: [Self; 8] = [
        Self::Now,
        Self::Gates,
        Self::Workflows,
        Self::Workflow,
        Self::Steps,
        Self::Deployment,
        Self::History,
        Self::Agents,
    ];

    /// Its folder, and its section in a keymap.
    pub fn name(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Gates => "gates",
            Self::Workflows => "workflows",
            Self::Workflow => "workflow",
            Self::Steps => "steps",
            Self::Deployment => "deployment",
            Self::History => "history",
            Self::Agents => "agents",
        }
    }

    /// What its tab says.
    pub fn title(self) -> &'static str {
        match self {
            Self::Now => "Now",
            Self::Gates => "Gates",
            Self::Workflows => "Workflows",
            Self::Workflow => "Workflow",
            Self::Steps => "Steps",
            Self::Deployment => "Deployment",
            Self::History => "History",
            Self::Agents => "Agents",
        }
    }

    pub fn context(self) -> Context {
        match self {
            Self::Now => Context::Now,
            Self::Gates => Context::Gates,
            Self::Workflows => Context::Workflows,
            Self::Workflow => Context::Workflow,
            Self::Steps => Context::Steps,
            Self::Deployment => Context::Deployment,
            Self::History => Context::History,
            Self::Agents => Context::Agents,
        }
    }
}

/// Where a key is looked up: a section of the keymap. What a section lacks is looked up in `Global`, except in
/// `Text`, where every other key types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Context {
    Global,
    Now,
    Gates,
    Workflows,
    Workflow,
    Steps,
    Deployment,
    History,
    Agents,
    /// The list of keys.
    Help,
    /// The list of actions.
    Palette,
    /// A question before something is done to the world.
    Confirm,
    /// A text field, wherever it is.
    Text,
}

impl Context {
    pub const ALL: [Self; 13] = [
        Self::Global,
        Self::Now,
        Self::Gates,
        Self::Workflows,
        Self::Workflow,
        Self::Steps,
        Self::Deployment,
        Self::History,
        Self::Agents,
        Self::Help,
        Self::Palette,
        Self::Confirm,
        Self::Text,
    ];

    /// Its section in a keymap.
    pub fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Now => "now",
            Self::Gates => "gates",
            Self::Workflows => "workflows",
            Self::Workflow => "workflow",
            Self::Steps => "steps",
            Self::Deployment => "deployment",
            Self::History => "history",
            Self::Agents => "agents",
            Self::Help => "help",
            Self::Palette => "palette",
            Self::Confirm => "confirm",
            Self::Text => "text",
        }
    }
}

/// Somewhere to go: a screen and what it is to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Now,
    /// The gates, with the cursor on one of them.
    Gates(Option<(WorkflowId, GateId)>),
    Workflows,
    Workflow(WorkflowId),
    /// The steps of one goal; without an id of the one selected, or of the last one looked at.
    Steps(Option<WorkflowId>),
    /// One deployment; without an id the one that needs most attention.
    Deployment(Option<WorkflowId>),
    /// The history of one workflow; without an id of the last one looked at.
    History(Option<WorkflowId>),
    /// Who does the work of goals.
    Agents,
}

impl Place {
    pub fn screen(&self) -> ScreenId {
        match self {
            Self::Now => ScreenId::Now,
            Self::Gates(_) => ScreenId::Gates,
            Self::Workflows => ScreenId::Workflows,
            Self::Workflow(_) => ScreenId::Workflow,
            Self::Steps(_) => ScreenId::Steps,
            Self::Deployment(_) => ScreenId::Deployment,
            Self::History(_) => ScreenId::History,
            Self::Agents => ScreenId::Agents,
        }
    }
}

/// Where keys go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Focus {
    /// Keys are actions.
    #[default]
    Keys,
    /// Keys type into a text field; only what `Context::Text` binds is an action.
    Text,
}

/// How often something on screen changes by itself. The loop sleeps until the finest beat of what is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Beat {
    /// Only the clock's minute.
    #[default]
    Minute,
    /// A countdown or an age in seconds.
    Second,
    /// A flash: for a moment, and rarely.
    Frame,
}
