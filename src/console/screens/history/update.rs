//! What happens on this screen.

use crate::console::action::Action;
use crate::console::ctx::Ctx;
use crate::console::effect::Effect;
use crate::console::event::Input;
use crate::console::screen::Place;
use crate::console::screens::history::state::State;

pub fn update(state: &mut State, input: Input<'_>, _ctx: &Ctx<'_>) -> Vec<Effect> {
    if let Input::Opened(Place::History(Some(id))) = input {
        state.workflow = Some(id.clone());
    }
    Vec::new()
}

pub fn can(_state: &State, action: Action, _ctx: &Ctx<'_>) -> Result<(), String> {
    Err(format!("{} does nothing here.", action.spec().title))
}
