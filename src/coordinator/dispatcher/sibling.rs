//! One step whose agent is a workflow: what it needs is read from its goal, planned, and handed to those who look after
//! sibling workflows. The place is given up at once: how many run at once is Temporal's to say.

use std::sync::Arc;

use crate::config::agents::Agent;
use crate::contracts::agent::AgentRequest;
use crate::contracts::engine::state::StepStatus;
use crate::coordinator::dispatcher::board::{Fate, Slot, Taking};
use crate::coordinator::dispatcher::call::Ended;
use crate::coordinator::dispatcher::follow::Followed;
use crate::coordinator::dispatcher::work::{Work, original};
use crate::coordinator::siblings::Siblings;
use crate::gateway::Gateway;

/// What it takes to begin one.
pub(super) struct Beginner {
    pub(super) gateway: Gateway,
    pub(super) siblings: Siblings,
    pub(super) followed: Arc<Followed>,
}

impl Beginner {
    pub(super) async fn run(self, agent: Agent, taking: Taking, slot: Slot) -> Ended {
        // It holds requests to Temporal of several kinds: too much to move about.
        let fate = Box::pin(self.begin(&agent, &taking)).await;
        drop(slot);
        Ended { place: taking.place, fate }
    }

    async fn begin(&self, agent: &Agent, taking: &Taking) -> Fate {
        let (workflow, step_id) = (&taking.place.0, original(&taking.place.1));
        let state = match self.gateway.goal_state(workflow).await {
            Ok(state) => state,
            Err(failure) => {
                tracing::warn!(%workflow, step = %step_id, %failure, "the goal does not say what is to be done");
                return Fate::Unclear;
            }
        };
        let waits = state.open_steps.get(&step_id).filter(|step| step.status == StepStatus::Waiting);
        let Some(step) = waits else { return Fate::Refused };
        let work = Work {
            place: &taking.place,
            goal_id: &state.goal_id,
            goal: &state.goal,
            step,
            attempt_id: &taking.attempt,
            agent: &agent.name,
        };
        // It is not leased yet.
        let request = AgentRequest { attempt: step.attempts + 1, ..work.request() };
        let Some(plan) = self.followed.forms.plan(agent, request, &self.followed.task_queue) else {
            return Fate::Refused;
        };
        match self.siblings.begin(&plan).await {
            Ok(fate) => fate,
            Err(failure) => {
                tracing::warn!(%workflow, %failure, "a sibling workflow could not be remembered");
                Fate::Unclear
            }
        }
    }
}
