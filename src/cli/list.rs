//! `gatewatch list`: workflows.

use serde::Serialize;

use crate::cli::exit::{self, Exit, Stop};
use crate::cli::output::Tone;
use crate::cli::session::Session;
use crate::cli::table::Table;
use crate::cli::words;
use crate::config::settings::View;
use crate::contracts::clock::Timestamp;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::ids::GateId;
use crate::contracts::text;
use crate::contracts::workflow::{LookedAt, Standing, WorkflowRow, not_looked_at};

/// One call to the server.
const PAGE: u32 = 200;
/// So many live deployments are looked at one by one, as many as are listed unless more are asked for.
const LOOKED_AT: usize = 50;

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
        let looked_at = session.gateway.look_closer(&mut rows, LOOKED_AT).await;
        if session.out.is_json() {
            let standing = |row| Listed { row, standing: standing(row, &looked_at).word() };
            session.out.json(&rows.iter().map(standing).collect::<Vec<_>>())?;
        } else if rows.is_empty() {
            session.out.say("No workflow matches.")?;
        } else {
            let mut lines = table(&rows, &looked_at, words::now()).lines().into_iter();
            let heading = lines.next().map(|heading| session.out.paint(Tone::Muted, &heading));
            session.out.lines(heading.into_iter().chain(lines))?;
        }
        session.warn(unreadable.as_ref())?;
        session.warn(unseen(&rows, &looked_at).as_ref())?;
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
    standing: String,
}

fn standing(row: &WorkflowRow, looked_at: &LookedAt) -> Standing {
    row.standing(looked_at.get(&row.run_id).copied().flatten())
}

/// Not looked at is not fine: it is said of how many deployments nothing is known but what they published.
fn unseen(rows: &[WorkflowRow], looked_at: &LookedAt) -> Option<Failure> {
    let unseen = not_looked_at(rows, looked_at).count();
    if unseen == 0 {
        return None;
    }
    let of = rows.iter().filter(|row| row.is_watched()).count();
    let message =
        format!("{unseen} of {of} live deployments could not be looked at: their health is what they published.");
    let hint = format!("At most {LOOKED_AT} are looked at: ask for fewer, or for one with `gatewatch show`.");
    Some(Failure::new(FailureKind::Unavailable, message, hint))
}

fn table(rows: &[WorkflowRow], looked_at: &LookedAt, now: Timestamp) -> Table<7> {
    let mut table = Table::new(["STATUS", "WORKFLOW", "TYPE", "PHASE", "HEALTH", "GATES", "STARTED"]);
    for row in rows {
        let gates: Vec<&str> = row.gates.iter().map(GateId::as_str).collect();
        table.row([
            row.status.as_str().to_owned(),
            row.id.to_string(),
            row.workflow_type.to_string(),
            words::or_dash(row.phase.as_ref()),
            words::or_dash(standing(row, looked_at).health()),
            if gates.is_empty() { "-".to_owned() } else { gates.join(" ") },
            words::or_dash(row.started_at.map(|started| words::relative(now, started))),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::{standing, unseen};
    use crate::contracts::clock::Millis;
    use crate::contracts::workflow::{HeldUp, WorkflowRow};

    fn watched(run: &str) -> WorkflowRow {
        let row = json!({
            "id": "deploy-1", "runId": run, "workflowType": "ProductionDeploymentWorkflow", "status": "running",
            "taskQueue": "gatewatch", "health": "watching", "gates": [], "historyLength": 9,
        });
        serde_json::from_value(row).unwrap()
    }

    #[test]
    fn what_was_not_looked_at_is_not_passed_off_as_fine() {
        let rows = ["a", "b", "c"].map(watched);
        let mut looked_at: BTreeMap<_, _> = rows.iter().map(|row| (row.run_id.clone(), None)).collect();
        assert_eq!(unseen(&rows, &looked_at), None);
        looked_at.insert(rows[0].run_id.clone(), Some(HeldUp::NoLook(Millis::from_secs(40))));
        looked_at.remove(&rows[1].run_id);
        let said = unseen(&rows, &looked_at).unwrap().to_string();
        assert!(said.starts_with("1 of 3 live deployments could not be looked at"), "{said}");
        assert_eq!(
            rows.each_ref().map(|row| standing(row, &looked_at).word()),
            ["not-watched", "watching", "watching"]
        );
    }
}
