//! `gatewatch watch`: one workflow, live, as lines.

use crate::cli::changes::Change;
use crate::cli::exit::{self, Exit, Stop};
use crate::cli::follow::{self, Next};
use crate::cli::session::Session;
use crate::contracts::ids::WorkflowId;

/// Follow a workflow: phases, gates, health, triggers and rollback, a line each, until it ends.
///
/// With --json each line is an object with `at`, `what` and `text`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = exit::example("gatewatch watch deploy-checkout-42 --json"))]
pub struct Watch {
    /// Workflow id.
    workflow: String,
}

impl Watch {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        let id = WorkflowId::new(self.workflow.as_str());
        let out = session.out;
        let report = |changes: &[Change]| -> Result<(), Stop> {
            for change in changes {
                if out.is_json() { out.json_line(change)? } else { out.line(&follow::line(change))? }
            }
            Ok(())
        };
        let closed = follow::follow(session, &id, report, |detail| {
            if detail.row.status.is_open() { Next::Again } else { Next::Enough(()) }
        });
        follow::interruptible(closed, &format!("Not watching any more. {id} goes on.")).await?;
        Ok(Exit::Ok)
    }
}
