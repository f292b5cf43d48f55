//! Everything a person can do to the world, as data: what a confirm dialog shows, what read-only mode blocks,
//! what the audit trail records. Sending it is the gateway's.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::decision::{Outcome, Verdict};
use crate::contracts::engine::input::EngineInput;
use crate::contracts::engine::message::{Message, Told};
use crate::contracts::http::{DecisionRequest, RollbackOutcome};
use crate::contracts::ids::{GateId, RequestId, RunId, WorkflowId, WorkflowType};
use crate::contracts::shell;
use crate::contracts::temporal::names::{attribute, signal, update, workflow};
use crate::contracts::text;

/// One intent. Its id is made once, when the person asks, and is sent again with every retry: one effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Mutation {
    /// Decides a gate.
    Decide(DecisionRequest),
    /// Rolls a deployment back.
    Rollback(Rollback),
    /// Watches a deployment for longer.
    ExtendMonitoring(Extend),
    /// Stops the clock of automatic rollback for a while.
    PauseMonitoring(Pause),
    /// Starts it again.
    ResumeMonitoring(Target),
    /// Sends a signal of any name.
    Signal(Signal),
    /// Tells a goal something.
    Tell(Tell),
    /// Starts a workflow.
    Start(Start),
    /// Asks a workflow to end by itself.
    Cancel(Stop),
    /// Ends a workflow where it stands, without clean-up.
    Terminate(Stop),
    /// Registers the search attributes that lists need.
    RegisterAttributes,
}

/// A workflow, and the id of what is asked of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    pub workflow_id: WorkflowId,
    pub request_id: RequestId,
}

/// Argument of [`Mutation::Rollback`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rollback {
    #[serde(flatten)]
    pub target: Target,
    #[serde(default)]
    pub reason: Option<String>,
}

/// Argument of [`Mutation::ExtendMonitoring`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Extend {
    #[serde(flatten)]
    pub target: Target,
    pub by_ms: Millis,
}

/// Argument of [`Mutation::PauseMonitoring`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pause {
    #[serde(flatten)]
    pub target: Target,
    pub for_ms: Millis,
    pub reason: String,
}

/// Argument of [`Mutation::Signal`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Signal {
    #[serde(flatten)]
    pub target: Target,
    /// Absent: whichever run is the current one.
    #[serde(default)]
    pub run_id: Option<RunId>,
    pub name: String,
    #[serde(default)]
    pub args: Vec<Value>,
}

/// Argument of [`Mutation::Tell`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tell {
    #[serde(flatten)]
    pub target: Target,
    pub message: Message,
}

/// Argument of [`Mutation::Start`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Start {
    #[serde(flatten)]
    pub target: Target,
    pub workflow_type: WorkflowType,
    pub task_queue: String,
    #[serde(default)]
    pub input: Vec<Value>,
}

impl Start {
    /// A goal: which type it is follows from its spec.
    pub fn goal(target: Target, task_queue: &str, input: &EngineInput) -> Self {
        Self {
            target,
            workflow_type: WorkflowType::new(workflow::of_spec(input.spec_name.as_str())),
            task_queue: task_queue.to_owned(),
            input: vec![json!(input)],
        }
    }
}

/// Argument of [`Mutation::Cancel`] and [`Mutation::Terminate`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stop {
    #[serde(flatten)]
    pub target: Target,
    #[serde(default)]
    pub run_id: Option<RunId>,
    #[serde(default)]
    pub reason: String,
}

