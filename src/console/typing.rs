//! Keys on their way to becoming actions: sequences, and what is too fast for a person.
//!
//! A confirmation counts only when a person gave it. Pasted text without brackets, a key held down and a script all
//! send keys closer together than fingers do; so a confirming key is held for a moment, and any key that follows within
//! that moment takes it back. All of it is told by a clock that nobody sets.

use crate::console::action::Action;
use crate::console::key::KeyPress;
use crate::contracts::clock::Millis;

/// Keys typed so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Typing {
    /// Since the console began. It only ever goes forward.
    pub up: Millis,
    /// The start of a sequence that is not finished.
    pub sequence: Vec<KeyPress>,
    /// When the last key came.
    pub last: Option<Millis>,
    /// A confirmation that waits for the moment to pass.
    pub held: Option<Held>,
}

/// A confirmation that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub action: Action,
    pub due: Millis,
}

/// Keys closer together than this are not typed by a person. Keyboards repeat a held key every 20 to 50 ms.
const HUMAN: Millis = Millis(70);
/// How long a confirming key is held: longer than a keyboard's repeat, shorter than a person notices.
const HOLD: Millis = Millis(120);
/// After this long in the middle of a sequence, the keys that could follow are shown.
const WHICH_KEY: Millis = Millis(350);

impl Typing {
    /// Takes note of a key. Says whether it came too fast after the one before.
    pub fn pressed(&mut self) -> Pace {
        let before = self.last.replace(self.up);
        self.held = None;
        match before {
            Some(at) if self.up.0.saturating_sub(at.0) < HUMAN.0 => Pace::Machine,
            _ => Pace::Human,
        }
    }

    /// Holds a confirmation until the moment has passed.
    pub fn hold(&mut self, action: Action) {
        self.held = Some(Held { action, due: Millis(self.up.0 + HOLD.0) });
    }

    /// The confirmation whose moment has passed.
    pub fn release(&mut self) -> Option<Action> {
        let held = self.held.filter(|held| held.due <= self.up)?;
        self.held = None;
        Some(held.action)
    }

    /// In the middle of a sequence for so long that the keys that could follow are shown.
    pub fn hesitates(&self) -> bool {
        self.which_key_at().is_some_and(|at| at <= self.up)
    }

    /// How long from `up` on until a confirmation is due or which-key opens.
    pub fn wakes_in(&self, up: Millis) -> Option<Millis> {
        let due = self.held.map(|held| held.due);
        let which_key = self.which_key_at().filter(|at| *at > up);
        let at = [due, which_key].into_iter().flatten().min()?;
        Some(Millis(at.0.saturating_sub(up.0)))
    }

    fn which_key_at(&self) -> Option<Millis> {
        let at = self.last.filter(|_| !self.sequence.is_empty())?;
        Some(Millis(at.0 + WHICH_KEY.0))
    }
}

/// How fast a key came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    Human,
    Machine,
}
