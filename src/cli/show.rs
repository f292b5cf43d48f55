//! `gatewatch show`: one workflow, all of it from its durable state.

use serde::Serialize;

use crate::cli::card;
use crate::cli::changes;
use crate::cli::exit::{self, Exit, Stop};
use crate::cli::output::{Output, Tone};
use crate::cli::session::Session;
use crate::cli::table::{Table, fields};
use crate::cli::words;
use crate::contracts::clock::Timestamp;
use crate::contracts::health::{HealthReport, Trigger, TriggerState, TriggerStatus};
use crate::contracts::ids::WorkflowId;
use crate::contracts::phase::PhaseStatus;
use crate::contracts::temporal::memo::Published;
use crate::contracts::workflow::{HistoryEvent, PendingActivity, WorkflowDetail, WorkflowRow};

/// Show a workflow: phases, open gates with their evidence, deployment, health, what hangs.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = exit::example("gatewatch show ready-checkout-42"))]
pub struct Show {
    /// Workflow id.
    workflow: String,
    /// Its latest history events too, newest first.
    #[arg(long, conflicts_with = "json")]
    history: bool,
}

/// What `--json` prints: the description, and what follows from it at this moment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    #[serde(flatten)]
    detail: &'a WorkflowDetail,
    /// How it stands, in the word of every list.
    standing: String,
    /// Why nothing moves; absent while it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits: Option<String>,
}

impl<'a> Shown<'a> {
    fn of(detail: &'a WorkflowDetail) -> Self {
        let held_up = detail.held_up(words::now());
        Self { detail, standing: detail.row.standing(held_up).word(), waits: held_up.map(changes::waits) }
    }
}

impl Show {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        let id = WorkflowId::new(self.workflow.as_str());
        let detail = session.describe(&id).await?;
        if session.out.is_json() {
            session.out.json(&Shown::of(&detail))?;
            return Ok(Exit::Ok);
        }
        let why = why(session, &detail).await;
        session.out.lines(head(session.out, &detail, why))?;
        let published = detail.row.published.as_deref();
        for gate in published.map_or(&[][..], |published| &published.gates) {
            let evidence = session.gateway.evidence(&id).await.ok().flatten();
            let evidence = evidence.filter(|shown| Some(&shown.digest) == gate.digest());
            session.out.line("")?;
            session.out.lines(card::lines(session, &detail, gate, evidence.as_ref()))?;
        }
        session.out.lines(sections(session.out, &detail))?;
        if self.history {
            let page = session.gateway.history(&id, None, None).await?;
            session.out.line("")?;
            session.out.lines(history(&page.events))?;
        }
        Ok(Exit::Ok)
    }
}

/// Why it ended as it did, when it did not end well: its last event says so.
async fn why(session: &Session, detail: &WorkflowDetail) -> Option<String> {
    if detail.row.status.is_open() {
        return None;
    }
    let page = session.gateway.history(&detail.row.id, Some(&detail.row.run_id), None).await.ok()?;
    page.events.into_iter().next()?.failure
}

fn head(out: Output, detail: &WorkflowDetail, why: Option<String>) -> Vec<String> {
    let row = &detail.row;
    let title = row.published.as_deref().map_or("", |published| published.title.as_str());
    let title = if title.is_empty() { row.id.as_str() } else { title };
    let mut rows = vec![
        ("workflow", row.id.to_string()),
        ("run", row.run_id.to_string()),
        ("type", row.workflow_type.to_string()),
        ("status", row.status.as_str().to_owned()),
        ("queue", row.task_queue.clone()),
        ("started", words::or_dash(row.started_at.map(words::date))),
    ];
    if let Some(closed) = row.closed_at {
        rows.push(("closed", words::date(closed)));
    }
    if let Some(why) = why {
        rows.push(("why", why));
    }
    if let Some(by) = row.published.as_deref().map(|published| &published.started_by).filter(|by| !by.is_empty()) {
        rows.push(("started by", by.clone()));
    }
    if let Some(environment) = &row.environment {
        rows.push(("environment", environment.to_string()));
    }
    let held_up = detail.held_up(words::now());
    rows.extend(row.standing(held_up).health().map(|word| ("health", word.to_owned())));
    if let Some(held_up) = held_up {
        rows.push(("waits", changes::waits(held_up)));
    }
    if detail.workflow_task_attempt > 1 {
        rows.push(("stuck", format!("its workflow task has failed {} times", detail.workflow_task_attempt - 1)));
    }
    let mut lines = vec![out.paint(Tone::Strong, title)];
    lines.extend(fields(&rows));
    lines
}

fn sections(out: Output, detail: &WorkflowDetail) -> Vec<String> {
    let mut lines = Vec::new();
    let mut section = |title: &str, body: Vec<String>| {
        if !body.is_empty() {
            lines.push(String::new());
            lines.push(out.paint(Tone::Strong, title));
            lines.extend(body);
        }
    };
    if let Some(published) = &detail.row.published {
        section("phases", phases(published, &detail.row));
        section(
            "decided",
            published
                .decided
                .iter()
                .map(|record| format!("  {}, at {}", changes::decision(record), words::date(record.at)))
                .collect(),
        );
        section("deployment", deployment(published));
        section("rollback", rollback(published));
        section(
            "refused",
            published
                .refused
                .iter()
                .map(|refused| format!("  {}  {}: {}", words::date(refused.at), refused.name, refused.why))
                .collect(),
        );
    }
    section("health", detail.health.as_deref().map(|report| health(report, words::now())).unwrap_or_default());
    section("activities", activities(&detail.activities, words::now()));
    section(
        "children",
        detail.children.iter().map(|child| format!("  {}  {}", child.id, child.workflow_type)).collect(),
    );
    lines
}

