//! The one path on which people change anything: re-read the target, send with a stable id, follow, audit.
//! Read-only mode blocks it in one function and nowhere else, because there is nowhere else.

mod check;
mod follow;
mod send;

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use crate::contracts::actor::Actor;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::mutation::{Description, Done, Mutation};
use crate::gateway::Gateway;
use crate::gateway::audit::{self, Record, Stage};
use crate::gateway::coordinator::Coordinator;

/// Between two attempts to resolve a doubt.
const AGAIN: Duration = Duration::from_millis(500);
/// A disk that takes longer for a line hangs, as one over a network can for ever.
const RECORD: Duration = Duration::from_secs(2);

/// What an operator may do, and how.
#[derive(Clone, Debug)]
pub struct Policy {
    pub read_only: bool,
    /// Roll back straight through Temporal when the coordinator does not answer.
    pub direct_rollback: bool,
    /// Who acts, and through what.
    pub actor: Actor,
    /// Where the audit trail is.
    pub audit: PathBuf,
}

/// A person at work on one namespace.
#[derive(Clone, Debug)]
pub struct Operator {
    gateway: Gateway,
    coordinator: Option<Coordinator>,
    policy: Policy,
}

impl Operator {
    pub fn new(gateway: Gateway, coordinator: Option<Coordinator>, policy: Policy) -> Self {
        Self { gateway, coordinator, policy }
    }

    /// What the confirm dialog and the CLI show before they ask.
    pub fn describe(&self, mutation: &Mutation) -> Description {
        mutation.describe(&self.gateway.cluster())
    }

    /// Does it. In doubt is an answer, not an error: see [`Self::follow`].
    pub async fn perform(&self, mutation: Mutation) -> Result<Done, Failure> {
        let asked = Stage::Asked { name: mutation.name().to_owned(), mutation: mutation.clone() };
        let recorded = self.record(&mutation, asked).await;
        // Trying it in a read-only session is in the trail too.
        let result = match (self.permit(), recorded) {
            (Err(refused), _) => Err(refused),
            // What cannot be recorded is not done, but for the one thing that must always be possible.
            (Ok(()), Err(failure)) if !matches!(mutation, Mutation::Rollback(_)) => return Err(failure),
            (Ok(()), _) => self.act(&mutation).await,
        };
        self.record_result(&mutation, &result).await;
        result
    }

    /// Follows what [`Self::perform`] left in doubt until it is known what became of it or the time is over. Everything is
    /// sent again under its own id, because it may have been lost: updates and starts each time, anything else until the
    /// server has it.
    pub async fn follow(&self, mutation: &Mutation, within: Duration) -> Result<Done, Failure> {
        self.permit()?;
        let until = Instant::now() + within;
        let mut held = None;
        loop {
            let result = match mutation {
                Mutation::Decide(_)
                | Mutation::Rollback(_)
                | Mutation::Tell(_)
                | Mutation::Start(_)
                | Mutation::RegisterAttributes => self.act(mutation).await,
                Mutation::ExtendMonitoring(_)
                | Mutation::PauseMonitoring(_)
                | Mutation::ResumeMonitoring(_)
                | Mutation::Signal(_)
                | Mutation::Cancel(_)
                | Mutation::Terminate(_) => self.held(mutation, &mut held).await,
            };
            let left = until.saturating_duration_since(Instant::now());
            let waiting = match &result {
                Ok(Done::Unanswered) => true,
                Ok(done) => done.is_in_doubt() && !matches!(mutation, Mutation::Signal(_)),
                Err(failure) => matches!(failure.kind, FailureKind::Unavailable | FailureKind::DeadlineExceeded),
            };
            if !waiting || left.is_zero() {
                self.record_result(mutation, &result).await;
                return result;
            }
            sleep(AGAIN.min(left)).await;
        }
    }

    /// Sends it, once its target was read again. Whoever calls has asked [`Self::permit`].
    async fn act(&self, mutation: &Mutation) -> Result<Done, Failure> {
        match self.checked(mutation).await? {
            check::Verdict::Settled(done) => Ok(done),
            check::Verdict::Go(before) => {
                let done = self.send(mutation).await?;
                self.seen(mutation, before.as_deref(), done).await
            }
        }
    }

    /// Sends it again until the server has it, and then looks for its effect. `held` is what the server answered.
    async fn held(&self, mutation: &Mutation, held: &mut Option<Done>) -> Result<Done, Failure> {
        let done = match held {
            Some(done) => done.clone(),
            None => match (mutation, self.send(mutation).await) {
                // It has ended, which is what was asked for.
                (Mutation::Cancel(_) | Mutation::Terminate(_), Err(failure))
                    if failure.kind == FailureKind::Conflict =>
                {
                    return Ok(Done::Stopping { closed: true });
                }
                (_, sent) => sent?,
            },
        };
        if done != Done::Unanswered {
            *held = Some(done.clone());
        }
        self.seen(mutation, None, done).await
    }

    /// Every mutation passes here, once for each of the two ways in.
    fn permit(&self) -> Result<(), Failure> {
        if self.policy.read_only {
            return Err(Failure::new(
                FailureKind::ReadOnly,
                "Not done: this session is read-only.",
                "Start gatewatch without --read-only, or take read_only out of the profile.",
            ));
        }
        Ok(())
    }

    async fn record_result(&self, mutation: &Mutation, result: &Result<Done, Failure>) {
        let stage = match result {
            Ok(done) => Stage::Done { result: done.clone() },
            Err(failure) => Stage::Failed { failure: failure.clone() },
        };
        // It has happened already; the log has why the trail lacks it.
        let _ = self.record(mutation, stage).await;
    }

    async fn record(&self, mutation: &Mutation, stage: Stage) -> Result<(), Failure> {
        let record = Record {
            actor: self.policy.actor.clone(),
            cluster: self.gateway.cluster(),
            id: mutation.id().to_owned(),
            stage,
        };
        let path = self.policy.audit.clone();
        let (written, answer) = oneshot::channel();
        // Not a task of the runtime: a disk that hangs would keep the process from ending.
        let writer = std::thread::Builder::new().name("audit".to_owned()).spawn(move || {
            // Nobody waits any more when it took too long.
            let _ = written.send(audit::append(&path, record));
        });
        let why = match (writer, timeout(RECORD, answer).await) {
            (Ok(_), Ok(Ok(Ok(())))) => return Ok(()),
            (Ok(_), Ok(Ok(Err(error)))) | (Err(error), _) => error.to_string(),
            (Ok(_), Ok(Err(_))) => "its writer broke".to_owned(),
            (Ok(_), Err(_)) => format!("nothing was written within {} s", RECORD.as_secs()),
        };
        tracing::error!(%why, path = %self.policy.audit.display(), "the audit trail cannot be written");
        Err(Failure::new(
            FailureKind::Internal,
            format!("Not done: the audit trail {} cannot be written: {why}.", self.policy.audit.display()),
            "Make room or correct its permissions, or set console.state_dir to another folder.",
        ))
    }
}
