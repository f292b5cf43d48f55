//! What happens on this screen: it learns, the person moves, opens, decides a gate.

use crate::console::action::Action;
use crate::console::asking;
use crate::console::ctx::Ctx;
use crate::console::cursor::Move;
use crate::console::effect::{Effect, Note};
use crate::console::event::{Answer, Input};
use crate::console::reader::{self, Reader};
use crate::console::screen::Place;
use crate::console::screens::workflow::state::{Item, State};
use crate::console::screens::workflow::text;
use crate::console::widgets::aside::{self, Place as Aside};
use crate::contracts::ids::WorkflowId;

/// Rows above the list: how the workflow stands, and its phases in one line.
pub const ABOVE: u16 = 3;

pub fn update(state: &mut State, input: Input<'_>, ctx: &Ctx<'_>) -> Vec<Effect> {
    let height = height(ctx);
    match input {
        Input::Opened(Place::Workflow(id)) => {
            if state.workflow.as_ref() != Some(id) {
                *state = State { workflow: Some(id.clone()), ..State::default() };
            }
            state.refresh(ctx, height);
        }
        Input::Answer(Answer::Workflow { id, .. }) if is_shown(state, id) => state.refresh(ctx, height),
        Input::Answer(Answer::History { workflow, result: Ok(page) }) if is_shown(state, workflow) => {
            state.chronicle.replace(page);
            state.refresh(ctx, height);
        }
        Input::Answer(Answer::Tail { workflow, result: Ok(batch) }) if is_shown(state, workflow) => {
            state.chronicle.append(batch);
            state.refresh(ctx, height);
        }
        Input::Key(key) => {
            if let Some(find) = state.reader.as_mut().and_then(|reader| reader.find.as_mut()) {
                find.key(key);
            }
        }
        Input::Paste(pasted) => {
            if let Some(find) = state.reader.as_mut().and_then(|reader| reader.find.as_mut()) {
                find.paste(pasted);
            }
        }
        Input::Resized => state.refresh(ctx, height),
        Input::Action(action) => return act(state, action, ctx),
        Input::Opened(_) | Input::Answer(_) | Input::Fetched(..) | Input::Mutated(..) | Input::Tick => {}
    }
    Vec::new()
}

/// Where the selected thing stands.
pub fn place(ctx: &Ctx<'_>) -> Aside {
    Aside::of(ctx.body.width, 110)
}

/// How many lines of the list fit.
pub fn height(ctx: &Ctx<'_>) -> usize {
    usize::from(ctx.body.height.saturating_sub(ABOVE + aside::rows_below(place(ctx))))
}

fn is_shown(state: &State, id: &WorkflowId) -> bool {
    state.workflow.as_ref() == Some(id)
}

fn act(state: &mut State, action: Action, ctx: &Ctx<'_>) -> Vec<Effect> {
    if let Some(effects) = reader::act(&mut state.reader, action, usize::from(ctx.body.height.saturating_sub(1))) {
        return effects;
    }
    if let Some(movement) = Move::of(action) {
        state.step(movement, height(ctx));
        return Vec::new();
    }
    if let Some(verdict) = asking::verdict(action) {
        let question = state.gate(ctx).and_then(|gate| asking::decide(ctx, &gate, verdict));
        return match question {
            Ok(question) => vec![Effect::Ask(Box::new(question))],
            Err(why) => vec![Effect::Say(Note::info(why))],
        };
    }
    if matches!(action, Action::Open | Action::Fold) {
        return open(state, ctx);
    }
    if action == Action::Copy {
        let copied = state.workflow.as_ref().map(ToString::to_string);
        return copied.map(Effect::Copy).into_iter().collect();
    }
    Vec::new()
}

/// One level deeper: to the gate, to the child, or to the thing in full.
fn open(state: &mut State, ctx: &Ctx<'_>) -> Vec<Effect> {
    let (Some(item), Some(workflow)) = (state.selected().cloned(), state.workflow.clone()) else { return Vec::new() };
    match item {
        Item::Gate(id) => vec![Effect::Go(Place::Gates(Some((workflow, id))))],
        Item::Child(id) => vec![Effect::Go(Place::Workflow(id))],
        Item::Phase(_) | Item::Activity(_) | Item::Happened(_) => {
            state.reader = text::of(&item, state, ctx).map(|(title, text)| Reader::new(title, text));
            Vec::new()
        }
    }
}

/// Whether an action is possible here and now, or why not.
pub fn can(state: &State, action: Action, ctx: &Ctx<'_>) -> Result<(), String> {
    if let Some(reader) = &state.reader {
        return reader.can(action);
    }
    let no = |why: &str| Err(why.to_owned());
    if action == Action::Back {
        return no("Nothing is open on this screen.");
    }
    if let Some(verdict) = asking::verdict(action) {
        return state.gate(ctx).and_then(|gate| asking::decide(ctx, &gate, verdict)).map(|_| ());
    }
    if Move::of(action).is_some() || matches!(action, Action::Open | Action::Fold) {
        return if state.selected().is_some() { Ok(()) } else { no("Nothing is known of this workflow yet.") };
    }
    if action == Action::Copy && state.workflow.is_some() {
        return Ok(());
    }
    Err(format!("`{}` does nothing on a workflow.", action.spec().title))
}
