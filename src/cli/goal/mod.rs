//! `gatewatch goal`: goals whose work agents do. Start one, follow it, look at it, answer and decide its steps.

pub mod follow;
pub mod operate;
pub mod show;
pub mod start;

use clap::Subcommand;

use crate::cli::exit::{self, Exit, Stop};
use crate::cli::session::Session;

/// Goals whose work agents do: start one, follow it, look at its steps, answer and decide them.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = exit::example("gatewatch goal start codegen-abc --goal \"Retry payments\" --kind REQUIREMENTS --follow"))]
pub struct Goal {
    #[command(subcommand)]
    action: Action,
}

#[derive(Clone, Debug, Subcommand)]
enum Action {
    Start(start::Start),
    Follow(follow::Follow),
    Show(show::Show),
    Answer(operate::Answer),
    Approve(operate::Approve),
    Reject(operate::Reject),
    Override(operate::Override),
    Nudge(operate::Nudge),
    Requeue(operate::Requeue),
    Lease(operate::Lease),
    Request(operate::Request),
    Event(operate::Event),
    Adopt(operate::Adopt),
    Cancel(operate::Cancel),
}

impl Goal {
    pub async fn run(&self, session: &Session) -> Result<Exit, Stop> {
        match &self.action {
            Action::Start(start) => start.run(session).await,
            Action::Follow(follow) => follow.run(session).await,
            Action::Show(show) => show.run(session).await,
            Action::Answer(answer) => answer.run(session).await,
            Action::Approve(approve) => approve.run(session).await,
            Action::Reject(reject) => reject.run(session).await,
            Action::Override(over) => over.run(session).await,
            Action::Nudge(nudge) => nudge.run(session).await,
            Action::Requeue(requeue) => requeue.run(session).await,
            Action::Lease(lease) => lease.run(session).await,
            Action::Request(request) => request.run(session).await,
            Action::Event(event) => event.run(session).await,
            Action::Adopt(adopt) => adopt.run(session).await,
            Action::Cancel(cancel) => cancel.run(session).await,
        }
    }
}
