//! What happens on this screen: events come in at both ends, the person filters, opens, reads.

use crate::console::action::Action;
use crate::console::chronicle::Chronicle;
use crate::console::ctx::Ctx;
use crate::console::cursor::Move;
use crate::console::effect::{Effect, Fetch, Note};
use crate::console::event::{Answer, Input};
use crate::console::event_text;
use crate::console::field::{Lines, TextField};
use crate::console::reader::{self, Reader};
use crate::console::screen::{Focus, Place};
use crate::console::screens::history::state::{Known, Line, State};
use crate::contracts::failure::Failure;
use crate::contracts::ids::WorkflowId;
use crate::contracts::workflow::{HistoryBatch, HistoryPage};

/// Rows of the body that are not list: what is let through, and the header of the table.
pub const ABOVE: u16 = 2;

pub fn update(state: &mut State, input: Input<'_>, ctx: &Ctx<'_>) -> Vec<Effect> {
    let height = height(ctx);
    match input {
        Input::Opened(Place::History(workflow)) => opened(state, workflow.as_ref()),
        Input::Answer(Answer::History { workflow, result }) if is_shown(state, workflow) => {
            read(state, result, height, Chronicle::replace);
        }
        Input::Answer(Answer::Tail { workflow, result }) if is_shown(state, workflow) => follow(state, result, height),
        // Only the page that belongs before what is shown now: it was read anew, or another run began, in between.
        Input::Fetched(Fetch::OlderHistory { workflow, after, .. }, Answer::History { result, .. })
            if is_shown(state, workflow) && state.chronicle.older() == Some(after) =>
        {
            read(state, result, height, Chronicle::prepend);
        }
        Input::Action(action) => return act(state, action, ctx),
        Input::Key(key) => {
            if let Some(field) = typing(state) {
                field.key(key);
                typed(state, height);
            }
        }
        Input::Paste(pasted) => {
            if let Some(field) = typing(state) {
                field.paste(pasted);
                typed(state, height);
            }
        }
        Input::Resized => {
            state.cursor.settle(state.lines.len(), height);
            if let Some(reader) = &mut state.reader {
                reader.cursor.settle(reader.total(), height);
            }
        }
        Input::Opened(_) | Input::Answer(_) | Input::Fetched(..) | Input::Mutated(..) | Input::Tick => {}
    }
    older(state, height)
}

/// How many lines fit.
fn height(ctx: &Ctx<'_>) -> usize {
    usize::from(ctx.body.height.saturating_sub(ABOVE))
}

fn is_shown(state: &State, workflow: &WorkflowId) -> bool {
    state.workflow.as_ref() == Some(workflow)
}

fn opened(state: &mut State, workflow: Option<&WorkflowId>) {
    if state.workflow.as_ref() != workflow {
        let (kinds, follow) = (state.kinds, state.follow);
        *state = State { workflow: workflow.cloned(), kinds, follow, ..State::default() };
    }
}

fn read(
    state: &mut State,
    result: &Result<HistoryPage, Failure>,
    height: usize,
    take: impl FnOnce(&mut Chronicle, &HistoryPage),
) {
    match result {
        Ok(page) => {
            take(&mut state.chronicle, page);
            state.known = Known::Live;
            state.refresh(height);
        }
        Err(failure) => state.known = Known::Failed(failure.clone()),
    }
}

fn follow(state: &mut State, result: &Result<HistoryBatch, Failure>, height: usize) {
    match result {
        Ok(batch) => {
            let before = state.lines.len();
            state.chronicle.append(batch);
            if state.known != Known::Fetching {
                state.known = Known::Live;
            }
            let reading = state.cursor.offset > 0 && !state.follow;
            state.refresh(height);
            if reading {
                state.unseen += state.lines.len().saturating_sub(before);
            }
        }
        Err(failure) => state.known = Known::Failed(failure.clone()),
    }
}

/// The text field in focus.
fn typing(state: &mut State) -> Option<&mut TextField> {
    match &mut state.reader {
        Some(reader) => reader.find.as_mut(),
        None => state.find.as_mut(),
    }
}

fn typed(state: &mut State, height: usize) {
    if state.reader.is_none() {
        state.refresh(height);
    }
}

/// Asks for the page before, as soon as its end is near.
fn older(state: &mut State, height: usize) -> Vec<Effect> {
    let near = state.cursor.offset + 3 * height >= state.lines.len();
    let (Some(workflow), Some(after)) = (&state.workflow, state.chronicle.older()) else { return Vec::new() };
    if !near || state.known != Known::Live {
        return Vec::new();
    }
    let fetch = Fetch::OlderHistory { workflow: workflow.clone(), run: None, after: after.clone() };
    state.known = Known::Fetching;
    vec![Effect::Fetch(fetch)]
}

/// What of all actions means something here, besides moving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Open,
    Fold,
    Back,
    NextKind,
    Find,
    Accept,
    Follow,
    Copy,
}

