//! `gatewatch goal follow`: a goal, live, as lines, to its end. Its steps come by query, which needs a worker; while none
//! answers, by what the goal publishes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use crate::cli::changes::{self, Change, What};
use crate::cli::exit::{self, Exit, Stop};
use crate::cli::follow;
use crate::cli::session::Session;
use crate::cli::words;
use crate::contracts::clock::{Timestamp, UnixMillis};
use crate::contracts::engine::state::{EngineState, EngineStatus, StepState, StepStatus};
use crate::contracts::engine::tree;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::ids::{RunId, StepId, WorkflowId};
use crate::contracts::roster::HeldBack;
use crate::contracts::workflow::{ExecutionStatus, WorkflowDetail};

/// Follow a goal: its steps as they change, artifacts, what was refused, a line each, until it ends.
///
/// Ends with 0 when the goal is completed, with 1 when it failed or was cancelled. A lost connection is waited out; a goal
/// that continues as new is followed. With --json each line is an object with `at`, `what` and `text`, and of a step its
/// fields.
#[derive(Clone, Debug, Args)]
#[command(after_help = exit::example("gatewatch goal follow codegen-abc --json"))]
pub struct Follow {
    /// Workflow id of the goal.
    #[arg(value_name = "ID")]
    workflow: String,
}

/// Between two looks.
const EVERY: Duration = Duration::from_millis(500);
/// While a step waits for an agent, between two questions to the coordinator what holds it back.
const ASK: Duration = Duration::from_secs(2);
/// The same of a coordinator that does not answer.
const SILENT: Duration = Duration::from_secs(30);
/// What of the log is told; the rest is told by the steps themselves.
const TOLD: [&str; 15] = [
    "EVENT",
    "CHILD_COMPLETED",
    "REFUSED",
    "OTHER_GOAL",
    "BUDGET_RAISED",
    "SPEC_TROUBLE",
    "SPEC_ADOPTED",
    "NOT_FINALIZED",
    "OVERRIDDEN",
    "WITHDRAWN",
    "OVERDUE",
    "REPLACED",
    "TOO_MANY_STEPS",
    "TOO_MANY_ARTIFACTS",
    "NAME_TOO_LONG",
];

impl Follow {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        follow(session, &WorkflowId::new(self.workflow.as_str())).await
    }
}

/// Follows it to its end.
pub async fn follow(session: &Session, id: &WorkflowId) -> Result<Exit, Stop> {
    let ended = async {
        let mut seen = Seen::default();
        loop {
            if let Some(ended) = seen.look(session, id).await? {
                return Ok(ended);
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = session.out.unread() => return Err(Stop::Unread),
            }
        }
    };
    let ended = follow::interruptible(ended, &format!("Not following any more. {id} goes on.")).await?;
    match ended.why {
        None => Ok(Exit::Ok),
        Some(why) => {
            let show = format!("`gatewatch goal show {id}` shows its steps.");
            Err(Stop::Told(Exit::Failure, Failure::new(FailureKind::Conflict, why, show)))
        }
    }
}

/// A goal that is over.
struct Ended {
    /// Why it was not completed, if it was not.
    why: Option<String>,
}

/// One line.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(flatten)]
    change: Change,
    #[serde(skip_serializing_if = "Option::is_none")]
    step_id: Option<&'a StepId>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    step: Option<&'a StepState>,
}

/// What has been told.
#[derive(Default)]
struct Seen {
    before: Option<WorkflowDetail>,
    /// What the latest state was asked for; asked again when this changes.
    asked: Option<Fingerprint>,
    status: Option<EngineStatus>,
    steps: BTreeMap<StepId, String>,
    artifacts: BTreeMap<String, Value>,
    /// Entries of the log, dropped ones counted; none before the first look.
    logged: Option<u64>,
    silent: bool,
    workerless: bool,
    /// A step waits for an agent.
    waits: bool,
    /// What holds it back.
    held: Option<HeldBack>,
    /// When the coordinator is asked for that again.
    asks_at: Option<Instant>,
}

