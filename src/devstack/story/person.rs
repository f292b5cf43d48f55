//! The person of the story: asks for releases, decides gates, looks at workflows, all on the paths that people have.
//!
//! It must not know what comes next.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::config::settings::Settings;
use crate::contracts::actor::{Actor, Via};
use crate::contracts::decision::{Outcome, Verdict};
use crate::contracts::engine::input::EngineInput;
use crate::contracts::engine::message::Message;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::gate::OpenGate;
use crate::contracts::http::DecisionRequest;
use crate::contracts::ids::{DecisionId, RequestId, WorkflowId};
use crate::contracts::mutation::{Done, Mutation, Start, Target, Tell};
use crate::contracts::temporal::names;
use crate::contracts::workflow::WorkflowDetail;
use crate::devstack::child;
use crate::devstack::story::cast::Cast;
use crate::gateway::Gateway;
use crate::gateway::coordinator::Coordinator;
use crate::gateway::operate::{Operator, Policy};

const LOOK: Duration = Duration::from_millis(100);

/// The person of the story, and where they look.
#[derive(Clone, Debug)]
pub struct Person {
    gateway: Gateway,
    coordinator: Coordinator,
    operator: Operator,
    queue: String,
}

impl Person {
    pub fn new(settings: &Settings) -> Result<Self, Failure> {
        let gateway = Gateway::start(&settings.temporal);
        let client = settings.coordinator_client.as_ref().ok_or_else(|| {
            Failure::new(FailureKind::Invalid, "The demo's settings name no coordinator.", "This is a bug.")
        })?;
        let coordinator = Coordinator::new(client)?;
        let policy = Policy {
            read_only: false,
            direct_rollback: settings.console.direct_rollback,
            actor: Actor::new(&settings.console.actor, Via::Cli),
            audit: settings.console.audit_file(),
        };
        let operator = Operator::new(gateway.clone(), Some(coordinator.clone()), policy);
        Ok(Self { gateway, coordinator, operator, queue: settings.temporal.task_queue.clone() })
    }

    /// The key that the workflows of the demo trust.
    pub async fn public_key(&self) -> Result<String, Failure> {
        self.coordinator.public_key().await
    }

    /// Waits until Temporal answers.
    pub async fn connected(&self, within: Duration) -> Result<(), Failure> {
        self.gateway.connected(within).await
    }

    /// Starts the readiness of a release; deploying it comes of the approval.
    pub async fn ask_for(&self, cast: &Cast, decider: &str) -> Result<(), Failure> {
        self.start(cast.readiness_id(), names::workflow::PRODUCTION_READINESS, &cast.readiness(decider)?).await
    }

    /// Starts the deployment of a release by itself.
    pub async fn deploy(&self, cast: &Cast) -> Result<(), Failure> {
        self.start(cast.deployment_id(), names::workflow::PRODUCTION_DEPLOYMENT, &cast.deployment()?).await
    }

    /// Starts a goal.
    pub async fn pursue(&self, id: WorkflowId, input: &EngineInput) -> Result<(), Failure> {
        self.start(id, names::workflow::CODEGEN, input).await
    }

    /// Tells a goal something; asks again under the same id while no worker answers.
    pub async fn tell(&self, id: &WorkflowId, message: Message, within: Duration) -> Result<(), Failure> {
        let target = Target { workflow_id: id.clone(), request_id: RequestId::new(fresh()) };
        let mutation = Mutation::Tell(Tell { target, message });
        let done = self.operator.perform(mutation.clone()).await?;
        if done.is_in_doubt() {
            self.operator.follow(&mutation, within).await?;
        }
        Ok(())
    }

    async fn start(&self, id: WorkflowId, workflow: &str, input: &impl Serialize) -> Result<(), Failure> {
        let input = serde_json::to_value(input).map_err(|error| bug(&error.into()))?;
        let start = Start {
            target: Target { workflow_id: id, request_id: RequestId::new(fresh()) },
            workflow_type: workflow.into(),
            task_queue: self.queue.clone(),
            input: vec![input],
        };
        self.operator.perform(Mutation::Start(start)).await.map(drop)
    }

