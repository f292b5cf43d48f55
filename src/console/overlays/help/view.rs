//! Draws the keys of a screen: its own first, then those of every screen, and below them the selected one in full.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use crate::console::overlays;
use crate::console::overlays::help::state::{Entry, State};
use crate::console::screen::Focus;
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::widgets::panel::panel;
use crate::console::widgets::text;

/// Lines for the selected entry in full, the rule above them included.
const DETAIL: u16 = 3;

/// One line of the list.
enum Listed<'a> {
    Heading(&'static str),
    Entry(usize, &'a Entry),
}

pub fn view(state: &State, theme: &Theme, frame: &mut Frame<'_>, body: Rect) {
    let width = overlays::width(body, 110);
    let area = Rect { x: body.x + (body.width - width) / 2, width, ..body };
    frame.render_widget(Clear, area);
    frame.buffer_mut().set_style(area, theme.style(Role::Background));
    let title = format!(" Keys on {} ", state.screen.title());
    let block = panel(Span::styled(title, theme.style(Role::TextStrong)), Role::BorderFocused, theme);
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let search = u16::from(state.search.is_some());
    let height = inside.height.saturating_sub(search + DETAIL);
    let shown = state.shown();
    let lines = listed(&shown, state);
    let selected = |line: &Listed<'_>| matches!(line, Listed::Entry(nth, _) if *nth == state.cursor.index);
    let cursor = lines.iter().position(selected).unwrap_or(0);
    let offset = (cursor + 1).saturating_sub(usize::from(height));
    for (listed, y) in lines.iter().skip(offset).zip(inside.y..inside.y + height) {
        let line = match listed {
            Listed::Heading(words) => Line::styled(format!(" {words}"), theme.style(Role::TextMuted)),
            Listed::Entry(_, entry) => line(entry, selected(listed), theme),
        };
        let line = text::cut_line(line, usize::from(inside.width));
        frame.buffer_mut().set_line(inside.x, y, &line, inside.width);
        if selected(listed) {
            frame.buffer_mut().set_style(Rect { y, height: 1, ..inside }, theme.style(Role::Selection));
        }
    }
    if shown.is_empty() {
        frame.buffer_mut().set_string(inside.x + 1, inside.y, "No key matches.", theme.style(Role::TextMuted));
    }
    if let Some(entry) = shown.get(state.cursor.index) {
        detail(entry, theme, frame, Rect { y: inside.y + height, height: DETAIL, ..inside });
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

fn listed<'a>(shown: &[&'a Entry], state: &State) -> Vec<Listed<'a>> {
    let mut lines = Vec::new();
    let mut before = None;
    for (nth, entry) in shown.iter().enumerate() {
        if before != Some(entry.here) && state.search.is_none() {
            lines.push(Listed::Heading(if entry.here { "On this screen" } else { "Everywhere" }));
        }
        before = Some(entry.here);
        lines.push(Listed::Entry(nth, entry));
    }
    lines
}

fn line<'a>(entry: &'a Entry, selected: bool, theme: &Theme) -> Line<'a> {
    let possible = entry.why_not.is_none();
    let key = match (possible, entry.writes) {
        (false, _) => Role::TextMuted,
        (true, true) => Role::StatusWarning,
        (true, false) => Role::Key,
    };
    let key_words = if entry.key.is_empty() { "palette" } else { &entry.key };
    Line::from(vec![
        Span::raw(if selected { "▸" } else { " " }),
        Span::styled(format!("{key_words:>10}  "), theme.style(key)),
        Span::styled(text::fit(entry.name, 22), theme.style(Role::TextMuted)),
        Span::styled(entry.doc, theme.style(if possible { Role::Text } else { Role::TextMuted })),
    ])
}

/// What it does, in full, and why it cannot be done now.
fn detail(entry: &Entry, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let rule = "─".repeat(usize::from(area.width));
    frame.buffer_mut().set_string(area.x, area.y, rule, theme.style(Role::Border));
    let acts = if entry.writes { " It acts on the world, after a question." } else { "" };
    let does = format!("{}{acts}", entry.doc);
    let now = entry.why_not.as_ref().map(|why| format!("Not now: {why}"));
    let lines = [(does, Role::Text), (now.unwrap_or_default(), Role::StatusWarning)];
    for ((words, role), y) in lines.into_iter().zip(area.y + 1..area.bottom()) {
        let line = Line::styled(words, theme.style(role));
        frame.buffer_mut().set_line(area.x + 1, y, &text::cut_line(line, usize::from(area.width - 2)), area.width - 2);
    }
}
