//! The keymap as people read it: the lists of help, and the table of the README.

use std::fmt::Write as _;

use crate::console::action::{ACTIONS, Action, ActionSpec};
use crate::console::keymap::{Keymap, path, text};
use crate::console::screen::Context;

/// One line of help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub action: Action,
    /// As the screen shows them; none where only the palette leads there.
    pub keys: Vec<String>,
}

/// Every action that means something in a context, in the order of the table of actions.
pub fn entries(keymap: &Keymap, context: Context) -> Vec<Entry> {
    let here = |spec: &&ActionSpec| spec.contexts.iter().any(|known| path(context).contains(known));
    let entry = |spec: &ActionSpec| Entry { action: spec.action, keys: labels(keymap, context, spec.action) };
    ACTIONS.iter().filter(here).map(entry).collect()
}

fn labels(keymap: &Keymap, context: Context, action: Action) -> Vec<String> {
    keymap.keys_for(context, action).iter().map(|keys| text::label(keys, keymap.spelling)).collect()
}

/// Every action with its keys, as a table for the README.
pub fn markdown(keymap: &Keymap) -> String {
    let mut table = String::from("| keys | action | what it does |\n|---|---|---|\n");
    for spec in ACTIONS {
        let context = spec.contexts.first().copied().unwrap_or(Context::Global);
        let keys: Vec<String> = keymap
            .keys_for(context, spec.action)
            .iter()
            .map(|keys| format!("`{}`", text::print(keys).replace('|', "\\|")))
            .collect();
        let keys = if keys.is_empty() { "palette".to_owned() } else { keys.join(" ") };
        // Writing to a string cannot fail.
        let _ = writeln!(table, "| {keys} | `{}` | {} |", spec.name, spec.doc);
    }
    table
}
