//! One step whose agent is a workflow: what it needs is read from its goal, planned, and handed to those who look after
//! sibling workflows. The place is given up at once: how many run at once is Temporal's to say.

use std::sync::Arc;

use crate::config::agents::Agent;
use crate::contracts::agent::AgentRequest;
use crate::contracts::engine::state::StepStatus;
use crate::contracts::ids::WorkflowId;
use crate::contracts::text;
use crate::coordinator::dispatcher::board::{Fate, Slot, Taking};
use crate::coordinator::dispatcher::call::{Ended, original};
use crate::coordinator::dispatcher::follow::Followed;
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
        let fate = self.begin(&agent, &taking).await;
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
        let request = AgentRequest {
            goal_id: state.goal_id.clone(),
            workflow_id: WorkflowId::new(text::original(workflow.as_str())),
            correlation_id: format!("{step_id}:{}", taking.attempt),
            step_id,
            attempt_id: taking.attempt.clone(),
            kind: step.kind.clone(),
            payload: step.payload.clone(),
            goal: state.goal.clone(),
            attempt: step.attempts + 1,
            agent: agent.name.clone(),
            ..AgentRequest::default()
        };
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