/// A goal changes only when its history grows.
type Fingerprint = (RunId, i64, ExecutionStatus, Option<Timestamp>);

impl Seen {
    async fn look(&mut self, session: &Session, id: &WorkflowId) -> Result<Option<Ended>, Stop> {
        let detail = match session.gateway.describe(id, None).await {
            Ok(detail) => detail,
            Err(failure) if follow::passing(&failure) => {
                if !std::mem::replace(&mut self.silent, true) {
                    tell(session, Change::link(format!("{} Trying on.", failure.message)))?;
                }
                return Ok(None);
            }
            Err(failure) => return Err(failure.into()),
        };
        if std::mem::take(&mut self.silent) {
            tell(session, Change::link("Temporal answers again".to_owned()))?;
        }
        let row = &detail.row;
        let published = row.published.as_ref().and_then(|published| published.updated_at);
        let fingerprint = (row.run_id.clone(), row.history_length, row.status, published);
        if self.asked.as_ref() != Some(&fingerprint) {
            self.ask(session, id, &detail, fingerprint).await?;
        }
        self.hold(session, id).await?;
        let over = !row.status.is_open() && row.status != ExecutionStatus::ContinuedAsNew;
        let ended = if over { Some(self.end(session, &detail).await?) } else { None };
        self.before = Some(detail);
        Ok(ended)
    }

    async fn ask(
        &mut self,
        session: &Session,
        id: &WorkflowId,
        detail: &WorkflowDetail,
        fingerprint: Fingerprint,
    ) -> Result<(), Stop> {
        match session.gateway.goal(id).await {
            Ok(state) => {
                self.asked = Some(fingerprint);
                if std::mem::take(&mut self.workerless) {
                    tell(session, Change::link("a worker answers again".to_owned()))?;
                }
                self.state(session, &state)
            }
            // It is no goal at all.
            Err(failure) if failure.kind == FailureKind::Invalid => Err(failure.into()),
            Err(_) => {
                if !std::mem::replace(&mut self.workerless, true) {
                    let text = "no worker answers: told from what the goal publishes, by kind of work".to_owned();
                    tell(session, Change::link(text))?;
                }
                for change in changes::between(self.before.as_ref(), detail, words::now()) {
                    if change.what != What::Status {
                        tell(session, change)?;
                    }
                }
                Ok(())
            }
        }
    }

    /// Tells what holds its waiting steps back, as the coordinator knows where there is one, and when that is over.
    async fn hold(&mut self, session: &Session, id: &WorkflowId) -> Result<(), Stop> {
        let Some(coordinator) = &session.coordinator else { return Ok(()) };
        let is_due = self.asks_at.is_none_or(|at| at <= Instant::now());
        let held = match (self.waits, is_due) {
            (true, false) => return Ok(()),
            (true, true) => {
                let usage = coordinator.usage(id).await;
                self.asks_at = Some(Instant::now() + if usage.is_ok() { ASK } else { SILENT });
                let Ok(usage) = usage else { return Ok(()) };
                usage.held_back
            }
            (false, _) => None,
        };
        // How many calls there are changes all the time; which limit it is does not.
        let limit = |held: &Option<HeldBack>| held.as_ref().map(|held| (held.tenant.clone(), held.most));
        if limit(&self.held) != limit(&held) {
            let text = held.as_ref().map_or_else(|| "held back no more".to_owned(), |why| format!("held back: {why}"));
            tell(session, Change { at: words::now(), what: What::Waits, text })?;
            self.held = held;
        }
        Ok(())
    }

