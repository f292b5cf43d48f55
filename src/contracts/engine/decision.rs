//! A decision: what shall happen next, as a list of actions. Both seeds' vocabularies are read; one is written.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::contracts::ids::{AttemptId, DecisionId, StepId, WorkKind};

/// The kind of the step that an approval is.
pub const APPROVAL: &str = "APPROVAL";

/// One thing that shall happen.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Action {
    /// A step for an agent. Without a step id it gets the next free one of its kind.
    #[serde(rename_all = "camelCase")]
    RequestWork {
        work_kind: WorkKind,
        #[serde(skip_serializing_if = "Value::is_null")]
        payload: Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        step_id: Option<StepId>,
    },
    /// A step for a person.
    #[serde(rename_all = "camelCase")]
    RequestApproval {
        #[serde(skip_serializing_if = "Value::is_null")]
        payload: Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        step_id: Option<StepId>,
    },
    /// A fact to keep under a name among the artifacts.
    Annotate { key: String, value: Value },
}

/// An action as either seed sends it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    work_kind: Option<String>,
    #[serde(default)]
    payload: Value,
    #[serde(default)]
    step_id: Option<StepId>,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    value: Value,
}

impl TryFrom<Sent> for Action {
    type Error = String;

    fn try_from(sent: Sent) -> Result<Self, String> {
        let step_id = sent.step_id.or_else(|| in_payload(&sent.payload, "stepId").map(StepId::new));
        let step_id = step_id.filter(|id| !id.is_empty());
        match sent.kind.as_str() {
            "ANNOTATE" => {
                let key = sent.key.or_else(|| in_payload(&sent.payload, "key"));
                let key = key.filter(|key| !key.is_empty()).ok_or("ANNOTATE needs a `key`")?;
                Ok(Self::Annotate { key, value: sent.value })
            }
            "REQUEST_APPROVAL" => Ok(Self::RequestApproval { payload: sent.payload, step_id }),
            "REQUEST_WORK" => {
                let kind = sent.work_kind.or_else(|| in_payload(&sent.payload, "workKind"));
                let kind = kind.filter(|kind| !kind.is_empty()).ok_or("REQUEST_WORK needs a `workKind`")?;
                Ok(Self::RequestWork { work_kind: WorkKind::new(kind), payload: sent.payload, step_id })
            }
            // Seed 000 has a type for each kind of work.
            other => match other.strip_prefix("REQUEST_") {
                Some(kind) if !kind.is_empty() => {
                    Ok(Self::RequestWork { work_kind: WorkKind::new(kind), payload: sent.payload, step_id })
                }
                _ => Err(format!(
                    "`{other}` is no action: REQUEST_WORK, REQUEST_APPROVAL, ANNOTATE and REQUEST_<KIND> are"
                )),
            },
        }
    }
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Sent::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

fn in_payload(payload: &Value, name: &str) -> Option<String> {
    payload.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// The answer a decision was made on. A decision is applied once for each.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BasedOn {
    pub step_id: StepId,
    /// `runId` on the wire, as the seeds have it.
    #[serde(rename = "runId")]
    pub attempt_id: AttemptId,
}

/// What shall happen next.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Applied once, however often it is sent.
    pub decision_id: DecisionId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub based_on: Option<BasedOn>,
    #[serde(default)]
    pub actions: Vec<Action>,
    /// Asks that the goal be complete. Obeyed only when nothing is open then.
    #[serde(default)]
    pub finalize: bool,
}

impl Decision {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty() && !self.finalize
    }

    /// Whether something is to be done before the goal can be complete.
    pub fn asks_for_work(&self) -> bool {
        self.actions.iter().any(|action| match action {
            Action::RequestWork { .. } | Action::RequestApproval { .. } => true,
            Action::Annotate { .. } => false,
        })
    }
}

impl Action {
    /// A step of `kind` with the fields of `payload`.
    pub fn request(kind: &str, payload: Map<String, Value>) -> Self {
        let payload = if payload.is_empty() { Value::Null } else { Value::Object(payload) };
        if kind == APPROVAL {
            Self::RequestApproval { payload, step_id: None }
        } else {
            Self::RequestWork { work_kind: WorkKind::new(kind), payload, step_id: None }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Action, Decision};
    use crate::contracts::ids::{StepId, WorkKind};

    fn read(value: Value) -> Result<Action, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn both_seeds_vocabularies_are_read_and_one_is_written() {
        let old = read(json!({"type": "REQUEST_PR_REVIEW", "payload": {"prUrl": "u", "stepId": "pr-review-1"}}));
        let expected = Action::RequestWork {
            work_kind: WorkKind::from("PR_REVIEW"),
            payload: json!({"prUrl": "u", "stepId": "pr-review-1"}),
            step_id: Some(StepId::from("pr-review-1")),
        };
        assert_eq!(old, Ok(expected.clone()));
        let written = serde_json::to_value(&expected).unwrap();
        assert_eq!(
            written,
            json!({"type": "REQUEST_WORK", "workKind": "PR_REVIEW", "stepId": "pr-review-1",
                   "payload": {"prUrl": "u", "stepId": "pr-review-1"}})
        );
        assert_eq!(read(written), Ok(expected));
        assert_eq!(
            read(json!({"type": "ANNOTATE", "key": "title", "value": 7})),
            Ok(Action::Annotate { key: "title".into(), value: json!(7) })
        );
    }

    #[test]
    fn what_is_no_action_says_what_is() {
        for (sent, expected) in [
            (json!({"type": "EXPLODE"}), "is no action"),
            (json!({"type": "REQUEST_"}), "is no action"),
            (json!({"type": "REQUEST_WORK"}), "workKind"),
            (json!({"type": "ANNOTATE"}), "key"),
            (json!({}), "type"),
        ] {
            let why = read(sent.clone()).unwrap_err();
            assert!(why.contains(expected), "{sent}: {why}");
        }
    }

    #[test]
    fn the_seeds_sample_decision_is_read() {
        let decision: Decision = serde_json::from_value(json!({
            "decisionId": "dec-1",
            "basedOn": {"stepId": "write-impl-1", "runId": "run-1"},
            "actions": [{"type": "REQUEST_QA", "payload": {"branch": "feature/x"}}],
            "finalize": false
        }))
        .unwrap();
        assert_eq!(decision.actions.len(), 1);
        assert_eq!(decision.based_on.unwrap().attempt_id.as_str(), "run-1");
    }
}
