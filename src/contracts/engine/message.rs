//! What is sent to a goal: the name and the argument of one update of its workflow, as data.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use crate::contracts::agent::AgentResponse;
use crate::contracts::engine::output::EngineReply;
use crate::contracts::engine::state::StepStatus;
use crate::contracts::hex;
use crate::contracts::ids::{AttemptId, RequestId, StepId, WorkKind};
use crate::contracts::temporal::names::{signal, update};
use crate::contracts::text;

/// Bytes of the longest id that a goal keeps; of a longer one it keeps the digest.
const LONGEST_ID: usize = 200;

/// One message. On the wire its argument is one object, under the update's name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Message {
    /// Answers in an agent's place.
    AgentCompleted {
        step_id: StepId,
        response: Box<AgentResponse>,
    },
    Approve {
        step_id: StepId,
    },
    Reject {
        step_id: StepId,
        reason: String,
    },
    /// Says how a step ended, whatever its agent says: `DONE` or `FAILED`.
    Override {
        step_id: StepId,
        status: StepStatus,
        reason: String,
    },
    /// Reminds the agent, and gives it as long again.
    Nudge {
        step_id: StepId,
    },
    /// Takes a step from its agent, or unblocks it: it is offered again.
    Requeue {
        step_id: StepId,
        reason: String,
    },
    /// Takes a step for an agent.
    Lease {
        step_id: StepId,
        #[serde(rename = "runId")]
        attempt_id: AttemptId,
        agent: String,
    },
    /// Asks for one more piece of work.
    RequestWork {
        kind: WorkKind,
        #[serde(default, skip_serializing_if = "Value::is_null")]
        payload: Value,
    },
    /// Something outside happened, such as `ciStatusChanged`.
    Custom {
        event_type: String,
        #[serde(default, skip_serializing_if = "Value::is_null")]
        payload: Value,
    },
    /// Other rules from now on, in TOML.
    AdoptSpec {
        document: String,
    },
    Cancel {
        reason: String,
    },
}

impl Message {
    /// The update's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AgentCompleted { .. } => signal::AGENT_COMPLETED,
            Self::Approve { .. } => signal::APPROVE,
            Self::Reject { .. } => signal::REJECT,
            Self::Override { .. } => update::OVERRIDE,
            Self::Nudge { .. } => update::NUDGE,
            Self::Requeue { .. } => update::REQUEUE,
            Self::Lease { .. } => update::LEASE,
            Self::RequestWork { .. } => signal::REQUEST_WORK,
            Self::Custom { .. } => signal::CUSTOM,
            Self::AdoptSpec { .. } => update::ADOPT_SPEC,
            Self::Cancel { .. } => signal::CANCEL,
        }
    }

    /// The update's argument.
    pub fn argument(&self) -> Value {
        // One variant is one key; what is under it is the argument.
        let tagged = serde_json::to_value(self).unwrap_or_default();
        let mut argument = tagged.as_object().and_then(|fields| fields.values().next().cloned()).unwrap_or_default();
        // An id is shown safe and sent as it was.
        if let Some(Value::String(step)) = argument.get_mut("stepId") {
            *step = text::original(step).into_owned();
        }
        argument
    }

    /// The step it is about, where it is about one.
    pub fn step(&self) -> Option<&StepId> {
        match self {
            Self::AgentCompleted { step_id, .. }
            | Self::Approve { step_id }
            | Self::Reject { step_id, .. }
            | Self::Override { step_id, .. }
            | Self::Nudge { step_id }
            | Self::Requeue { step_id, .. }
            | Self::Lease { step_id, .. } => Some(step_id),
            Self::RequestWork { .. } | Self::Custom { .. } | Self::AdoptSpec { .. } | Self::Cancel { .. } => None,
        }
    }

    /// Its id among all that is told under this request id: the same message again is the same one, another is another.
    pub fn id_under(&self, request: &RequestId) -> String {
        let about = match self {
            Self::RequestWork { kind, .. } => Some(kind.as_str()),
            Self::Custom { event_type, .. } => Some(event_type.as_str()),
            Self::AgentCompleted { .. }
            | Self::Approve { .. }
            | Self::Reject { .. }
            | Self::Override { .. }
            | Self::Nudge { .. }
            | Self::Requeue { .. }
            | Self::Lease { .. }
            | Self::AdoptSpec { .. }
            | Self::Cancel { .. } => self.step().map(StepId::as_str),
        };
        let id = format!("{request} {} {}", self.name(), about.unwrap_or_default());
        // So long are ids that a goal keeps as they are.
        if id.len() <= LONGEST_ID { id } else { hex::encode(&Sha256::digest(id)) }
    }

    /// Why, for those that say why.
    pub fn reason_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Reject { reason, .. }
            | Self::Override { reason, .. }
            | Self::Requeue { reason, .. }
            | Self::Cancel { reason } => Some(reason),
            Self::AgentCompleted { .. }
            | Self::Approve { .. }
            | Self::Nudge { .. }
            | Self::Lease { .. }
            | Self::RequestWork { .. }
            | Self::Custom { .. }
            | Self::AdoptSpec { .. } => None,
        }
    }

    /// What it does, as a sentence.
    pub fn effect(&self) -> String {
        match self {
            Self::AgentCompleted { step_id, response } => {
                format!("Answers {step_id} with {} in its agent's place.", response.status.as_str())
            }
            Self::Approve { step_id } => format!("Approves {step_id}; the goal goes on."),
            Self::Reject { step_id, .. } => {
                format!("Rejects {step_id}; the goal's rules say what follows, or it fails.")
            }
            Self::Override { step_id, status, .. } => {
                format!("Says that {step_id} is {}, whatever its agent says.", status.as_str())
            }
            Self::Nudge { step_id } => format!("Reminds the agent of {step_id}, and gives it as long again."),
            Self::Requeue { step_id, .. } => format!("Takes {step_id} from its agent and offers it again."),
            Self::Lease { step_id, agent, .. } => format!("Gives {step_id} to {agent}."),
            Self::RequestWork { kind, .. } => format!("Asks for {kind}."),
            Self::Custom { event_type, .. } => format!("Tells the goal of {event_type}."),
            Self::AdoptSpec { .. } => "The goal follows other rules from now on.".to_owned(),
            Self::Cancel { .. } => "Cancels the goal; nothing of it goes on.".to_owned(),
        }
    }
}

/// What became of a message, as the one who sent it knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Told {
    /// The goal has taken it in, now or before.
    Taken { reply: EngineReply },
    /// The goal refused it, and why; nothing changed.
    Refused { why: String },
    /// Sent, not confirmed: no worker has answered yet. It may still be taken in.
    InDoubt,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Message;
    use crate::contracts::engine::state::StepStatus;

    #[test]
    fn the_argument_is_what_the_workflow_reads() {
        let message =
            Message::Override { step_id: "qa-1".into(), status: StepStatus::Done, reason: "seen by hand".into() };
        assert_eq!(message.argument(), json!({"stepId": "qa-1", "status": "DONE", "reason": "seen by hand"}));
        let lease = Message::Lease { step_id: "qa-1".into(), attempt_id: "r1".into(), agent: "bot".into() };
        assert_eq!((lease.name(), lease.argument()["runId"].as_str()), ("lease", Some("r1")));
    }
}
