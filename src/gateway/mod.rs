//! The only home of the Temporal client and of protos. Everything remote is decoded, bounded and made safe to
//! show here; nothing above sees a proto type.
//!
//! [`Gateway`] reads and sends; [`operate::Operator`] is the one path on which people change anything;
//! [`coordinator::Coordinator`] is the coordinator as a client sees it.

pub mod admin;
pub mod audit;
pub mod connect;
pub mod coordinator;
pub mod decide;
pub mod describe;
pub mod evidence;
mod failure;
pub mod gates;
pub mod goal;
pub mod history;
pub mod list;
pub mod operate;
mod payload;
pub mod rollback;
mod rows;
pub mod sibling;
pub mod signal;
pub mod tail;
mod update;
pub mod work;

use std::sync::Arc;
use std::time::Duration;

use temporalio_client::Client;
use temporalio_client::tonic::{Request, Response, Status};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::config::settings;
use crate::contracts::failure::Failure;
use crate::contracts::link::Link;
use crate::contracts::mutation::Cluster;
use crate::gateway::connect::Wire;
use crate::gateway::failure::Trouble;

/// A read that a person waits for.
const READ: Duration = Duration::from_secs(5);
/// A read that may bring a lot over a bad link.
const LONG_READ: Duration = Duration::from_secs(10);
/// How long a call stays silent before the link is looked at.
const SLOW: Duration = Duration::from_millis(1500);
/// How long a workflow may be between two runs before that is told, and how often it is looked.
const CLOSING: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(20);

/// A connection to one namespace. Cheap to clone; all clones share one link, which connects in the background and
/// reconnects for ever.
#[derive(Clone, Debug)]
pub struct Gateway {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    wire: Arc<Wire>,
    task: tokio::task::AbortHandle,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One call, as far as waiting and reporting go.
#[derive(Clone, Copy, Debug)]
struct Call<'a> {
    /// What it does: `list workflows`.
    what: &'a str,
    deadline: Duration,
    patience: Patience,
}

/// What silence means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    /// Answers come at once: silence is a reason to look at the link.
    Short,
    /// It waits for a worker, or for something to happen.
    Long,
}

impl<'a> Call<'a> {
    fn read(what: &'a str) -> Self {
        Self { what, deadline: READ, patience: Patience::Short }
    }

    fn long_read(what: &'a str) -> Self {
        Self { deadline: LONG_READ, ..Self::read(what) }
    }

    fn waiting(what: &'a str, deadline: Duration) -> Self {
        Self { what, deadline, patience: Patience::Long }
    }
}

impl Gateway {
    /// Begins to connect and returns at once. Must be called inside a tokio runtime.
    pub fn start(settings: &settings::Temporal) -> Self {
        let wire = Arc::new(Wire::new(settings.clone()));
        let task = tokio::spawn(Arc::clone(&wire).keep()).abort_handle();
        Self { shared: Arc::new(Shared { wire, task }) }
    }

    /// Where it connects to.
    pub fn cluster(&self) -> Cluster {
        self.shared.wire.settings.cluster()
    }

    /// How the link stands, now and whenever it changes.
    pub fn link(&self) -> watch::Receiver<Link> {
        self.shared.wire.link.subscribe()
    }

    /// Tries to connect now instead of when the back-off says.
    pub fn retry_now(&self) {
        self.shared.wire.retry_now();
    }

    /// Waits until the link is up; after `within`, says why it is not.
    pub async fn connected(&self, within: Duration) -> Result<(), Failure> {
        let mut link = self.link();
        if timeout(within, link.wait_for(Link::is_up)).await.is_ok() {
            return Ok(());
        }
        match &*link.borrow() {
            Link::Up { .. } => Ok(()),
            Link::Down { failure, .. } => Err(failure.clone()),
            Link::Connecting { .. } => {
                Err(failure::too_late(&format!("connect to Temporal at {}", self.cluster().address), within))
            }
        }
    }

    fn namespace(&self) -> String {
        self.shared.wire.settings.namespace.clone()
    }

    /// Who Temporal says did something.
    fn identity(&self) -> String {
        self.shared.wire.identity.clone()
    }

    /// Makes one call: within its deadline, on the current connection, failing at once when the link is or goes down.
    async fn call<M, T, F>(
        &self,
        call: Call<'_>,
        message: M,
        send: impl FnOnce(Client, Request<M>) -> F,
    ) -> Result<T, Trouble>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let until = tokio::time::Instant::now() + call.deadline;
        let client = self.client(call).await.map_err(Trouble::Unsent)?;
        let mut request = Request::new(message);
        request.set_timeout(until.saturating_duration_since(tokio::time::Instant::now()));
        let answer = async {
            tokio::pin! {
                let sent = send(client, request);
            }
            if call.patience == Patience::Short {
                tokio::select! {
                    answer = &mut sent => return answer,
                    () = tokio::time::sleep(SLOW) => self.shared.wire.doubt(),
                }
            }
            sent.await
        };
        let mut link = self.link();
        let outcome = tokio::select! {
            answer = tokio::time::timeout_at(until, answer) => answer,
            failure = lost(&mut link) => return Err(Trouble::Unanswered(failure)),
        };
        self.judge(call, outcome)
    }

    /// Makes a call again while its workflow is between two runs: for milliseconds, when it continues as new.
    async fn past_closing<T, F>(&self, send: impl Fn() -> F) -> Result<T, Trouble>
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        let until = tokio::time::Instant::now() + CLOSING;
        loop {
            match Box::pin(send()).await {
                Err(trouble) if trouble.is_between_runs() && tokio::time::Instant::now() < until => {
                    tokio::time::sleep(LOOK).await;
                }
                outcome => return outcome,
            }
        }
    }

    fn judge<T>(&self, call: Call<'_>, outcome: Outcome<T>) -> Result<T, Trouble> {
        let wire = &self.shared.wire;
        match outcome {
            Ok(Ok(response)) => {
                wire.hear();
                Ok(response.into_inner())
            }
            Ok(Err(status)) => {
                let trouble = failure::of_status(call.what, &status);
                if trouble.is_loss() {
                    wire.doubt();
                } else {
                    wire.hear();
                }
                Err(trouble)
            }
            Err(_) => {
                wire.doubt();
                Err(Trouble::Unanswered(failure::too_late(call.what, call.deadline)))
            }
        }
    }

    /// The client to call with: waits while the first attempt to connect is under way.
    async fn client(&self, call: Call<'_>) -> Result<Client, Failure> {
        let mut link = self.link();
        let settled = link.wait_for(|link| !matches!(link, Link::Connecting { .. }));
        if timeout(call.deadline, settled).await.is_err() {
            return Err(failure::too_late(call.what, call.deadline));
        }
        if let Link::Down { failure, .. } = &*link.borrow() {
            return Err(failure.clone());
        }
        self.shared.wire.client().ok_or_else(|| failure::too_late(call.what, call.deadline))
    }
}

type Outcome<T> = Result<Result<Response<T>, Status>, tokio::time::error::Elapsed>;

/// Returns when the link goes down, with the reason.
async fn lost(link: &mut watch::Receiver<Link>) -> Failure {
    loop {
        if let Link::Down { failure, .. } = &*link.borrow_and_update() {
            return failure.clone();
        }
        if link.changed().await.is_err() {
            // The sender lives as long as the gateway: the call itself will answer.
            return std::future::pending().await;
        }
    }
}
