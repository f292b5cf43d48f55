//! A terminal too small for the frame: one line that says so, and what matters most. Everything goes on working.

use ratatui::Frame;
use ratatui::text::Line;

use crate::console::action::Action;
use crate::console::layout::LEAST;
use crate::console::model::Model;
use crate::console::screen::Context;
use crate::console::theme::role::Role;
use crate::console::widgets::text;

pub fn view(model: &Model, frame: &mut Frame<'_>) {
    let area = frame.area();
    let theme = &model.look.theme;
    let quit = model.ctx().key(Context::Global, Action::Quit);
    let alert = model.alert().map(|alert| format!(" {}", alert.text)).unwrap_or_default();
    let words = format!(
        "{}×{} is too small, {}×{} is enough; {quit} quits.{alert}",
        area.width, area.height, LEAST.width, LEAST.height
    );
    let lines = text::wrap(&words, usize::from(area.width));
    for (y, line) in (area.y..area.bottom()).zip(lines) {
        frame.buffer_mut().set_line(area.x, y, &Line::styled(line, theme.style(Role::Text)), area.width);
    }
}
