//! The one list of workflows: registers them on a worker and describes them to people and scripts.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use temporalio_sdk::{WorkerOptions, WorkflowRegistrationError};
use utoipa::ToSchema;

use crate::contracts::delivery::{DeploymentInput, ReadinessInput};
use crate::contracts::engine::input::EngineInput;
use crate::contracts::temporal::names::{query, signal, update, workflow};
use crate::workflows::blocks::decision;
use crate::workflows::delivery::production_deployment::ProductionDeploymentWorkflow;
use crate::workflows::delivery::production_deployment::messages::positional;
use crate::workflows::delivery::production_readiness::ProductionReadinessWorkflow;
use crate::workflows::engine::messages::positional as goal;
use crate::workflows::engine::types::{CodegenWorkflow, EngineWorkflow};

/// Puts every workflow on a worker.
pub fn register(options: &mut WorkerOptions) -> Result<(), WorkflowRegistrationError> {
    options.register_workflow::<ProductionReadinessWorkflow>()?.register_workflow::<ProductionDeploymentWorkflow>()?;
    options.register_workflow::<EngineWorkflow>()?.register_workflow::<CodegenWorkflow>()?;
    Ok(())
}

/// A workflow type, as `describe --json` tells it.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    pub name: &'static str,
    pub doc: &'static str,
    /// JSON schema of its one argument.
    #[serde(serialize_with = "call")]
    pub input: fn() -> Value,
    pub signals: &'static [Message],
    pub queries: &'static [Message],
    pub updates: &'static [Message],
}

/// A signal, query or update. All take one object; a signal also its fields as positional arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    pub name: &'static str,
    pub doc: &'static str,
    /// Fields of the object, in the order in which positional arguments are read.
    pub arguments: &'static [&'static str],
}

const fn about(name: &'static str, doc: &'static str, arguments: &'static [&'static str]) -> Message {
    Message { name, doc, arguments }
}

/// What both types of a goal understand.
const GOAL_SIGNALS: &[Message] = &[
    about(signal::AGENT_COMPLETED, "An agent answers for one attempt of a step.", &goal::AGENT_COMPLETED),
    about(signal::APPLY_DECISION, "Somebody outside decides what happens next.", &goal::APPLY_DECISION),
    about(signal::REQUEST_WORK, "Asks for one piece of work.", &goal::REQUEST_WORK),
    about(signal::CHILD_COMPLETED, "A workflow that was started for the goal has ended.", &goal::CHILD_COMPLETED),
    about(signal::CUSTOM, "Something outside happened, such as ciStatusChanged.", &goal::CUSTOM),
    about(signal::APPROVE, "A person approves a step of kind APPROVAL.", &goal::APPROVE),
    about(signal::REJECT, "A person rejects a step of kind APPROVAL; needs a reason.", &goal::REJECT),
    about(signal::CANCEL, "Ends the goal as cancelled.", &goal::CANCEL),
    about(signal::CANCEL_GOAL, "The same as cancel.", &goal::CANCEL),
    about(signal::CANCEL_WORKFLOW, "The same as cancel.", &goal::CANCEL),
];

const GOAL_QUERIES: &[Message] = &[
    about(query::CURRENT_STATE, "Everything there is to know of the goal.", &[]),
    about(query::CURRENT_SPEC, "The spec it is pinned to, as TOML.", &[]),
    about(query::OPEN_STEPS, "Steps something is still to come of.", &[]),
    about(query::HISTORY, "What happened, as much of it as is kept.", &[]),
];

/// The signals, acknowledged, and what needs an answer.
const GOAL_UPDATES: &[Message] = &[
    about(signal::AGENT_COMPLETED, "The signal, acknowledged.", &goal::AGENT_COMPLETED),
    about(signal::APPLY_DECISION, "The signal, acknowledged.", &goal::APPLY_DECISION),
    about(signal::REQUEST_WORK, "The signal, acknowledged.", &goal::REQUEST_WORK),
    about(signal::CHILD_COMPLETED, "The signal, acknowledged.", &goal::CHILD_COMPLETED),
    about(signal::CUSTOM, "The signal, acknowledged.", &goal::CUSTOM),
    about(signal::APPROVE, "The signal, acknowledged.", &goal::APPROVE),
    about(signal::REJECT, "The signal, acknowledged.", &goal::REJECT),
    about(signal::CANCEL, "The signal, acknowledged.", &goal::CANCEL),
    about(update::LEASE, "An agent takes a step that waits.", &goal::LEASE),
    about(update::REQUEUE, "Takes a step from its agent, or unblocks it: it is offered again.", &goal::REQUEUE),
    about(update::NUDGE, "Reminds the agent that has a step.", &goal::NUDGE),
    about(update::OVERRIDE, "A person says how a step ended; needs a reason.", &goal::OVERRIDE),
    about(update::ADOPT_SPEC, "Other rules from now on: a spec as TOML.", &goal::ADOPT_SPEC),
    about(update::BUDGET_REACHED, "So much of the budget is used: `warning` or `spent`.", &goal::BUDGET_REACHED),
];

