//! What an agent is given of a goal. Lists show ids safe to print; whoever does the work, and whoever is told of it, needs
//! them as they are.

use crate::contracts::agent::AgentRequest;
use crate::contracts::engine::state::{Goal, StepState};
use crate::contracts::ids::{AttemptId, GoalId, StepId, WorkflowId};
use crate::contracts::text;
use crate::coordinator::dispatcher::board::Place;

/// One step for one agent.
pub(super) struct Work<'a> {
    /// As lists show it.
    pub(super) place: &'a Place,
    pub(super) goal_id: &'a GoalId,
    pub(super) goal: &'a Goal,
    pub(super) step: &'a StepState,
    pub(super) attempt_id: &'a AttemptId,
    pub(super) agent: &'a str,
}

impl Work<'_> {
    pub(super) fn request(&self) -> AgentRequest {
        let (workflow, step) = self.place;
        let (step_id, attempt_id) = (original(step), self.attempt_id.clone());
        AgentRequest {
            goal_id: self.goal_id.clone(),
            workflow_id: WorkflowId::new(text::original(workflow.as_str())),
            correlation_id: format!("{step_id}:{attempt_id}"),
            step_id,
            attempt_id,
            kind: self.step.kind.clone(),
            payload: self.step.payload.clone(),
            goal: self.goal.clone(),
            attempt: self.step.attempts,
            agent: self.agent.to_owned(),
            // The lease may end before the step is due: then somebody else gets it.
            due: self.step.due.into_iter().chain(self.step.lease_until).min(),
            ..AgentRequest::default()
        }
    }
}

/// As the goal calls it.
pub(super) fn original(step: &StepId) -> StepId {
    StepId::new(text::original(step.as_str()))
}

#[cfg(test)]
mod tests {
    use super::Work;
    use crate::contracts::engine::state::{Goal, StepState};
    use crate::contracts::text;

    #[test]
    fn whoever_does_the_work_is_told_ids_as_they_are() {
        for (workflow, step) in [("goal", "qa-1"), ("g\u{202e}oal", "qa\u{200b}-1"), ("g\\u{41}", "\\u{202e}")] {
            let place = (text::id(workflow).as_ref().into(), text::id(step).as_ref().into());
            let state: StepState =
                serde_json::from_value(serde_json::json!({"kind": "QA", "status": "WAITING"})).unwrap();
            let work = Work {
                place: &place,
                goal_id: &"g".into(),
                goal: &Goal::default(),
                step: &state,
                attempt_id: &"a".into(),
                agent: "qa",
            };
            let request = work.request();
            assert_eq!((request.workflow_id.as_str(), request.step_id.as_str()), (workflow, step));
            assert_eq!(request.correlation_id, format!("{step}:a"));
        }
    }
}
