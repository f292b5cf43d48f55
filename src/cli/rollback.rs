//! `gatewatch rollback`: preview, ask once, send, follow until the previous version is seen serving.

use std::time::Duration;

use serde::Serialize;

use crate::cli::card;
use crate::cli::changes::{Change, What};
use crate::cli::confirm::{self, Ask};
use crate::cli::exit::{self, Exit, Stop};
use crate::cli::follow::{self, Next};
use crate::cli::output::{Output, Tone};
use crate::cli::session::Session;
use crate::cli::table::fields;
use crate::cli::words;
use crate::contracts::delivery::DeploymentStage;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::http::RollbackOutcome;
use crate::contracts::ids::WorkflowId;
use crate::contracts::mutation::{Done, Mutation, Rollback, Target};
use crate::contracts::rollback::{RollbackProgress, RollbackStep};
use crate::contracts::shell;
use crate::contracts::temporal::names::workflow;
use crate::contracts::workflow::{HeldUp, WorkflowDetail};
use crate::gateway::signal;

/// Roll a deployment back to the version before it.
///
/// Shows where it goes and asks once, then follows the six steps. Ends with 0 only when the previous version was seen
/// serving. However often it is asked for, there is one rollback.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = exit::example("gatewatch rollback deploy-checkout-42 --reason \"checkout errors\""))]
pub struct RollBack {
    /// Workflow id of the deployment.
    workflow: String,
    /// Why, for the record.
    #[arg(long)]
    reason: Option<String>,
    /// Do not ask.
    #[arg(long, short = 'y')]
    yes: bool,
    /// Ask for it and go; do not follow.
    #[arg(long)]
    no_wait: bool,
    /// Give up following after this many seconds.
    #[arg(long, value_name = "SECONDS", conflicts_with = "no_wait")]
    timeout: Option<u64>,
}

/// What `--json` prints.
#[derive(Clone, Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    outcome: RollbackOutcome,
    /// How far it got; absent with `--no-wait`.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<RollbackProgress>,
    verified: bool,
    /// The deployment ended before it changed anything: there was nothing to roll back.
    untouched: bool,
}

impl RollBack {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        let id = WorkflowId::new(self.workflow.as_str());
        let detail = session.describe(&id).await?;
        is_a_deployment(&detail)?;
        let target = Target { workflow_id: id.clone(), request_id: signal::request_id() };
        let mutation = Mutation::Rollback(Rollback { target, reason: self.reason.clone() });
        if !self.yes {
            for line in preview(session, &detail, &mutation) {
                session.out.say(&line)?;
            }
            let instead =
                format!("Without a terminal: {}", shell::command(["gatewatch", "rollback", id.as_str(), "--yes"]));
            confirm::confirm(&question(&detail), &Ask::Yes, &instead)?;
        }
        let outcome = self.send(session, mutation).await?;
        let over = over(&detail);
        if self.no_wait {
            return asked(session.out, outcome, over.as_deref());
        }
        self.follow(session, &id, outcome, over.as_deref()).await
    }

    async fn send(&self, session: &Session, mutation: Mutation) -> Result<RollbackOutcome, Stop> {
        match session.operator.perform(mutation).await? {
            Done::RolledBack { result } => Ok(result),
            other @ (Done::Decided { .. }
            | Done::Signalled { .. }
            | Done::Told { .. }
            | Done::Started { .. }
            | Done::Stopping { .. }
            | Done::Registered { .. }
            | Done::Unanswered) => {
                let message = format!("A rollback was answered with {other:?}.");
                Err(Failure::new(FailureKind::Internal, message, "This is a bug.").into())
            }
        }
    }

    async fn follow(
        &self,
        session: &Session,
        id: &WorkflowId,
        outcome: RollbackOutcome,
        over: Option<&str>,
    ) -> Result<Exit, Stop> {
        let out = session.out;
        if !out.is_json() {
            out.say(match (&outcome, over) {
                (RollbackOutcome::Accepted { reply }, Some(over)) if reply.already => over,
                (RollbackOutcome::Accepted { reply }, None) if reply.already => {
                    "It is rolling back already; following."
                }
                (RollbackOutcome::Accepted { .. }, _) => "The workflow has it; following.",
                (RollbackOutcome::InDoubt { .. }, _) => "The server holds it until a worker takes it up; following.",
            })?;
        }
        let report = |changes: &[Change]| -> Result<(), Stop> {
            for change in
                changes.iter().filter(|change| matches!(change.what, What::Rollback | What::Link | What::Retry))
            {
                if out.is_json() { out.say(&follow::line(change))? } else { out.line(&follow::line(change))? }
            }
            Ok(())
        };
        let limit = self.timeout.map_or(Duration::MAX, Duration::from_secs);
        let steps = async {
            let ended = follow::follow(session, id, report, ended);
            match tokio::time::timeout(limit, ended).await {
                Ok(ended) => ended,
                Err(_) => Err(Stop::Told(Exit::InDoubt, unfinished(id))),
            }
        };
        let still = format!("Not following any more. The rollback of {id} goes on by itself.");
        let end = follow::interruptible(steps, &still).await?;
        finish(out, id, outcome, end)
    }
}

