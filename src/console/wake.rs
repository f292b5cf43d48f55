//! When something on screen will next change by itself. The loop sleeps until then: while nothing ages and nothing
//! moves, that is the next minute.

use std::time::Duration;

use crate::console::event::Event;
use crate::console::model::Model;
use crate::console::overlays::Overlay;
use crate::console::overlays::confirm::state::Phase;
use crate::console::screen::Beat;
use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::link::Link;

/// A flash is over within this.
const FRAME: Millis = Millis(100);

impl Model {
    /// How long to sleep from `now` on, `up` after the console began, if nothing happens.
    pub fn sleep(&self, now: Timestamp, up: Millis) -> Duration {
        let until = self.wake_at(now).since(now);
        let pause = self.typing.wakes_in(up).map_or(until, |keys| keys.min(until));
        // One more millisecond, so that waking is never a moment too early to change anything.
        pause.as_duration() + Duration::from_millis(1)
    }

    /// Whether an event can change what is on screen.
    pub fn shows(&self, event: &Event) -> bool {
        // What was called old is so no more.
        !matches!(event, Event::Same { .. }) || self.overdue().is_some()
    }

    fn wake_at(&self, now: Timestamp) -> Timestamp {
        let beat = match self.beat() {
            Beat::Minute => next(now, 60_000),
            Beat::Second => next(now, 1000),
            Beat::Frame => now.plus(FRAME),
        };
        let moments = [self.messages.next_gone(now), self.next_overdue()];
        moments.into_iter().flatten().fold(beat, Timestamp::min)
    }

    fn beat(&self) -> Beat {
        let screen = self.stage.beat(self.screen(), &self.ctx());
        let waits = self.overlays.iter().any(|overlay| match overlay {
            Overlay::Confirm(state) => {
                let counts = state.question.facts.iter().any(|fact| fact.value.counts_seconds(self.now));
                counts || matches!(state.phase, Phase::Waiting { .. } | Phase::InDoubt { .. })
            }
            Overlay::Help(_) | Overlay::Palette(_) => false,
        });
        let ages = self.overdue().is_some()
            || self.world.links.values().any(|link| !matches!(link, Link::Up { .. }))
            || self.alert().is_some_and(|alert| alert.counts);
        if waits || ages { screen.max(Beat::Second) } else { screen }
    }
}

/// The next whole minute or second.
fn next(now: Timestamp, step: i64) -> Timestamp {
    let past = now.unix_millis().rem_euclid(step);
    now.plus(Millis(u64::try_from(step - past).unwrap_or(0)))
}
