//! What happened to a goal and waits for the decision of somebody outside.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::contracts::agent::AgentResponse;
use crate::contracts::clock::UnixMillis;
use crate::contracts::engine::decision::BasedOn;
use crate::contracts::ids::{DecisionId, StepId};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "what", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Happening {
    /// An agent answered, or somebody in its place. What it said at length is in its step.
    Completed {
        response: Box<AgentResponse>,
    },
    Event {
        name: String,
        #[serde(default)]
        payload: Value,
    },
    Approved {
        step_id: StepId,
    },
    Rejected {
        step_id: StepId,
        reason: String,
    },
    ChildCompleted {
        kind: String,
        #[serde(default)]
        result: Value,
    },
}

/// It waits for the decision with this id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Undecided {
    pub id: DecisionId,
    pub at: UnixMillis,
    #[serde(flatten)]
    pub happening: Happening,
}

impl Undecided {
    /// How the ids of such decisions begin; a number follows.
    pub const PREFIX: &str = "fact-";

    /// The step it is about.
    pub fn step(&self) -> Option<&StepId> {
        match &self.happening {
            Happening::Completed { response } => Some(&response.step_id),
            Happening::Approved { step_id } | Happening::Rejected { step_id, .. } => Some(step_id),
            Happening::Event { .. } | Happening::ChildCompleted { .. } => None,
        }
    }

    /// The attempt whose answer it is.
    pub fn based_on(&self) -> Option<BasedOn> {
        match &self.happening {
            Happening::Completed { response } => {
                Some(BasedOn { step_id: response.step_id.clone(), attempt_id: response.attempt_id.clone() })
            }
            Happening::Event { .. }
            | Happening::Approved { .. }
            | Happening::Rejected { .. }
            | Happening::ChildCompleted { .. } => None,
        }
    }
}