    fn state(&mut self, session: &Session, state: &EngineState) -> Result<(), Stop> {
        let waits = |step: &StepState| step.status == StepStatus::Waiting && !step.is_approval();
        self.waits = !state.status.is_over() && state.open_steps.values().any(waits);
        for node in tree::tree(state) {
            let standing = standing(node.step);
            if self.steps.get(node.id) != Some(&standing) {
                let at = at(node.step.updated_at);
                let change = Change { at, what: What::Step, text: format!("{}  {standing}", node.id) };
                line(session, &Line { change, step_id: Some(node.id), step: Some(node.step) })?;
                self.steps.insert(node.id.clone(), standing);
            }
        }
        for (key, value) in &state.artifacts {
            if self.artifacts.get(key) != Some(value) {
                let text = format!("{key}  {}", artifact(value));
                tell(session, Change { at: words::now(), what: What::Artifact, text })?;
                self.artifacts.insert(key.clone(), value.clone());
            }
        }
        self.log(session, state)?;
        if self.status != Some(state.status) && !state.status.is_over() {
            tell(session, Change { at: words::now(), what: What::Status, text: state.status.as_str().to_owned() })?;
        }
        self.status = Some(state.status);
        Ok(())
    }

    fn log(&mut self, session: &Session, state: &EngineState) -> Result<(), Stop> {
        let total = state.log_dropped + u64::try_from(state.log.len()).unwrap_or(0);
        let Some(known) = self.logged.replace(total) else { return Ok(()) };
        let missed = state.log_dropped.saturating_sub(known);
        if missed > 0 {
            tell(
                session,
                Change { at: words::now(), what: What::Log, text: format!("{missed} entries were dropped") },
            )?;
        }
        let fresh = usize::try_from(total.saturating_sub(known)).unwrap_or(usize::MAX);
        for entry in state.log.iter().skip(state.log.len().saturating_sub(fresh)) {
            if TOLD.contains(&entry.event.as_str()) {
                let text = format!("{}  {}", entry.event, entry.words());
                tell(session, Change { at: at(entry.at), what: What::Log, text })?;
            }
        }
        Ok(())
    }

    /// Tells how it ended, and why.
    async fn end(&mut self, session: &Session, detail: &WorkflowDetail) -> Result<Ended, Stop> {
        let row = &detail.row;
        let reason = if let Ok(state) = session.gateway.goal(&row.id).await {
            self.state(session, &state)?;
            state.completion.map(|completion| completion.reason)
        } else {
            let page = session.gateway.history(&row.id, Some(&row.run_id), None).await.ok();
            page.and_then(|page| page.events.into_iter().next()?.failure)
        };
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        let text = format!("{}{reason}", row.status.as_str());
        let at = row.closed_at.unwrap_or_else(words::now);
        tell(session, Change { at, what: What::Status, text: text.clone() })?;
        let why = (row.status != ExecutionStatus::Completed).then(|| format!("{} is {text}", row.id));
        Ok(Ended { why })
    }
}

fn tell(session: &Session, change: Change) -> Result<(), Stop> {
    line(session, &Line { change, step_id: None, step: None })
}

fn line(session: &Session, line: &Line<'_>) -> Result<(), Stop> {
    if session.out.is_json() {
        session.out.json_line(line)?;
    } else {
        session.out.line(&follow::line(&line.change))?;
    }
    Ok(())
}

fn at(millis: UnixMillis) -> Timestamp {
    millis.timestamp().unwrap_or_else(words::now)
}

/// `in progress by builder, attempt 2, due 14:02:09Z`.
pub fn standing(step: &StepState) -> String {
    let mut words = vec![step.standing().to_owned()];
    if let Some(agent) = &step.agent {
        words.push(format!("by {agent}"));
    }
    let mut text = words.join(" ");
    // Writing to a string cannot fail.
    if step.attempts > 1 {
        let _ = write!(text, ", attempt {}", step.attempts);
    }
    if let Some(due) = step.due.and_then(UnixMillis::timestamp) {
        let _ = write!(text, ", due {}", words::clock(due));
    }
    if step.reminders > 0 {
        let _ = write!(text, ", reminded {}×", step.reminders);
    }
    if let Some(reason) = &step.reason {
        let _ = write!(text, ": {reason}");
    }
    text
}

/// An artifact's link, or its value as it is.
pub fn artifact(value: &Value) -> String {
    let url = value.get("url").and_then(Value::as_str);
    url.or(value.as_str()).map_or_else(|| value.to_string(), str::to_owned)
}
