//! What people tell a goal: one command for each update, all by the one path for changes.

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use crate::cli::confirm::{self, Ask};
use crate::cli::exit::{self, Exit, Stop};
use crate::cli::goal::start;
use crate::cli::input;
use crate::cli::session::Session;
use crate::contracts::agent::{AgentResponse, AgentStatus, Artifact};
use crate::contracts::engine::message::{Message, Told};
use crate::contracts::engine::state::StepStatus;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::ids::{AttemptId, GoalId, RequestId, StepId, WorkKind, WorkflowId};
use crate::contracts::mutation::{Mutation, Target, Tell};
use crate::contracts::shell;
use crate::contracts::workflow::WorkflowDetail;
use crate::gateway::signal;

/// Which goal, and how to go about it.
#[derive(Clone, Debug, Args)]
pub struct To {
    /// Workflow id of the goal.
    #[arg(value_name = "ID")]
    workflow: String,
    /// How many seconds to wait for a worker to confirm.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    wait: u64,
    /// Send it again under its own id. It has one effect.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
}

/// Answer a step in its agent's place: what CI, a reviewer or QA would say.
#[derive(Clone, Debug, Args)]
#[command(after_help = exit::example("gatewatch goal answer codegen-abc open-pr-1 --status OK --artifact PR:7=https://forge/pr/7"))]
pub struct Answer {
    #[command(flatten)]
    to: To,
    /// Step id, such as `open-pr-1`.
    step: String,
    /// How it went: OK, PARTIAL or FAIL.
    #[arg(long, value_parser = status)]
    status: AgentStatus,
    /// What was answered, as JSON; `@FILE` reads a file, `-` reads stdin.
    #[arg(long, value_name = "JSON")]
    content: Option<String>,
    /// Something the work left behind; may be repeated.
    #[arg(long, value_name = "TYPE[:REF]=URL", value_parser = artifact)]
    artifact: Vec<Artifact>,
    /// Why it failed.
    #[arg(long, value_name = "TEXT")]
    error: Option<String>,
    /// Who answers; the configured actor where it is left out.
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// The attempt it answers; any where it is left out.
    #[arg(long, value_name = "ID")]
    run_id: Option<String>,
}

/// Approve a step that waits for a person.
#[derive(Clone, Debug, Args)]
#[command(after_help = exit::example("gatewatch goal approve codegen-abc"))]
pub struct Approve {
    #[command(flatten)]
    to: To,
    /// Step id. May be left out where one approval is open.
    step: Option<String>,
}

/// Reject a step that waits for a person. The goal's rules say what follows; where they do not, it fails.
#[derive(Clone, Debug, Args)]
#[command(after_help = exit::example("gatewatch goal reject codegen-abc approval-1 --reason \"no tests\""))]
pub struct Reject {
    #[command(flatten)]
    to: To,
    /// Step id. May be left out where one approval is open.
    step: Option<String>,
    /// Why, for the record.
    #[arg(long)]
    reason: String,
}

/// Say how a step ended, whatever its agent says.
#[derive(Clone, Debug, Args)]
#[command(after_help = exit::example("gatewatch goal override codegen-abc run-qa-1 --status DONE --reason \"tested by hand\""))]
pub struct Override {
    #[command(flatten)]
    to: To,
    /// Step id.
    step: String,
    /// DONE or FAILED.
    #[arg(long, value_parser = ended)]
    status: StepStatus,
    /// Why, for the record.
    #[arg(long)]
    reason: String,
}

/// Remind the agent of a step, and give it as long again.
#[derive(Clone, Debug, Args)]
#[command(after_help = exit::example("gatewatch goal nudge codegen-abc implementation-1"))]
pub struct Nudge {
    #[command(flatten)]
    to: To,
    /// Step id.
    step: String,
}

/// Take a step from its agent, or unblock it: it is offered again.
#[derive(Clone, Debug, Args)]
#[command(after_help = exit::example("gatewatch goal requeue codegen-abc implementation-1 --reason \"agent is gone\""))]
pub struct Requeue {
    #[command(flatten)]
    to: To,
    /// Step id.
    step: String,
    /// Why, for the record.
    #[arg(long, default_value = "")]
    reason: String,
}

/// Take a step for an agent, so that nobody else does.
#[derive(Clone, Debug, Args)]
#[command(after_help = exit::example("gatewatch goal lease codegen-abc implementation-1 --agent mira"))]
pub struct Lease {
    #[command(flatten)]
    to: To,
    /// Step id.
    step: String,
    /// Who works on it.
    #[arg(long, value_name = "NAME")]
    agent: String,
    /// What this attempt is called; a new name where it is left out.
    #[arg(long, value_name = "ID")]
    run_id: Option<String>,
}