/// A deployment of ours is rolled back whatever it has published yet; anything else has to say that it is one.
fn is_a_deployment(detail: &WorkflowDetail) -> Result<(), Failure> {
    let row = &detail.row;
    let published = row.published.as_ref().is_some_and(|published| published.deployment.is_some());
    if published || row.workflow_type.as_str() == workflow::PRODUCTION_DEPLOYMENT {
        return Ok(());
    }
    let message = format!("{} is a {}: there is no deployment to roll back in it.", row.id, row.workflow_type);
    let hint = "Name the workflow of the deployment: `gatewatch list \"health IS NOT NULL\"` shows them.";
    Err(Failure::new(FailureKind::Invalid, message, hint))
}

fn unfinished(id: &WorkflowId) -> Failure {
    let message = format!("The rollback of {id} is not verified yet. It goes on by itself.");
    let hint = format!("Follow it with `{}`.", shell::command(["gatewatch", "watch", id.as_str()]));
    Failure::new(FailureKind::DeadlineExceeded, message, hint)
}

/// It is asked for all the same while nobody works on it: the server keeps it.
fn question(detail: &WorkflowDetail) -> String {
    let id = &detail.row.id;
    match detail.held_up(words::now()) {
        // That nobody looks does not mean that nobody would roll it back.
        None | Some(HeldUp::NoLook(_)) => format!("Roll {id} back?"),
        Some(HeldUp::NoWorker(_)) => format!("Roll {id} back, once a worker is back?"),
    }
}

/// How following ended.
struct End {
    progress: Option<RollbackProgress>,
    /// What the workflow says of itself when it ended without a verified rollback.
    status: &'static str,
    /// It ended before it changed anything.
    untouched: bool,
}

impl End {
    fn verified(&self) -> bool {
        self.progress.as_ref().is_some_and(|progress| progress.verified_at.is_some())
    }
}

/// Verified, or closed: nothing more will come.
fn ended(detail: &WorkflowDetail) -> Next<End> {
    let published = detail.row.published.as_ref();
    let stage = published.and_then(|published| published.deployment.as_ref()).map(|deployment| deployment.stage);
    let progress = published.and_then(|published| published.rolling_back.clone());
    let untouched = progress.is_none() && stage == Some(DeploymentStage::Failed);
    let end = End { progress, status: detail.row.status.as_str(), untouched };
    if end.verified() || !detail.row.status.is_open() { Next::Enough(end) } else { Next::Again }
}

fn finish(out: Output, id: &WorkflowId, outcome: RollbackOutcome, end: End) -> Result<Exit, Stop> {
    let (verified, untouched) = (end.verified(), end.untouched);
    if out.is_json() {
        out.json(&Report { outcome, progress: end.progress, verified, untouched })?;
        return Ok(if verified || untouched { Exit::Ok } else { Exit::Failure });
    }
    if untouched {
        out.line(&format!("Nothing to roll back: {id} ended before it changed anything. What was live still serves."))?;
        return Ok(Exit::Ok);
    }
    if verified {
        out.line(&out.paint(Tone::Good, "Rolled back: the previous version serves."))?;
        return Ok(Exit::Ok);
    }
    let message = format!("{id} is {} and no rollback was verified.", end.status);
    let hint = format!("`{}` says what is live and what was done.", shell::command(["gatewatch", "show", id.as_str()]));
    Err(Stop::Told(Exit::Failure, Failure::new(FailureKind::Internal, message, hint)))
}

