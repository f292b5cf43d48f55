//! `gatewatch start`: any workflow.

use crate::cli::exit::{self, Exit, Stop};
use crate::cli::input;
use crate::cli::session::Session;
use crate::contracts::ids::{WorkflowId, WorkflowType};
use crate::contracts::mutation::{Done, Mutation, Start, Target};
use crate::gateway::signal;

/// Start a workflow. One that runs already under the id is left alone.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = exit::example("gatewatch start ProductionReadinessWorkflow --id ready-checkout-42 --input @input.json"))]
pub struct StartWorkflow {
    /// Workflow type, such as `ProductionReadinessWorkflow`.
    #[arg(value_name = "TYPE")]
    workflow_type: String,
    /// Workflow id.
    #[arg(long, value_name = "ID")]
    id: String,
    /// Its input as JSON; `@FILE` reads a file, `-` reads stdin.
    #[arg(long, value_name = "JSON")]
    input: Option<String>,
    /// Task queue; the configured one where it is left out.
    #[arg(long, value_name = "NAME")]
    task_queue: Option<String>,
}

impl StartWorkflow {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        let id = WorkflowId::new(self.id.as_str());
        let queue = self.task_queue.as_ref().unwrap_or(&session.settings.temporal.task_queue);
        let mutation = Mutation::Start(Start {
            target: Target { workflow_id: id.clone(), request_id: signal::request_id() },
            workflow_type: WorkflowType::new(self.workflow_type.as_str()),
            task_queue: queue.clone(),
            input: self.input.as_deref().map(input::json).transpose()?.into_iter().collect(),
        });
        let done = session.perform(&mutation).await?;
        if session.out.is_json() {
            session.out.json(&done)?;
            return Ok(Exit::Ok);
        }
        let text = match &done {
            Done::Started { run_id, already: true } => format!("{id} runs already ({run_id})"),
            Done::Started { run_id, already: false } => format!("{id} started ({run_id})"),
            Done::Decided { .. }
            | Done::RolledBack { .. }
            | Done::Signalled { .. }
            | Done::Told { .. }
            | Done::Stopping { .. }
            | Done::Registered { .. }
            | Done::Unanswered => format!("{id} started"),
        };
        session.out.line(&text)?;
        Ok(Exit::Ok)
    }
}
