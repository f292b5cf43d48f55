//! A value that lives elsewhere: what is known of it, how old that is, and why it is not newer.

use crate::contracts::clock::Timestamp;
use crate::contracts::failure::Failure;
use crate::contracts::workflow::{HeldUp, WorkflowDetail};

/// A remote value. The old one stays while a newer one is fetched, and when fetching fails.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Remote<T> {
    /// Nothing was heard of it yet.
    #[default]
    Idle,
    /// As of `at`.
    Fresh { value: T, at: Timestamp },
    /// As of `at`; asking again has failed since.
    Stale { value: T, at: Timestamp, failure: Failure },
    /// Never had, and asking failed at `at`.
    Failed { failure: Failure, at: Timestamp },
}

impl<T> Remote<T> {
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Fresh { value, .. } | Self::Stale { value, .. } => Some(value),
            Self::Idle | Self::Failed { .. } => None,
        }
    }

    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Stale { failure, .. } | Self::Failed { failure, .. } => Some(failure),
            Self::Idle | Self::Fresh { .. } => None,
        }
    }

    /// When the value was true.
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Fresh { at, .. } | Self::Stale { at, .. } => Some(*at),
            Self::Idle | Self::Failed { .. } => None,
        }
    }

    /// The wall clock was set back: nothing was true later than now.
    pub fn clock_set(&mut self, now: Timestamp) {
        match self {
            Self::Fresh { at, .. } | Self::Stale { at, .. } | Self::Failed { at, .. } => *at = (*at).min(now),
            Self::Idle => {}
        }
    }

    /// Asking again failed: what is shown is old.
    pub fn is_stale(&self) -> bool {
        matches!(self, Self::Stale { .. })
    }

    /// Asked again, it is as it was.
    pub fn same(&mut self, now: Timestamp) {
        if let Self::Fresh { at, .. } = self {
            *at = now;
        }
    }

    /// An answer came.
    pub fn answered(&mut self, result: Result<T, Failure>, now: Timestamp) {
        *self = match (std::mem::take(self), result) {
            (_, Ok(value)) => Self::Fresh { value, at: now },
            (Self::Fresh { value, at } | Self::Stale { value, at, .. }, Err(failure)) => {
                Self::Stale { value, at, failure }
            }
            (Self::Idle | Self::Failed { .. }, Err(failure)) => Self::Failed { failure, at: now },
        };
    }
}

impl Remote<WorkflowDetail> {
    /// What held the workflow up when this console last saw it: what it does not see it does not judge.
    pub fn held_up(&self) -> Option<HeldUp> {
        self.value()?.held_up(self.at()?)
    }
}
