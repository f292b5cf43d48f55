//! `gatewatch signal`: any signal to any workflow.

use serde::Serialize;

use crate::cli::exit::{self, Exit, Stop};
use crate::cli::input;
use crate::cli::session::Session;
use crate::cli::words;
use crate::contracts::ids::{RunId, WorkflowId, WorkflowType};
use crate::contracts::mutation::{Done, Mutation, Signal, Target};
use crate::contracts::temporal::names;
use crate::contracts::text;
use crate::gateway::signal;

/// Send a signal to a workflow.
///
/// Each ARGUMENT is JSON; what does not parse is taken as text, so `gatewatch signal ID extendMonitoring '{"byMs":60000}'`
/// and `gatewatch signal ID note hello` both work.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = exit::example("gatewatch signal deploy-checkout-42 extendMonitoring '{\"byMs\":60000}'"))]
pub struct SendSignal {
    /// Workflow id.
    workflow: String,
    /// Name of the signal.
    name: String,
    /// Its arguments.
    #[arg(value_name = "ARGUMENT")]
    arguments: Vec<String>,
    /// Send it even if this type of gatewatch listens to no signal of that name.
    #[arg(long)]
    force: bool,
    /// A run other than the current one.
    #[arg(long, value_name = "ID")]
    run_id: Option<String>,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    workflow_id: &'a WorkflowId,
    signal: &'a str,
    #[serde(flatten)]
    done: Done,
}

impl SendSignal {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        let id = WorkflowId::new(self.workflow.as_str());
        let mutation = Mutation::Signal(Signal {
            target: Target { workflow_id: id.clone(), request_id: signal::request_id() },
            run_id: self.run_id.as_deref().map(RunId::from),
            name: self.name.clone(),
            args: self.arguments.iter().map(|text| input::loose(text)).collect(),
        });
        // One that cannot be read is refused, or not, where it is read again before anything is sent.
        let target = session.describe(&id).await.ok().filter(|_| !self.force);
        if let Some(slip) = target.and_then(|detail| unknown(&detail.row.workflow_type, &self.name)) {
            return Err(slip);
        }
        let done = session.perform(&mutation).await?;
        if session.out.is_json() {
            session.out.json(&Report { workflow_id: &id, signal: &self.name, done })?;
            return Ok(Exit::Ok);
        }
        let seen = match &done {
            Done::Signalled { seen_at: Some(at) } => format!(", seen at {}", words::clock(*at)),
            Done::Signalled { seen_at: None }
            | Done::Decided { .. }
            | Done::RolledBack { .. }
            | Done::Told { .. }
            | Done::Started { .. }
            | Done::Stopping { .. }
            | Done::Registered { .. }
            | Done::Unanswered => String::new(),
        };
        session.out.line(&format!("{} is with {id}{seen}", self.name))?;
        Ok(Exit::Ok)
    }
}

/// Temporal takes any signal and drops those that nobody listens to. Where it is known which ones a type listens to, a
/// slip of the pen is not sent, unless it is meant: another program may run a type of that name.
fn unknown(workflow_type: &WorkflowType, name: &str) -> Option<Stop> {
    let names = names::signal::of(workflow_type.as_str());
    if names.is_empty() || names.contains(&name) {
        return None;
    }
    let meant = text::suggestion(name, names.iter().copied()).map(|meant| format!("{meant} ")).unwrap_or_default();
    let message = format!("Not sent: {workflow_type} of gatewatch listens to no signal `{}`.", text::line(name));
    let hint = format!("{meant}It listens to: {}. --force sends it all the same.", names.join(", "));
    Some(Stop::usage(message, hint))
}

#[cfg(test)]
mod tests {
    use super::unknown;
    use crate::cli::exit::Stop;

    #[test]
    fn a_slip_of_the_pen_is_said() {
        let Some(Stop::Failed(said)) = unknown(&"ProductionDeploymentWorkflow".into(), "pauseMonitorng") else {
            panic!("it is no wrong use");
        };
        assert!(
            said.message.contains("`pauseMonitorng`") && said.hint.contains("triggerRollback, reportBug"),
            "{said}"
        );
        assert!(said.hint.starts_with("Did you mean `pauseMonitoring`?"), "{said}");
        assert!(unknown(&"ProductionDeploymentWorkflow".into(), "pauseMonitoring").is_none());
        assert!(unknown(&"OrderWorkflow".into(), "pauseMonitorng").is_none(), "of others nothing is known");
    }
}
