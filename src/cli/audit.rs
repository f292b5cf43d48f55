//! `gatewatch audit`: what was asked from this machine, by whom, and what became of it.

use clap::Subcommand;
use serde::Serialize;

use crate::cli::exit::{self, Exit, Stop};
use crate::cli::global::Global;
use crate::cli::table::Table;
use crate::cli::words;
use crate::contracts::decision::Outcome;
use crate::contracts::engine::message::Told;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::http::RollbackOutcome;
use crate::contracts::mutation::Done;
use crate::gateway::audit::{self, Broken, Entry, Stage};

/// Show the audit trail of this machine, oldest first. A trail that was tampered with is shown by nobody: it is an error.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = exit::example("gatewatch audit --last 20"))]
pub struct Audit {
    #[command(subcommand)]
    action: Option<Action>,
    /// The newest so many lines only.
    #[arg(long, value_name = "N")]
    last: Option<usize>,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Action {
    /// Check that no line was changed, taken out or put in.
    Verify,
}

/// What `audit verify --json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Verified {
    whole: bool,
    lines: usize,
}

impl Audit {
    pub fn run(&self, global: &Global) -> Result<Exit, Stop> {
        let out = global.output();
        let path = global.settings()?.console.audit_file();
        let entries = audit::verify(&path).map_err(|broken| explain(&broken))?;
        if let Some(Action::Verify) = self.action {
            let lines = entries.len();
            if out.is_json() {
                out.json(&Verified { whole: true, lines })?;
            } else {
                out.line(&format!("{}: {lines} lines, whole", path.display()))?;
            }
            return Ok(Exit::Ok);
        }
        let shown = &entries[entries.len().saturating_sub(self.last.unwrap_or(usize::MAX))..];
        if out.is_json() {
            out.json(&shown)?;
        } else if shown.is_empty() {
            out.say("Nothing was asked from this machine yet.")?;
        } else {
            out.lines(table(shown).lines())?;
        }
        Ok(Exit::Ok)
    }
}

fn explain(broken: &Broken) -> Failure {
    let hint = match broken {
        Broken::Unreadable { .. } => "Check its permissions, or name another state_dir.",
        Broken::Line { .. } => "Keep the file and compare it with the workflows' own history: they know what was done.",
    };
    let message = match broken {
        Broken::Unreadable { path, error } => format!("The audit trail {} cannot be read: {error}.", path.display()),
        Broken::Line { path, line, why } => format!("Line {line} of the audit trail {} {why}.", path.display()),
    };
    Failure::new(FailureKind::Internal, message, hint)
}

fn table(entries: &[Entry]) -> Table<6> {
    let mut table = Table::new(["LINE", "TIME", "WHO", "WHERE", "WHAT", "ID"]);
    for entry in entries {
        table.row([
            entry.seq.to_string(),
            words::date(entry.at),
            entry.actor.name.clone(),
            format!("{}/{}", entry.cluster.address, entry.cluster.namespace),
            what(&entry.stage),
            entry.id.clone(),
        ]);
    }
    table
}

fn what(stage: &Stage) -> String {
    match stage {
        Stage::Asked { name, mutation } => {
            mutation.workflow().map_or_else(|| format!("asked: {name}"), |id| format!("asked: {name} {id}"))
        }
        Stage::Done { result } => format!("done: {}", done(result)),
        Stage::Failed { failure } => format!("failed: {}", failure.message),
    }
}

fn done(result: &Done) -> String {
    match result {
        Done::Decided { result: Outcome::Applied { .. } } => "applied".to_owned(),
        Done::Decided { result: Outcome::Repeated { .. } } => "applied before".to_owned(),
        Done::Decided { result: Outcome::Refused { refusal } } => format!("refused ({})", refusal.code.as_str()),
        Done::Decided { result: Outcome::InDoubt { .. } }
        | Done::RolledBack { result: RollbackOutcome::InDoubt { .. } }
        | Done::Told { result: Told::InDoubt }
        | Done::Unanswered => "in doubt".to_owned(),
        Done::Told { result: Told::Taken { reply } } if reply.repeated => "taken in before".to_owned(),
        Done::Told { result: Told::Taken { .. } } => "taken in".to_owned(),
        Done::Told { result: Told::Refused { why } } => format!("refused ({why})"),
        Done::RolledBack { result: RollbackOutcome::Accepted { reply } } if reply.already => {
            "rolling back already".to_owned()
        }
        Done::RolledBack { result: RollbackOutcome::Accepted { .. } } => "rolling back".to_owned(),
        Done::Signalled { seen_at: Some(_) } => "seen by the workflow".to_owned(),
        Done::Signalled { seen_at: None } => "with the server".to_owned(),
        Done::Started { run_id, .. } => format!("started ({run_id})"),
        Done::Stopping { closed: true } => "ended".to_owned(),
        Done::Stopping { closed: false } => "asked to end".to_owned(),
        Done::Registered { names } => format!("registered {}", names.join(", ")),
    }
}
