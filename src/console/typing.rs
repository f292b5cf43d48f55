//! Keys on their way to becoming actions: sequences, and what is too fast for a person.
//!
//! A confirmation counts only when a person gave it. Pasted text without brackets, a key held down and a script all
//! send keys closer together than fingers do; so a confirming key is held for a moment, and any key that follows within
//! that moment takes it back.

use crate::console::action::Action;
use crate::console::key::KeyPress;
use crate::contracts::clock::{Millis, Timestamp};

/// Keys typed so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Typing {
    /// The start of a sequence that is not finished.
    pub sequence: Vec<KeyPress>,
    pub last: Option<(KeyPress, Timestamp)>,
    /// A confirmation that waits for the moment to pass.
    pub held: Option<Held>,
}

/// A confirmation that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub action: Action,
    pub due: Timestamp,
}

/// Keys closer together than this are not typed by a person. Keyboards repeat a held key every 20 to 50 ms.
const HUMAN: Millis = Millis(70);
/// How long a confirming key is held: longer than a keyboard's repeat, shorter than a person notices.
const HOLD: Millis = Millis(120);
/// After this long in the middle of a sequence, the keys that could follow are shown.
const WHICH_KEY: Millis = Millis(350);

impl Typing {
    /// Takes note of a key. Says whether it came too fast after the one before.
    pub fn pressed(&mut self, key: KeyPress, now: Timestamp) -> Pace {
        let before = self.last.replace((key, now));
        self.held = None;
        match before {
            Some((_, at)) if now.since(at) < HUMAN => Pace::Machine,
            _ => Pace::Human,
        }
    }

    /// Holds a confirmation until the moment has passed.
    pub fn hold(&mut self, action: Action, now: Timestamp) {
        self.held = Some(Held { action, due: now.plus(HOLD) });
    }

    /// The confirmation whose moment has passed.
    pub fn release(&mut self, now: Timestamp) -> Option<Action> {
        let held = self.held.filter(|held| held.due <= now)?;
        self.held = None;
        Some(held.action)
    }

    /// When which-key opens.
    pub fn which_key_at(&self) -> Option<Timestamp> {
        let (_, at) = self.last.filter(|_| !self.sequence.is_empty())?;
        Some(at.plus(WHICH_KEY))
    }
}

/// How fast a key came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    Human,
    Machine,
}
