//! Draws the palette: what is typed, what matches, the key of each, and why some are not possible.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use crate::console::overlays;
use crate::console::overlays::palette::state::{Entry, State};
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::widgets::panel::panel;
use crate::console::widgets::text;

pub fn view(state: &State, theme: &Theme, frame: &mut Frame<'_>, body: Rect) {
    let width = overlays::width(body, 90);
    let rows = u16::try_from(state.shown.len()).unwrap_or(u16::MAX).clamp(1, body.height.saturating_sub(4).min(14));
    let area = Rect { x: body.x + (body.width - width) / 2, y: body.y, width, height: rows + 3 };
    frame.render_widget(Clear, area);
    let block =
        panel(Span::styled(" What do you want to do? ", theme.style(Role::TextStrong)), Role::BorderFocused, theme);
    let inside = block.inner(area);
    frame.render_widget(block, area);
    frame.buffer_mut().set_style(area, theme.style(Role::Background));
    frame.buffer_mut().set_string(inside.x, inside.y, ": ", theme.style(Role::Key));
    let input = Rect { x: inside.x + 2, width: inside.width.saturating_sub(2), height: 1, ..inside };
    state.input.view(theme.style(Role::Text), frame, input);
    if state.shown.is_empty() {
        frame.buffer_mut().set_string(inside.x + 2, inside.y + 1, "Nothing matches.", theme.style(Role::TextMuted));
    }
    let visible = usize::from(rows);
    let offset = (state.cursor.index + 1).saturating_sub(visible);
    let entries = state.shown.iter().skip(offset).take(visible).filter_map(|at| state.entries.get(*at));
    for ((nth, entry), y) in entries.enumerate().zip(inside.y + 1..inside.bottom()) {
        let selected = offset + nth == state.cursor.index;
        let line = text::cut_line(line(entry, selected, theme), usize::from(inside.width));
        frame.buffer_mut().set_line(inside.x, y, &line, inside.width);
        if selected {
            let row = Rect { y, height: 1, ..inside };
            frame.buffer_mut().set_style(row, theme.style(Role::Selection));
        }
    }
}

fn line<'a>(entry: &'a Entry, selected: bool, theme: &Theme) -> Line<'a> {
    let spec = entry.action.spec();
    let (title, rest, role) = match &entry.why_not {
        Some(why) => (Role::TextMuted, why.as_str(), Role::TextMuted),
        None => (Role::Text, spec.doc, Role::TextMuted),
    };
    Line::from(vec![
        Span::raw(if selected { "▸" } else { " " }),
        Span::styled(
            format!("{:>7} ", text::cut(&entry.key, 7)),
            theme.style(if entry.why_not.is_some() { Role::TextMuted } else { Role::Key }),
        ),
        Span::styled(text::fit(spec.title, 15), theme.style(title)),
        Span::styled(rest, theme.style(role)),
    ])
}
