//! The engine as a state machine: the seeds' flows and hazards, without Temporal.

mod budget;
mod children;
mod duplicates;
mod flows;
mod hazards;
mod leases;
mod properties;
mod undecided;
mod withdrawn;

use std::sync::Arc;

use gatewatch::contracts::agent::{AgentResponse, AgentStatus, Artifact};
use gatewatch::contracts::clock::Timestamp;
use gatewatch::contracts::engine::decision::Decision;
use gatewatch::contracts::engine::input::{Decider, EngineInput};
use gatewatch::contracts::engine::state::{EngineState, EngineStatus, StepStatus};
use gatewatch::contracts::ids::{AttemptId, GoalId, StepId};
use gatewatch::spec::EngineSpec;
use gatewatch::spec::shipped;
use gatewatch::workflows::engine::machine::Machine;
use gatewatch::workflows::engine::machine::event::{Event, Outcome, Reaction};
use serde_json::{Value, json};

/// A goal and its clock, one millisecond an event.
struct Goal {
    machine: Machine,
    now: i64,
}

impl Goal {
    fn with(spec: Arc<dyn EngineSpec>, decider: Decider) -> Self {
        let input = EngineInput { goal_id: GoalId::from("goal-123"), decider, ..EngineInput::default() };
        Self { machine: Machine::start(&input, spec), now: 1_000 }
    }

    /// A goal that a shipped spec decides.
    fn of(name: &str) -> Self {
        Self::with(shipped_spec(name), Decider::Spec)
    }

    fn send(&mut self, event: Event) -> Reaction {
        self.now += 1;
        self.machine.handle(Timestamp::from_unix_millis(self.now).unwrap(), event)
    }

    fn boot(&mut self, decision: Value) {
        let decision: Decision = serde_json::from_value(decision).unwrap();
        assert_eq!(self.send(Event::Boot(decision)).outcome, Outcome::Applied);
    }

    fn answer(&mut self, step: &str, status: AgentStatus) -> Outcome {
        self.answer_with(step, status, Value::Null, Vec::new())
    }

    fn answer_with(&mut self, step: &str, status: AgentStatus, content: Value, artifacts: Vec<Artifact>) -> Outcome {
        let mut response = response(step, status);
        response.content = content;
        response.artifacts = artifacts;
        self.send(Event::AgentCompleted { step: StepId::from(step), response }).outcome
    }

    fn ok(&mut self, step: &str) {
        assert_eq!(self.answer(step, AgentStatus::Ok), Outcome::Applied, "{step}");
    }

    fn state(&self) -> &EngineState {
        self.machine.state()
    }

    fn status(&self) -> EngineStatus {
        self.state().status
    }

    fn step(&self, id: &str) -> StepStatus {
        self.state().open_steps[&StepId::from(id)].status
    }

    /// Steps in the order of their request.
    fn steps(&self) -> Vec<String> {
        self.state().in_order().into_iter().map(|(id, _)| id.as_str().to_owned()).collect()
    }
}

fn shipped_spec(name: &str) -> Arc<dyn EngineSpec> {
    Arc::new(shipped::rules(name).unwrap().unwrap())
}

fn response(step: &str, status: AgentStatus) -> AgentResponse {
    AgentResponse {
        goal_id: GoalId::from("goal-123"),
        workflow_id: "codegen-abc".into(),
        step_id: StepId::from(step),
        attempt_id: AttemptId::new(format!("run-{step}")),
        agent_role: "builder".to_owned(),
        status,
        content: Value::Null,
        artifacts: Vec::new(),
        metrics: None,
        errors: Value::Null,
    }
}

fn pull_request() -> Artifact {
    Artifact {
        kind: "PR".into(),
        url: Some("https://forge/pr/7".into()),
        reference: Some("7".into()),
        meta: Value::Null,
    }
}

fn request(kind: &str) -> Value {
    json!({"decisionId": "boot", "actions": [{"type": "REQUEST_WORK", "workKind": kind, "payload": {"prompt": "x"}}]})
}