fn indented(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().map(|line| format!("  {line}")).collect()
}

fn phases(published: &Published, of: &WorkflowRow) -> Vec<String> {
    let mut rows = Vec::new();
    for phase in &published.phases {
        let took = match (phase.started_at, phase.ended_at, of.closed_at) {
            (Some(start), Some(end), _) => end.since(start).words(),
            // A workflow that is terminated ends no phase: nothing of it goes on all the same.
            (Some(start), None, Some(closed)) => format!("took {} until it ended", closed.since(start).words()),
            (Some(start), None, None) => format!("since {}", words::clock(start)),
            (None, ..) => String::new(),
        };
        // What it was to do next is not done any more.
        let never = phase.status == PhaseStatus::Pending && !of.status.is_open();
        let word = if never { "never began" } else { changes::phase_word(phase.status) };
        rows.push((phase.name.as_str(), format!("{word:<18} {took}")));
    }
    fields(&rows)
}

fn deployment(published: &Published) -> Vec<String> {
    let Some(deployment) = &published.deployment else { return Vec::new() };
    let mut rows = vec![
        ("service", deployment.service.to_string()),
        ("version", format!("{} {}", deployment.version, deployment.commit.short())),
        ("stage", deployment.stage.as_str().to_owned()),
    ];
    if let Some(previous) = &deployment.previous {
        rows.push(("previous", format!("{} {}", previous.version, previous.commit.short())));
    }
    if let Some(since) = deployment.live_since {
        rows.push(("live since", words::date(since)));
    }
    match published.rolling_back.as_ref() {
        Some(progress) => {
            if let (Some(at), Some(live)) = (progress.verified_at, &deployment.previous) {
                let live = format!("{} {}, verified {}", live.version, live.commit.short(), words::date(at));
                rows.push(("live now", live));
            }
        }
        None => rows.extend(published.rollback.as_ref().map(card::rollback)),
    }
    fields(&rows)
}

fn rollback(published: &Published) -> Vec<String> {
    let Some(progress) = &published.rolling_back else { return Vec::new() };
    let mut lines = vec![format!("  asked for {}: {}", words::date(progress.cause.at), progress.cause.reason)];
    lines.extend(progress.steps.iter().map(|step| format!("  {}", changes::rollback_step(step))));
    if let Some(at) = progress.verified_at {
        lines.push(format!("  verified {}, after {}", words::date(at), at.since(progress.cause.at).words()));
    }
    lines
}

/// The newest look, and the board of the eight triggers as the console has it.
fn health(report: &HealthReport, now: Timestamp) -> Vec<String> {
    let late = report.overdue(now);
    let newest = report.samples.last().map(|sample| {
        let ago = late.map(|late| format!(", {} ago", late.words())).unwrap_or_default();
        format!("  {}{ago}  {}", words::clock(sample.at), changes::measured(sample))
    });
    let mut table = Table::new(["TRIGGER", "NOW", "LIMIT", "STATE"]);
    for trigger in Trigger::ALL {
        let unknown =
            TriggerState { trigger, status: TriggerStatus::Unknown, now: "-".to_owned(), limit: "-".to_owned() };
        let state = report.triggers.iter().find(|state| state.trigger == trigger).unwrap_or(&unknown);
        let standing = changes::trigger(&state.status, late);
        table.row([trigger.title().to_owned(), state.now.clone(), state.limit.clone(), standing]);
    }
    newest.into_iter().chain(indented(table.lines())).collect()
}

fn activities(pending: &[PendingActivity], now: Timestamp) -> Vec<String> {
    if pending.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new(["ACTIVITY", "ATTEMPT", "HEARTBEAT", "LAST FAILURE"]);
    for activity in pending {
        table.row([
            activity.activity_type.clone(),
            activity.attempt.to_string(),
            words::or_dash(activity.last_heartbeat_at.map(|at| words::relative(now, at))),
            words::or_dash(activity.last_failure.as_ref()),
        ]);
    }
    indented(table.lines())
}

fn history(events: &[HistoryEvent]) -> Vec<String> {
    let mut table = Table::new(["EVENT", "TIME", "TYPE", "SUBJECT", "FAILURE"]);
    for event in events {
        table.row([
            event.id.to_string(),
            words::or_dash(event.at.map(words::date)),
            event.event_type.clone(),
            event.subject.clone(),
            event.failure.clone().unwrap_or_default(),
        ]);
    }
    table.lines()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::phases;
    use crate::contracts::phase::{Phase, PhaseStatus};
    use crate::contracts::temporal::memo::Published;
    use crate::contracts::workflow::WorkflowRow;

    #[test]
    fn nothing_goes_on_in_a_workflow_that_was_terminated() {
        let at = |clock: &str| serde_json::from_value(json!(format!("2026-11-21T{clock}Z"))).unwrap();
        let monitor = Phase {
            name: "monitor".to_owned(),
            status: PhaseStatus::Running,
            started_at: Some(at("14:00:12")),
            ended_at: None,
        };
        let published = Published { phases: vec![monitor], ..Published::default() };
        let mut row: WorkflowRow = serde_json::from_value(json!({
            "id": "deploy-1", "runId": "r", "workflowType": "T", "status": "running", "taskQueue": "q", "gates": [],
            "historyLength": 9,
        }))
        .unwrap();
        let said = |row: &WorkflowRow| phases(&published, row).join("\n");
        assert!(said(&row).contains(" since "), "{}", said(&row));
        row.closed_at = Some(at("14:01:12"));
        assert!(said(&row).ends_with("took 1 min until it ended"), "{}", said(&row));
    }
}
