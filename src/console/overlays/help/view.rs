//! Draws the keys of a screen.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use crate::console::overlays::help::state::{Entry, State};
use crate::console::screen::Focus;
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::widgets::panel::panel;
use crate::console::widgets::text;

pub fn view(state: &State, theme: &Theme, frame: &mut Frame<'_>, body: Rect) {
    let width = body.width.saturating_sub(4).min(96);
    let area = Rect { x: body.x + (body.width - width) / 2, width, ..body };
    frame.render_widget(Clear, area);
    frame.buffer_mut().set_style(area, theme.style(Role::Background));
    let title = format!(" Keys on {} ", state.screen.title());
    let block = panel(Span::styled(title, theme.style(Role::TextStrong)), Role::BorderFocused, theme);
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let shown = state.shown();
    let searching = state.search.is_some();
    let height = usize::from(inside.height.saturating_sub(u16::from(searching)));
    let offset = (state.cursor.index + 1).saturating_sub(height);
    for ((nth, entry), y) in shown.iter().enumerate().skip(offset).take(height).zip(inside.y..) {
        let selected = nth == state.cursor.index;
        let line = text::cut_line(line(entry, selected, theme), usize::from(inside.width));
        frame.buffer_mut().set_line(inside.x, y, &line, inside.width);
    }
    if shown.is_empty() {
        frame.buffer_mut().set_string(inside.x + 1, inside.y, "No key matches.", theme.style(Role::TextMuted));
    }
    let Some(search) = &state.search else { return };
    let bottom = Rect { y: inside.bottom().saturating_sub(1), height: 1, ..inside };
    frame.buffer_mut().set_string(bottom.x, bottom.y, "/ ", theme.style(Role::Key));
    let place = Rect { x: bottom.x + 2, width: bottom.width.saturating_sub(2), ..bottom };
    if state.searching == Focus::Text {
        search.view(theme.style(Role::Text), frame, place);
    } else {
        search.view_idle(theme.style(Role::Text), frame, place);
    }
}

fn line<'a>(entry: &'a Entry, selected: bool, theme: &Theme) -> Line<'a> {
    let key = if entry.writes { Role::StatusWarning } else { Role::Key };
    let doc = if entry.here { Role::Text } else { Role::TextMuted };
    Line::from(vec![
        Span::raw(if selected { "▸" } else { " " }),
        Span::styled(format!("{:>10}  ", entry.key), theme.style(key)),
        Span::styled(text::fit(entry.name, 22), theme.style(Role::TextMuted)),
        Span::styled(entry.doc, theme.style(doc)),
    ])
}
