//! The trigger that is about to roll a deployment back, and for how long that may be promised.

use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::health::{HealthReport, TriggerState, TriggerStatus};

/// A trigger on its way to rolling back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Countdown<'a> {
    pub trigger: &'a TriggerState,
    pub count: u32,
    pub of: u32,
    pub fires_at: Timestamp,
    /// When the next look should be here.
    look_by: Timestamp,
}

/// What can be said of when it fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prospect {
    /// It fires then, as long as looks come.
    At(Timestamp),
    /// The next look is late, and only a look can fire.
    Doubtful,
    /// The next look fires it: that is on its way, or what follows is not seen yet.
    Due,
    /// It should have fired so long ago, and nothing has followed.
    Overdue(Millis),
}

/// The heartbeat that tells of a look and the console's own look take this long together.
const ON_THE_WAY: Millis = Millis::from_secs(2);

impl<'a> Countdown<'a> {
    /// The trigger that fires first if nothing gets better; none while none fails, or before the first look.
    pub fn of(report: &'a HealthReport) -> Option<Self> {
        let looked_at = report.samples.last()?.at;
        let look_by =
            looked_at.plus(report.interval_ms).plus(HealthReport::longest_look(report.interval_ms)).plus(ON_THE_WAY);
        let failing = report.triggers.iter().filter_map(|state| match state.status {
            TriggerStatus::Failing { count, of, fires_in_ms } => {
                Some(Self { trigger: state, count, of, fires_at: looked_at.plus(fires_in_ms), look_by })
            }
            TriggerStatus::Unknown | TriggerStatus::Ok | TriggerStatus::Fired => None,
        });
        failing.min_by_key(|countdown| countdown.fires_at)
    }

    /// Where it stands now, as seen at `seen_at`: that nothing came is known only up to then. A worker that was killed is
    /// told by its silence alone, seconds before anybody else misses it.
    pub fn prospect(&self, now: Timestamp, seen_at: Timestamp) -> Prospect {
        let is_late = seen_at > self.look_by;
        match (now < self.fires_at, is_late) {
            (true, false) => Prospect::At(self.fires_at),
            (true, true) => Prospect::Doubtful,
            // A pause may end between two looks: only the next one fires.
            (false, false) => Prospect::Due,
            (false, true) => Prospect::Overdue(now.since(self.fires_at)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Countdown, Prospect};
    use crate::contracts::clock::{Millis, Timestamp};
    use crate::contracts::health::{HealthReport, Sample, Trigger, TriggerState, TriggerStatus};

    fn at(millis: u64) -> Timestamp {
        Timestamp(chrono::DateTime::UNIX_EPOCH).plus(Millis(millis))
    }

    fn report(interval: u64, fires_in: u64) -> HealthReport {
        let sample = Sample {
            seq: 1,
            at: at(0),
            healthy: true,
            http_status: None,
            error_rate: None,
            p50_ms: None,
            p95_ms: None,
            p99_ms: None,
            requests: 0,
            database_ok: None,
            version: None,
        };
        let status = TriggerStatus::Failing { count: 1, of: 4, fires_in_ms: Millis(fires_in) };
        let state = TriggerState { trigger: Trigger::ErrorRate, status, now: String::new(), limit: String::new() };
        let (samples, triggers) = (vec![sample], vec![state]);
        HealthReport { samples, triggers, interval_ms: Millis(interval), ..HealthReport::default() }
    }

    /// Interval, time until it fires; now, when it was seen; what may be said.
    #[test]
    fn a_rollback_is_promised_only_while_looks_come_and_never_once_it_is_due() {
        let cases = [
            ((1000, 20_000), (1000, 1000), Prospect::At(at(20_000))),
            ((1000, 20_000), (4000, 4000), Prospect::At(at(20_000))),
            ((1000, 20_000), (4500, 4500), Prospect::Doubtful),
            // It was this console that did not look.
            ((1000, 20_000), (9000, 2000), Prospect::At(at(20_000))),
            // A service that hangs is looked at for 5 s.
            ((15_000, 30_000), (21_500, 21_500), Prospect::At(at(30_000))),
            ((15_000, 30_000), (22_500, 22_500), Prospect::Doubtful),
            ((15_000, 15_000), (21_500, 21_500), Prospect::Due),
            ((15_000, 15_000), (22_500, 22_500), Prospect::Overdue(Millis(7500))),
            // A pause has ended two seconds after a look.
            ((15_000, 2000), (14_000, 14_000), Prospect::Due),
            ((1000, 1000), (1000, 900), Prospect::Due),
            ((1000, 1000), (3500, 3400), Prospect::Due),
            ((1000, 1000), (4500, 4400), Prospect::Overdue(Millis(3500))),
            // Nobody has looked for a while: there is nothing to wait for.
            ((1000, 5000), (5000, 5000), Prospect::Overdue(Millis(0))),
            ((1000, 5000), (9000, 3500), Prospect::Due),
        ];
        for ((interval, fires_in), (now, seen), wanted) in cases {
            let report = report(interval, fires_in);
            let countdown = Countdown::of(&report).unwrap();
            let case = format!("every {interval}, fires in {fires_in}, at {now}, seen {seen}");
            assert_eq!(countdown.prospect(at(now), at(seen)), wanted, "{case}");
        }
    }
}