/// Every workflow that [`register`] registers.
pub const DESCRIPTIONS: &[Description] = &[
    Description {
        name: workflow::PRODUCTION_READINESS,
        doc: "Checks a commit, collects the evidence and asks a person whether it may go to production.",
        input: schema::<ReadinessInput>,
        signals: &[
            about(signal::APPROVE_PRODUCTION, "Approves, naming the evidence that was seen.", &decision::POSITIONAL),
            about(signal::REJECT_PRODUCTION, "Rejects for good; needs a reason.", &decision::POSITIONAL),
            about(
                signal::REQUEST_MORE_EVIDENCE,
                "Collects the evidence again and asks again; needs a reason.",
                &decision::POSITIONAL,
            ),
        ],
        queries: &[
            about(query::GATE_STATUS, "Every check with its status.", &[]),
            about(query::EVIDENCE_SUMMARY, "Evidence, decisions and refused messages.", &[]),
            about(query::READINESS_SCORE, "0 to 100.", &[]),
        ],
        updates: &[about(
            update::DECIDE,
            "Approves, rejects or asks for more evidence, and answers what became of it.",
            &["decisionId", "gate", "verdict", "evidence", "reason", "actor", "proof"],
        )],
    },
    Description {
        name: workflow::PRODUCTION_DEPLOYMENT,
        doc: "Deploys a commit to production, watches it, and rolls it back when it is bad or a person says so.",
        input: schema::<DeploymentInput>,
        signals: &[
            about(
                signal::TRIGGER_ROLLBACK,
                "Rolls back now. Obeyed whoever sends it, even when its argument cannot be read.",
                &positional::TRIGGER_ROLLBACK,
            ),
            about(signal::REPORT_BUG, "A bug; P0 and P1 roll back.", &positional::REPORT_BUG),
            about(signal::EXTEND_MONITORING, "Watches longer.", &positional::EXTEND_MONITORING),
            about(
                signal::PAUSE_MONITORING,
                "Dangerous: holds the rollback triggers back for a limited time.",
                &positional::PAUSE_MONITORING,
            ),
            about(signal::RESUME_MONITORING, "Lets the triggers act again.", &[]),
        ],
        queries: &[
            about(query::DEPLOYMENT_STATUS, "Where it stands, and how far a rollback got.", &[]),
            about(query::HEALTH_METRICS, "The report of the last watch that ended.", &[]),
            about(query::UAT_RESULTS, "The user journeys and how they went.", &[]),
            about(query::ROLLBACK_STATUS, "Whether a rollback could run, and to what.", &[]),
        ],
        updates: &[about(
            update::ROLLBACK,
            "Rolls back now, and answers. Any number of requests lead to one rollback.",
            &["requestId", "reason", "actor", "askedAt"],
        )],
    },
    Description {
        name: workflow::ENGINE,
        doc: "A goal: asks agents and people for work and decides by a spec, or a coordinator, what comes next.",
        input: schema::<EngineInput>,
        signals: GOAL_SIGNALS,
        queries: GOAL_QUERIES,
        updates: GOAL_UPDATES,
    },
    Description {
        name: workflow::CODEGEN,
        doc: "A goal of code generation: the same, by the spec codegen when the input names none.",
        input: schema::<EngineInput>,
        signals: GOAL_SIGNALS,
        queries: GOAL_QUERIES,
        updates: GOAL_UPDATES,
    },
];

/// The schema of `T` with everything it refers to.
fn schema<T: ToSchema>() -> Value {
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    let parts: BTreeMap<String, Value> =
        parts.into_iter().map(|(name, part)| (name, serde_json::to_value(part).unwrap_or_default())).collect();
    let mut schema = serde_json::to_value(T::schema()).unwrap_or_default();
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("components".to_owned(), json!({ "schemas": parts }));
    }
    schema
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde dictates it")]
fn call<S: Serializer>(make: &fn() -> Value, serializer: S) -> Result<S::Ok, S::Error> {
    make().serialize(serializer)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use temporalio_sdk::WorkerOptions;
    use temporalio_workflow::workflows::{WorkflowDefinitionDescriptor, WorkflowImplementation};

    use super::{DESCRIPTIONS, Message, register};
    use crate::contracts::temporal::names::signal;
    use crate::workflows::delivery::production_deployment::ProductionDeploymentWorkflow;
    use crate::workflows::delivery::production_readiness::ProductionReadinessWorkflow;
    use crate::workflows::engine::types::{CodegenWorkflow, EngineWorkflow};

    fn names(messages: &[Message]) -> BTreeSet<String> {
        messages.iter().map(|message| message.name.to_owned()).collect()
    }

    #[test]
    fn what_is_described_is_what_is_registered() {
        let definitions: [WorkflowDefinitionDescriptor; 4] = [
            ProductionReadinessWorkflow::definition(),
            ProductionDeploymentWorkflow::definition(),
            EngineWorkflow::definition(),
            CodegenWorkflow::definition(),
        ];
        assert_eq!(definitions.len(), DESCRIPTIONS.len());
        for (description, definition) in DESCRIPTIONS.iter().zip(definitions) {
            assert_eq!(description.name, definition.workflow_type);
            assert_eq!(names(description.signals), definition.signals.into_iter().collect());
            let known = signal::of(description.name).iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(names(description.signals), known, "what people are told of {}", description.name);
            assert_eq!(names(description.queries), definition.queries.into_iter().collect());
            let updates = definition.updates.iter().map(|update| update.name.clone()).collect();
            assert_eq!(names(description.updates), updates);
            assert!(definition.updates.iter().all(|update| update.has_validator), "a refusal belongs before history");
        }
        let mut options = WorkerOptions::new("q").build();
        register(&mut options).unwrap();
    }

    #[test]
    fn an_input_schema_defines_everything_it_refers_to() {
        for description in DESCRIPTIONS {
            let schema = (description.input)();
            let text = schema.to_string();
            let parts = schema["components"]["schemas"].as_object().unwrap();
            let referred: Vec<&str> = text.split("#/components/schemas/").skip(1).collect();
            assert!(!referred.is_empty(), "{}", description.name);
            for reference in referred {
                let name = reference.split('"').next().unwrap();
                assert!(parts.contains_key(name), "{}: {name} is not defined", description.name);
            }
        }
    }
}
