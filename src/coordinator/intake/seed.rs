//! Seed 000's own workflow, as it is written: it takes `REQUEST_<KIND>` actions and no others, names a step by
//! `stepId` of its payload, and keeps of a step its kind and status only. What else rules ask for is in its log.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::{Map, Value, json};

use crate::contracts::agent::{AgentResponse, AgentStatus};
use crate::contracts::engine::decision::{APPROVAL, Action, Decision};
use crate::contracts::engine::state::{EngineState, LogEntry, StepState, StepStatus};
use crate::contracts::ids::{StepId, WorkKind};
use crate::spec::EngineSpec;
use crate::spec::facts::Fact;

/// How its actions, and with them its kinds, begin.
const REQUEST: &str = "REQUEST_";
/// Where its actions name a step.
const STEP_ID: &str = "stepId";
/// The kind of a step that was answered without having been asked for.
const UNASKED: &str = "unknown";
/// Characters of the UUID that ends the name of a step which nobody else has named.
const UUID: usize = 36;

/// Whether a state is of that workflow: ours are pinned to rules.
pub(super) fn is_of(state: &EngineState) -> bool {
    state.spec.is_none()
}

/// The state with all that its log tells of the steps, and what the rules annotated on each answer so far.
pub(super) fn whole(mut state: EngineState, rules: &dyn EngineSpec) -> EngineState {
    let kept = std::mem::take(&mut state.open_steps);
    let log = std::mem::take(&mut state.log);
    for entry in &log {
        match entry.event.as_str() {
            "APPLY_DECISION" => requested(&mut state, &kept, entry),
            "AGENT_COMPLETED" => answered(&mut state, entry, rules),
            _ => {}
        }
    }
    for (id, step) in kept {
        let kind = kind_of(step.kind.as_str());
        match state.open_steps.entry(id) {
            Entry::Vacant(unlogged) => {
                unlogged.insert(StepState { kind, ..step });
            }
            Entry::Occupied(logged) => {
                let logged = logged.into_mut();
                logged.kind = kind;
                // It calls a report on the way a failure.
                if (logged.status, step.status) != (StepStatus::InProgress, StepStatus::Failed) {
                    logged.status = step.status;
                }
            }
        }
    }
    state.log = log;
    state
}

fn requested(state: &mut EngineState, kept: &BTreeMap<StepId, StepState>, entry: &LogEntry) {
    let after = text(&entry.data, "/basedOn/stepId").map(StepId::from);
    for action in entry.data.get("actions").and_then(Value::as_array).into_iter().flatten() {
        let Some(word) = text(action, "/type") else { continue };
        let id = text(action, "/payload/stepId").map(StepId::from).or_else(|| unnamed(word, kept, state));
        let Some(id) = id.filter(|id| kept.contains_key(id)) else { continue };
        let mut payload = action.get("payload").cloned().unwrap_or_default();
        if let Some(fields) = payload.as_object_mut() {
            fields.remove(STEP_ID);
        }
        let order = state.open_steps.values().map(|step| step.order).max().unwrap_or_default() + 1;
        let step = StepState {
            kind: kind_of(word),
            requested_at: entry.at,
            updated_at: entry.at,
            payload,
            after: after.iter().cloned().collect(),
            order,
            ..StepState::default()
        };
        state.open_steps.insert(id, step);
    }
}

/// The step that it has named itself, as `<type>-<uuid>`.
fn unnamed(word: &str, kept: &BTreeMap<StepId, StepState>, state: &EngineState) -> Option<StepId> {
    let named = |id: &&StepId| {
        let rest = id.as_str().strip_prefix(word).and_then(|rest| rest.strip_prefix('-'));
        rest.is_some_and(|rest| rest.len() == UUID) && !state.open_steps.contains_key(*id)
    };
    kept.keys().find(named).cloned()
}

