//! `gatewatch list`: workflows.

use crate::cli::exit::{self, Exit, Stop};
use crate::cli::output::Tone;
use crate::cli::session::Session;
use crate::cli::table::Table;
use crate::cli::words;
use crate::contracts::clock::Timestamp;
use crate::contracts::health::HealthStatus;
use crate::contracts::ids::GateId;
use crate::contracts::workflow::WorkflowRow;

/// One call to the server.
const PAGE: u32 = 200;

/// List workflows, newest first.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = exit::example("gatewatch list \"environment = 'production' AND ExecutionStatus = 'Running'\""))]
pub struct List {
    /// A Temporal visibility query, such as `environment = 'production' AND ExecutionStatus = 'Running'`.
    #[arg(value_name = "QUERY", default_value = "")]
    query: String,
    /// At most this many.
    #[arg(long, short = 'l', default_value_t = 50, value_name = "N")]
    limit: u32,
}

impl List {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        let (rows, unreadable) = tokio::join!(self.rows(session), session.gateway.unreadable());
        let rows = rows?;
        if session.out.is_json() {
            session.out.json(&rows)?;
        } else if rows.is_empty() {
            session.out.say("No workflow matches.")?;
        } else {
            let mut lines = table(&rows, words::now()).lines().into_iter();
            let heading = lines.next().map(|heading| session.out.paint(Tone::Muted, &heading));
            session.out.lines(heading.into_iter().chain(lines))?;
        }
        session.warn(unreadable.as_ref())?;
        Ok(Exit::Ok)
    }

    async fn rows(&self, session: &Session) -> Result<Vec<WorkflowRow>, Stop> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let mut rows = Vec::new();
        let mut page = None;
        while rows.len() < limit {
            let answer = session.gateway.list(&self.query, page.take(), self.limit.min(PAGE)).await?;
            rows.extend(answer.rows);
            page = answer.next;
            if page.is_none() {
                break;
            }
        }
        rows.truncate(limit);
        Ok(rows)
    }
}

fn table(rows: &[WorkflowRow], now: Timestamp) -> Table<7> {
    let mut table = Table::new(["STATUS", "WORKFLOW", "TYPE", "PHASE", "HEALTH", "GATES", "STARTED"]);
    for row in rows {
        let gates: Vec<&str> = row.gates.iter().map(GateId::as_str).collect();
        table.row([
            row.status.as_str().to_owned(),
            row.id.to_string(),
            row.workflow_type.to_string(),
            words::or_dash(row.phase.as_ref()),
            words::or_dash(row.health.map(HealthStatus::as_str)),
            if gates.is_empty() { "-".to_owned() } else { gates.join(" ") },
            words::or_dash(row.started_at.map(|started| words::relative(now, started))),
        ]);
    }
    table
}
