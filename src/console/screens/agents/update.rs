//! What happens on this screen: the coordinator tells, the person moves and reads.

use crate::console::action::Action;
use crate::console::ctx::Ctx;
use crate::console::cursor::Move;
use crate::console::effect::Effect;
use crate::console::event::{Answer, Input};
use crate::console::reader::{self, Reader};
use crate::console::screens::agents::state::State;
use crate::console::screens::agents::text;
use crate::console::widgets::aside::{self, Place as Aside};

/// Rows above the rows of the list: what waits, what is wrong, the heading of the table.
pub const ABOVE: u16 = 3;

pub fn update(state: &mut State, input: Input<'_>, ctx: &Ctx<'_>) -> Vec<Effect> {
    match input {
        Input::Opened(_) | Input::Answer(Answer::Agents(_)) | Input::Resized => state.refresh(ctx, height(ctx)),
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
        Input::Action(action) => return act(state, action, ctx),
        Input::Answer(_) | Input::Fetched(..) | Input::Mutated(..) | Input::Tick => {}
    }
    Vec::new()
}

/// How many rows of the list fit.
pub fn height(ctx: &Ctx<'_>) -> usize {
    usize::from(ctx.body.height.saturating_sub(ABOVE + aside::rows_below(place(ctx))))
}

/// Where the selected agent stands in full.
pub fn place(ctx: &Ctx<'_>) -> Aside {
    Aside::of(ctx.body.width, 150)
}

fn act(state: &mut State, action: Action, ctx: &Ctx<'_>) -> Vec<Effect> {
    if let Some(effects) = reader::act(&mut state.reader, action, usize::from(ctx.body.height.saturating_sub(1))) {
        return effects;
    }
    if let Some(movement) = Move::of(action) {
        state.cursor.step(movement, state.agents(ctx).len(), height(ctx));
        state.keep(ctx);
    } else if action == Action::Open {
        state.reader = state.selected(ctx).map(|agent| Reader::new(agent.name.clone(), text::of(agent, ctx)));
    } else if action == Action::Copy {
        return state.selected(ctx).map(|agent| Effect::Copy(agent.name.clone())).into_iter().collect();
    }
    Vec::new()
}

/// Whether an action is possible here and now, or why not.
pub fn can(state: &State, action: Action, ctx: &Ctx<'_>) -> Result<(), String> {
    if let Some(reader) = &state.reader {
        return reader.can(action);
    }
    if action == Action::Back {
        return Err("Nothing is open on this screen.".to_owned());
    }
    if Move::of(action).is_some() || matches!(action, Action::Open | Action::Copy) {
        return state.selected(ctx).map(|_| ()).ok_or_else(|| "No agent is known.".to_owned());
    }
    Err(format!("`{}` does nothing on agents.", action.spec().title))
}
