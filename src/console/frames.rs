//! The pace of frames: a few may follow each other at once, so that a key or an answer shows without waiting; in a flood
//! they come evenly.

use std::time::{Duration, Instant};

/// Frames are this far apart in a flood.
const FRAME: Duration = Duration::from_millis(16);
/// Frames that may come sooner after a rest.
const AT_ONCE: u32 = 3;

/// When the next frame may come.
#[derive(Debug)]
pub struct Frames {
    /// When it would, were each [`FRAME`] after the one before.
    next: Instant,
}

impl Frames {
    pub fn begun(now: Instant) -> Self {
        Self { next: now }
    }

    /// How long a frame has to wait, if it has to.
    pub fn early(&self, now: Instant) -> Option<Duration> {
        self.next.checked_duration_since(now + FRAME * AT_ONCE)
    }

    pub fn drawn(&mut self, now: Instant) {
        self.next = self.next.max(now) + FRAME;
    }
}

#[cfg(test)]
mod tests {
    use super::{AT_ONCE, FRAME, Frames};
    use std::time::{Duration, Instant};

    /// Draws whenever a frame may come, for so long, with something to show at every millisecond.
    fn flood(frames: &mut Frames, from: Instant, millis: u64) -> u64 {
        let moments = (0..millis).map(|passed| from + Duration::from_millis(passed));
        let drawn = moments.filter(|now| {
            let may = frames.early(*now).is_none_or(|early| early.is_zero());
            if may {
                frames.drawn(*now);
            }
            may
        });
        drawn.count() as u64
    }

    #[test]
    fn after_a_rest_some_come_at_once_and_a_flood_comes_evenly() {
        let begun = Instant::now();
        let mut frames = Frames::begun(begun);
        for _ in 0..=AT_ONCE {
            assert!(frames.early(begun).is_none_or(|early| early.is_zero()), "a key shows at once");
            frames.drawn(begun);
        }
        assert_eq!(frames.early(begun), Some(FRAME));

        let drawn = flood(&mut frames, begun, 1600);
        assert!((99..=101).contains(&drawn), "{drawn} frames in 1.6 s");

        let rested = begun + Duration::from_secs(5);
        assert_eq!(frames.early(rested), None);
        assert_eq!(flood(&mut frames, rested, 2), 2, "after a rest there is no wait");
    }
}
