//! Moving on the first screen, and going from it.

use crate::console::action::Action;
use crate::console::asking;
use crate::console::ctx::Ctx;
use crate::console::cursor::Move;
use crate::console::effect::{Effect, Note};
use crate::console::event::Input;
use crate::console::screen::Place;
use crate::console::screens::now::state::{Item, Key, State, items};

pub fn update(state: &mut State, input: Input<'_>, ctx: &Ctx<'_>) -> Vec<Effect> {
    match input {
        Input::Action(action) => act(state, action, ctx),
        Input::Opened(_) | Input::Answer(_) | Input::Resized => {
            state.settle(ctx);
            Vec::new()
        }
        Input::Key(_) | Input::Paste(_) | Input::Fetched(..) | Input::Mutated(..) | Input::Tick => Vec::new(),
    }
}

pub fn can(state: &State, action: Action, ctx: &Ctx<'_>) -> Result<(), String> {
    let empty = || "Nothing is selected: there is nothing here yet.".to_owned();
    if Move::of(action).is_some() {
        return Ok(());
    }
    if matches!(action, Action::Open | Action::Copy) {
        return state.selected.as_ref().map(|_| ()).ok_or_else(empty);
    }
    if matches!(action, Action::NextPane | Action::PreviousPane) {
        return Ok(());
    }
    let Some(verdict) = asking::verdict(action) else {
        return Err(format!("{} means nothing on this screen.", action.spec().title));
    };
    state.meant(ctx, verdict).map(|_| ())
}

fn act(state: &mut State, action: Action, ctx: &Ctx<'_>) -> Vec<Effect> {
    let Some(overview) = ctx.world.overview.value() else { return Vec::new() };
    let items = items(overview);
    let height = usize::from(ctx.body.height);
    if let Some(movement) = Move::of(action) {
        state.cursor.step(movement, items.len(), height);
    } else if matches!(action, Action::NextPane | Action::PreviousPane) {
        let block = next_block(&items, state.cursor.index, action == Action::NextPane);
        state.cursor.put(block, items.len(), height);
    } else if action == Action::Open {
        return state.selected.as_ref().map(|key| Effect::Go(place(key))).into_iter().collect();
    } else if action == Action::Copy {
        return state.subject(ctx).map(|id| Effect::Copy(id.to_string())).into_iter().collect();
    } else if let Some(verdict) = asking::verdict(action) {
        return vec![match state.meant(ctx, verdict).and_then(|gate| asking::decide(ctx, &gate, verdict)) {
            Ok(question) => Effect::Ask(Box::new(question)),
            Err(why) => Effect::Say(Note::info(why)),
        }];
    }
    state.selected = items.get(state.cursor.index).map(Item::key);
    Vec::new()
}

fn place(key: &Key) -> Place {
    match key {
        Key::Gate(key) => Place::Gates(Some((key.workflow.clone(), key.gate.clone()))),
        Key::Live(id) => Place::Deployment(Some(id.clone())),
        Key::Troubled(id) => Place::Workflow(id.clone()),
    }
}

/// The first row of the block after, or before, the one the cursor is in.
fn next_block(items: &[Item<'_>], from: usize, forward: bool) -> usize {
    let kind = |item: &Item<'_>| match item {
        Item::Gate(_) => 0,
        Item::Live(_) => 1,
        Item::Troubled(_) => 2,
    };
    let starts: Vec<usize> =
        (0..items.len()).filter(|at| *at == 0 || items.get(*at).map(kind) != items.get(at - 1).map(kind)).collect();
    let here = starts.iter().rposition(|start| *start <= from).unwrap_or(0);
    let blocks = starts.len().max(1);
    let wanted = if forward { here + 1 } else { here + blocks - 1 } % blocks;
    starts.get(wanted).copied().unwrap_or(0)
}
