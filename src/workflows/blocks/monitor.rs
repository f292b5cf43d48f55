//! Watching a live service: for how long, and how the activity that does it is run. The watch itself reads its
//! end and its pauses from the memo on every look, so extending and pausing reach it without restarting it.

use std::time::Duration;

use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::delivery::MonitorSettings;
use crate::workflows::blocks::retry::{Plan, Retry};

/// Until when a deployment is watched.
#[derive(Clone, Debug)]
pub struct Watch {
    length: Millis,
    state: WatchState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WatchState {
    Ahead,
    Until(Timestamp),
    Over,
}

impl Watch {
    pub fn new(length: Millis) -> Self {
        Self { length: length.min(MonitorSettings::LONGEST_WATCH), state: WatchState::Ahead }
    }

    /// Watching begins.
    pub fn start(&mut self, now: Timestamp) {
        self.state = WatchState::Until(now.plus(self.length));
    }

    /// Watching is over: it can no longer be extended.
    pub fn end(&mut self) {
        self.state = WatchState::Over;
    }

    /// Watches `by` longer. Before watching began it makes the watch longer, while it runs it moves its end.
    pub fn extend(&mut self, by: Millis, now: Timestamp) -> Result<(), String> {
        match self.state {
            WatchState::Ahead => {
                self.length = Millis(self.length.0.saturating_add(by.0)).min(MonitorSettings::LONGEST_WATCH);
            }
            WatchState::Until(until) => {
                self.state = WatchState::Until(until.plus(by).min(now.plus(MonitorSettings::LONGEST_WATCH)).max(until));
            }
            WatchState::Over => return Err("Monitoring is over: there is nothing to extend.".to_owned()),
        }
        Ok(())
    }

    pub fn until(&self) -> Option<Timestamp> {
        match self.state {
            WatchState::Until(until) => Some(until),
            WatchState::Ahead | WatchState::Over => None,
        }
    }
}

/// How `monitorHealth` runs: without end of its own, tried again for ever, and given up as dead after a few
/// silent intervals so that another worker takes over from its last heartbeat. Stopping it never waits.
pub fn plan(interval: Millis) -> Plan {
    let silence = interval.as_duration().saturating_mul(3) + Duration::from_secs(5);
    Plan::new(Retry::Critical, Duration::from_hours(48)).heartbeat(silence)
}

#[cfg(test)]
mod tests {
    use super::Watch;
    use crate::contracts::clock::{Millis, Timestamp};
    use crate::contracts::delivery::MonitorSettings;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_unix_millis(millis).unwrap()
    }

    #[test]
    fn a_watch_is_extended_ahead_and_while_it_runs_and_not_after() {
        let mut watch = Watch::new(Millis(100));
        watch.extend(Millis(50), at(0)).unwrap();
        assert_eq!(watch.until(), None);
        watch.start(at(1000));
        assert_eq!(watch.until(), Some(at(1150)));
        watch.extend(Millis(10), at(1100)).unwrap();
        assert_eq!(watch.until(), Some(at(1160)));
        watch.extend(Millis(u64::MAX), at(1100)).unwrap();
        assert_eq!(watch.until(), Some(at(1100).plus(MonitorSettings::LONGEST_WATCH)), "there is an end to it");
        watch.end();
        assert!(watch.extend(Millis(1), at(1200)).is_err());
        assert_eq!(watch.until(), None);
    }
}