impl Deed {
    fn of(action: Action) -> Option<Self> {
        [
            (Action::Open, Self::Open),
            (Action::Fold, Self::Fold),
            (Action::Back, Self::Back),
            (Action::FilterKind, Self::NextKind),
            (Action::Find, Self::Find),
            (Action::NewLine, Self::Accept),
            (Action::Submit, Self::Accept),
            (Action::Follow, Self::Follow),
            (Action::Copy, Self::Copy),
        ]
        .into_iter()
        .find_map(|(known, deed)| (known == action).then_some(deed))
    }
}

fn act(state: &mut State, action: Action, ctx: &Ctx<'_>) -> Vec<Effect> {
    let height = height(ctx);
    if let Some(effects) = reader::act(&mut state.reader, action, height) {
        return effects;
    }
    if let Some(movement) = Move::of(action) {
        moved(state, movement, height);
        if matches!(state.known, Known::Failed(_)) && !state.chronicle.is_empty() {
            // Whoever goes on wants it asked for again.
            state.known = Known::Live;
        }
        return older(state, height);
    }
    let Some(deed) = Deed::of(action) else { return Vec::new() };
    match deed {
        Deed::Open => open(state, height),
        Deed::Fold => fold(state, height),
        Deed::Back => back(state, height),
        Deed::NextKind => {
            state.kinds = state.kinds.next();
            state.refresh(height);
            return older(state, height);
        }
        Deed::Find => {
            state.find.get_or_insert_with(|| TextField::new(Lines::One, ""));
            state.finding = Focus::Text;
        }
        Deed::Accept => state.finding = Focus::Keys,
        Deed::Follow => {
            state.follow = !state.follow;
            state.refresh(height);
            let word = if state.follow { "Following the newest." } else { "Not following any more." };
            return vec![Effect::Say(Note::info(word))];
        }
        Deed::Copy => return copied(state).map(Effect::Copy).into_iter().collect(),
    }
    Vec::new()
}

fn moved(state: &mut State, movement: Move, height: usize) {
    state.cursor.step(movement, state.lines.len(), height);
    // Whoever moves down reads, and is not to be carried away.
    if state.cursor.index > 0 {
        state.follow = false;
    }
    if state.cursor.offset == 0 {
        state.unseen = 0;
    }
}

/// A group opens into its events, an event into all that is in it.
fn open(state: &mut State, height: usize) {
    match state.selected() {
        Some(Line::Group(_)) => fold(state, height),
        Some(Line::Failure(id)) => read_group(state, id),
        Some(Line::Event(id, place)) => {
            let Some(group) = state.chronicle.group(id) else { return };
            if let Some(event) = group.events.get(place) {
                state.reader =
                    Some(Reader::new(format!("{} · event {}", group.name(), event.id), event_text::event(event)));
            }
        }
        None => {}
    }
}

fn read_group(state: &mut State, id: i64) {
    if let Some(group) = state.chronicle.group(id) {
        state.reader = Some(Reader::new(group.name(), event_text::group(group)));
    }
}

fn fold(state: &mut State, height: usize) {
    let Some(line) = state.selected() else { return };
    let id = line.group();
    if state.open.remove(&id) {
        // The cursor stays with what was folded.
        let up = state.lines.iter().take(state.cursor.index).rposition(|line| *line == Line::Group(id));
        if let Some(up) = up {
            state.cursor.put(up, state.lines.len(), height);
        }
    } else {
        state.open.insert(id);
    }
    state.refresh(height);
}

/// One step back: what is typed, then what is opened.
fn back(state: &mut State, height: usize) {
    state.finding = Focus::Keys;
    if state.find.take().is_none() {
        state.open.clear();
    }
    state.refresh(height);
}

fn copied(state: &State) -> Option<String> {
    let group = state.chronicle.group(state.selected()?.group())?;
    Some(match state.selected()? {
        Line::Group(_) => group.name(),
        Line::Failure(_) => group.failure()?.to_owned(),
        Line::Event(_, place) => event_text::event(group.events.get(place)?),
    })
}

/// Whether an action is possible here and now, or why not.
pub fn can(state: &State, action: Action, _ctx: &Ctx<'_>) -> Result<(), String> {
    let no = |why: &str| Err(why.to_owned());
    if let Some(reader) = &state.reader {
        return reader.can(action);
    }
    let moves = Move::of(action).is_some();
    let Some(deed) = Deed::of(action).map(Some).or(moves.then_some(None)) else {
        return Err(format!("`{}` does nothing in a history.", action.spec().title));
    };
    if state.workflow.is_none() {
        return no("No history is open. Select a workflow first.");
    }
    match deed {
        None | Some(Deed::Open | Deed::Fold | Deed::Copy) if state.lines.is_empty() => no("No event is shown."),
        Some(Deed::Back) if state.find.is_none() && state.open.is_empty() => no("Nothing is open on this screen."),
        Some(Deed::Accept) => no("Nothing is being typed."),
        None | Some(Deed::Open | Deed::Fold | Deed::Copy | Deed::Back | Deed::NextKind | Deed::Find | Deed::Follow) => {
            Ok(())
        }
    }
}
