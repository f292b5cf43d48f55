//! What is sent to a goal, as events of its machine: positional arguments as the seeds send them, or one object.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::contracts::actor::Actor;
use crate::contracts::agent::{AgentResponse, AgentStatus};
use crate::contracts::clock::Millis;
use crate::contracts::engine::budget::BudgetLevel;
use crate::contracts::engine::decision::Decision;
use crate::contracts::engine::state::StepStatus;
use crate::contracts::ids::{AttemptId, RequestId, StepId, WorkKind, WorkflowId};
use crate::contracts::temporal::args::Args;
use crate::contracts::temporal::names::{signal, update};
use crate::spec::rules::Rules;
use crate::workflows::engine::machine::LONGEST_NAME;
use crate::workflows::engine::machine::event::{Event, Replacements, Terms};

/// Temporal's own limit on ids.
const LONGEST_ID: usize = 1000;

/// Names of positional arguments, in their order.
pub mod positional {
    pub const AGENT_COMPLETED: [&str; 2] = ["stepId", "response"];
    pub const APPLY_DECISION: [&str; 1] = ["decision"];
    pub const REQUEST_WORK: [&str; 4] = ["kind", "payload", "stepId", "requestId"];
    pub const CHILD_COMPLETED: [&str; 2] = ["childKind", "result"];
    pub const CUSTOM: [&str; 3] = ["eventType", "payload", "requestId"];
    pub const APPROVE: [&str; 1] = ["stepId"];
    pub const REJECT: [&str; 2] = ["stepId", "reason"];
    pub const CANCEL: [&str; 1] = ["reason"];
    pub const LEASE: [&str; 3] = ["stepId", "runId", "agent"];
    pub const REQUEUE: [&str; 2] = ["stepId", "reason"];
    pub const NUDGE: [&str; 1] = ["stepId"];
    pub const OVERRIDE: [&str; 3] = ["stepId", "status", "reason"];
    pub const ADOPT_SPEC: [&str; 1] = ["document"];
    pub const BUDGET_REACHED: [&str; 2] = ["round", "level"];
}

/// Every field that some message has.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Sent {
    step_id: StepId,
    kind: WorkKind,
    payload: Value,
    child_kind: String,
    result: Value,
    event_type: String,
    /// Makes what is told count once.
    request_id: RequestId,
    reason: String,
    /// An attempt of a step, as the seeds call it.
    #[serde(rename = "runId")]
    attempt_id: AttemptId,
    agent: String,
    lease_ms: Option<Millis>,
    /// The attempt that another one goes on from.
    replaces: AttemptId,
    /// The workflow that does the work.
    child: WorkflowId,
    status: StepStatus,
    document: String,
    round: u32,
    level: Option<BudgetLevel>,
    /// Who asks. Believed as far as the right to write to the workflow goes: nothing that needs authority is asked for here.
    actor: Actor,
}