/// What became of a mutation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", tag = "done")]
pub enum Done {
    /// A decision: applied, refused, or in doubt.
    Decided { result: Outcome },
    /// A rollback: accepted, or durably asked for.
    RolledBack { result: RollbackOutcome },
    /// The server holds it durably.
    Signalled {
        /// When its effect was seen in the workflow's own state; absent while it has not been, which happens
        /// when no worker runs, and on workflows that publish nothing.
        #[serde(rename = "seenAt")]
        seen_at: Option<Timestamp>,
    },
    /// A message to a goal: taken in, refused, or in doubt.
    Told { result: Told },
    Started {
        #[serde(rename = "runId")]
        run_id: RunId,
        /// True when this very request had started it before.
        already: bool,
    },
    /// Cancelled or terminated, or asked to be.
    Stopping { closed: bool },
    /// These search attributes were missing.
    Registered { names: Vec<String> },
    /// It left, and no answer came: it may have reached the server or not. Sent again under its id it has one effect.
    Unanswered,
}

impl Done {
    /// Whether nobody can say yet that it took effect.
    pub fn is_in_doubt(&self) -> bool {
        match self {
            Self::Decided { result } => matches!(result, Outcome::InDoubt { .. }),
            Self::RolledBack { result } => matches!(result, RollbackOutcome::InDoubt { .. }),
            Self::Told { result } => *result == Told::InDoubt,
            Self::Signalled { seen_at } => seen_at.is_none(),
            Self::Unanswered => true,
            Self::Started { .. } | Self::Stopping { .. } | Self::Registered { .. } => false,
        }
    }

    /// What became of a message to a goal; in doubt when no answer came.
    pub fn told(self) -> Told {
        match self {
            Self::Told { result } => result,
            Self::Decided { .. }
            | Self::RolledBack { .. }
            | Self::Signalled { .. }
            | Self::Started { .. }
            | Self::Stopping { .. }
            | Self::Registered { .. }
            | Self::Unanswered => Told::InDoubt,
        }
    }
}

/// Where a mutation goes: what a person must see before they agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// The profile's name.
    pub profile: String,
    /// `host:port`.
    pub address: String,
    pub namespace: String,
}

/// A mutation in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    pub cluster: Cluster,
    /// What it acts on.
    pub target: String,
    /// What it does, as a sentence.
    pub effect: String,
    /// The same with the `temporal` CLI, to copy.
    pub command: String,
}

impl Mutation {
    /// The workflow it acts on; none for the cluster itself.
    pub fn workflow(&self) -> Option<&WorkflowId> {
        match self {
            Self::Decide(request) => Some(&request.workflow_id),
            Self::Rollback(rollback) => Some(&rollback.target.workflow_id),
            Self::ExtendMonitoring(extend) => Some(&extend.target.workflow_id),
            Self::PauseMonitoring(pause) => Some(&pause.target.workflow_id),
            Self::ResumeMonitoring(target) => Some(&target.workflow_id),
            Self::Signal(signal) => Some(&signal.target.workflow_id),
            Self::Tell(tell) => Some(&tell.target.workflow_id),
            Self::Start(start) => Some(&start.target.workflow_id),
            Self::Cancel(stop) | Self::Terminate(stop) => Some(&stop.target.workflow_id),
            Self::RegisterAttributes => None,
        }
    }

    /// The id under which it has one effect.
    pub fn id(&self) -> &str {
        match self {
            Self::Decide(request) => request.decision_id.as_str(),
            Self::Rollback(rollback) => rollback.target.request_id.as_str(),
            Self::ExtendMonitoring(extend) => extend.target.request_id.as_str(),
            Self::PauseMonitoring(pause) => pause.target.request_id.as_str(),
            Self::ResumeMonitoring(target) => target.request_id.as_str(),
            Self::Signal(signal) => signal.target.request_id.as_str(),
            Self::Tell(tell) => tell.target.request_id.as_str(),
            Self::Start(start) => start.target.request_id.as_str(),
            Self::Cancel(stop) | Self::Terminate(stop) => stop.target.request_id.as_str(),
            Self::RegisterAttributes => "register-attributes",
        }
    }

