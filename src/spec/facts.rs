//! What happened, as rules see it: the variables of their conditions.

use std::sync::Arc;

use cel::{Context, Env, ExecutionError, Value as CelValue};
use serde_json::{Value, json};

use crate::contracts::agent::{AgentRequest, AgentResponse, AgentStatus};
use crate::contracts::engine::fact::Happening;
use crate::contracts::engine::state::{EngineState, Goal, StepState, StepStatus};
use crate::contracts::ids::{GoalId, StepId};

/// The kind of thing that happened: a rule's `on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum On {
    /// An agent answered OK or FAIL.
    Completed,
    /// Something outside was told with `custom`.
    Event,
    /// A person approved.
    Approved,
    /// A person rejected.
    Rejected,
    /// A sibling workflow ended.
    ChildCompleted,
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub enum Fact<'a> {
    Completed { response: &'a AgentResponse },
    Event { name: &'a str, payload: &'a Value },
    Approved { step: &'a StepId },
    Rejected { step: &'a StepId, reason: &'a str },
    ChildCompleted { kind: &'a str, result: &'a Value },
}

impl<'a> Fact<'a> {
    pub fn on(&self) -> On {
        match self {
            Self::Completed { .. } => On::Completed,
            Self::Event { .. } => On::Event,
            Self::Approved { .. } => On::Approved,
            Self::Rejected { .. } => On::Rejected,
            Self::ChildCompleted { .. } => On::ChildCompleted,
        }
    }

    /// The step it is about.
    pub fn step(&self) -> Option<&'a StepId> {
        match self {
            Self::Completed { response } => Some(&response.step_id),
            Self::Approved { step } | Self::Rejected { step, .. } => Some(step),
            Self::Event { .. } | Self::ChildCompleted { .. } => None,
        }
    }

    pub fn status(&self) -> Option<AgentStatus> {
        match self {
            Self::Completed { response } => Some(response.status),
            Self::Event { .. } | Self::Approved { .. } | Self::Rejected { .. } | Self::ChildCompleted { .. } => None,
        }
    }

    /// The name a rule's `event` or `child` is compared to.
    pub fn name(&self) -> Option<&'a str> {
        match self {
            Self::Event { name, .. } => Some(name),
            Self::ChildCompleted { kind, .. } => Some(kind),
            Self::Completed { .. } | Self::Approved { .. } | Self::Rejected { .. } => None,
        }
    }
}

/// Characters of a reason.
const REASON: usize = 1_000;

impl Fact<'_> {
    /// What is kept of it until somebody outside decides: of each payload up to `most` bytes. An answer's content is in
    /// its step.
    pub fn kept(&self, most: usize) -> Happening {
        match *self {
            Self::Completed { response } => {
                let mut response = AgentResponse { content: Value::Null, ..response.clone() };
                response.errors = bounded(&response.errors, most);
                if json!(response.artifacts).to_string().len() > most {
                    response.artifacts.clear();
                }
                Happening::Completed { response: Box::new(response) }
            }
            Self::Event { name, payload } => {
                Happening::Event { name: name.to_owned(), payload: bounded(payload, most) }
            }
            Self::Approved { step } => Happening::Approved { step_id: step.clone() },
            Self::Rejected { step, reason } => {
                let reason = reason.chars().take(REASON).collect();
                Happening::Rejected { step_id: step.clone(), reason }
            }
            Self::ChildCompleted { kind, result } => {
                Happening::ChildCompleted { kind: kind.to_owned(), result: bounded(result, most) }
            }
        }
    }
}

impl<'a> From<&'a Happening> for Fact<'a> {
    fn from(happening: &'a Happening) -> Self {
        match happening {
            Happening::Completed { response } => Self::Completed { response },
            Happening::Event { name, payload } => Self::Event { name, payload },
            Happening::Approved { step_id } => Self::Approved { step: step_id },
            Happening::Rejected { step_id, reason } => Self::Rejected { step: step_id, reason },
            Happening::ChildCompleted { kind, result } => Self::ChildCompleted { kind, result },
        }
    }
}

fn bounded(value: &Value, most: usize) -> Value {
    let bytes = value.to_string().len();
    if bytes <= most { value.clone() } else { json!({ "omittedBytes": bytes }) }
}

/// Names of the variables that conditions and templates may use.
pub const VARIABLES: [&str; 6] = ["response", "event", "child", "step", "reason", "goal"];

/// Functions over the state. `kind` is a kind of work, such as `"IMPLEMENTATION"`; the step of it that was requested
/// last counts.
pub const FUNCTIONS: [(&str, &str); 8] = [
    ("done", "done(kind): the latest step of this kind is done"),
    ("failed", "failed(kind): the latest step of this kind has failed"),
    ("open", "open(kind): the latest step of this kind is waiting, in progress or blocked"),
    ("requested", "requested(kind): how many steps of this kind were asked for"),
    ("content", "content(kind): what the agent of the latest step of this kind answered"),
    ("artifact", "artifact(type): the first artifact of this type, such as \"PR\""),
    ("note", "note(key): what was annotated under this key"),
    ("list", "list(value): the value, which must be a list; empty when there is none"),
];

/// Those of [`FUNCTIONS`] that answer a list.
pub const LISTS: [&str; 1] = ["list"];

/// What the functions read: the little of the state they need, shared by every expression of one decision.
struct Summary {
    latest: Vec<Latest>,
    artifacts: Vec<(String, CelValue)>,
}

struct Latest {
    kind: String,
    status: StepStatus,
    count: i64,
    content: CelValue,
}

/// What expressions are evaluated against.
pub struct Scope(Context<'static, 'static>);

