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
use crate::console::screens::workflow::update::{ABOVE, place};
use crate::console::screens::workflow::{row, text as full};
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::theme::sign::Sign;
use crate::console::widgets::{aside, reader, strip, text, time};
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
    let (list, side) = aside::split(place(ctx), body);
    draw_list(state, ctx, theme, buffer, list);
    let shown = state.selected().and_then(|item| full::of(item, state, ctx));
    let open = ctx.key(Context::Workflow, Action::Open);
    aside::draw(shown, &open, theme, buffer, (place(ctx), side));
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
