//! Draws the screen.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::console::ctx::Ctx;
use crate::console::screens::deployment::state::State;
use crate::console::theme::Theme;
use crate::console::theme::role::Role;

pub fn title(state: &State, _ctx: &Ctx<'_>) -> String {
    state.workflow.as_ref().map(ToString::to_string).unwrap_or_default()
}

pub fn view(_state: &State, _ctx: &Ctx<'_>, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    frame.buffer_mut().set_style(area, theme.style(Role::Text));
}
