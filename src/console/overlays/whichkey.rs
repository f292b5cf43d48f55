//! In the middle of a sequence: which keys could follow.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

use crate::console::act;
use crate::console::keymap::{self, Resolution};
use crate::console::model::Model;
use crate::console::theme::role::Role;
use crate::console::widgets::panel::panel;
use crate::console::widgets::text;

/// Drawn once the person hesitates: who knows the keys never sees it.
pub fn view(model: &Model, frame: &mut Frame<'_>, body: Rect) {
    if !model.typing.hesitates() {
        return;
    }
    let Resolution::Pending(entries) = model.look.keymap.resolve(model.context(), &model.typing.sequence) else {
        return;
    };
    let theme = &model.look.theme;
    let lines: Vec<Line<'_>> = entries
        .iter()
        .map(|(key, action)| match act::can(model, *action) {
            Ok(()) => Line::from(vec![
                Span::styled(format!(" {key:>6}  "), theme.style(Role::Key)),
                Span::styled(text::fit(action.spec().title, 14), theme.style(Role::Text)),
                Span::styled(action.spec().doc, theme.style(Role::TextMuted)),
            ]),
            Err(why) => {
                let words = format!(" {key:>6}  {}{why}", text::fit(action.spec().title, 14));
                Line::styled(words, theme.style(Role::TextMuted))
            }
        })
        .collect();
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2).min(body.height);
    let width = 76.min(body.width);
    let area = Rect { x: body.right() - width, y: body.bottom() - height, width, height };
    let title = format!(" {} and then ", keymap::text::label(&model.typing.sequence, model.look.keymap.spelling));
    frame.render_widget(Clear, area);
    frame.buffer_mut().set_style(area, theme.style(Role::Background));
    frame.render_widget(Paragraph::new(lines).block(panel(title, Role::BorderFocused, theme)), area);
}
