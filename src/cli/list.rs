//! `gatewatch list`: workflows.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cli::exit::{self, Exit, Stop};
use crate::cli::output::Tone;
use crate::cli::session::Session;
use crate::cli::table::Table;
use crate::cli::words;
use crate::config::settings::View;
use crate::contracts::clock::Timestamp;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::ids::{GateId, WorkflowId};
use crate::contracts::text;
use crate::contracts::workflow::{HeldUp, Standing, WorkflowRow};

/// One call to the server.
const PAGE: u32 = 200;

/// List workflows, newest first.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = exit::example("gatewatch list \"environment = 'production' AND ExecutionStatus = 'Running'\""))]
pub struct List {
    /// A Temporal visibility query, such as `environment = 'production' AND ExecutionStatus = 'Running'`.
    #[arg(value_name = "QUERY", default_value = "")]
    query: String,
    /// A saved query instead, by its name in `console.views` of gatewatch.toml.
    #[arg(long, value_name = "NAME", conflicts_with = "query")]
    view: Option<String>,
    /// At most this many.
    #[arg(long, short = 'l', default_value_t = 50, value_name = "N")]
    limit: u32,
}

impl List {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        let (rows, unreadable) = tokio::join!(self.rows(session), session.gateway.unreadable());
        let mut rows = rows?;
        let held_up = session.gateway.look_closer(&mut rows).await;
        if session.out.is_json() {
            let standing = |row| Listed { row, standing: standing(row, &held_up).title() };
            session.out.json(&rows.iter().map(standing).collect::<Vec<_>>())?;
        } else if rows.is_empty() {
            session.out.say("No workflow matches.")?;
        } else {
            let mut lines = table(&rows, &held_up, words::now()).lines().into_iter();
            let heading = lines.next().map(|heading| session.out.paint(Tone::Muted, &heading));
            session.out.lines(heading.into_iter().chain(lines))?;
        }
        session.warn(unreadable.as_ref())?;
        Ok(Exit::Ok)
    }

    async fn rows(&self, session: &Session) -> Result<Vec<WorkflowRow>, Stop> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let query = self.asked(&session.settings.console.views)?;
        let mut rows = Vec::new();
        let mut page = None;
        while rows.len() < limit {
            let answer = session.gateway.list(query, page.take(), self.limit.min(PAGE)).await?;
            rows.extend(answer.rows);
            page = answer.next;
            if page.is_none() {
                break;
            }
        }
        rows.truncate(limit);
        Ok(rows)
    }

    /// The query that is meant.
    fn asked<'a>(&'a self, views: &'a [View]) -> Result<&'a str, Failure> {
        let Some(name) = &self.view else { return Ok(&self.query) };
        let known = || {
            let names: Vec<&str> = views.iter().map(|view| view.name.as_str()).collect();
            if names.is_empty() { "none is configured".to_owned() } else { format!("there are: {}", names.join(", ")) }
        };
        views.iter().find(|view| view.name == *name).map(|view| view.query.as_str()).ok_or_else(|| {
            let hint = "Add it to gatewatch.toml as [[console.views]], or give the query itself.";
            Failure::new(FailureKind::Invalid, format!("No view is named `{}`; {}.", text::line(name), known()), hint)
        })
    }
}

/// What `--json` prints of a workflow.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    row: &'a WorkflowRow,
    /// How it stands, in the word of every list.
    standing: &'static str,
}

/// What holds up whatever was looked at.
type HeldUps = BTreeMap<WorkflowId, HeldUp>;

/// Of several runs of one workflow only the open one can be held up.
fn standing(row: &WorkflowRow, held_up: &HeldUps) -> Standing {
    row.standing(held_up.get(&row.id).copied())
}

fn table(rows: &[WorkflowRow], held_up: &HeldUps, now: Timestamp) -> Table<7> {
    let mut table = Table::new(["STATUS", "WORKFLOW", "TYPE", "PHASE", "HEALTH", "GATES", "STARTED"]);
    for row in rows {
        let gates: Vec<&str> = row.gates.iter().map(GateId::as_str).collect();
        table.row([
            row.status.as_str().to_owned(),
            row.id.to_string(),
            row.workflow_type.to_string(),
            words::or_dash(row.phase.as_ref()),
            words::or_dash(standing(row, held_up).health()),
            if gates.is_empty() { "-".to_owned() } else { gates.join(" ") },
            words::or_dash(row.started_at.map(|started| words::relative(now, started))),
        ]);
    }
    table
}