/// Ask for one more piece of work.
#[derive(Clone, Debug, Args)]
#[command(after_help = exit::example("gatewatch goal request codegen-abc WRITE_DOCS --payload '{\"branch\":\"main\"}'"))]
pub struct Request {
    #[command(flatten)]
    to: To,
    /// Kind of work, such as `WRITE_DOCS`.
    kind: String,
    /// What its agent is given, as JSON; `@FILE` reads a file, `-` reads stdin.
    #[arg(long, value_name = "JSON")]
    payload: Option<String>,
}

/// Tell a goal that something happened outside, as CI does.
#[derive(Clone, Debug, Args)]
#[command(after_help = exit::example("gatewatch goal event codegen-abc ciStatusChanged '{\"status\":\"SUCCESS\"}'"))]
pub struct Event {
    #[command(flatten)]
    to: To,
    /// Type of the event, such as `ciStatusChanged`.
    #[arg(value_name = "EVENT")]
    name: String,
    /// Its payload, as JSON; `@FILE` reads a file, `-` reads stdin.
    #[arg(value_name = "JSON")]
    payload: Option<String>,
}

/// Have a running goal follow another spec, or a newer text of its own.
#[derive(Clone, Debug, Args)]
#[command(after_help = exit::example("gatewatch goal adopt codegen-abc --spec my.toml"))]
pub struct Adopt {
    #[command(flatten)]
    to: To,
    /// Name of a spec of `gatewatch spec list`, or a TOML file.
    #[arg(long, value_name = "NAME|FILE")]
    spec: String,
}

/// Cancel a goal.
#[derive(Clone, Debug, Args)]
#[command(after_help = exit::example("gatewatch goal cancel codegen-abc --reason \"not wanted any more\" --yes"))]
pub struct Cancel {
    #[command(flatten)]
    to: To,
    /// Why, for the record.
    #[arg(long)]
    reason: String,
    /// Do not ask.
    #[arg(long, short = 'y')]
    yes: bool,
}

impl Answer {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        let step_id = StepId::new(self.step.as_str());
        let agent = self.agent.clone().unwrap_or_else(|| session.settings.console.actor.clone());
        let response = AgentResponse {
            goal_id: GoalId::default(),
            workflow_id: self.to.id(),
            step_id: step_id.clone(),
            attempt_id: self.run_id.as_deref().map(AttemptId::from).unwrap_or_default(),
            agent_role: agent,
            status: self.status,
            content: self.content.as_deref().map(input::json).transpose()?.unwrap_or_default(),
            artifacts: self.artifact.clone(),
            metrics: None,
            errors: self.error.clone().map(Value::String).unwrap_or_default(),
        };
        self.to.tell(session, Message::AgentCompleted { step_id, response: Box::new(response) }).await
    }
}

impl Approve {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        let step_id = self.to.approval(session, self.step.as_deref()).await?;
        self.to.tell(session, Message::Approve { step_id }).await
    }
}

impl Reject {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        let step_id = self.to.approval(session, self.step.as_deref()).await?;
        self.to.tell(session, Message::Reject { step_id, reason: self.reason.clone() }).await
    }
}

impl Override {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        let step_id = StepId::new(self.step.as_str());
        self.to.tell(session, Message::Override { step_id, status: self.status, reason: self.reason.clone() }).await
    }
}

impl Nudge {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        self.to.tell(session, Message::Nudge { step_id: StepId::new(self.step.as_str()) }).await
    }
}

impl Requeue {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        let step_id = StepId::new(self.step.as_str());
        self.to.tell(session, Message::Requeue { step_id, reason: self.reason.clone() }).await
    }
}

impl Lease {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        let attempt = self.run_id.clone().unwrap_or_else(|| signal::request_id().to_string());
        let message = Message::Lease {
            step_id: StepId::new(self.step.as_str()),
            attempt_id: AttemptId::new(attempt),
            agent: self.agent.clone(),
        };
        self.to.tell(session, message).await
    }
}

impl Request {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        let payload = self.payload.as_deref().map(input::json).transpose()?.unwrap_or_default();
        self.to.tell(session, Message::RequestWork { kind: WorkKind::new(self.kind.as_str()), payload }).await
    }
}

impl Event {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        let payload = self.payload.as_deref().map(input::json).transpose()?.unwrap_or_default();
        self.to.tell(session, Message::Custom { event_type: self.name.clone(), payload }).await
    }
}

impl Adopt {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        let pinned = start::spec(session, &self.spec)?;
        self.to.tell(session, Message::AdoptSpec { document: pinned.text }).await
    }
}

impl Cancel {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        let id = self.to.workflow.as_str();
        if !self.yes {
            let instead = ["gatewatch", "goal", "cancel", id, "--reason", &self.reason, "--yes"];
            confirm::confirm(&format!("Cancel {id}?"), &Ask::Yes, &format!("Run `{}`.", shell::command(instead)))?;
        }
        self.to.tell(session, Message::Cancel { reason: self.reason.clone() }).await
    }
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    workflow_id: &'a WorkflowId,
    request_id: &'a RequestId,
    message: &'a str,
    #[serde(flatten)]
    told: Told,
}

