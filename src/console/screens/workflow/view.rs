//! Draws the screen.
//!
//! ```text
//!  ● running  started 14:00:00 (3m ago)  queue gatewatch  120 events      standing
//!  backup ✓  migrate ✓  deploy ●                                          phases
//!  OPEN GATES 1                          │ production approval
//!    ◌ production approval  in 71h 56m   │ opened     …                   the selected thing in full:
//!  PENDING ACTIVITIES 1                  │                                beside the list, or below it
//!    ▲ verifyDeployment  attempt 4 · …   │
//! ```

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line as Text, Span};

use crate::console::action::Action;
use crate::console::ctx::Ctx;
use crate::console::remote::Remote;
use crate::console::screen::Context;
use crate::console::screens::workflow::state::State;
use crate::console::screens::workflow::update::{ABOVE, BELOW, WIDE};
use crate::console::screens::workflow::{row, text as full};
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::theme::sign::Sign;
use crate::console::widgets::{reader, strip, text, time};
use crate::contracts::workflow::WorkflowDetail;

pub fn title(state: &State, ctx: &Ctx<'_>) -> String {
    let Some(id) = &state.workflow else { return "workflow".to_owned() };
    state.detail(ctx).map_or_else(|| id.to_string(), |detail| format!("{id} · {}", detail.row.workflow_type))
}

pub fn view(state: &State, ctx: &Ctx<'_>, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    if let Some(open) = &state.reader {
        return reader::render(open, theme, frame, area);
    }
    let buffer = frame.buffer_mut();
    let Some(detail) = state.detail(ctx) else { return nothing(state, ctx, theme, buffer, area) };
    standing(detail, state, ctx, (theme, buffer, area));
    let body = Rect { y: area.y + ABOVE, height: area.height.saturating_sub(ABOVE), ..area };
    let (list, side) = if ctx.body.width >= WIDE { beside(body) } else { below(body) };
    draw_list(state, ctx, theme, buffer, list);
    draw_side(state, ctx, theme, buffer, side);
}

fn beside(body: Rect) -> (Rect, Rect) {
    let width = body.width * 11 / 20;
    let side = Rect { x: body.x + width + 1, width: body.width.saturating_sub(width + 1), ..body };
    (Rect { width, ..body }, side)
}

fn below(body: Rect) -> (Rect, Rect) {
    let height = body.height.saturating_sub(BELOW + 1);
    (Rect { height, ..body }, Rect { y: body.y + height, height: body.height - height, ..body })
}

/// How the workflow stands, and its phases in one line.
fn standing(detail: &WorkflowDetail, state: &State, ctx: &Ctx<'_>, target: (&Theme, &mut Buffer, Rect)) {
    let (theme, buffer, area) = target;
    let row = &detail.row;
    let muted = theme.style(Role::TextMuted);
    let sign = Sign::from(row.status);
    let mut line =
        Text::from(Span::styled(format!("{} {}", sign.glyph(), row.status.as_str()), theme.style(sign.role())));
    if let Some(started) = row.started_at {
        let when = format!("   started {} ({} ago)", time::when(ctx.now, started), time::age(ctx.now, started));
        line.push_span(Span::styled(when, muted));
    }
    if let (Some(started), Some(closed)) = (row.started_at, row.closed_at) {
        line.push_span(Span::styled(format!("   took {}", time::fine(closed.since(started))), muted));
    }
    line.push_span(Span::styled(format!("   queue {}   {} events", row.task_queue, row.history_length), muted));
    let remote = state.remote(ctx);
    if let Some(at) = remote.filter(|remote| remote.is_stale()).and_then(Remote::at) {
        let old = format!("   as of {} ({} ago)", time::second(at), time::age(ctx.now, at));
        line.push_span(Span::styled(old, theme.style(Role::StatusWarning)));
    }
    buffer.set_line(area.x, area.y, &text::cut_line(line, usize::from(area.width)), area.width);
    if detail.workflow_task_attempt > 1 {
        let words = format!(
            "{} its workflow task has failed {} times in a row: it stands still until its code or its worker is mended",
            Sign::Failed.glyph(),
            detail.workflow_task_attempt - 1
        );
        let line = Text::styled(words, theme.style(Role::StatusFailed));
        buffer.set_line(area.x, area.y + 1, &text::cut_line(line, usize::from(area.width)), area.width);
        return;
    }
    let phases = row.published.as_deref().map(|published| published.phases.as_slice()).unwrap_or_default();
    buffer.set_line(area.x, area.y + 1, &strip::strip(phases, usize::from(area.width), theme), area.width);
}

