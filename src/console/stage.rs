//! The screens together, and the one place that sends a call to the right one.

use crate::console::action::Action;
use crate::console::ctx::Ctx;
use crate::console::effect::{Effect, Interest};
use crate::console::event::Input;
use crate::console::screen::{Beat, Focus, ScreenId};
use crate::console::screens::{agents, deployment, gates, history, now, steps, workflow, workflows};
use crate::contracts::ids::WorkflowId;

/// The state of every screen. All are kept: coming back finds everything where it was.
#[derive(Clone, Debug, Default)]
pub struct Stage {
    pub now: now::state::State,
    pub gates: gates::state::State,
    pub workflows: workflows::state::State,
    pub workflow: workflow::state::State,
    pub steps: steps::state::State,
    pub deployment: deployment::state::State,
    pub history: history::state::State,
    pub agents: agents::state::State,
}

impl Stage {
    pub fn update(&mut self, screen: ScreenId, input: Input<'_>, ctx: &Ctx<'_>) -> Vec<Effect> {
        match screen {
            ScreenId::Now => now::update::update(&mut self.now, input, ctx),
            ScreenId::Gates => gates::update::update(&mut self.gates, input, ctx),
            ScreenId::Workflows => workflows::update::update(&mut self.workflows, input, ctx),
            ScreenId::Workflow => workflow::update::update(&mut self.workflow, input, ctx),
            ScreenId::Steps => steps::update::update(&mut self.steps, input, ctx),
            ScreenId::Deployment => deployment::update::update(&mut self.deployment, input, ctx),
            ScreenId::History => history::update::update(&mut self.history, input, ctx),
            ScreenId::Agents => agents::update::update(&mut self.agents, input, ctx),
        }
    }

    /// Whether an action is possible, or why not.
    pub fn can(&self, screen: ScreenId, action: Action, ctx: &Ctx<'_>) -> Result<(), String> {
        match screen {
            ScreenId::Now => now::update::can(&self.now, action, ctx),
            ScreenId::Gates => gates::update::can(&self.gates, action, ctx),
            ScreenId::Workflows => workflows::update::can(&self.workflows, action, ctx),
            ScreenId::Workflow => workflow::update::can(&self.workflow, action, ctx),
            ScreenId::Steps => steps::update::can(&self.steps, action, ctx),
            ScreenId::Deployment => deployment::update::can(&self.deployment, action, ctx),
            ScreenId::History => history::update::can(&self.history, action, ctx),
            ScreenId::Agents => agents::update::can(&self.agents, action, ctx),
        }
    }

    pub fn interests(&self, screen: ScreenId, ctx: &Ctx<'_>) -> Vec<Interest> {
        match screen {
            ScreenId::Now => self.now.interests(ctx),
            ScreenId::Gates => self.gates.interests(ctx),
            ScreenId::Workflows => self.workflows.interests(ctx),
            ScreenId::Workflow => self.workflow.interests(ctx),
            ScreenId::Steps => self.steps.interests(ctx),
            ScreenId::Deployment => self.deployment.interests(ctx),
            ScreenId::History => self.history.interests(ctx),
            ScreenId::Agents => self.agents.interests(ctx),
        }
    }

    pub fn focus(&self, screen: ScreenId) -> Focus {
        match screen {
            ScreenId::Now => self.now.focus(),
            ScreenId::Gates => self.gates.focus(),
            ScreenId::Workflows => self.workflows.focus(),
            ScreenId::Workflow => self.workflow.focus(),
            ScreenId::Steps => self.steps.focus(),
            ScreenId::Deployment => self.deployment.focus(),
            ScreenId::History => self.history.focus(),
            ScreenId::Agents => self.agents.focus(),
        }
    }

    pub fn beat(&self, screen: ScreenId, ctx: &Ctx<'_>) -> Beat {
        match screen {
            ScreenId::Now => self.now.beat(ctx),
            ScreenId::Gates => self.gates.beat(ctx),
            ScreenId::Workflows => self.workflows.beat(ctx),
            ScreenId::Workflow => self.workflow.beat(ctx),
            ScreenId::Steps => self.steps.beat(ctx),
            ScreenId::Deployment => self.deployment.beat(ctx),
            ScreenId::History => self.history.beat(ctx),
            ScreenId::Agents => self.agents.beat(ctx),
        }
    }

    /// The workflow that is selected.
    pub fn subject(&self, screen: ScreenId, ctx: &Ctx<'_>) -> Option<WorkflowId> {
        match screen {
            ScreenId::Now => self.now.subject(ctx),
            ScreenId::Gates => self.gates.subject(ctx),
            ScreenId::Workflows => self.workflows.subject(ctx),
            ScreenId::Workflow => self.workflow.subject(ctx),
            ScreenId::Steps => self.steps.subject(ctx),
            ScreenId::Deployment => self.deployment.subject(ctx),
            ScreenId::History => self.history.subject(ctx),
            ScreenId::Agents => self.agents.subject(ctx),
        }
    }

    /// Takes back what a second press would send: whoever presses something else has turned to that.
    pub fn disarm(&mut self) {
        self.deployment.disarm();
    }

    /// A failure was read, or the link it was about is back: a press that would send the same again asks anew.
    pub fn forget_failure(&mut self) {
        self.deployment.forget_failure();
    }

    /// Whether this action, now, sends something to the world: then it has to be a person's.
    pub fn confirms(&self, screen: ScreenId, action: Action) -> bool {
        screen == ScreenId::Deployment && self.deployment.confirms(action)
    }
}
