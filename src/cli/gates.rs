//! `gatewatch gates`: what waits for a person.

use crate::cli::exit::{self, Exit, Stop};
use crate::cli::output::Tone;
use crate::cli::session::Session;
use crate::cli::table::Table;
use crate::cli::words;
use crate::contracts::clock::Timestamp;
use crate::contracts::http::{GateList, GateRow};

/// List open gates, earliest deadline first.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = exit::example("gatewatch gates --json"))]
pub struct Gates {}

impl Gates {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        let (gates, unreadable) = tokio::join!(session.gateway.gates(), session.gateway.unreadable());
        let list = GateList { gates: gates?, at: words::now() };
        if session.out.is_json() {
            session.out.json(&list)?;
        } else if list.gates.is_empty() {
            let blind = "No gate can be seen, which is not to say that none is open.";
            session.out.say(if unreadable.is_some() { blind } else { "No gate is open." })?;
        } else {
            let mut lines = table(&list).lines().into_iter();
            let heading = lines.next().map(|heading| session.out.paint(Tone::Muted, &heading));
            session.out.lines(heading.into_iter().chain(lines))?;
        }
        session.warn(unreadable.as_ref())?;
        // A script must not take what could not be seen for nothing to do.
        Ok(if unreadable.is_some() { Exit::Failure } else { Exit::Ok })
    }
}

fn table(list: &GateList) -> Table<8> {
    let mut table =
        Table::new(["DEADLINE", "GATE", "WORKFLOW", "ENVIRONMENT", "VERSION", "SCORE", "CRITICAL", "REQUESTED BY"]);
    for row in &list.gates {
        table.row(cells(row, list.at));
    }
    table
}

fn cells(row: &GateRow, now: Timestamp) -> [String; 8] {
    let GateRow { workflow_id, environment, gate } = row;
    let evidence = gate.evidence.as_ref();
    [
        words::or_dash(gate.deadline.map(|deadline| words::relative(now, deadline))),
        gate.id.to_string(),
        workflow_id.to_string(),
        words::or_dash(environment.as_ref()),
        words::or_dash(evidence.map(|evidence| &evidence.version)),
        words::or_dash(evidence.map(|evidence| evidence.score)),
        words::or_dash(evidence.map(|evidence| match evidence.critical_failing {
            0 => "ok".to_owned(),
            failing => format!("{failing} failing"),
        })),
        if gate.requested_by.is_empty() { "-".to_owned() } else { gate.requested_by.clone() },
    ]
}
