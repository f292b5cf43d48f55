//! Moving among gates, and asking before one is decided.

use crate::console::action::Action;
use crate::console::asking;
use crate::console::ctx::Ctx;
use crate::console::cursor::Move;
use crate::console::effect::{Effect, Note};
use crate::console::event::Input;
use crate::console::field::{Lines, TextField};
use crate::console::gates::{self, GateKey, GateView};
use crate::console::screen::{Focus, Place};
use crate::console::screens::gates::card;
use crate::console::screens::gates::state::{Pane, Seen, State};
use crate::contracts::decision::Verdict;

pub fn update(state: &mut State, input: Input<'_>, ctx: &Ctx<'_>) -> Vec<Effect> {
    match input {
        Input::Action(action) if state.typing == Focus::Text => filtering(state, action, ctx),
        Input::Action(action) => return act(state, action, ctx),
        Input::Key(key) => {
            if let Some(filter) = &mut state.filter {
                filter.key(key);
            }
            state.settle(ctx);
        }
        Input::Paste(text) => {
            if let Some(filter) = &mut state.filter {
                filter.paste(text);
            }
            state.settle(ctx);
        }
        Input::Opened(Place::Gates(Some((workflow, gate)))) => {
            let key = GateKey { workflow: workflow.clone(), gate: gate.clone() };
            state.selected = Some(key.clone());
            state.asked_for = Some(key.clone());
            state.seen = None;
            state.scroll = 0;
            state.filter = None;
            state.settle(ctx);
            if state.selected.as_ref() != Some(&key) {
                // The cursor is on another one now: nobody is to take it for the one that was opened.
                return vec![Effect::Say(Note::warning(format!("{gate} of {workflow} is not open any more.")))];
            }
        }
        Input::Opened(_) | Input::Answer(_) | Input::Resized => {
            state.settle(ctx);
            keep_in_sight(state, ctx);
        }
        Input::Mutated(..) | Input::Fetched(..) | Input::Tick => {}
    }
    Vec::new()
}

pub fn can(state: &State, action: Action, ctx: &Ctx<'_>) -> Result<(), String> {
    if Move::of(action).is_some() || matches!(action, Action::NextPane | Action::PreviousPane | Action::Find) {
        return Ok(());
    }
    if action == Action::Back {
        let something = state.filter.is_some() || state.pane == Pane::Card;
        return something.then_some(()).ok_or_else(|| "Nothing to close here.".to_owned());
    }
    let view = state.view(ctx).ok_or_else(|| "No gate is selected.".to_owned())?;
    if matches!(action, Action::Open | Action::Copy) {
        return Ok(());
    }
    match asking::verdict(action) {
        Some(verdict) => gates::may(ctx, &view, verdict),
        None => Err(format!("{} means nothing on this screen.", action.spec().title)),
    }
}

fn filtering(state: &mut State, action: Action, ctx: &Ctx<'_>) {
    if let Some(movement) = Move::of(action) {
        step(state, movement, ctx);
        return;
    }
    state.typing = Focus::Keys;
    let empty = state.filter.as_ref().is_none_or(TextField::is_blank);
    if action == Action::Back || empty {
        state.filter = None;
    }
    state.settle(ctx);
}

fn act(state: &mut State, action: Action, ctx: &Ctx<'_>) -> Vec<Effect> {
    if let Some(movement) = Move::of(action) {
        step(state, movement, ctx);
    } else if matches!(action, Action::NextPane | Action::PreviousPane) {
        state.pane = if state.pane == Pane::List { Pane::Card } else { Pane::List };
    } else if action == Action::Find {
        state.filter.get_or_insert_with(|| TextField::new(Lines::One, ""));
        state.typing = Focus::Text;
    } else if action == Action::Back {
        if state.pane == Pane::Card {
            state.pane = Pane::List;
        } else {
            state.filter = None;
        }
        state.settle(ctx);
    } else if action == Action::Copy {
        return state.subject(ctx).map(|id| Effect::Copy(id.to_string())).into_iter().collect();
    } else if action == Action::Open {
        if state.pane == Pane::Card {
            return state.subject(ctx).map(|id| Effect::Go(Place::Workflow(id))).into_iter().collect();
        }
        state.pane = Pane::Card;
    } else if let Some(verdict) = asking::verdict(action) {
        return decide(state, verdict, ctx);
    }
    Vec::new()
}

fn step(state: &mut State, movement: Move, ctx: &Ctx<'_>) {
    if state.pane == Pane::Card {
        state.scroll = match movement {
            Move::Down => state.scroll.saturating_add(1),
            Move::Up => state.scroll.saturating_sub(1),
            Move::Top => 0,
            Move::Bottom => state.scroll.saturating_add(1000),
            Move::PageDown => state.scroll.saturating_add(usize::from(ctx.body.height) / 2),
            Move::PageUp => state.scroll.saturating_sub(usize::from(ctx.body.height) / 2),
        };
        keep_in_sight(state, ctx);
        return;
    }
    let shown = state.shown(ctx);
    state.cursor.step(movement, shown.len(), State::list_height(ctx));
    state.select(shown.get(state.cursor.index).map(GateView::key), ctx);
}

/// A card that became shorter, or was given more room, is not scrolled past its end.
fn keep_in_sight(state: &mut State, ctx: &Ctx<'_>) {
    let last = card::lines(state, ctx, card::width(ctx)).len().saturating_sub(1);
    state.scroll = state.scroll.min(last);
}

fn decide(state: &mut State, verdict: Verdict, ctx: &Ctx<'_>) -> Vec<Effect> {
    let Some(view) = state.view(ctx) else { return Vec::new() };
    if verdict == Verdict::Approve
        && let Some(changed) = state.changed(ctx)
    {
        // Only what was read can be approved: the change is shown, and the approval asked for again.
        state.seen = Some(Seen::of(&view));
        state.scroll = 0;
        let note = format!("The gate changed while you were reading ({changed}). Read the card, then approve again.");
        return vec![Effect::Say(Note::warning(note))];
    }
    vec![match asking::decide(ctx, &view, verdict) {
        Ok(question) => Effect::Ask(Box::new(question)),
        Err(why) => Effect::Say(Note::info(why)),
    }]
}
