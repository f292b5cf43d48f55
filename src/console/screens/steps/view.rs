//! Draws the screen.
//!
//! ```text
//!  ◌ awaiting approval  Say hello  spec tutorial 1  started 4m ago            standing
//!  ▸Steps 3   Artifacts 2   Log 7        ▲ no worker: as of 14:02:09, 40s ago  panes, and where it is from
//!  STEP                  STATUS             AGENT    TRIES  DUE    SINCE │ approval-1 · APPROVAL
//!   ✓ draft-1            done               builder      1            2m │ asks       Publish "Hello"?
//!  ▸└ ◌ approval-1       waits for a person                           1m │ …
//! ```

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line as Text, Span};

use crate::console::action::Action;
use crate::console::ctx::Ctx;
use crate::console::remote::Remote;
use crate::console::screen::Context;
use crate::console::screens::steps::state::{Old, Pane, State};
use crate::console::screens::steps::update::place;
use crate::console::screens::steps::{row, text as full};
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::theme::sign::Sign;
use crate::console::widgets::table::{self, Window};
use crate::console::widgets::{aside, reader, text, time};
use crate::contracts::engine::state::{EngineState, EngineStatus};
use crate::contracts::workflow::WorkflowDetail;

pub fn title(state: &State, ctx: &Ctx<'_>) -> String {
    let Some(id) = &state.workflow else { return "steps".to_owned() };
    state.detail(ctx).map_or_else(|| format!("steps of {id}"), |detail| format!("{id} · {}", detail.row.workflow_type))
}

pub fn view(state: &State, ctx: &Ctx<'_>, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    if let Some(open) = &state.reader {
        return reader::render(open, theme, frame, area);
    }
    let buffer = frame.buffer_mut();
    if state.state(ctx).is_none() && state.lines.is_empty() {
        return nothing(state, ctx, theme, buffer, area);
    }
    standing(state, ctx, theme, buffer, area);
    panes(state, ctx, theme, buffer, Rect { y: area.y + 1, ..area });
    let body = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
    let (list, side) = aside::split(place(ctx), body);
    draw_list(state, ctx, theme, buffer, list);
    let open = ctx.key(Context::Steps, Action::Open);
    aside::draw(full::selected(state, ctx), &open, theme, buffer, (place(ctx), side));
}

/// How the goal stands: what a worker told, or what the server knows.
fn standing(state: &State, ctx: &Ctx<'_>, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let muted = theme.style(Role::TextMuted);
    let mut line = match (state.state(ctx), state.detail(ctx)) {
        (Some(goal), _) => goal_line(goal, theme),
        (None, Some(detail)) => workflow_line(detail, theme),
        (None, None) => return,
    };
    if let Some(started) = state.detail(ctx).and_then(|detail| detail.row.started_at) {
        line.push_span(Span::styled(format!("   started {} ago", time::age(ctx.now, started)), muted));
    }
    buffer.set_line(area.x, area.y, &text::cut_line(line, usize::from(area.width)), area.width);
}

fn goal_line(goal: &EngineState, theme: &Theme) -> Text<'static> {
    let sign = match goal.status {
        EngineStatus::Running => Sign::Running,
        EngineStatus::Blocked | EngineStatus::Cancelled => Sign::Warning,
        EngineStatus::AwaitingApproval => Sign::Waiting,
        EngineStatus::Completed => Sign::Ok,
        EngineStatus::Failed => Sign::Failed,
    };
    let word = goal.status.as_str().to_lowercase().replace('_', " ");
    let mut line = Text::from(Span::styled(format!("{} {word}", sign.glyph()), theme.style(sign.role())));
    if let Some(completion) = goal.completion.as_ref().filter(|_| goal.status != EngineStatus::Completed) {
        line.push_span(Span::styled(format!(": {}", completion.reason), theme.style(sign.role())));
    }
    let name = if goal.goal.description.is_empty() { goal.goal_id.as_str() } else { &goal.goal.description };
    line.push_span(Span::styled(format!("   {name}"), theme.style(Role::TextStrong)));
    if let Some(pin) = &goal.spec {
        let hash: String = pin.hash.as_str().chars().take(8).collect();
        let version = if pin.version.is_empty() { String::new() } else { format!(" {}", pin.version) };
        line.push_span(Span::styled(format!("   spec {}{version} ({hash})", pin.name), theme.style(Role::TextMuted)));
    }
    line
}

