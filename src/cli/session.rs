//! What a command works with: settings, the gateway, the one path for changes, and where to print.

use std::time::Duration;

use crate::cli::exit::{Exit, Stop};
use crate::cli::global::Global;
use crate::cli::output::Output;
use crate::config::settings::Settings;
use crate::contracts::actor::{Actor, Via};
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::ids::WorkflowId;
use crate::contracts::mutation::{Done, Mutation};
use crate::contracts::workflow::WorkflowDetail;
use crate::gateway::Gateway;
use crate::gateway::coordinator::Coordinator;
use crate::gateway::operate::{Operator, Policy};

/// A command that was not connected by then says so instead of waiting for ever.
const CONNECT: Duration = Duration::from_secs(10);
/// How long something that was not answered is asked for again.
const UNANSWERED: Duration = Duration::from_secs(20);

/// One command at work.
#[derive(Clone, Debug)]
pub struct Session {
    pub settings: Settings,
    pub gateway: Gateway,
    pub coordinator: Option<Coordinator>,
    pub operator: Operator,
    pub out: Output,
}

impl Session {
    /// Connected.
    pub async fn open(global: &Global) -> Result<Self, Failure> {
        let session = Self::begin(global)?;
        session.gateway.connected(CONNECT).await?;
        Ok(session)
    }

    /// Connecting; whether it succeeds is for the caller to see.
    pub fn begin(global: &Global) -> Result<Self, Failure> {
        let settings = global.settings()?;
        let gateway = Gateway::start(&settings.temporal);
        let coordinator = settings.coordinator_client.as_ref().map(Coordinator::new).transpose()?;
        let policy = Policy {
            read_only: settings.console.read_only,
            direct_rollback: settings.console.direct_rollback,
            actor: Actor::new(&settings.console.actor, Via::Cli),
            audit: settings.console.audit_file(),
        };
        let operator = Operator::new(gateway.clone(), coordinator.clone(), policy);
        Ok(Self { settings, gateway, coordinator, operator, out: global.output() })
    }

    /// Says on the side why an answer is not all there is, if so.
    pub fn warn(&self, incomplete: Option<&Failure>) -> std::io::Result<()> {
        incomplete.map_or(Ok(()), |failure| self.out.say(&format!("gatewatch: {failure}")))
    }

    pub async fn describe(&self, id: &WorkflowId) -> Result<WorkflowDetail, Stop> {
        Ok(self.gateway.describe(id, None).await?)
    }

    /// Does it; when no answer comes, asks again under the same id for a while before it says so.
    pub async fn perform(&self, mutation: &Mutation) -> Result<Done, Stop> {
        let mut done = self.operator.perform(mutation.clone()).await?;
        if done == Done::Unanswered {
            self.out.say("No answer came; asking again under the same id.")?;
            done = self.operator.follow(mutation, UNANSWERED).await?;
        }
        if done == Done::Unanswered {
            let failure = Failure::new(
                FailureKind::DeadlineExceeded,
                "No answer came: it may have reached the server or not.",
                "Look at the workflow before asking again.",
            );
            return Err(Stop::Told(Exit::InDoubt, failure));
        }
        Ok(done)
    }
}
