//! Moving in the list, filtering, sorting, asking another query.

use crate::console::action::Action;
use crate::console::ctx::Ctx;
use crate::console::cursor::Move;
use crate::console::effect::{Effect, Fetch, Note};
use crate::console::event::{Answer, Input};
use crate::console::field::{Lines, TextField};
use crate::console::screen::Place;
use crate::console::screens::workflows::complete;
use crate::console::screens::workflows::merge;
use crate::console::screens::workflows::state::{Focused, Loaded, Sort, State};

pub fn update(state: &mut State, input: Input<'_>, ctx: &Ctx<'_>) -> Vec<Effect> {
    match input {
        Input::Action(action) => return act(state, action, ctx),
        Input::Key(key) => edit(state, |field| field.key(key), ctx),
        Input::Paste(text) => edit(state, |field| field.paste(text), ctx),
        Input::Answer(Answer::Workflows { query, result }) if *query == state.query => match result {
            Ok(page) => {
                state.loaded.failure = None;
                merge::first_page(state, page, ctx);
            }
            Err(failure) => state.loaded.failure = Some(failure.clone()),
        },
        Input::Fetched(Fetch::MoreWorkflows { query, after }, answer) if *query == state.query => {
            // When it failed, the cursor asks again when it moves.
            state.loaded.fetching = false;
            // Only the page that follows what is shown now: the list may have been begun anew in between.
            if let Answer::Workflows { result: Ok(page), .. } = answer
                && state.loaded.next.as_ref() == Some(after)
            {
                merge::later_page(state, page, ctx);
            }
        }
        Input::Opened(_) | Input::Resized => state.settle(ctx),
        Input::Tick => state.flashed.retain(|_, until| *until > ctx.now),
        Input::Answer(_) | Input::Fetched(..) | Input::Mutated(..) => {}
    }
    Vec::new()
}

pub fn can(state: &State, action: Action, ctx: &Ctx<'_>) -> Result<(), String> {
    let anywhere =
        [Action::Find, Action::Query, Action::NextView, Action::SortNext, Action::SortReverse, Action::Follow];
    if Move::of(action).is_some() || anywhere.contains(&action) {
        return Ok(());
    }
    if action == Action::Back {
        return state.filter.is_some().then_some(()).ok_or_else(|| "Nothing to close here.".to_owned());
    }
    if action == Action::Reveal {
        return (!state.waiting.is_empty()).then_some(()).ok_or_else(|| "No new rows are waiting.".to_owned());
    }
    if matches!(action, Action::Open | Action::Copy) {
        let selected = state.subject(ctx).map(|_| ());
        return selected.ok_or_else(|| "No workflow is selected.".to_owned());
    }
    Err(format!("{} means nothing on this screen.", action.spec().title))
}

fn act(state: &mut State, action: Action, ctx: &Ctx<'_>) -> Vec<Effect> {
    if let Some(movement) = Move::of(action) {
        if movement != Move::Up {
            state.follow = false;
        }
        state.cursor.step(movement, state.shown.len(), State::list_height(ctx));
        state.remember();
        return state.more();
    }
    match state.focused {
        Focused::Query => return in_query(state, action, ctx),
        Focused::Filter => return in_filter(state, action, ctx),
        Focused::List => {}
    }
    if action == Action::Find {
        state.filter.get_or_insert_with(|| TextField::new(Lines::One, ""));
        state.focused = Focused::Filter;
    } else if action == Action::Query {
        state.editing = Some(TextField::new(Lines::One, &state.query));
        state.focused = Focused::Query;
    } else if action == Action::NextView {
        let here = ctx.profile.views.iter().position(|view| view.query == state.query);
        let next = here.map_or(0, |here| here + 1);
        // After the last one comes everything.
        let query = ctx.profile.views.get(next).map(|view| view.query.clone()).unwrap_or_default();
        ask(state, query, ctx);
    } else if action == Action::SortNext {
        state.sort = Sort { by: state.sort.by.next(), reversed: false };
        state.arrange(ctx);
    } else if action == Action::SortReverse {
        state.sort.reversed = !state.sort.reversed;
        state.arrange(ctx);
    } else if action == Action::Follow {
        state.follow = !state.follow;
        if state.follow {
            merge::reveal(state, ctx);
        }
        let words = if state.follow { "Following the newest." } else { "Not following any more." };
        return vec![Effect::Say(Note::info(words))];
    } else if action == Action::Reveal {
        merge::reveal(state, ctx);
    } else if action == Action::Back {
        state.filter = None;
        state.arrange(ctx);
    } else if let Some(id) = state.subject(ctx) {
        return vec![if action == Action::Copy {
            Effect::Copy(id.to_string())
        } else {
            Effect::Go(Place::Workflow(id))
        }];
    }
    Vec::new()
}

fn in_filter(state: &mut State, action: Action, ctx: &Ctx<'_>) -> Vec<Effect> {
    state.focused = Focused::List;
    let empty = state.filter.as_ref().is_none_or(TextField::is_blank);
    if action == Action::Back || empty {
        state.filter = None;
        state.arrange(ctx);
    }
    Vec::new()
}

fn in_query(state: &mut State, action: Action, ctx: &Ctx<'_>) -> Vec<Effect> {
    let Some(field) = &mut state.editing else { return Vec::new() };
    let text = field.text();
    if action == Action::NextField {
        if let Some(completed) = complete::completed(&text) {
            *field = TextField::new(Lines::One, &completed);
            state.candidates = complete::candidates(&completed);
        }
        return Vec::new();
    }
    if !matches!(action, Action::Back | Action::NewLine | Action::Submit) {
        return Vec::new();
    }
    state.focused = Focused::List;
    state.editing = None;
    state.candidates = Vec::new();
    if action != Action::Back {
        ask(state, text.trim().to_owned(), ctx);
    }
    Vec::new()
}

/// Asks the server another query. The rows stay, dimmed, until it has answered.
fn ask(state: &mut State, query: String, ctx: &Ctx<'_>) {
    if state.query == query {
        return;
    }
    state.query = query;
    state.loaded = Loaded::default();
    state.waiting.clear();
    state.cursor.put(0, state.shown.len(), State::list_height(ctx));
}

fn edit(state: &mut State, change: impl FnOnce(&mut TextField), ctx: &Ctx<'_>) {
    match state.focused {
        Focused::Filter => {
            let Some(filter) = &mut state.filter else { return };
            let before = filter.text();
            change(filter);
            let after = filter.text();
            // A longer pattern lets less through, unless it says what not to show.
            if after.starts_with(&before) && !after.contains('!') {
                state.narrow(ctx);
            } else if after != before {
                state.arrange(ctx);
            }
        }
        Focused::Query => {
            let Some(field) = &mut state.editing else { return };
            change(field);
            state.candidates = complete::candidates(&field.text());
        }
        Focused::List => {}
    }
}
