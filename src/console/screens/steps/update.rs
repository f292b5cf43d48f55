//! What happens on this screen: the goal tells where it stands, the person moves, reads, decides, helps a step along.

use crate::console::action::Action;
use crate::console::asking::{self, Deed};
use crate::console::ctx::Ctx;
use crate::console::cursor::Move;
use crate::console::effect::{Effect, Note};
use crate::console::event::{Answer, Input};
use crate::console::gates;
use crate::console::question::Question;
use crate::console::reader::{self, Reader};
use crate::console::screen::Place;
use crate::console::screens::steps::state::{Line, Pane, State};
use crate::console::screens::steps::text;
use crate::console::widgets::aside::{self, Place as Aside};
use crate::contracts::ids::WorkflowId;

/// Rows above the rows of the list: how the goal stands, the panes, the heading of the table.
pub const ABOVE: u16 = 3;

pub fn update(state: &mut State, input: Input<'_>, ctx: &Ctx<'_>) -> Vec<Effect> {
    let height = height(ctx);
    match input {
        Input::Opened(Place::Steps(id)) => {
            if let Some(id) = id {
                state.show(id);
            }
            state.refresh(ctx, height);
        }
        Input::Answer(Answer::Workflow { id, .. } | Answer::Goal { id, .. }) if is_shown(state, id) => {
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

/// Where the selected thing stands: beside the list only where that leaves room for who has a step until when.
pub fn place(ctx: &Ctx<'_>) -> Aside {
    Aside::of(ctx.body.width, 150)
}

/// How many rows of the list fit.
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
        state.move_cursor(movement, ctx, height(ctx));
    } else if let Some(pane) = pane(state.pane, action) {
        state.pane = pane;
    } else if action == Action::Open {
        state.reader = text::selected(state, ctx).map(|(title, text)| Reader::new(title, text));
    } else if action == Action::Copy {
        return copied(state).map(Effect::Copy).into_iter().collect();
    } else if let Some(deed) = Deed::of(action) {
        return vec![match ask(state, deed, ctx) {
            Ok(question) => Effect::Ask(Box::new(question)),
            Err(why) => Effect::Say(Note::info(why)),
        }];
    }
    Vec::new()
}

fn pane(here: Pane, action: Action) -> Option<Pane> {
    let place = Pane::ALL.iter().position(|pane| *pane == here)?;
    let by = [(Action::NextPane, 1), (Action::PreviousPane, Pane::ALL.len() - 1)];
    let by = by.into_iter().find_map(|(known, by)| (known == action).then_some(by))?;
    Pane::ALL.get((place + by) % Pane::ALL.len()).copied()
}

fn copied(state: &State) -> Option<String> {
    match (state.pane, state.selected()) {
        (Pane::Steps, Some(Line::Step { id, .. })) => Some(id.to_string()),
        (Pane::Steps, Some(Line::Approval(id))) => Some(id.to_string()),
        (Pane::Artifacts, _) => state.artifacts.get(state.cursor().index).cloned(),
        (Pane::Steps, Some(Line::Kind(_)) | None) | (Pane::Log, _) => state.workflow.as_ref().map(ToString::to_string),
    }
}

/// What is asked before something is done to the selected step.
fn ask(state: &State, deed: Deed, ctx: &Ctx<'_>) -> Result<Question, String> {
    if state.pane != Pane::Steps {
        return Err("Go back to the steps first: this is about one of them.".to_owned());
    }
    if let (Some(key), Some(verdict)) = (state.gate(), deed.verdict()) {
        let view = gates::find(ctx, &key).ok_or_else(|| format!("{} is not open any more.", key.gate))?;
        return asking::decide(ctx, &view, verdict);
    }
    let (Some(goal), Some(workflow)) = (state.state(ctx), state.workflow.as_ref()) else {
        return Err("No worker has said where the steps stand, so nothing can be done to one of them.".to_owned());
    };
    let (id, step) = state.step(ctx).ok_or_else(|| "No step is selected.".to_owned())?;
    asking::step(ctx, workflow, goal, (id, step), deed)
}

/// Whether an action is possible here and now, or why not.
pub fn can(state: &State, action: Action, ctx: &Ctx<'_>) -> Result<(), String> {
    if let Some(reader) = &state.reader {
        return reader.can(action);
    }
    let no = |why: &str| Err(why.to_owned());
    if state.workflow.is_none() {
        return no("No goal is selected.");
    }
    if let Some(deed) = Deed::of(action) {
        return ask(state, deed, ctx).map(|_| ());
    }
    if pane(state.pane, action).is_some() || action == Action::Copy {
        return Ok(());
    }
    if Move::of(action).is_some() || action == Action::Open {
        return if state.total(state.pane, ctx) > 0 { Ok(()) } else { no("Nothing is in this list yet.") };
    }
    if action == Action::Back {
        return no("Nothing is open on this screen.");
    }
    Err(format!("`{}` does nothing on the steps of a goal.", action.spec().title))
}
