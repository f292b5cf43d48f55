//! `gatewatch goal show`: a goal with its plan as a tree, its artifacts and its log.

use clap::Args;
use serde::Serialize;

use crate::cli::changes;
use crate::cli::exit::{self, Exit, Stop};
use crate::cli::goal::follow::{artifact, standing};
use crate::cli::output::{Output, Tone};
use crate::cli::session::Session;
use crate::cli::table::{Table, fields};
use crate::cli::words;
use crate::contracts::clock::{Timestamp, UnixMillis};
use crate::contracts::engine::budget::Budget;
use crate::contracts::engine::spec::SpecPin;
use crate::contracts::engine::state::{EngineState, StepStatus};
use crate::contracts::engine::tree;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::http::GoalUsage;
use crate::contracts::ids::WorkflowId;
use crate::contracts::roster::{HeldBack, Spent};
use crate::contracts::workflow::WorkflowDetail;

/// Show a goal: its plan as a tree of steps, its artifacts, and what happened.
///
/// Steps are asked of a worker, for 2 s; without one the goal is shown as far as it is published.
#[derive(Clone, Debug, Args)]
#[command(after_help = exit::example("gatewatch goal show codegen-abc"))]
pub struct Show {
    /// Workflow id of the goal.
    #[arg(value_name = "ID")]
    workflow: String,
    /// How many entries of the log are shown, the newest.
    #[arg(long, value_name = "N", default_value_t = 20)]
    log: usize,
}

/// Levels of the tree that are drawn.
const LEVELS: usize = 8;

/// What `--json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    workflow: &'a WorkflowDetail,
    /// As the worker answered; absent when none did.
    state: Option<&'a EngineState>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    without_state: Option<&'a Failure>,
    /// What its agents have cost, as the coordinator counts; absent where none is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    spent: Option<Spent>,
    /// What holds its waiting steps back, though agents take them, as the coordinator counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_back: Option<&'a HeldBack>,
    at: Timestamp,
}

impl Show {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        let id = WorkflowId::new(self.workflow.as_str());
        let (detail, state, usage) =
            tokio::join!(session.describe(&id), session.gateway.goal(&id), usage(session, &id));
        let detail = detail?;
        // It is no goal at all.
        if let Err(failure) = &state
            && failure.kind == FailureKind::Invalid
        {
            return Err(failure.clone().into());
        }
        let out = session.out;
        let has_budget = detail.row.published.as_ref().is_some_and(|published| published.budget.is_some());
        session.warn(usage.as_ref().err().filter(|_| has_budget))?;
        let usage = usage.ok().flatten();
        let usage = usage.as_ref();
        if out.is_json() {
            let (at, without_state) = (words::now(), state.as_ref().err());
            let spent = usage.map(|usage| usage.spent);
            let held_back = usage.and_then(|usage| usage.held_back.as_ref());
            let state = state.as_ref().ok();
            out.json(&Report { workflow: &detail, state, without_state, spent, held_back, at })?;
            return Ok(Exit::Ok);
        }
        match &state {
            Ok(state) => out.lines(self.whole(out, &detail, state, usage))?,
            Err(failure) => {
                out.say(&format!("No worker says where its steps stand: {}", failure.message))?;
                out.lines(published(out, &detail, usage))?;
            }
        }
        Ok(Exit::Ok)
    }

    fn whole(
        &self,
        out: Output,
        detail: &WorkflowDetail,
        state: &EngineState,
        usage: Option<&GoalUsage>,
    ) -> Vec<String> {
        let mut lines = head(out, detail, state, usage);
        lines.extend([String::new(), out.paint(Tone::Strong, "steps")]);
        if state.open_steps.is_empty() {
            lines.push("  none was asked for yet".to_owned());
        } else {
            lines.extend(steps(state));
        }
        if !state.artifacts.is_empty() {
            lines.extend([String::new(), out.paint(Tone::Strong, "artifacts")]);
            let rows: Vec<_> = state.artifacts.iter().map(|(key, value)| (key.as_str(), artifact(value))).collect();
            lines.extend(fields(&rows));
        }
        lines.extend([String::new(), out.paint(Tone::Strong, "log")]);
        let older = u64::try_from(state.log.len().saturating_sub(self.log)).unwrap_or(0);
        if older + state.log_dropped > 0 {
            lines.push(format!("  {older} older entries, and {} that are kept no more", state.log_dropped));
        }
        lines.extend(state.log.iter().skip(state.log.len().saturating_sub(self.log)).map(|entry| {
            format!("  {}  {:<16} {}", clock(entry.at), entry.event, entry.words()).trim_end().to_owned()
        }));
        lines
    }
}

