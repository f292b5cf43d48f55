//! What else goes on in the world that the console opens on: another service with a release that is live and watched,
//! one that a colleague rejected, and a goal that agents work on. All of it is done the way people do it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::contracts::agent::{AgentResponse, AgentStatus};
use crate::contracts::clock::Millis;
use crate::contracts::decision::Verdict;
use crate::contracts::engine::decision::{Action, Decision};
use crate::contracts::engine::input::EngineInput;
use crate::contracts::engine::message::Message;
use crate::contracts::engine::state::Goal;
use crate::contracts::failure::Failure;
use crate::contracts::ids::{AttemptId, DecisionId, GoalId, WorkKind, WorkflowId};
use crate::contracts::workflow::WorkflowDetail;
use crate::devstack::story::cast::Cast;
use crate::devstack::story::person::{Person, Say, Wait};
use crate::devstack::world::running::{ReleaseCommit, RunningService};

/// Longer than anybody plays.
const WATCHED: Millis = Millis::from_hours(2);
const BAD_LOOKS: u32 = 20;
const PATIENCE: Duration = Duration::from_mins(2);

/// Puts `wholesale` v8 live, and has v9 rejected for what its evidence says.
pub async fn act(colleague: &Person, decider: &str, service: &RunningService) -> Result<(), Failure> {
    let [first, next, unfit] = service.releases.as_slice() else { return Ok(()) };
    let live = Cast { service: with(service, [first, next]), watched: WATCHED, bad_looks: BAD_LOOKS };
    let rejected = Cast { service: with(service, [first, unfit]), watched: WATCHED, bad_looks: BAD_LOOKS };
    // Its gate was passed before the demo began.
    let (deployed, refused) = tokio::join!(colleague.deploy(&live), reject(colleague, &rejected, decider));
    deployed.and(refused)
}

/// A goal in the middle of things, whose steps people answer: `6` shows them.
pub async fn work(colleague: &Person) -> Result<(), Failure> {
    let id = WorkflowId::new("codegen-retry-payments");
    let description = "Retry idempotent payments".to_owned();
    let request = Action::RequestWork {
        work_kind: WorkKind::from("REQUIREMENTS"),
        payload: json!({ "prompt": &description }),
        step_id: None,
    };
    let boot = Decision { decision_id: DecisionId::from("boot"), actions: vec![request], ..Decision::default() };
    let input = EngineInput {
        goal_id: GoalId::from("retry-payments"),
        goal: Goal { description, ..Goal::default() },
        boot_decision: Some(boot),
        ..EngineInput::default()
    };
    colleague.pursue(id.clone(), &input).await?;
    let messages = [
        answered("requirements-1", "author", AgentStatus::Ok, json!({"summary": "Retry thrice, with the same key."})),
        answered("acceptance-criteria-1", "author", AgentStatus::Ok, json!({"criteria": ["no payment twice"]})),
        answered("implementation-1", "builder", AgentStatus::Ok, json!({"branch": "feat/retry-payments"})),
        leased("open-pr-1", "builder"),
        answered("run-qa-1", "qa", AgentStatus::Fail, json!("3 of 40 tests fail")),
        leased("rework-1", "builder"),
    ];
    for message in messages {
        colleague.tell(&id, message, PATIENCE).await?;
    }
    Ok(())
}

fn leased(step: &str, agent: &str) -> Message {
    Message::Lease {
        step_id: step.into(),
        attempt_id: AttemptId::new(format!("{step}-by-{agent}")),
        agent: agent.to_owned(),
    }
}

/// What was answered, or, of a failure, why.
fn answered(step: &str, agent: &str, status: AgentStatus, said: Value) -> Message {
    let (content, errors) = if status == AgentStatus::Fail { (Value::Null, said) } else { (said, Value::Null) };
    let response = AgentResponse {
        goal_id: GoalId::default(),
        workflow_id: WorkflowId::default(),
        step_id: step.into(),
        attempt_id: AttemptId::default(),
        agent_role: agent.to_owned(),
        status,
        content,
        artifacts: Vec::new(),
        metrics: None,
        errors,
    };
    Message::AgentCompleted { step_id: step.into(), response: Box::new(response) }
}

async fn reject(colleague: &Person, cast: &Cast, decider: &str) -> Result<(), Failure> {
    colleague.ask_for(cast, decider).await?;
    let id = cast.readiness_id();
    let wait = Wait { what: "its gate opened", within: PATIENCE };
    let open = |detail: &WorkflowDetail| detail.row.published.as_ref()?.gates.first().cloned();
    let gate = colleague.until(&id, wait, open).await?;
    let reason = Some("The scan has a critical finding. Fix it, then ask again.");
    let say = Say { verdict: Verdict::Reject, reason, within: PATIENCE };
    colleague.decide(&id, &gate, say).await.map(drop)
}

fn with(service: &RunningService, releases: [&ReleaseCommit; 2]) -> RunningService {
    RunningService { releases: releases.map(Clone::clone).to_vec(), ..service.clone() }
}
