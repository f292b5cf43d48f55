//! What every handler shares.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use crate::contracts::actor::{Actor, Via};
use crate::contracts::http::QueueStanding;
use crate::coordinator::auth::{Caller, People};
use crate::coordinator::dispatcher::board::Board;
use crate::coordinator::intake::Intake;
use crate::coordinator::key::SigningKey;
use crate::coordinator::metrics::Metrics;
use crate::coordinator::senders::Senders;
use crate::coordinator::specs::Specs;
use crate::coordinator::stream::Streams;
use crate::gateway::Gateway;
use crate::gateway::operate::{Operator, Policy};
use crate::store::Store;

/// Cheap to clone; nothing in it changes but counters and streams.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

/// The parts.
pub struct Shared {
    pub gateway: Gateway,
    pub key: SigningKey,
    pub people: People,
    pub metrics: Metrics,
    pub senders: Senders,
    pub intake: Intake,
    pub store: Store,
    pub streams: Streams,
    /// Who does the work of goals.
    pub board: Arc<Board>,
    /// Specs that goals can be started with by name.
    pub specs: Specs,
    /// Where goals are started.
    pub task_queue: String,
    /// The trail of what people told goals through this coordinator.
    pub audit: PathBuf,
    /// How the queue stands, when answers come from one.
    pub queue: Option<watch::Receiver<QueueStanding>>,
    /// Turns true when the coordinator is told to stop.
    pub stopping: watch::Receiver<bool>,
}

impl AppState {
    pub fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    pub fn gateway(&self) -> &Gateway {
        &self.0.gateway
    }

    /// The one path for changes, in the name of whoever asks.
    pub fn operator(&self, caller: &Caller) -> Operator {
        let policy = Policy {
            read_only: false,
            direct_rollback: false,
            actor: Actor::new(caller.name(), Via::Coordinator),
            audit: self.0.audit.clone(),
        };
        Operator::new(self.0.gateway.clone(), None, policy)
    }

    pub fn task_queue(&self) -> &str {
        &self.0.task_queue
    }

    pub fn key(&self) -> &SigningKey {
        &self.0.key
    }

    pub fn people(&self) -> &People {
        &self.0.people
    }

    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub fn senders(&self) -> &Senders {
        &self.0.senders
    }

    pub fn intake(&self) -> &Intake {
        &self.0.intake
    }

    pub fn store(&self) -> &Store {
        &self.0.store
    }

    pub fn streams(&self) -> &Streams {
        &self.0.streams
    }

    pub fn board(&self) -> &Arc<Board> {
        &self.0.board
    }

    pub fn specs(&self) -> &Specs {
        &self.0.specs
    }

    pub fn queue(&self) -> Option<QueueStanding> {
        self.0.queue.as_ref().map(|queue| queue.borrow().clone())
    }

    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.0.stopping.clone()
    }
}
