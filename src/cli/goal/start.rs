//! `gatewatch goal start`: the spec is checked here, and goes into the input whole, so that the goal is pinned to it.

use std::path::Path;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value};

use crate::cli::exit::{self, Exit, Stop};
use crate::cli::goal::follow;
use crate::cli::input;
use crate::cli::session::Session;
use crate::cli::spec::unknown;
use crate::contracts::engine::input::{Decider, EngineInput};
use crate::contracts::engine::spec::SpecPin;
use crate::contracts::engine::state::Goal;
use crate::contracts::failure::Failure;
use crate::contracts::ids::{GoalId, WorkKind, WorkflowId};
use crate::contracts::mutation::{self, Done, Mutation, Target};
use crate::contracts::shell;
use crate::gateway::signal;
use crate::spec::library::{Library, Spec};
use crate::spec::shipped;

/// Start a goal. One that runs already under the id is left alone.
#[derive(Clone, Debug, Args)]
#[command(after_help = exit::example("gatewatch goal start codegen-abc --goal \"Retry payments\" --kind REQUIREMENTS --set prompt=\"Retry idempotent payments\" --follow"))]
pub struct Start {
    /// Workflow id of the goal.
    #[arg(value_name = "ID")]
    workflow: String,
    /// What it is about, in a sentence.
    #[arg(long, value_name = "TEXT", default_value = "")]
    goal: String,
    /// Something it must keep to; may be repeated.
    #[arg(long, value_name = "TEXT")]
    constraint: Vec<String>,
    /// What must hold in the end; may be repeated.
    #[arg(long, value_name = "TEXT")]
    accept: Vec<String>,
    /// The work to begin with, such as REQUIREMENTS; may be repeated.
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// The rules that decide what follows: a spec of `gatewatch spec list`, or a TOML file.
    #[arg(long, value_name = "NAME|FILE")]
    spec: Option<String>,
    /// An input: kept as a note of the goal, and given to the work it begins with. JSON, or else text.
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    set: Vec<(String, Value)>,
    /// Who decides what follows an answer.
    #[arg(long, value_enum, default_value_t = By::Spec)]
    decider: By,
    /// The goal's own id; the workflow's where it is left out.
    #[arg(long, value_name = "ID")]
    goal_id: Option<String>,
    /// Whose goal it is: its id begins with `NAME:`, and agents' quotas and people's rights go by it.
    #[arg(long, value_name = "NAME", value_parser = tenant)]
    tenant: Option<String>,
    #[arg(long, value_name = "NAME")]
    repo: Option<String>,
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// Task queue; the configured one where it is left out.
    #[arg(long, value_name = "NAME")]
    task_queue: Option<String>,
    /// Follow it to its end.
    #[arg(long)]
    follow: bool,
}

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    /// The spec's rules, inside the workflow.
    Spec,
    /// The coordinator, from outside.
    Coordinator,
}

impl From<By> for Decider {
    fn from(by: By) -> Self {
        match by {
            By::Spec => Self::Spec,
            By::Coordinator => Self::Coordinator,
        }
    }
}

/// A spec that was checked, and its text.
#[derive(Clone, Debug)]
pub struct Pinned {
    pub pin: SpecPin,
    pub text: String,
}

impl Start {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        let id = self.id();
        let pinned = spec(session, self.spec.as_deref().unwrap_or(shipped::default_of(self.decider.into())))?;
        let queue = self.task_queue.as_ref().unwrap_or(&session.settings.temporal.task_queue);
        let target = Target { workflow_id: id.clone(), request_id: signal::request_id() };
        let mutation = Mutation::Start(mutation::Start::goal(target, queue, &self.input(&pinned)?));
        let done = session.perform(&mutation).await?;
        self.say(session, &done, &id, &pinned)?;
        if self.follow { follow::follow(session, &id).await } else { Ok(Exit::Ok) }
    }

    fn id(&self) -> WorkflowId {
        let id = WorkflowId::new(self.workflow.as_str());
        match &self.tenant {
            Some(tenant) => id.for_tenant(tenant),
            None => id,
        }
    }

    fn input(&self, pinned: &Pinned) -> Result<EngineInput, Stop> {
        let kinds: Vec<WorkKind> = self.kind.iter().map(|kind| WorkKind::new(kind.as_str())).collect();
        let inputs: Map<String, Value> = self.set.iter().cloned().collect();
        let boot_decision = EngineInput::beginning(&kinds, &inputs);
        let boot_decision = boot_decision.map_err(|why| Stop::usage(why, "Name it, or leave it out."))?;
        Ok(EngineInput {
            goal_id: GoalId::new(self.goal_id.as_deref().unwrap_or(&self.workflow)),
            spec_name: pinned.pin.name.clone(),
            spec_document: Some(pinned.text.clone()),
            decider: self.decider.into(),
            boot_decision,
            goal: Goal {
                description: self.goal.clone(),
                constraints: self.constraint.clone(),
                acceptance_criteria: self.accept.clone(),
            },
            tenant: self.tenant.clone(),
            repo: self.repo.clone(),
            branch: self.branch.clone(),
            ..EngineInput::default()
        })
    }

    fn say(&self, session: &Session, done: &Done, id: &WorkflowId, pinned: &Pinned) -> Result<(), Stop> {
        if session.out.is_json() {
            if self.follow {
                session.out.json_line(done)?;
            } else {
                session.out.json(done)?;
            }
            return Ok(());
        }
        let what = match done {
            Done::Started { already: true, .. } => "runs already",
            Done::Started { already: false, .. }
            | Done::Decided { .. }
            | Done::RolledBack { .. }
            | Done::Signalled { .. }
            | Done::Told { .. }
            | Done::Stopping { .. }
            | Done::Registered { .. }
            | Done::Unanswered => "started",
        };
        let pin = &pinned.pin;
        session.out.line(&format!("{id} {what}, pinned to spec {} ({})", pin.name, pin.short_hash()))?;
        if self.kind.is_empty() {
            let request = shell::command(["gatewatch", "goal", "request", id.as_str(), "KIND"]);
            session.out.say(&format!("No work was asked for yet: `{request}` does, and so does --kind."))?;
        }
        Ok(())
    }
}

/// A spec by its name, or a file: read, compiled, and found without mistakes. One whose file is wrong is not served in an
/// older text from here.
pub fn spec(session: &Session, given: &str) -> Result<Pinned, Stop> {
    let library = Library::open(&session.settings.specs_folder);
    if let Some(spec) = library.find(given) {
        return Ok(Pinned { pin: spec.pin.clone(), text: spec.text.clone() });
    }
    if !Path::new(given).is_file() {
        return Err(unknown(&library, given, "There is no spec and no file"));
    }
    let text =
        std::fs::read_to_string(given).map_err(|error| Stop::usage(format!("{given} cannot be read: {error}."), ""))?;
    let spec = Spec::read(Path::new(given), &text).map_err(Failure::from)?;
    Ok(Pinned { pin: spec.pin, text })
}

fn tenant(text: &str) -> Result<String, String> {
    if WorkflowId::is_tenant(text) {
        return Ok(text.to_owned());
    }
    Err("a tenant has up to 60 letters, digits, `-`, `_` and `.`".to_owned())
}

fn setting(text: &str) -> Result<(String, Value), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), input::loose(value))),
        Some(_) | None => Err("it is KEY=VALUE".to_owned()),
    }
}
