//! Reads a keymap and all it inherits from. A key that cannot be read, an action that does not exist or means nothing
//! there, and keys that hide each other are errors that name file, line and key.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use crate::console::action::{ACTIONS, Action};
use crate::console::assets::{AssetError, Document, Entry, Shelf, Value};
use crate::console::key::KeyPress;
use crate::console::keymap::text::Spelling;
use crate::console::keymap::trie::Trie;
use crate::console::keymap::{Keymap, path, text};
use crate::console::screen::Context;
use crate::contracts::text::suggestion;

/// Unbinds a key.
const NOOP: &str = "noop";

/// A key, what it does, and who says so.
#[derive(Debug)]
struct Binding<'a> {
    keys: Vec<KeyPress>,
    /// `None` where the key was unbound.
    action: Option<Action>,
    /// Place of its file in the line of inheritance.
    generation: usize,
    document: &'a Document,
    entry: &'a Entry,
}

/// Bindings of each section, in the order in which files bound them.
type Sections<'a> = BTreeMap<Context, Vec<Binding<'a>>>;

/// Loads a keymap.
pub fn keymap(shelf: &Shelf, name: &str) -> Result<Keymap, AssetError> {
    let chain = shelf.chain(name)?;
    let mut sections = Sections::new();
    for (generation, document) in chain.iter().enumerate() {
        for entry in &document.entries {
            if entry.key == "inherits" {
                continue;
            }
            let context = context(document, entry)?;
            let section = sections.entry(context).or_default();
            for binding in bindings(document, context, generation)? {
                bind(section, binding);
            }
        }
    }
    let tries = Context::ALL.into_iter().map(|context| trie(&sections, context)).collect::<Result<_, _>>()?;
    Ok(Keymap { name: name.to_owned(), spelling: Spelling::default(), tries })
}

/// Puts a binding in the place of the one that has its keys.
fn bind<'a, B: Borrow<Binding<'a>>>(bindings: &mut Vec<B>, binding: B) {
    match bindings.iter_mut().find(|known| (**known).borrow().keys == binding.borrow().keys) {
        Some(known) => *known = binding,
        None => bindings.push(binding),
    }
}

fn context(document: &Document, entry: &Entry) -> Result<Context, AssetError> {
    Context::ALL.into_iter().find(|context| context.name() == entry.key).ok_or_else(|| {
        let hint = suggestion(&entry.key, Context::ALL.into_iter().map(Context::name)).unwrap_or_else(|| {
            let names: Vec<&str> = Context::ALL.into_iter().map(Context::name).collect();
            format!("There are: {}.", names.join(", "))
        });
        document.error_at(entry, format!("no such section. {hint}"))
    })
}

/// The bindings of one section of one file.
fn bindings(document: &Document, context: Context, generation: usize) -> Result<Vec<Binding<'_>>, AssetError> {
    let mut found: Vec<Binding<'_>> = Vec::new();
    for entry in document.section(context.name())? {
        let keys = text::parse(&entry.key).map_err(|message| document.error_at(entry, message))?;
        if let Some(before) = found.iter().find(|before| before.keys == keys) {
            let first = before.entry.line;
            return Err(document.error_at(entry, format!("is the same key as in line {first}. Keep one of them.")));
        }
        let action = action(document, entry, context)?;
        found.push(Binding { keys, action, generation, document, entry });
    }
    Ok(found)
}

fn action(document: &Document, entry: &Entry, context: Context) -> Result<Option<Action>, AssetError> {
    let name = match &entry.value {
        Value::Text(name) => name,
        Value::Flag(_) | Value::List(_) | Value::Table(_) | Value::Other(_) => {
            let message = format!("is {}, but should be the name of an action in quotes", entry.value.word());
            return Err(document.error_at(entry, message));
        }
    };
    if name == NOOP {
        return Ok(None);
    }
    let Some(action) = Action::parse(name) else {
        let hint = suggestion(name, ACTIONS.iter().map(|spec| spec.name))
            .unwrap_or_else(|| "The palette lists every action.".to_owned());
        return Err(document.error_at(entry, format!("no action `{name}`. {hint}")));
    };
    if means_something(action, context) {
        return Ok(Some(action));
    }
    let places: Vec<&str> = action.spec().contexts.iter().map(|context| context.name()).collect();
    let message = format!("`{name}` does nothing in [{}], only in: {}.", context.name(), places.join(", "));
    Err(document.error_at(entry, message))
}

/// Whether an action may be bound in a section. In `[global]` every one may: where it does nothing, the key says why.
fn means_something(action: Action, section: Context) -> bool {
    let contexts = action.spec().contexts;
    match section {
        Context::Global => true,
        Context::Text => contexts.contains(&Context::Text),
        Context::Palette => contexts.iter().any(|context| matches!(context, Context::Palette | Context::Text)),
        Context::Now
        | Context::Gates
        | Context::Workflows
        | Context::Workflow
        | Context::Deployment
        | Context::History
        | Context::Steps
        | Context::Agents
        | Context::Help
        | Context::Confirm => contexts.iter().any(|context| *context == section || *context == Context::Global),
    }
}

/// What is bound in a context: its own section over those it falls back on.
fn trie(sections: &Sections<'_>, context: Context) -> Result<Trie, AssetError> {
    let mut merged: Vec<&Binding<'_>> = Vec::new();
    for binding in path(context).iter().rev().filter_map(|context| sections.get(context)).flatten() {
        bind(&mut merged, binding);
    }
    merged.retain(|binding| binding.action.is_some());
    for binding in &merged {
        let hidden =
            |other: &&&Binding<'_>| other.keys.len() > binding.keys.len() && other.keys.starts_with(&binding.keys);
        if let Some(other) = merged.iter().find(hidden) {
            return Err(conflict(binding, other));
        }
    }
    let mut trie = Trie::default();
    for binding in merged {
        if let Some(action) = binding.action {
            trie.insert(&binding.keys, action);
        }
    }
    Ok(trie)
}

/// Two bindings of which one can never be reached. Told at the one that came later: the other was there before.
fn conflict(short: &Binding<'_>, long: &Binding<'_>) -> AssetError {
    let (told, verb, other) =
        if short.generation >= long.generation { (short, "hides", long) } else { (long, "is hidden by", short) };
    let place = format!("{}:{}", other.document.file, other.entry.line);
    let keys = text::print(&other.keys);
    let message = format!("{verb} `{keys}` ({place}). Unbind one of them: \"{keys}\" = \"{NOOP}\".");
    told.document.error_at(told.entry, message)
}