fn answered(state: &mut EngineState, entry: &LogEntry, rules: &dyn EngineSpec) {
    let response = entry.data.get("resp").map(|response| serde_json::from_value::<AgentResponse>(response.clone()));
    let (Some(id), Some(Ok(mut response))) = (text(&entry.data, "/stepId"), response) else { return };
    response.step_id = StepId::from(id);
    let step = state.open_steps.entry(response.step_id.clone());
    let step = step.or_insert_with(|| StepState { kind: WorkKind::from(UNASKED), ..StepState::default() });
    step.take(&response);
    step.updated_at = entry.at;
    if response.status == AgentStatus::Partial {
        return;
    }
    for action in rules.decide(state, &Fact::Completed { response: &response }).actions {
        if let Action::Annotate { key, value } = action {
            state.artifacts.insert(key, value);
        }
    }
}

/// The decision with a name for every step, and without what cannot be sent: it would take an annotation for work, and
/// holds no guardrails itself. Says why when nothing is left of it.
pub(super) fn fitted(decision: Decision, state: &EngineState, rules: &dyn EngineSpec) -> Result<Decision, String> {
    let (mut actions, mut refused): (Vec<Action>, _) = (Vec::new(), None);
    for action in decision.actions {
        let (kind, payload, step_id) = match action {
            Action::RequestWork { work_kind, payload, step_id } => (work_kind, payload, step_id),
            Action::RequestApproval { payload, step_id } => (WorkKind::from(APPROVAL), payload, step_id),
            Action::Annotate { .. } => continue,
        };
        if kind.as_str() == UNASKED {
            refused = Some("Nobody had asked for this work.".to_owned());
            continue;
        }
        let so_far = state.open_steps.values().filter(|step| step.kind == kind).count();
        let most = rules.guardrails().max_attempts(&kind).filter(|_| kind.as_str() != APPROVAL);
        if let Some(most) = most.filter(|most| usize::try_from(*most).is_ok_and(|most| so_far >= most)) {
            refused = Some(format!("{kind} was requested {most} times already; a person must say how to go on."));
            continue;
        }
        let is_free = |id: &StepId| {
            !state.open_steps.contains_key(id) && actions.iter().all(|action| step_of(action) != Some(id))
        };
        let step_id = Some(step_id.filter(is_free).unwrap_or_else(|| numbered(&kind, is_free)));
        actions.push(if kind.as_str() == APPROVAL {
            Action::RequestApproval { payload, step_id }
        } else {
            Action::RequestWork { work_kind: kind, payload, step_id }
        });
    }
    match refused {
        Some(why) if actions.is_empty() => Err(why),
        Some(_) | None => Ok(Decision { actions, ..decision }),
    }
}

/// The decision as seed 000 writes it.
pub(super) fn written(decision: &Decision) -> Value {
    let action = |action: &Action| {
        let (kind, payload) = match action {
            Action::RequestWork { work_kind, payload, .. } => (work_kind.as_str(), payload),
            Action::RequestApproval { payload, .. } => (APPROVAL, payload),
            Action::Annotate { .. } => return None,
        };
        let mut fields = match payload {
            Value::Object(fields) => fields.clone(),
            Value::Null => Map::new(),
            other @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                [("value".to_owned(), other.clone())].into_iter().collect()
            }
        };
        if let Some(id) = step_of(action) {
            fields.insert(STEP_ID.to_owned(), json!(id));
        }
        Some(json!({"type": format!("{REQUEST}{kind}"), "payload": fields}))
    };
    let actions: Vec<Value> = decision.actions.iter().filter_map(action).collect();
    json!({
        "decisionId": decision.decision_id,
        "basedOn": decision.based_on,
        "actions": actions,
        "finalize": decision.finalize,
    })
}

fn step_of(action: &Action) -> Option<&StepId> {
    match action {
        Action::RequestWork { step_id, .. } | Action::RequestApproval { step_id, .. } => step_id.as_ref(),
        Action::Annotate { .. } => None,
    }
}

fn numbered(kind: &WorkKind, is_free: impl Fn(&StepId) -> bool) -> StepId {
    let mut number = 1;
    loop {
        let id = StepId::numbered(kind, number);
        if is_free(&id) {
            return id;
        }
        number += 1;
    }
}

fn kind_of(word: &str) -> WorkKind {
    WorkKind::from(word.strip_prefix(REQUEST).filter(|kind| !kind.is_empty()).unwrap_or(word))
}

fn text<'a>(value: &'a Value, place: &str) -> Option<&'a str> {
    value.pointer(place).and_then(Value::as_str).filter(|text| !text.is_empty())
}