/// What it cost, and what holds its work back, is the coordinator's to know, where there is one.
async fn usage(session: &Session, id: &WorkflowId) -> Result<Option<GoalUsage>, Failure> {
    match &session.coordinator {
        Some(coordinator) => coordinator.usage(id).await.map(Some),
        None => Ok(None),
    }
}

fn head(out: Output, detail: &WorkflowDetail, state: &EngineState, usage: Option<&GoalUsage>) -> Vec<String> {
    let title = if state.goal.description.is_empty() { state.goal_id.as_str() } else { &state.goal.description };
    let mut rows = vec![
        ("goal", state.goal_id.to_string()),
        ("workflow", detail.row.id.to_string()),
        ("status", state.status.as_str().to_owned()),
    ];
    if let Some(completion) = &state.completion {
        rows.push(("ended", format!("{}, {}", clock(completion.at), completion.reason)));
    }
    if let Some(pin) = &state.spec {
        rows.push(("spec", pinned(pin)));
    }
    rows.extend(state.budget.iter().map(|budget| ("budget", used(budget))));
    rows.extend(counted(usage));
    rows.push(("started", words::or_dash(detail.row.started_at.map(words::date))));
    rows.extend(state.goal.constraints.iter().map(|constraint| ("constraint", constraint.clone())));
    rows.extend(state.goal.acceptance_criteria.iter().map(|criterion| ("accepted when", criterion.clone())));
    let mut lines = vec![out.paint(Tone::Strong, title)];
    lines.extend(fields(&rows));
    lines
}

fn steps(state: &EngineState) -> Vec<String> {
    let mut table = Table::new(["STEP", "STATUS", "TRIES", "SINCE", "HOW IT STANDS"]);
    for node in tree::tree(state) {
        let step = node.step;
        let title = step.payload.get("title").and_then(|title| title.as_str());
        let what = match title.filter(|_| step.is_approval() && step.status == StepStatus::Waiting) {
            Some(title) => format!("{}: {title}", standing(step)),
            None => standing(step),
        };
        table.row([
            format!("{}{}", node.rails(LEVELS), node.id),
            step.status.as_str().to_owned(),
            if step.attempts == 0 { String::new() } else { step.attempts.to_string() },
            clock(step.updated_at),
            what,
        ]);
    }
    table.lines().into_iter().map(|line| format!("  {line}")).collect()
}

/// As much as can be known without a worker.
fn published(out: Output, detail: &WorkflowDetail, usage: Option<&GoalUsage>) -> Vec<String> {
    let Some(published) = detail.row.published.as_deref() else {
        return vec![format!("{} publishes nothing about itself.", detail.row.id)];
    };
    let mut lines = vec![out.paint(Tone::Strong, &published.title)];
    let mut rows = vec![
        ("workflow", detail.row.id.to_string()),
        ("status", detail.row.status.as_str().to_owned()),
        ("published", words::or_dash(published.updated_at.map(words::date))),
    ];
    rows.extend(published.spec.iter().map(|pin| ("spec", pinned(pin))));
    rows.extend(published.budget.iter().map(|budget| ("budget", used(budget))));
    rows.extend(counted(usage));
    rows.extend(published.gates.iter().map(|gate| ("waits for", format!("{}: {}", gate.id, gate.title))));
    rows.extend(
        published.phases.iter().map(|phase| (phase.name.as_str(), changes::phase_word(phase.status).to_owned())),
    );
    lines.extend(fields(&rows));
    lines
}

/// What the coordinator counts.
fn counted(usage: Option<&GoalUsage>) -> Vec<(&'static str, String)> {
    let Some(GoalUsage { spent, held_back, .. }) = usage else { return Vec::new() };
    let of = |most: Option<String>| most.map(|most| format!(" of {most}")).unwrap_or_default();
    let (usd, tokens) = (spent.budget_usd.map(|usd| format!("{usd:.2}")), spent.budget_tokens.map(|n| n.to_string()));
    let mut rows =
        vec![("spent", format!("{:.2}{} USD and {}{} tokens in all", spent.usd, of(usd), spent.tokens, of(tokens)))];
    rows.extend(held_back.iter().map(|held| ("held back", held.to_string())));
    rows
}

fn pinned(pin: &SpecPin) -> String {
    format!("{} {} ({})", pin.name, pin.version, pin.short_hash())
}

fn used(budget: &Budget) -> String {
    let used = budget.reached.map(|level| format!(", {} % used", level.percent()));
    let since = budget.begun.map(|_| format!(" since {}", words::or_dash(budget.since.timestamp().map(words::date))));
    format!("{budget}{}{}", since.unwrap_or_default(), used.unwrap_or_default())
}

fn clock(at: UnixMillis) -> String {
    words::or_dash(at.timestamp().map(words::clock))
}
