//! The one channel into the console: whatever happens on whatever thread is stamped and queued here.

use std::sync::mpsc::{Receiver, Sender, channel};

use chrono::Utc;

use crate::console::event::{Event, Stamped};
use crate::contracts::clock::Timestamp;

/// The sending end. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outbox {
    tx: Sender<Stamped>,
}

impl Outbox {
    pub fn new() -> (Self, Receiver<Stamped>) {
        let (tx, rx) = channel();
        (Self { tx }, rx)
    }

    pub fn send(&self, event: Event) {
        // Fails only when the console has been left, and then nobody wants to know.
        let _ = self.tx.send(Stamped { at: now(), event });
    }
}

/// The clock of everything that is stamped.
pub fn now() -> Timestamp {
    Timestamp(Utc::now())
}
