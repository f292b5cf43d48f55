//! What help shows, what is searched for in it, and how far it is scrolled.

use crate::console::action::ACTIONS;
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
    pub key: String,
    pub name: &'static str,
    pub doc: &'static str,
    pub writes: bool,
    /// It means something on this screen only.
    pub here: bool,
}

impl State {
    pub fn new(screen: ScreenId, keymap: &Keymap) -> Self {
        let context = screen.context();
        let of = |here: bool| {
            ACTIONS.iter().filter(move |spec| spec.contexts.contains(&context) == here).filter_map(move |spec| {
                let possible = here || spec.contexts.contains(&Context::Global);
                let key = keymap.label(context, spec.action).filter(|_| possible)?;
                Some(Entry { key, name: spec.name, doc: spec.doc, writes: spec.action.writes(), here })
            })
        };
        let entries = of(true).chain(of(false)).collect();
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
