//! What is typed into the palette and what matches it.

use crate::console::action::{ACTIONS, Action};
use crate::console::cursor::Cursor;
use crate::console::field::{Lines, TextField};
use crate::console::fuzzy::Fuzzy;

/// The palette.
#[derive(Clone, Debug)]
pub struct State {
    pub input: TextField,
    /// Every action with whether it is possible here, as it was when the palette opened: possible ones first.
    pub entries: Vec<Entry>,
    /// Places in `entries` of those that match, the best first.
    pub shown: Vec<usize>,
    pub cursor: Cursor,
}

/// One action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub action: Action,
    /// Its key here; empty when it has none.
    pub key: String,
    /// Why it is not possible here and now.
    pub why_not: Option<String>,
}

impl State {
    pub fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_by_key(|entry| entry.why_not.is_some());
        let shown = (0..entries.len()).collect();
        Self { input: TextField::new(Lines::One, ""), entries, shown, cursor: Cursor::default() }
    }

    /// Actions that move within lists and text fields are pointless in a list of actions.
    pub fn lists(action: Action) -> bool {
        let spec = action.spec();
        let moves = ["cursor.", "page.", "pane.", "text.", "palette", "back"];
        !moves.iter().any(|prefix| spec.name.starts_with(prefix))
    }

    /// Every action worth listing.
    pub fn listed() -> impl Iterator<Item = Action> {
        ACTIONS.iter().map(|spec| spec.action).filter(|action| Self::lists(*action))
    }

    pub fn selected(&self) -> Option<&Entry> {
        self.entries.get(*self.shown.get(self.cursor.index)?)
    }

    /// Finds again what matches, after the text changed.
    pub fn find(&mut self, height: usize) {
        let mut fuzzy = Fuzzy::new(&self.input.text());
        let mut scored: Vec<(usize, bool, u32)> = self
            .entries
            .iter()
            .enumerate()
            .filter_map(|(at, entry)| {
                let spec = entry.action.spec();
                let score =
                    fuzzy.score(spec.title).max(fuzzy.score(spec.name)).max(fuzzy.score(spec.doc).map(|s| s / 2));
                Some((at, entry.why_not.is_some(), score?))
            })
            .collect();
        scored.sort_by_key(|(at, impossible, score)| (*impossible, std::cmp::Reverse(*score), *at));
        self.shown = scored.into_iter().map(|(at, ..)| at).collect();
        self.cursor.put(0, self.shown.len(), height);
    }
}
