//! The faults a version can be given. They live in its process, so a rollback leaves them behind.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What is wrong with a version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// One business request in five fails.
    Errors,
    /// Every business request takes a quarter of a second longer.
    Latency,
    /// The health endpoint says no, while requests go well.
    Health,
    /// The database cannot be reached.
    Database,
    /// Nothing.
    #[default]
    None,
}

impl Fault {
    pub const ALL: [Self; 5] = [Self::Errors, Self::Latency, Self::Health, Self::Database, Self::None];

    /// As it is written on the wire and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Latency => "latency",
            Self::Health => "health",
            Self::Database => "database",
            Self::None => "none",
        }
    }

    /// How much longer a business request takes.
    pub fn delay(self) -> Duration {
        match self {
            Self::Latency => Duration::from_millis(250),
            Self::Errors | Self::Health | Self::Database | Self::None => Duration::ZERO,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Body and answer of `/fault`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultBody {
    pub fault: Fault,
}

/// Picks the requests that fail: every fifth, so that any stretch of traffic has the same share.
#[derive(Debug, Default)]
pub struct Pattern(AtomicU64);

impl Pattern {
    const EVERY: u64 = 5;

    /// Whether the next request fails.
    pub fn next_fails(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) % Self::EVERY == Self::EVERY - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_window_of_five_has_one_failure() {
        let pattern = Pattern::default();
        let fails: Vec<bool> = (0..100).map(|_| pattern.next_fails()).collect();
        assert!(fails.windows(5).all(|window| window.iter().filter(|fails| **fails).count() == 1));
    }

    #[test]
    fn names_are_the_words_on_the_wire() {
        for fault in Fault::ALL {
            assert_eq!(serde_json::to_value(fault).unwrap(), fault.name());
            assert_eq!(<Fault as clap::ValueEnum>::from_str(fault.name(), false), Ok(fault));
        }
    }
}