impl Scope {
    pub fn new(env: &Arc<Env>, state: &EngineState, fact: Option<&Fact<'_>>) -> Result<Self, String> {
        let mut context = Context::with_env(Arc::clone(env));
        let mut set = |name: &str, value: Value| {
            context.add_variable_from_value(name, value_of(&value));
        };
        for name in VARIABLES {
            set(name, Value::Null);
        }
        match fact {
            Some(Fact::Completed { response }) => {
                set("response", serde_json::to_value(response).map_err(|error| error.to_string())?);
            }
            Some(Fact::Event { name, payload }) => set("event", json!({"type": name, "payload": payload})),
            Some(Fact::ChildCompleted { kind, result }) => set("child", json!({"kind": kind, "result": result})),
            Some(Fact::Rejected { reason, .. }) => set("reason", json!(reason)),
            Some(Fact::Approved { .. }) | None => {}
        }
        if let Some((id, step)) = fact.and_then(Fact::step).and_then(|id| state.open_steps.get_key_value(id)) {
            let mut value = serde_json::to_value(step).map_err(|error| error.to_string())?;
            if let Some(fields) = value.as_object_mut() {
                fields.insert("id".to_owned(), json!(id));
            }
            set("step", value);
        }
        set("goal", goal_of(&state.goal_id, &state.goal));
        add_functions(&mut context, Arc::new(Summary::of(state))).map_err(|error| error.to_string())?;
        Ok(Self(context))
    }

    /// What a prompt is filled with: the goal and the step that is to be done. The functions know of no other step.
    pub fn of_work(env: &Arc<Env>, work: &AgentRequest) -> Result<Self, String> {
        let mut context = Context::with_env(Arc::clone(env));
        for name in VARIABLES {
            context.add_variable_from_value(name, CelValue::Null);
        }
        let step = json!({"id": work.step_id, "kind": work.kind, "payload": work.payload, "attempts": work.attempt});
        context.add_variable_from_value("step", value_of(&step));
        context.add_variable_from_value("goal", value_of(&goal_of(&work.goal_id, &work.goal)));
        let nothing = Arc::new(Summary::of(&EngineState::default()));
        add_functions(&mut context, nothing).map_err(|error| error.to_string())?;
        Ok(Self(context))
    }

    pub(super) fn context(&self) -> &Context<'static, 'static> {
        &self.0
    }
}

impl Summary {
    fn of(state: &EngineState) -> Self {
        // Only what was answered last is turned into CEL: most answers of a long goal are of no use to its rules.
        let mut last: Vec<(&StepState, i64)> = Vec::new();
        for (_, step) in state.in_order() {
            match last.iter_mut().find(|(known, _)| known.kind == step.kind) {
                Some((known, count)) => {
                    *count += 1;
                    if step.status != StepStatus::Skipped {
                        *known = step;
                    }
                }
                None => last.push((step, 1)),
            }
        }
        let latest = last.into_iter().map(|(step, count)| Latest {
            kind: step.kind.as_str().to_owned(),
            status: step.status,
            count,
            content: value_of(&step.content),
        });
        let artifacts = state.artifacts.iter().map(|(key, value)| (key.clone(), value_of(value))).collect();
        Self { latest: latest.collect(), artifacts }
    }

    fn step(&self, kind: &str) -> Option<&Latest> {
        self.latest.iter().find(|latest| latest.kind == kind)
    }

    fn is(&self, kind: &str, wanted: fn(StepStatus) -> bool) -> bool {
        self.step(kind).is_some_and(|latest| wanted(latest.status))
    }

    fn artifact(&self, kind: &str) -> CelValue {
        let of_kind = |key: &str| key.strip_prefix(kind).is_some_and(|rest| rest.starts_with(':'));
        self.artifacts.iter().find(|(key, _)| of_kind(key)).map_or(CelValue::Null, |(_, value)| value.clone())
    }

    fn note(&self, wanted: &str) -> CelValue {
        self.artifacts.iter().find(|(key, _)| key == wanted).map_or(CelValue::Null, |(_, value)| value.clone())
    }
}

fn add_functions(context: &mut Context<'_, '_>, summary: Arc<Summary>) -> Result<(), cel::DeclarationError> {
    let own = || Arc::clone(&summary);
    let of = own();
    context.add_function("done", move |kind: Arc<String>| of.is(&kind, |status| status == StepStatus::Done))?;
    let of = own();
    context.add_function("failed", move |kind: Arc<String>| of.is(&kind, |status| status == StepStatus::Failed))?;
    let of = own();
    context.add_function("open", move |kind: Arc<String>| of.is(&kind, StepStatus::is_open))?;
    let of = own();
    context.add_function("requested", move |kind: Arc<String>| of.step(&kind).map_or(0, |latest| latest.count))?;
    let of = own();
    context.add_function("content", move |kind: Arc<String>| {
        of.step(&kind).map_or(CelValue::Null, |latest| latest.content.clone())
    })?;
    let of = own();
    context.add_function("artifact", move |kind: Arc<String>| of.artifact(&kind))?;
    context.add_function("note", move |key: Arc<String>| summary.note(&key))?;
    context.add_function("list", |value: CelValue| {
        if let CelValue::List(_) = value {
            return Ok(value);
        }
        if value == CelValue::Null {
            return Ok(CelValue::List(Arc::default()));
        }
        Err(ExecutionError::function_error("list", format!("list() is given {}", value.type_of())))
    })
}

fn goal_of(id: &GoalId, goal: &Goal) -> Value {
    json!({
        "id": id,
        "description": goal.description,
        "constraints": goal.constraints,
        "acceptanceCriteria": goal.acceptance_criteria,
    })
}

/// JSON as CEL sees it.
fn value_of(value: &Value) -> CelValue {
    cel::to_value(value).unwrap_or(CelValue::Null)
}
