//! In the middle of a sequence: which keys could follow.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

use crate::console::keymap::Resolution;
use crate::console::model::Model;
use crate::console::theme::role::Role;
use crate::console::widgets::panel::panel;

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
        .map(|(key, action)| {
            Line::from(vec![
                Span::styled(format!(" {key:>6}  "), theme.style(Role::Key)),
                Span::styled(action.spec().title, theme.style(Role::Text)),
            ])
        })
        .collect();
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2).min(body.height);
    let width = 30.min(body.width);
    let area = Rect { x: body.right() - width, y: body.bottom() - height, width, height };
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).block(panel("keys", Role::BorderFocused, theme)), area);
}