fn draw_list(state: &State, ctx: &Ctx<'_>, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let width = usize::from(area.width);
    for (y, index) in (area.top()..area.bottom()).zip(state.cursor.offset..state.lines.len()) {
        let Some(line) = state.lines.get(index) else { break };
        let text = text::cut_line(row::line(line, state, ctx, theme), width);
        buffer.set_line(area.x, y, &text, area.width);
        if index == state.cursor.index {
            let place = Rect { y, height: 1, ..area };
            buffer.set_style(place, theme.style(Role::Selection));
            buffer.set_string(place.x, y, "▸", theme.style(Role::Selection));
        }
    }
    if state.lines.is_empty() {
        let words = "Nothing has happened yet: no phase, no activity, no event is known.";
        buffer.set_stringn(area.x, area.y, words, width, theme.style(Role::TextMuted));
    }
}

/// The selected thing in full, as far as it fits.
fn draw_side(state: &State, ctx: &Ctx<'_>, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let border = theme.style(Role::Border);
    let wide = ctx.body.width >= WIDE;
    if wide {
        for y in area.top()..area.bottom() {
            buffer.set_string(area.x, y, "│", border);
        }
    } else if area.height > 0 {
        buffer.set_string(area.x, area.y, "─".repeat(usize::from(area.width)), border);
    }
    let inner = if wide {
        Rect { x: area.x + 2, width: area.width.saturating_sub(2), ..area }
    } else {
        Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }
    };
    let Some((title, body)) = state.selected().and_then(|item| full::of(item, state, ctx)) else { return };
    if inner.is_empty() {
        return;
    }
    let columns = usize::from(inner.width);
    buffer.set_stringn(inner.x, inner.y, text::cut(&title, columns), columns, theme.style(Role::TextStrong));
    // Only as much of a long text is looked at as can be seen.
    let lines: Vec<String> =
        body.lines().take(usize::from(inner.height)).flat_map(|line| hang(line, columns)).collect();
    let more = lines.len() > usize::from(inner.height - 1) || body.lines().count() > usize::from(inner.height);
    for (y, line) in (inner.y + 1..inner.bottom()).zip(&lines) {
        buffer.set_stringn(inner.x, y, line, columns, theme.style(Role::Text));
    }
    if more {
        let hint = format!(" {} shows all ", ctx.key(Context::Workflow, Action::Open));
        let Ok(width) = u16::try_from(text::width(&hint)) else { return };
        let y = if wide { inner.bottom() - 1 } else { area.y };
        buffer.set_string(inner.right().saturating_sub(width), y, hint, theme.style(Role::Key));
    }
}

/// Nothing to show: why, and what would make it otherwise.
fn nothing(state: &State, ctx: &Ctx<'_>, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let (words, role) = match (&state.workflow, state.remote(ctx)) {
        (Some(id), Some(Remote::Failed { failure, .. })) => {
            (format!("{id} cannot be shown. {failure}"), Role::StatusFailed)
        }
        (Some(id), _) => (format!("Asking about {id}."), Role::TextMuted),
        (None, _) => {
            let list = ctx.key(Context::Global, Action::GoWorkflows);
            let open = ctx.key(Context::Workflows, Action::Open);
            (format!("No workflow is selected. {list} lists them; {open} opens one here."), Role::TextMuted)
        }
    };
    for (y, line) in (area.y + 1..area.bottom()).zip(text::wrap(&words, usize::from(area.width))) {
        buffer.set_string(area.x, y, line, theme.style(role));
    }
}

/// A line of text wrapped so that what follows stands below what it goes on with: a fact's value, or an indented line.
fn hang(line: &str, columns: usize) -> Vec<String> {
    let label = line.get(..full::LABEL).filter(|head| head.ends_with(' ') && !head.starts_with(' '));
    let indent = label.map_or_else(|| line.len() - line.trim_start().len(), str::len);
    let head = line.get(..indent).unwrap_or_default();
    let rest = text::wrap(line.get(indent..).unwrap_or_default(), columns.saturating_sub(indent).max(1));
    let blank = " ".repeat(indent);
    rest.into_iter().enumerate().map(|(nth, part)| format!("{}{part}", if nth == 0 { head } else { &blank })).collect()
}
