//! A key press: a character into a text field, the next key of a sequence, or an action.

use crate::console::act;
use crate::console::action::Action;
use crate::console::cursor::Move;
use crate::console::effect::{Effect, Note};
use crate::console::event::Input;
use crate::console::field;
use crate::console::key::KeyPress;
use crate::console::keymap::Resolution;
use crate::console::model::Model;
use crate::console::overlays::Overlay;
use crate::console::overlays::confirm::update as confirm;
use crate::console::screen::{Context, Focus};
use crate::console::typing::Pace;
use crate::console::update::to_screen;

pub fn press(model: &mut Model, key: KeyPress) -> Vec<Effect> {
    let held = model.typing.held;
    let pace = model.typing.pressed();
    if held.is_some() && pace == Pace::Machine {
        // The key that followed took the confirmation back; what it says itself does not count either.
        return vec![Effect::Say(Note::warning("Too fast for a person, so not done. Press the key once, and wait."))];
    }
    // A second key of a person within the moment means both.
    let mut effects = held.map(|held| act::confirmed(model, held.action, Pace::Human)).unwrap_or_default();
    effects.extend(resolve(model, key, pace));
    effects
}

fn resolve(model: &mut Model, key: KeyPress, pace: Pace) -> Vec<Effect> {
    if model.focus() == Focus::Text && key.typed().is_some() && model.typing.sequence.is_empty() {
        return typed(model, key);
    }
    model.typing.sequence.push(key);
    let sequence = model.typing.sequence.clone();
    let contexts = contexts(model);
    let resolution = contexts
        .iter()
        .map(|context| model.look.keymap.resolve(*context, &sequence))
        .find(|resolution| *resolution != Resolution::None)
        .unwrap_or(Resolution::None);
    match resolution {
        Resolution::Action(action) => {
            model.typing.sequence.clear();
            act::act(model, action, pace)
        }
        Resolution::Pending(_) => Vec::new(),
        Resolution::None => {
            model.typing.sequence.clear();
            if model.focus() == Focus::Text && sequence.len() == 1 {
                return typed(model, key);
            }
            if model.overlays.is_empty() {
                model.stage.disarm();
            }
            let help = model.ctx().key(Context::Global, Action::Help);
            vec![Effect::Say(Note::info(format!("That key does nothing here. {help} shows the keys.")))]
        }
    }
}

/// Where a key is looked up, in order.
fn contexts(model: &Model) -> Vec<Context> {
    match (model.focus(), model.overlays.last()) {
        (Focus::Text, Some(Overlay::Palette(_))) => vec![Context::Palette, Context::Text],
        (Focus::Text, _) => vec![Context::Text],
        (Focus::Keys, _) => vec![model.context()],
    }
}

/// A key for the text field in focus.
fn typed(model: &mut Model, key: KeyPress) -> Vec<Effect> {
    let height = usize::from(model.body().height);
    match model.overlays.last_mut() {
        Some(Overlay::Confirm(state)) => confirm::key(state, key),
        Some(Overlay::Palette(state)) => {
            state.input.key(key);
            state.find(height);
        }
        Some(Overlay::Help(state)) => {
            if let Some(search) = &mut state.search {
                search.key(key);
            }
        }
        None => {
            // A filter has one line, so keys that move up and down move in what it filters.
            let context = model.screen().context();
            if let Resolution::Action(action) = model.look.keymap.resolve(context, &[key])
                && key.typed().is_none()
                && !field::edits_line(key)
                && Move::of(action).is_some()
            {
                return to_screen(model, Input::Action(action));
            }
            return to_screen(model, Input::Key(key));
        }
    }
    Vec::new()
}
