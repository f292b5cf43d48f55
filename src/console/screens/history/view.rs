//! Draws the screen: what is let through, then the events, newest first; or one event in full. Where there is room, what
//! is under the cursor is shown beside the list.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line as Text, Span};

use crate::console::action::Action;
use crate::console::ctx::Ctx;
use crate::console::event_text;
use crate::console::screen::{Context, Focus};
use crate::console::screens::history::row;
use crate::console::screens::history::state::{Kinds, Known, Line, State};
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::widgets::table::{self, Window};
use crate::console::widgets::{reader, text};

/// From this width on the selected event is shown beside the list.
const WIDE: u16 = 130;

pub fn title(state: &State, _ctx: &Ctx<'_>) -> String {
    state.workflow.as_ref().map_or_else(|| "history".to_owned(), |id| format!("history of {id}"))
}

pub fn view(state: &State, ctx: &Ctx<'_>, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    if area.height < 2 {
        return;
    }
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    if let Some(open) = &state.reader {
        return reader::render(open, theme, frame, inner);
    }
    above(state, ctx, theme, frame, Rect { height: 1, ..inner });
    let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
    if state.lines.is_empty() {
        return nothing(state, ctx, theme, frame.buffer_mut(), Rect { x: inner.x, width: inner.width, ..body });
    }
    let list = if area.width >= WIDE { Rect { width: area.width * 3 / 5, ..body } } else { body };
    let window = Window { total: state.lines.len(), offset: state.cursor.offset, cursor: Some(state.cursor.index) };
    table::render(&row::COLUMNS, window, theme, (frame.buffer_mut(), list), |index| {
        state.lines.get(index).map(|line| row::row(state, *line, ctx.now, theme)).unwrap_or_default()
    });
    failures(state, theme, frame.buffer_mut(), list);
    if list.width < area.width {
        let side = Rect { x: list.right() + 1, width: area.width.saturating_sub(list.width + 2), ..body };
        beside(state, theme, frame.buffer_mut(), side);
    }
}

/// Failures run over the columns right of where they begin: nothing stands there.
fn failures(state: &State, theme: &Theme, buffer: &mut Buffer, list: Rect) {
    let places = table::places(&row::COLUMNS, list.width.saturating_sub(1));
    let Some((x, _)) = places.get(2).copied().flatten() else { return };
    let rows = (list.y + 1..list.bottom()).zip(state.cursor.offset..state.lines.len());
    for (y, index) in rows {
        let Some(Line::Failure(id)) = state.lines.get(index) else { continue };
        let failure = state.chronicle.group(*id).and_then(|group| group.failure()).unwrap_or_default();
        let line = failure.replace('\n', " ");
        let columns = list.width.saturating_sub(x + 3);
        buffer.set_string(list.x + 3 + x, y, text::fit(&line, usize::from(columns)), theme.style(Role::StatusFailed));
    }
}

/// `all but tasks and memo · 212 of 480 events · following` and what is being found.
fn above(state: &State, ctx: &Ctx<'_>, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let muted = theme.style(Role::TextMuted);
    let kinds = theme.style(if state.kinds == Kinds::Work { Role::TextMuted } else { Role::TextStrong });
    let mut line = Text::from(vec![
        Span::styled(ctx.key(Context::History, Action::FilterKind), theme.style(Role::Key)),
        Span::styled(format!(" {}", state.kinds.words()), kinds),
        Span::styled(format!(" · {} events", state.chronicle.events()), muted),
    ]);
    if let Known::Failed(failure) = &state.known {
        let words = format!(" · not up to date: {}", failure.message);
        line.push_span(Span::styled(words, theme.style(Role::StatusWarning)));
    } else if state.chronicle.older().is_some() {
        line.push_span(Span::styled(", older ones follow below", muted));
    } else if state.chronicle.forgot() {
        line.push_span(Span::styled(", the oldest are not kept", theme.style(Role::StatusWarning)));
    }
    if state.follow {
        line.push_span(Span::styled(" · following", theme.style(Role::StatusRunning)));
    }
    if state.unseen > 0 {
        line.push_span(Span::styled(format!(" · +{} new", state.unseen), theme.style(Role::StatusRunning)));
    }
    let used = u16::try_from(line.width()).unwrap_or(area.width);
    frame.buffer_mut().set_line(area.x, area.y, &text::cut_line(line, usize::from(area.width)), area.width);
    let Some(field) = &state.find else { return };
    let x = area.x + used.saturating_add(3);
    if x + 12 > area.right() {
        // No room beside: what is typed matters more.
        frame.buffer_mut().set_string(area.x, area.y, " ".repeat(usize::from(area.width)), muted);
    }
    let x = if x + 12 > area.right() { area.x } else { x };
    frame.buffer_mut().set_string(x, area.y, "find ", muted);
    let role = if state.finding == Focus::Text { Role::Input } else { Role::Match };
    let place = Rect { x: x + 5, width: area.right().saturating_sub(x + 5).min(40), ..area };
    field.view(theme.style(role), frame, place);
}

/// What is under the cursor, as far as it fits.
fn beside(state: &State, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    for y in area.top()..area.bottom() {
        buffer.set_string(area.x, y, "│", theme.style(Role::Border));
    }
    let inner = Rect { x: area.x + 2, width: area.width.saturating_sub(3), ..area };
    let Some(line) = state.selected() else { return };
    let Some(group) = state.chronicle.group(line.group()) else { return };
    let (title, body) = match line {
        Line::Event(_, place) => match group.events.get(place) {
            Some(event) => (group.name(), event_text::event(event)),
            None => return,
        },
        Line::Group(_) | Line::Failure(_) => (group.name(), event_text::group(group)),
    };
    buffer.set_stringn(
        inner.x,
        inner.y,
        text::cut(&title, usize::from(inner.width)),
        usize::from(inner.width),
        theme.style(Role::TextStrong),
    );
    let columns = usize::from(inner.width);
    // Only as much of a long text is looked at as can be seen.
    let lines = body.lines().take(usize::from(inner.height)).flat_map(|line| text::wrap(line, columns));
    for (y, line) in (inner.y + 1..inner.bottom()).zip(lines) {
        buffer.set_stringn(inner.x, y, line, columns, theme.style(Role::Text));
    }
}

/// Nothing to show: why, and what would make it otherwise.
fn nothing(state: &State, ctx: &Ctx<'_>, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let key = |action: Action| ctx.key(Context::History, action);
    let (words, role) = if state.workflow.is_none() {
        let words = format!("Select a workflow, then {} shows its history here.", key(Action::GoHistory));
        (words, Role::TextMuted)
    } else if let Known::Failed(failure) = &state.known {
        (format!("The history cannot be shown. {failure}"), Role::StatusFailed)
    } else if state.chronicle.is_empty() {
        ("Asking for the newest events.".to_owned(), Role::TextMuted)
    } else if state.find.is_some() {
        (format!("No event matches. {} shows all again.", key(Action::Back)), Role::TextMuted)
    } else {
        let words = format!("No event of this kind is known. {} shows other kinds.", key(Action::FilterKind));
        (words, Role::TextMuted)
    };
    for (y, line) in (area.y + 1..area.bottom()).zip(text::wrap(&words, usize::from(area.width))) {
        buffer.set_string(area.x, y, line, theme.style(role));
    }
}
