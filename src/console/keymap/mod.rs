//! Which key does what. Files bind keys to the names of actions, section by section; this room reads them, merges a
//! user's over what ships, and answers both ways round: what a key does here, and which keys do a thing.

pub mod load;
pub mod table;
pub mod text;
pub mod trie;

use crate::console::action::Action;
use crate::console::key::KeyPress;
use crate::console::keymap::text::Spelling;
use crate::console::keymap::trie::{Found, Trie};
use crate::console::screen::Context;

/// What keys do, in every context. The default binds nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keymap {
    pub name: String,
    /// How its keys are shown.
    pub spelling: Spelling,
    /// One for each of [`Context::ALL`], in its order, with what each falls back on merged in.
    tries: Vec<Trie>,
}

/// What the keys pressed so far come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    Action(Action),
    /// They begin something longer: the keys that may follow, as people read them, and what each leads to.
    Pending(Vec<(String, Action)>),
    None,
}

impl Keymap {
    pub fn resolve(&self, context: Context, keys: &[KeyPress]) -> Resolution {
        match self.trie(context).and_then(|trie| trie.find(keys)) {
            Some(Found::Action(action)) => Resolution::Action(action),
            Some(Found::Branch(trie)) => {
                let following =
                    trie.bindings().into_iter().map(|(keys, action)| (text::label(&keys, self.spelling), action));
                Resolution::Pending(following.collect())
            }
            None => Resolution::None,
        }
    }

    /// The keys that do a thing here, those of fewest presses first.
    pub fn keys_for(&self, context: Context, action: Action) -> Vec<Vec<KeyPress>> {
        let mut keys: Vec<Vec<KeyPress>> =
            self.bindings(context).into_iter().filter(|(_, bound)| *bound == action).map(|(keys, _)| keys).collect();
        keys.sort_by_key(Vec::len);
        keys
    }

    /// The key a hint shows for an action, as people read it.
    pub fn label(&self, context: Context, action: Action) -> Option<String> {
        // Asked many times for each frame.
        let keys = self.trie(context)?.shortest(action)?;
        Some(text::label(&keys, self.spelling))
    }

    /// Everything bound here, in the order of the files.
    pub fn bindings(&self, context: Context) -> Vec<(Vec<KeyPress>, Action)> {
        self.trie(context).map(Trie::bindings).unwrap_or_default()
    }

    fn trie(&self, context: Context) -> Option<&Trie> {
        let place = Context::ALL.iter().position(|known| *known == context)?;
        self.tries.get(place)
    }
}

/// Where a context looks keys up, the most particular section first. Where text is typed, a bare letter must never
/// be an action.
pub fn path(context: Context) -> &'static [Context] {
    match context {
        Context::Global => &[Context::Global],
        Context::Now => &[Context::Now, Context::Global],
        Context::Gates => &[Context::Gates, Context::Global],
        Context::Workflows => &[Context::Workflows, Context::Global],
        Context::Workflow => &[Context::Workflow, Context::Global],
        Context::Deployment => &[Context::Deployment, Context::Global],
        Context::History => &[Context::History, Context::Global],
        Context::Steps => &[Context::Steps, Context::Global],
        Context::Agents => &[Context::Agents, Context::Global],
        Context::Help => &[Context::Help, Context::Global],
        Context::Confirm => &[Context::Confirm, Context::Global],
        Context::Palette => &[Context::Palette, Context::Text],
        Context::Text => &[Context::Text],
    }
}
