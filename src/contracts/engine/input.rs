//! How a goal is started, in either seed's form.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::contracts::engine::decision::Decision;
use crate::contracts::engine::state::Goal;
use crate::contracts::ids::{GoalId, SpecName};

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
