//! Where the workers of this process stand: what `/readyz` tells and what starting and stopping is decided by.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::contracts::clock::Timestamp;

/// One worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum WorkerState {
    /// Temporal has not let it in yet; it tries again by itself.
    Waiting {
        attempt: u32,
        /// Why the last attempt failed; absent on the first.
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// It takes tasks.
    Polling {
        since: Timestamp,
    },
    /// It takes no more tasks and finishes what it has.
    Draining,
    Stopped,
}

/// All workers of this process.
#[derive(Debug)]
pub struct Status(Mutex<Vec<WorkerState>>);

impl Status {
    pub fn new(workers: usize) -> Self {
        Self(Mutex::new(vec![WorkerState::Waiting { attempt: 1, why: None }; workers]))
    }

    pub fn set(&self, index: usize, state: WorkerState) {
        let mut states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = states.get_mut(index) {
            *place = state;
        }
    }

    /// Every worker that takes tasks turns to finishing the ones it has.
    pub fn drain(&self) {
        let mut states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for state in states.iter_mut().filter(|state| **state != WorkerState::Stopped) {
            *state = WorkerState::Draining;
        }
    }

    pub fn now(&self) -> Vec<WorkerState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many take tasks.
    pub fn polling(&self) -> usize {
        self.now().iter().filter(|state| matches!(state, WorkerState::Polling { .. })).count()
    }
}
