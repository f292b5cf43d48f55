//! What help shows, what is searched for in it, and how far it is scrolled.

use crate::console::action::{ACTIONS, Action, ActionSpec};
use crate::console::cursor::Cursor;
use crate::console::field::{Lines, TextField};
use crate::console::keymap::Keymap;
use crate::console::screen::{Context, Focus, ScreenId};

/// The help of one screen.
#[derive(Clone, Debug)]
pub struct State {
    pub screen: ScreenId,
    pub entries: Vec<Entry>,
    pub search: Option<TextField>,
    pub searching: Focus,
    pub cursor: Cursor,
}

/// One line: a key and what it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As the screen shows it; empty where only the palette leads there.
    pub key: String,
    pub name: &'static str,
    pub doc: &'static str,
    pub writes: bool,
    /// It means something on this screen only.
    pub here: bool,
    /// Why it is not possible now.
    pub why_not: Option<String>,
}

impl State {
    /// `can` says of an action why it is not possible now.
    pub fn new(screen: ScreenId, keymap: &Keymap, can: impl Fn(Action) -> Result<(), String>) -> Self {
        let context = screen.context();
        let entry = |spec: &'static ActionSpec, here: bool| Entry {
            key: keymap.label(context, spec.action).unwrap_or_default(),
            name: spec.name,
            doc: spec.doc,
            writes: spec.action.writes(),
            here,
            why_not: can(spec.action).err(),
        };
        let own = ACTIONS.iter().filter(|spec| spec.contexts.contains(&context)).map(|spec| entry(spec, true));
        let global = ACTIONS.iter().filter(|spec| spec.contexts.contains(&Context::Global));
        let mut entries: Vec<Entry> = own.chain(global.map(|spec| entry(spec, false))).collect();
        // What a screen is for comes first; everybody finds the arrows.
        entries.sort_by_key(|entry| (!entry.here, !entry.writes, moves(entry)));
        Self { screen, entries, search: None, searching: Focus::Keys, cursor: Cursor::default() }
    }

    pub fn focus(&self) -> Focus {
        self.searching
    }

    /// Entries that hold what is searched for.
    pub fn shown(&self) -> Vec<&Entry> {
        let wanted = self.search.as_ref().map(|search| search.text().to_lowercase()).unwrap_or_default();
        let holds = |entry: &&Entry| {
            wanted.split_whitespace().all(|word| {
                entry.doc.to_lowercase().contains(word) || entry.name.contains(word) || entry.key.to_lowercase() == word
            })
        };
        self.entries.iter().filter(holds).collect()
    }

    pub fn begin_search(&mut self) {
        self.search.get_or_insert_with(|| TextField::new(Lines::One, ""));
        self.searching = Focus::Text;
    }
}

fn moves(entry: &Entry) -> bool {
    ["cursor.", "page.", "pane."].iter().any(|prefix| entry.name.starts_with(prefix))
}