    /// Its name in the audit trail.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Decide(request) => match request.verdict {
                Verdict::Approve => "approve",
                Verdict::Reject => "reject",
                Verdict::RequestEvidence => "request-evidence",
            },
            Self::Rollback(_) => "rollback",
            Self::ExtendMonitoring(_) => "extend-monitoring",
            Self::PauseMonitoring(_) => "pause-monitoring",
            Self::ResumeMonitoring(_) => "resume-monitoring",
            Self::Signal(_) => "signal",
            Self::Tell(tell) => tell.message.name(),
            Self::Start(_) => "start",
            Self::Cancel(_) => "cancel",
            Self::Terminate(_) => "terminate",
            Self::RegisterAttributes => "register-attributes",
        }
    }

    /// What the confirm dialog and the CLI show.
    pub fn describe(&self, cluster: &Cluster) -> Description {
        let target = self.workflow().map_or_else(|| format!("namespace {}", cluster.namespace), ToString::to_string);
        Description { effect: self.effect(), command: self.command(cluster), target, cluster: cluster.clone() }
    }

    fn effect(&self) -> String {
        match self {
            Self::Decide(request) => {
                let gate = &request.gate;
                match request.verdict {
                    Verdict::Approve => {
                        let digest = request
                            .evidence
                            .as_ref()
                            .map_or_else(String::new, |digest| format!(" on evidence {}", digest.short()));
                        format!("Approves gate {gate}{digest}.")
                    }
                    Verdict::Reject => format!("Rejects gate {gate} for good."),
                    Verdict::RequestEvidence => format!("Collects the evidence of gate {gate} again."),
                }
            }
            Self::Rollback(_) => "Rolls back to the previous version and watches until it serves.".to_owned(),
            Self::ExtendMonitoring(extend) => format!("Watches {} longer.", extend.by_ms.words()),
            Self::PauseMonitoring(pause) => {
                format!("Stops automatic rollback for {}; it resumes by itself.", pause.for_ms.words())
            }
            Self::ResumeMonitoring(_) => "Automatic rollback acts again.".to_owned(),
            Self::Signal(signal) => format!("Sends signal {} with {}.", signal.name, arguments(&signal.args)),
            Self::Tell(tell) => tell.message.effect(),
            Self::Start(start) => format!("Starts {} on queue {}.", start.workflow_type, start.task_queue),
            Self::Cancel(_) => "Asks the workflow to end; it may clean up first.".to_owned(),
            Self::Terminate(_) => "Ends the workflow where it stands, without clean-up.".to_owned(),
            Self::RegisterAttributes => "Registers the search attributes that are missing.".to_owned(),
        }
    }

    fn command(&self, cluster: &Cluster) -> String {
        command_line("temporal", &self.command_words(), cluster)
    }

    /// A decision with gatewatch's own commands, which go through the coordinator and ask before they send. It has one
    /// effect with this one: the id is the same. It works in another shell too: what settings it was made with is in it.
    pub fn own_command(&self, cluster: &Cluster, config: Option<&Path>) -> Option<String> {
        let Self::Decide(request) = self else { return None };
        let (workflow, gate) = (text::original(request.workflow_id.as_str()), text::original(request.gate.as_str()));
        let mut words = owned([self.name(), &workflow, "--gate", &gate]);
        if let Some(digest) = request.evidence.as_ref().filter(|_| request.verdict == Verdict::Approve) {
            words.extend(owned(["--evidence", digest.as_str()]));
        }
        if let Some(reason) = &request.reason {
            words.extend(owned(["--reason", reason]));
        }
        words.extend(owned(["--decision-id", request.decision_id.as_str()]));
        if let Some(config) = config {
            words.extend(owned(["--config", &config.to_string_lossy()]));
        }
        Some(command_line("gatewatch", &words, cluster))
    }

    fn command_words(&self) -> Vec<String> {
        let workflow = self.workflow().map(|id| text::original(id.as_str()).into_owned()).unwrap_or_default();
        let signalled = |name: &str, input: Value| {
            owned(["workflow", "signal", "--workflow-id", &workflow, "--name", name, "--input", &input.to_string()])
        };
        match self {
            Self::Decide(request) => {
                let request = DecisionRequest {
                    workflow_id: WorkflowId::new(workflow.as_str()),
                    gate: GateId::new(text::original(request.gate.as_str())),
                    ..request.clone()
                };
                let input = serde_json::to_value(&request).unwrap_or_default();
                update_words(&workflow, update::DECIDE, request.decision_id.as_str(), &input)
            }
            Self::Rollback(rollback) => signalled(
                signal::TRIGGER_ROLLBACK,
                serde_json::json!({ "requestId": rollback.target.request_id, "reason": rollback.reason }),
            ),
            Self::ExtendMonitoring(extend) => signalled(
                signal::EXTEND_MONITORING,
                serde_json::json!({ "requestId": extend.target.request_id, "byMs": extend.by_ms }),
            ),
            Self::PauseMonitoring(pause) => signalled(
                signal::PAUSE_MONITORING,
                serde_json::json!({
                    "requestId": pause.target.request_id, "forMs": pause.for_ms, "reason": pause.reason
                }),
            ),
            Self::ResumeMonitoring(target) => {
                signalled(signal::RESUME_MONITORING, serde_json::json!({ "requestId": target.request_id }))
            }
            Self::Signal(signal) => {
                let mut words = owned(["workflow", "signal", "--workflow-id", &workflow, "--name", &signal.name]);
                words.extend(run_words(signal.run_id.as_ref()));
                words.extend(input_words(&signal.args));
                words
            }
            Self::Tell(tell) => {
                let message = &tell.message;
                update_words(&workflow, message.name(), tell.target.request_id.as_str(), &message.argument())
            }
            Self::Start(start) => {
                let (kind, queue) = (text::original(start.workflow_type.as_str()), text::original(&start.task_queue));
                let mut words =
                    owned(["workflow", "start", "--workflow-id", &workflow, "--type", &kind, "--task-queue", &queue]);
                words.extend(input_words(&start.input));
                words
            }
            Self::Cancel(stop) => stop_words("cancel", &workflow, stop),
            Self::Terminate(stop) => stop_words("terminate", &workflow, stop),
            Self::RegisterAttributes => {
                let mut words = owned(["operator", "search-attribute", "create"]);
                words.extend(
                    attribute::ALL.iter().flat_map(|(name, kind)| owned(["--name", name, "--type", kind.as_str()])),
                );
                words
            }
        }
    }
}