    /// Decides a gate on the evidence that it shows.
    pub async fn decide(&self, id: &WorkflowId, gate: &OpenGate, say: Say<'_>) -> Result<Outcome, Failure> {
        let mutation = Mutation::Decide(DecisionRequest {
            decision_id: DecisionId::new(fresh()),
            workflow_id: id.clone(),
            gate: gate.id.clone(),
            verdict: say.verdict,
            evidence: gate.digest().cloned(),
            reason: say.reason.map(str::to_owned),
        });
        let mut done = self.operator.perform(mutation.clone()).await?;
        if done.is_in_doubt() {
            done = self.operator.follow(&mutation, say.within).await?;
        }
        match done {
            Done::Decided { result } => Ok(result),
            other @ (Done::RolledBack { .. }
            | Done::Signalled { .. }
            | Done::Told { .. }
            | Done::Started { .. }
            | Done::Stopping { .. }
            | Done::Registered { .. }
            | Done::Unanswered) => Err(bug(&anyhow::anyhow!("a decision was answered with {other:?}"))),
        }
    }

    /// Looks at a workflow until `wanted` finds what it waits for.
    pub async fn until<T>(
        &self,
        id: &WorkflowId,
        wait: Wait<'_>,
        mut wanted: impl FnMut(&WorkflowDetail) -> Option<T>,
    ) -> Result<T, Failure> {
        let deadline = Instant::now() + wait.within;
        loop {
            let seen = match self.gateway.describe(id, None).await {
                Ok(detail) => {
                    if let Some(value) = wanted(&detail) {
                        return Ok(value);
                    }
                    if !detail.row.status.is_open() {
                        return Err(missed(id, wait.what, &state(&detail)));
                    }
                    state(&detail)
                }
                // Not there yet, or the server is away: it comes back.
                Err(failure) if is_passing(&failure) => failure.message,
                Err(failure) => return Err(failure),
            };
            if Instant::now() > deadline {
                return Err(missed(id, wait.what, &format!("{seen}; waited {} s", wait.within.as_secs())));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// What is said to a gate.
#[derive(Clone, Copy, Debug)]
pub struct Say<'a> {
    pub verdict: Verdict,
    pub reason: Option<&'a str>,
    /// How long to wait for a worker that does not answer at once.
    pub within: Duration,
}

/// What is waited for, in words that end "waited in vain until ...", and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Wait<'a> {
    pub what: &'a str,
    pub within: Duration,
}

/// What a workflow was last seen doing, for a failure.
fn state(detail: &WorkflowDetail) -> String {
    let phase = detail.row.phase.as_deref().unwrap_or("no phase");
    let mut text = format!("it is {}, in phase {phase}", detail.row.status.as_str());
    for activity in &detail.activities {
        // Writing to a string cannot fail.
        let _ = write!(text, "; {} at attempt {}", activity.activity_type, activity.attempt);
        if let Some(failure) = &activity.last_failure {
            let _ = write!(text, ", failed before: {failure}{}", read_on(failure));
        }
    }
    text
}

/// The demo runs where its services do, so it reads on where a failure says that there is more.
fn read_on(failure: &str) -> String {
    let log = failure.split_once("its log is ").and_then(|(_, rest)| rest.split_once(" on "));
    let said = log.map(|(log, _)| child::last_lines(Path::new(log))).unwrap_or_default();
    if said.is_empty() { String::new() } else { format!(" ({})", said.join(" / ")) }
}

fn missed(id: &WorkflowId, what: &str, seen: &str) -> Failure {
    let message = format!("Waited in vain until {what} ({id}): {seen}.");
    Failure::new(FailureKind::DeadlineExceeded, message, "The logs say more.")
}

fn is_passing(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::NotFound | FailureKind::Unavailable | FailureKind::DeadlineExceeded)
}

fn bug(error: &anyhow::Error) -> Failure {
    Failure::new(FailureKind::Internal, format!("{error:#}."), "This is a bug.")
}

fn fresh() -> String {
    uuid::Uuid::new_v4().to_string()
}
