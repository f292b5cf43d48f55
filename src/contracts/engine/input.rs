//! How a goal is started, in either seed's form.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::contracts::engine::decision::{Action, Decision};
use crate::contracts::engine::state::Goal;
use crate::contracts::ids::{DecisionId, GoalId, SpecName, WorkKind};

/// Who says what happens next. Never both: each answer would be decided twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Decider {
    /// The spec's rules, inside the workflow.
    #[default]
    Spec,
    /// The coordinator, with `applyDecision`.
    Coordinator,
}

impl Decider {
    pub fn is_spec(&self) -> bool {
        *self == Self::Spec
    }
}

/// Argument of `EngineWorkflow` and `CodegenWorkflow`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EngineInput {
    pub goal_id: GoalId,
    /// The spec whose rules decide; the workflow type's own when it is not given.
    pub spec_name: SpecName,
    /// The rules themselves, in TOML. Whoever starts the goal puts them in, so that it is pinned to them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec_document: Option<String>,
    pub decider: Decider,
    /// What is done first (seed 001).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_decision: Option<Decision>,
    /// The plan (seed 000). A decision, or a list of actions, is done first; anything else is kept as it is.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub initial_plan: Value,
    pub goal: Goal,
    /// Continue as new after so many events of history, when the server does not suggest it before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continue_after: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
}

impl EngineInput {
    /// The first decision in short: these inputs are kept as notes, and given to each work that is begun with. None when
    /// there is neither. Says why when no goal could read it.
    pub fn beginning(kinds: &[WorkKind], inputs: &Map<String, Value>) -> Result<Option<Decision>, String> {
        if kinds.iter().any(WorkKind::is_empty) || inputs.contains_key("") {
            return Err("A kind of work, or the name of an input, is empty.".to_owned());
        }
        let notes = inputs.iter().map(|(key, value)| Action::Annotate { key: key.clone(), value: value.clone() });
        let payload = if inputs.is_empty() { Value::Null } else { Value::Object(inputs.clone()) };
        let work = kinds.iter().map(|kind| Action::RequestWork {
            work_kind: kind.clone(),
            payload: payload.clone(),
            step_id: None,
        });
        let actions: Vec<Action> = notes.chain(work).collect();
        let decision = Decision { decision_id: DecisionId::from("boot"), actions, ..Decision::default() };
        Ok((!decision.is_empty()).then_some(decision))
    }

    /// What is done first: the boot decision, or an initial plan that is one. Says why when the plan cannot be read.
    pub fn first_decision(&self) -> Result<Option<Decision>, String> {
        if self.boot_decision.is_some() {
            return Ok(self.boot_decision.clone());
        }
        let plan = &self.initial_plan;
        let decision = match plan {
            Value::Array(actions) => json!({"decisionId": "boot", "actions": actions}),
            Value::Object(fields) if fields.contains_key("actions") => {
                let mut decision = plan.clone();
                if let Some(fields) = decision.as_object_mut() {
                    fields.entry("decisionId").or_insert_with(|| json!("boot"));
                }
                decision
            }
            Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return Ok(None),
        };
        let decision = serde_json::from_value(decision);
        decision.map(Some).map_err(|error| format!("The initial plan cannot be read: {error}."))
    }
}