fn command_line(program: &str, words: &[String], cluster: &Cluster) -> String {
    let place = ["--address", cluster.address.as_str(), "--namespace", cluster.namespace.as_str()];
    shell::command(std::iter::once(program).chain(words.iter().map(String::as_str)).chain(place))
}

fn owned<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

fn update_words(workflow: &str, name: &str, id: &str, input: &Value) -> Vec<String> {
    let what = ["workflow", "update", "execute", "--workflow-id", workflow, "--name", name];
    let input = input.to_string();
    what.into_iter().chain(["--update-id", id, "--input", &input]).map(str::to_owned).collect()
}

fn run_words(run: Option<&RunId>) -> Vec<String> {
    run.map_or_else(Vec::new, |run| owned(["--run-id", &text::original(run.as_str())]))
}

fn input_words(args: &[Value]) -> Vec<String> {
    args.iter().flat_map(|value| owned(["--input", &value.to_string()])).collect()
}

fn stop_words(verb: &str, workflow: &str, stop: &Stop) -> Vec<String> {
    let mut words = owned(["workflow", verb, "--workflow-id", workflow]);
    words.extend(run_words(stop.run_id.as_ref()));
    if !stop.reason.is_empty() {
        words.extend(owned(["--reason", &stop.reason]));
    }
    words
}

fn arguments(args: &[Value]) -> String {
    match args {
        [] => "no argument".to_owned(),
        [_] => "1 argument".to_owned(),
        more => format!("{} arguments", more.len()),
    }
}