/// What to say instead of `rolling back already` when the rollback is over.
fn over(detail: &WorkflowDetail) -> Option<String> {
    let (version, at) = detail.row.rolled_back()?;
    Some(format!("Rolled back already: {version} verified at {}.", words::clock(at)))
}

fn asked(out: Output, outcome: RollbackOutcome, over: Option<&str>) -> Result<Exit, Stop> {
    let (exit, text) = match (&outcome, over) {
        (RollbackOutcome::Accepted { reply }, Some(over)) if reply.already => (Exit::Ok, over),
        (RollbackOutcome::Accepted { reply }, None) if reply.already => (Exit::Ok, "It is rolling back already."),
        (RollbackOutcome::Accepted { .. }, _) => (Exit::Ok, "The workflow has it."),
        (RollbackOutcome::InDoubt { .. }, _) => {
            (Exit::InDoubt, "The server holds it; a worker will act on it as soon as there is one.")
        }
    };
    if out.is_json() {
        out.json(&Report { outcome, progress: None, verified: false, untouched: false })?;
    } else {
        out.line(text)?;
    }
    Ok(exit)
}

/// What will happen, from the workflow's durable state alone.
fn preview(session: &Session, detail: &WorkflowDetail, mutation: &Mutation) -> Vec<String> {
    let out = session.out;
    let description = session.operator.describe(mutation);
    let cluster = description.cluster;
    let mut rows = vec![
        ("cluster", format!("{} {} {}", cluster.profile, cluster.address, cluster.namespace)),
        ("workflow", format!("{} ({})", detail.row.id, detail.row.status.as_str())),
        ("environment", words::or_dash(detail.row.environment.as_ref())),
    ];
    let published = detail.row.published.as_deref();
    if let Some(deployment) = published.and_then(|published| published.deployment.as_ref()) {
        let since = deployment
            .live_since
            .map_or_else(String::new, |at| format!(", live {}", words::relative(words::now(), at)));
        rows.push((
            "now",
            format!("{} {} {}{since}", deployment.service, deployment.version, deployment.commit.short()),
        ));
        rows.push(("stage", deployment.stage.as_str().to_owned()));
        if let Some(previous) = &deployment.previous {
            rows.push(("back to", format!("{} {}", previous.version, previous.commit.short())));
        }
    }
    if let Some(readiness) = published.and_then(|published| published.rollback.as_ref()) {
        rows.push(card::rollback(readiness));
        let migrations = match (readiness.migrations.as_slice(), readiness.reversible) {
            ([], _) => "none to take back".to_owned(),
            (names, true) => format!("taken back: {}", names.join(", ")),
            (names, false) => format!("restored from the backup: {}", names.join(", ")),
        };
        rows.push(("migrations", migrations));
        rows.push((
            "backup",
            readiness
                .backup_verified_at
                .map_or_else(|| "not verified".to_owned(), |at| format!("verified {}", words::date(at))),
        ));
    }
    rows.push(("same as", description.command));
    let mut lines = vec![out.paint(Tone::Strong, &description.effect)];
    lines.extend(fields(&rows));
    lines.extend(detail.held_up(words::now()).map(|held_up| out.paint(Tone::Warning, &begins(held_up))));
    lines.extend(RollbackStep::ALL.iter().enumerate().map(|(at, step)| format!("  {}. {}", at + 1, step.title())));
    lines
}

/// When it would begin while something is held up.
fn begins(held_up: HeldUp) -> String {
    let (what, late) = held_up.what();
    let late = late.words();
    match held_up {
        HeldUp::NoLook(_) => {
            format!("  Nobody watches it for {late}. It is sent now, and runs as soon as a worker takes it.")
        }
        HeldUp::NoWorker(_) => {
            format!("  It will wait: {what} for {late}. The server keeps it, and it runs as soon as a worker is back.")
        }
    }
}