impl To {
    fn id(&self) -> WorkflowId {
        WorkflowId::new(self.workflow.as_str())
    }

    /// The approval that is meant: the one named, or the only open one.
    async fn approval(&self, session: &Session, named: Option<&str>) -> Result<StepId, Stop> {
        if let Some(step) = named {
            return Ok(StepId::new(step));
        }
        let detail = session.describe(&self.id()).await?;
        let open = approvals(&detail);
        match open.as_slice() {
            [only] => Ok(StepId::new(*only)),
            [] => {
                let message = format!("{} has no open approval; it is {}.", self.workflow, detail.row.status.as_str());
                let hint =
                    format!("`{}` shows its steps.", shell::command(["gatewatch", "goal", "show", &self.workflow]));
                Err(Failure::new(FailureKind::NotFound, message, hint).into())
            }
            more => Err(Stop::usage("Several approvals are open.", format!("Name one: {}.", more.join(", ")))),
        }
    }

    /// Sends it, waits for a worker, and says what became of it.
    async fn tell(&self, session: &Session, message: Message) -> Result<Exit, Stop> {
        let request_id = self.request_id.as_deref().map_or_else(signal::request_id, RequestId::from);
        let target = Target { workflow_id: self.id(), request_id: request_id.clone() };
        let mutation = Mutation::Tell(Tell { target, message: message.clone() });
        let mut done = session.perform(&mutation).await?;
        if done.is_in_doubt() && self.wait > 0 {
            session.out.say("No worker has answered yet; asking again under the same id.")?;
            done = session.operator.follow(&mutation, Duration::from_secs(self.wait)).await?;
        }
        let told = done.told();
        let exit = match &told {
            Told::Taken { .. } => Exit::Ok,
            Told::Refused { .. } => Exit::Refused,
            Told::InDoubt => Exit::InDoubt,
        };
        if session.out.is_json() {
            let id = self.id();
            session.out.json(&Report { workflow_id: &id, request_id: &request_id, message: message.name(), told })?;
            return Ok(exit);
        }
        self.say(session, &message, &told, &request_id)?;
        Ok(exit)
    }

    fn say(&self, session: &Session, message: &Message, told: &Told, id: &RequestId) -> Result<(), Stop> {
        let (name, goal) = (message.name(), &self.workflow);
        let of = message.step().map(|step| format!(" of {step}")).unwrap_or_default();
        match told {
            Told::Taken { reply } => {
                let when = if reply.repeated { "had taken it in before" } else { "has taken it in" };
                session.out.line(&format!("{name}{of}: {goal} {when}; it is {}", reply.status.as_str()))?;
            }
            Told::Refused { why } => {
                let hint = format!("`{}` shows its steps.", shell::command(["gatewatch", "goal", "show", goal]));
                let failure = Failure::new(FailureKind::Conflict, format!("Not done: {why}"), hint);
                return Err(Stop::Told(Exit::Refused, failure));
            }
            Told::InDoubt => {
                let failure = Failure::new(
                    FailureKind::DeadlineExceeded,
                    format!("{name}{of} is in doubt: no worker of {goal} has taken it yet. It may still be."),
                    format!("Ask again under its id, with --request-id {id}: it has one effect."),
                );
                return Err(Stop::Told(Exit::InDoubt, failure));
            }
        }
        Ok(())
    }
}

/// Steps that wait for a person, as the goal publishes them.
fn approvals(detail: &WorkflowDetail) -> Vec<&str> {
    let gates = detail.row.published.as_deref().map(|published| published.gates.as_slice()).unwrap_or_default();
    gates.iter().filter(|gate| gate.is_step).map(|gate| gate.id.as_str()).collect()
}

fn status(text: &str) -> Result<AgentStatus, String> {
    let all = [AgentStatus::Ok, AgentStatus::Partial, AgentStatus::Fail];
    let found = all.into_iter().find(|status| status.as_str().eq_ignore_ascii_case(text));
    found.ok_or_else(|| "it is OK, PARTIAL or FAIL".to_owned())
}

fn ended(text: &str) -> Result<StepStatus, String> {
    let found =
        [StepStatus::Done, StepStatus::Failed].into_iter().find(|status| status.as_str().eq_ignore_ascii_case(text));
    found.ok_or_else(|| "it is DONE or FAILED".to_owned())
}

/// `PR:7=https://forge/pr/7`.
fn artifact(text: &str) -> Result<Artifact, String> {
    let (name, url) = text.split_once('=').ok_or("it is TYPE:REF=URL, such as PR:7=https://forge/pr/7")?;
    let (kind, reference) = name.split_once(':').map_or((name, None), |(kind, reference)| (kind, Some(reference)));
    if kind.is_empty() {
        return Err("its TYPE is missing, such as PR".to_owned());
    }
    let owned = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Ok(Artifact { kind: kind.to_owned(), url: owned(url), reference: reference.and_then(owned), meta: Value::Null })
}
