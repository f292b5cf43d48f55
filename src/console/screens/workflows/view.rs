//! Draws the list.
//!
//! ```text
//!  WORKFLOW            TYPE                PHASES                    GATES  STATE        AGE
//! ▸prod-checkout-42    ProductionReadine…  evidence ✓  approval ◌    ◌ 1    ● running     4m
//!  / checkout                                                                    3 of 200
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::console::action::Action;
use crate::console::ctx::Ctx;
use crate::console::screen::Context;
use crate::console::screens::workflows::row;
use crate::console::screens::workflows::state::{Focused, SortBy, State};
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::widgets::table::{self, Window};
use crate::console::widgets::text;

pub fn title(state: &State, ctx: &Ctx<'_>) -> String {
    let total = ctx.world.counts(&state.query).map(|counts| counts.total);
    let loaded = state.rows.len();
    let mut parts = vec![match (&state.filter, total) {
        _ if state.is_of_before() => format!("{loaded} rows of the last good query"),
        (Some(_), _) => format!("{} of {loaded} loaded match", state.shown.len()),
        (None, Some(total)) if usize::try_from(total).is_ok_and(|total| total > loaded) => {
            format!("{loaded} of {total} workflows loaded")
        }
        (None, _) => format!("{loaded} workflow{}", if loaded == 1 { "" } else { "s" }),
    }];
    if let Some(counts) = ctx.world.counts(&state.query) {
        for (status, count) in counts.by_status.iter().filter(|(_, count)| *count > 0) {
            parts.push(format!("{count} {}", status.as_str()));
        }
    }
    if state.sort.by != SortBy::Server || state.sort.reversed {
        parts.push(format!("by {}{}", state.sort.by.title(), if state.sort.reversed { " ↑" } else { "" }));
    }
    if let Some(view) = ctx.profile.views.iter().find(|view| view.query == state.query) {
        parts.push(format!("view {}", view.name));
    } else if !state.query.is_empty() {
        let asked = if state.is_of_before() { "asked: " } else { "" };
        parts.push(format!("{asked}{}", state.query));
    }
    if !state.waiting.is_empty() {
        let key = ctx.key(Context::Workflows, Action::Reveal);
        parts.push(format!("+{} new ({key} shows)", state.waiting.len()));
    }
    parts.join(" · ")
}

pub fn view(state: &State, ctx: &Ctx<'_>, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let places = table::places(&row::COLUMNS, area.width.saturating_sub(1));
    let widths: Vec<usize> = places.iter().map(|place| place.map_or(0, |(_, width)| usize::from(width))).collect();
    let window = Window { total: state.shown.len(), offset: state.cursor.offset, cursor: Some(state.cursor.index) };
    table::render(&row::COLUMNS, window, theme, (frame.buffer_mut(), area), |at| {
        state.row_at(at).map(|row| row::cells(row, &widths, state, ctx, theme)).unwrap_or_default()
    });
    if state.is_of_before() {
        frame.buffer_mut().set_style(area, theme.style(Role::TextMuted));
    }
    if state.shown.is_empty() {
        empty(state, ctx, theme, frame, area);
    }
    field(state, ctx, theme, frame, area);
}

fn empty(state: &State, ctx: &Ctx<'_>, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let (words, role) = match (&state.loaded.failure, state.loaded.once, &state.filter) {
        (Some(failure), ..) => (failure.to_string(), Role::StatusFailed),
        (None, false, _) => ("Asking for workflows…".to_owned(), Role::TextMuted),
        (None, true, Some(_)) => {
            let back = ctx.key(Context::Text, Action::Back);
            (format!("Nothing that is loaded matches. {back} shows everything again."), Role::TextMuted)
        }
        (None, true, None) if !state.query.is_empty() => {
            let key = ctx.key(Context::Workflows, Action::Query);
            (format!("No workflow matches the query. {key} edits it."), Role::TextMuted)
        }
        (None, true, None) => {
            (format!("No workflow in namespace {} yet.", ctx.profile.cluster.namespace), Role::TextMuted)
        }
    };
    let lines = text::wrap(&words, usize::from(area.width.saturating_sub(2)));
    for (y, line) in (area.y + 2..area.bottom()).zip(lines) {
        frame.buffer_mut().set_line(area.x + 1, y, &Line::styled(line, theme.style(role)), area.width - 1);
    }
}

/// The filter or the query, over the last lines of the list.
fn field(state: &State, ctx: &Ctx<'_>, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let (label, field, focused) = match (state.focused, &state.editing, &state.filter) {
        (Focused::Query, Some(query), _) => (" query ", query, true),
        (_, _, Some(filter)) => (" / ", filter, state.focused == Focused::Filter),
        (_, _, None) => return failed(state, theme, frame, area),
    };
    let bottom = Rect { y: area.bottom().saturating_sub(1), height: 1, ..area };
    clear(frame, bottom, theme);
    let wide = u16::try_from(text::width(label)).unwrap_or(0);
    frame.buffer_mut().set_string(bottom.x, bottom.y, label, theme.style(Role::Key));
    let place = Rect { x: bottom.x + wide, width: bottom.width.saturating_sub(wide), ..bottom };
    if focused {
        field.view(theme.style(Role::Text), frame, place);
    } else {
        field.view_idle(theme.style(Role::Text), frame, place);
    }
    if state.focused == Focused::Query && !state.candidates.is_empty() {
        let above = Rect { y: bottom.y.saturating_sub(1), ..bottom };
        clear(frame, above, theme);
        let words = Line::from(vec![
            Span::styled(format!(" {} ", ctx.key(Context::Text, Action::NextField)), theme.style(Role::Key)),
            Span::styled(state.candidates.join("  "), theme.style(Role::TextMuted)),
        ]);
        frame.buffer_mut().set_line(above.x, above.y, &text::cut_line(words, usize::from(above.width)), above.width);
    }
}

/// Why the server did not answer the query, in its place, while older rows are still shown.
fn failed(state: &State, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let Some(failure) = state.loaded.failure.as_ref().filter(|_| !state.shown.is_empty()) else { return };
    let lines = text::wrap(&failure.to_string(), usize::from(area.width.saturating_sub(2)));
    let height = u16::try_from(lines.len()).unwrap_or(1).min(area.height / 2);
    let place = Rect { y: area.bottom() - height, height, ..area };
    clear(frame, place, theme);
    for (y, line) in (place.y..place.bottom()).zip(lines) {
        frame.buffer_mut().set_string(place.x + 1, y, line, theme.style(Role::StatusFailed));
    }
}

fn clear(frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
    frame.render_widget(ratatui::widgets::Clear, area);
    frame.buffer_mut().set_style(area, theme.style(Role::Background));
}
