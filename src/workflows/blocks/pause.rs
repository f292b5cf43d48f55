//! Pausing the rollback triggers: dangerous, so it is limited in all, not per request, and it ends by itself.

use crate::contracts::clock::{Millis, Timestamp};

/// How long the triggers of one deployment have been and will be held back.
#[derive(Clone, Debug)]
pub struct Pause {
    /// All pauses together may take this long.
    limit: Millis,
    /// Taken by pauses that are over.
    used: Millis,
    current: Option<(Timestamp, Timestamp)>,
}

impl Pause {
    pub fn new(limit: Millis) -> Self {
        Self { limit, used: Millis(0), current: None }
    }

    /// Holds the triggers back for `wanted`, or for what is left of the limit. A pause that runs is replaced,
    /// not added to. Refused when nothing is left.
    pub fn start(&mut self, now: Timestamp, wanted: Millis) -> Result<Timestamp, String> {
        self.stop(now);
        let left = Millis(self.limit.0.saturating_sub(self.used.0));
        if left.0 == 0 {
            return Err(format!(
                "The triggers have been held back for {} already, which is the most this deployment allows.",
                seconds(self.limit)
            ));
        }
        if wanted.0 == 0 {
            return Err("A pause needs a length: give `forMs`.".to_owned());
        }
        let until = now.plus(wanted.min(left));
        self.current = Some((now, until));
        Ok(until)
    }

    /// Lets the triggers act again.
    pub fn stop(&mut self, now: Timestamp) {
        if let Some((since, until)) = self.current.take() {
            self.used.0 = self.used.0.saturating_add(now.min(until).since(since).0);
        }
    }

    /// When the triggers act again; in the past once a pause has run out.
    pub fn until(&self) -> Option<Timestamp> {
        self.current.map(|(_, until)| until)
    }
}

fn seconds(millis: Millis) -> String {
    format!("{} s", millis.0 / 1000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Pause;
    use crate::contracts::clock::{Millis, Timestamp};

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_unix_millis(i64::try_from(millis).unwrap()).unwrap()
    }

    #[test]
    fn a_pause_is_cut_to_what_is_left() {
        let mut pause = Pause::new(Millis(100));
        assert_eq!(pause.start(at(0), Millis(60)), Ok(at(60)));
        pause.stop(at(40));
        assert_eq!(pause.until(), None);
        assert_eq!(pause.start(at(1000), Millis(u64::MAX)), Ok(at(1060)), "40 of 100 are used");
        assert!(pause.start(at(1060), Millis(1)).is_err(), "nothing is left");
    }

    #[test]
    fn a_pause_that_runs_is_replaced() {
        let mut pause = Pause::new(Millis(100));
        assert_eq!(pause.start(at(0), Millis(50)), Ok(at(50)));
        assert_eq!(pause.start(at(10), Millis(50)), Ok(at(60)));
        assert_eq!(pause.start(at(20), Millis(u64::MAX)), Ok(at(100)), "20 are used, 80 are left");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// However pauses are asked for, the triggers are never held back longer than the limit in all.
        #[test]
        fn the_limit_holds(requests in proptest::collection::vec((0_u64..200, 0_u64..200, any::<bool>()), 0..40)) {
            let mut pause = Pause::new(Millis(150));
            let (mut now, mut held) = (0, 0);
            for (wait, wanted, resume) in requests {
                let paused_until = pause.until().map_or(0, |until| u64::try_from(until.unix_millis()).unwrap());
                held += paused_until.min(now + wait).saturating_sub(now);
                now += wait;
                if resume {
                    pause.stop(at(now));
                } else {
                    let _ = pause.start(at(now), Millis(wanted));
                }
            }
            let last = pause.until().map_or(0, |until| u64::try_from(until.unix_millis()).unwrap());
            held += last.saturating_sub(now);
            prop_assert!(held <= 150, "held back for {held}");
        }
    }
}