/// The event that the signal or update of this name asks for.
pub fn read(name: &str, args: &Args) -> Result<Event, String> {
    Ok(match name {
        signal::AGENT_COMPLETED => agent_completed(args)?,
        signal::APPLY_DECISION => Event::ApplyDecision(wrapped(args, &positional::APPLY_DECISION)?),
        signal::REQUEST_WORK => {
            let Sent { kind, payload, step_id, request_id, .. } = args.read(&positional::REQUEST_WORK)?;
            let step = (!step_id.is_empty()).then_some(step_id);
            once(request_id, Event::RequestWork { kind: given("kind", kind)?, payload, step })?
        }
        signal::CHILD_COMPLETED => {
            let Sent { child_kind, result, .. } = args.read(&positional::CHILD_COMPLETED)?;
            let answer = attempt_of(&result);
            Event::ChildCompleted { kind: given("childKind", child_kind)?, result, answer }
        }
        signal::CUSTOM => {
            let Sent { event_type, payload, request_id, .. } = args.read(&positional::CUSTOM)?;
            once(request_id, Event::Custom { name: given("eventType", event_type)?, payload })?
        }
        signal::APPROVE => {
            let Sent { step_id, actor, .. } = step(args, &positional::APPROVE)?;
            Event::Approve { step: step_id, by: actor }
        }
        signal::REJECT => {
            let Sent { step_id, reason, actor, .. } = step(args, &positional::REJECT)?;
            Event::Reject { step: step_id, reason, by: actor }
        }
        signal::CANCEL | signal::CANCEL_GOAL | signal::CANCEL_WORKFLOW => {
            let Sent { reason, actor, .. } = args.read(&positional::CANCEL)?;
            Event::Cancel { reason, by: actor }
        }
        update::LEASE => {
            let Sent { step_id, attempt_id, agent, lease_ms, replaces, child, .. } = step(args, &positional::LEASE)?;
            if child.as_str().len() > LONGEST_ID {
                return Err(format!("`child` is longer than {LONGEST_ID} bytes"));
            }
            let terms = Terms {
                lasts: lease_ms,
                replaces: (!replaces.is_empty()).then_some(replaces),
                child: (!child.is_empty()).then_some(child),
            };
            let (attempt, agent) = (given("runId", attempt_id)?, given("agent", agent)?);
            Event::Lease { step: step_id, attempt, agent, terms }
        }
        update::REQUEUE => {
            let Sent { step_id, reason, attempt_id, request_id, actor, .. } = step(args, &positional::REQUEUE)?;
            let attempt = (!attempt_id.is_empty()).then_some(attempt_id);
            once(request_id, Event::Requeue { step: step_id, attempt, reason, by: actor })?
        }
        update::NUDGE => {
            let Sent { step_id, request_id, actor, .. } = step(args, &positional::NUDGE)?;
            once(request_id, Event::Nudge { step: step_id, by: actor })?
        }
        update::OVERRIDE => {
            let Sent { step_id, status, reason, request_id, actor, .. } = step(args, &positional::OVERRIDE)?;
            let done = match status {
                StepStatus::Done => true,
                StepStatus::Failed => false,
                StepStatus::Waiting | StepStatus::InProgress | StepStatus::Blocked | StepStatus::Skipped => {
                    return Err("`status` is DONE or FAILED".to_owned());
                }
            };
            let replacements = Replacements::Withdraw;
            once(request_id, Event::Override { step: step_id, done, reason, by: actor, replacements })?
        }
        update::ADOPT_SPEC => {
            let Sent { document, .. } = args.read(&positional::ADOPT_SPEC)?;
            let rules = Rules::read("the spec", &document).map_err(|problem| problem.to_string())?;
            Event::AdoptSpec { spec: Arc::new(rules), document }
        }
        update::BUDGET_REACHED => {
            let Sent { round, level, .. } = args.read(&positional::BUDGET_REACHED)?;
            Event::BudgetReached { round, level: level.ok_or("`level` is missing")? }
        }
        other => return Err(format!("`{other}` is no message of a goal")),
    })
}

/// What counts once, where it says under which id.
fn once(id: RequestId, event: Event) -> Result<Event, String> {
    if id.is_empty() {
        return Ok(event);
    }
    Ok(Event::Once { id: given("requestId", id)?, event: Box::new(event) })
}

/// Two arguments, one object of both, or the response alone, which names its step itself.
fn agent_completed(args: &Args) -> Result<Event, String> {
    let mut sent: Map<String, Value> = args.read(&positional::AGENT_COMPLETED)?;
    let mut response = match sent.remove("response") {
        Some(Value::Object(response)) => response,
        Some(_) => return Err("`response` is no object".to_owned()),
        None => sent.clone(),
    };
    if let Some(step) = sent.remove("stepId") {
        response.insert("stepId".to_owned(), step);
    }
    let response: AgentResponse = parse(Value::Object(response))?;
    let step = given("stepId", response.step_id.clone())?;
    Ok(Event::AgentCompleted { step, response })
}

/// The result of a child as the answer of an attempt, when it says which it was.
fn attempt_of(result: &Value) -> Option<Box<AgentResponse>> {
    let answer: AgentResponse = serde_json::from_value(result.clone()).ok()?;
    let says = !answer.attempt_id.is_empty() && !answer.step_id.is_empty();
    (says && answer.status != AgentStatus::Partial).then(|| Box::new(answer))
}

/// The decision itself, or an object that holds it.
fn wrapped(args: &Args, fields: &[&str; 1]) -> Result<Decision, String> {
    let mut sent: Map<String, Value> = args.read(fields)?;
    let inner = sent.remove(fields[0]);
    parse(inner.unwrap_or(Value::Object(sent)))
}

fn step(args: &Args, fields: &[&str]) -> Result<Sent, String> {
    let mut sent: Sent = args.read(fields)?;
    sent.step_id = given("stepId", sent.step_id)?;
    Ok(sent)
}

/// An id or a name: there, and not longer than what is kept.
fn given<T: Serialize>(name: &str, value: T) -> Result<T, String> {
    match json!(value).as_str().map_or(0, str::len) {
        0 => Err(format!("`{name}` is missing")),
        1..=LONGEST_NAME => Ok(value),
        bytes => Err(format!("`{name}` has {bytes} bytes; {LONGEST_NAME} are the most")),
    }
}

fn parse<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}
