//! Which workflow is shown.

use crate::console::action::Action;
use crate::console::ctx::Ctx;
use crate::console::effect::Interest;
use crate::console::screen::{Beat, Focus};
use crate::contracts::ids::WorkflowId;

/// The screen.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub workflow: Option<WorkflowId>,
}

impl State {
    pub fn interests(&self, _ctx: &Ctx<'_>) -> Vec<Interest> {
        self.workflow.iter().cloned().map(Interest::Workflow).collect()
    }

    pub fn focus(&self) -> Focus {
        Focus::Keys
    }

    pub fn beat(&self, _ctx: &Ctx<'_>) -> Beat {
        Beat::Minute
    }

    pub fn subject(&self, _ctx: &Ctx<'_>) -> Option<WorkflowId> {
        self.workflow.clone()
    }

    /// Whether this action, now, sends something to the world.
    pub fn confirms(&self, _action: Action) -> bool {
        false
    }
}
