//! What every handler shares.

use std::sync::Arc;

use tokio::sync::watch;

use crate::coordinator::auth::People;
use crate::coordinator::dispatcher::board::Board;
use crate::coordinator::intake::Intake;
use crate::coordinator::key::SigningKey;
use crate::coordinator::metrics::Metrics;
use crate::coordinator::senders::Senders;
use crate::coordinator::stream::Streams;
use crate::gateway::Gateway;
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

    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.0.stopping.clone()
    }
}