fn workflow_line(detail: &WorkflowDetail, theme: &Theme) -> Text<'static> {
    let sign = Sign::from(detail.row.status);
    let title = detail.row.published.as_deref().map_or("", |published| published.title.as_str());
    Text::from(vec![
        Span::styled(format!("{} {}", sign.glyph(), detail.row.status.as_str()), theme.style(sign.role())),
        Span::styled(format!("   {title}"), theme.style(Role::TextStrong)),
    ])
}

/// The lists, the one that is shown marked, and why they are not up to date, if so.
fn panes(state: &State, ctx: &Ctx<'_>, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let mut line = Text::default();
    for pane in Pane::ALL {
        let here = pane == state.pane;
        let style = theme.style(if here { Role::TextStrong } else { Role::TextMuted });
        line.push_span(Span::styled(if here { "▸" } else { " " }, theme.style(Role::Key)));
        line.push_span(Span::styled(format!("{} {}   ", pane.title(), state.total(pane, ctx)), style));
    }
    if state.pane == Pane::Log
        && let Some(dropped) = state.state(ctx).map(|goal| goal.log_dropped).filter(|dropped| *dropped > 0)
    {
        line.push_span(Span::styled(format!("{dropped} older ones are kept no more   "), theme.style(Role::TextMuted)));
    }
    if let Some(old) = state.old(ctx) {
        let words = match old {
            Old::Told { at, changed } => {
                let since = if changed { ", and changed since" } else { "" };
                format!("as of {}, {} ago{since}", time::second(at), time::age(ctx.now, at))
            }
            Old::Published(Some(at)) => {
                format!("published {}, {} ago", time::second(at), time::age(ctx.now, at))
            }
            Old::Published(None) => "it publishes nothing".to_owned(),
        };
        let words = format!("{} no worker: {words}", Sign::Warning.glyph());
        line.push_span(Span::styled(words, theme.style(Role::StatusWarning)));
    }
    buffer.set_line(area.x, area.y, &text::cut_line(line, usize::from(area.width)), area.width);
}

fn draw_list(state: &State, ctx: &Ctx<'_>, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let total = state.total(state.pane, ctx);
    let cursor = state.cursor();
    let window = Window { total, offset: cursor.offset, cursor: Some(cursor.index) };
    table::render(row::columns(state.pane), window, theme, (buffer, area), |place| {
        row::row(state, place, ctx, theme).unwrap_or_default()
    });
    if total == 0 && area.height > 1 {
        let words = match (state.pane, state.state(ctx).is_some()) {
            (Pane::Steps, true) => "No work was asked for yet: `gatewatch goal request` does.",
            (Pane::Steps, false) => "Nothing is published yet.",
            (Pane::Artifacts, true) => "Nothing was left behind yet.",
            (Pane::Log, true) => "Nothing has happened yet.",
            (Pane::Artifacts | Pane::Log, false) => "Only a worker tells this, and none answers.",
        };
        let words = text::cut(words, usize::from(area.width.saturating_sub(1))).into_owned();
        buffer.set_string(area.x + 1, area.y + 1, words, theme.style(Role::TextMuted));
    }
}

/// Nothing to show: why, and what would make it otherwise.
fn nothing(state: &State, ctx: &Ctx<'_>, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let (words, role) = match (&state.workflow, state.remote(ctx)) {
        (Some(id), Some(Remote::Failed { failure, .. })) => {
            (format!("The steps of {id} cannot be shown. {failure}"), Role::StatusFailed)
        }
        (Some(id), _) => (format!("Asking {id} for its steps."), Role::TextMuted),
        (None, _) => {
            let list = ctx.key(Context::Global, Action::GoWorkflows);
            let steps = ctx.key(Context::Global, Action::GoSteps);
            let words =
                format!("No goal is selected. {list} lists workflows; {steps} opens the steps of one that is a goal.");
            (words, Role::TextMuted)
        }
    };
    for (y, line) in (area.y + 1..area.bottom()).zip(text::wrap(&words, usize::from(area.width))) {
        buffer.set_string(area.x, y, line, theme.style(role));
    }
}
