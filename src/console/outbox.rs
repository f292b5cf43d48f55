//! The one channel into the console: whatever happens on whatever thread is stamped and queued here.

use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use chrono::Utc;

use crate::console::event::{Event, Stamped};
use crate::contracts::clock::{Millis, Timestamp};

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
        let _ = self.tx.send(stamp(event));
    }
}

/// An event that happens now.
pub fn stamp(event: Event) -> Stamped {
    Stamped { at: now(), up: up(), event }
}

/// The wall clock of everything that is stamped.
pub fn now() -> Timestamp {
    Timestamp(Utc::now())
}

/// Since the console began, whatever becomes of the wall clock.
pub fn up() -> Millis {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGAN.elapsed().into()
}
