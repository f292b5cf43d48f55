//! Draws the gates.
//!
//! ```text
//!  GATE                 WORKFLOW          ENV   WAITS  DEADLINE      │ production approval · prod-checkout-42
//! ▸production approval  prod-checkout-42  prod  4m     in 71h 56m    │ commit    9f31c2e  checkout: retry idempotent payments
//!  plan approval        plan-feat-88      –     2h     in 46h        │ score     94/100  …
//! ```
//!
//! Under 110 columns the card is below the list.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::console::ctx::Ctx;
use crate::console::event::Overview;
use crate::console::remote::Remote;
use crate::console::screens::gates::state::{Pane, SIDE_BY_SIDE, State, split};
use crate::console::screens::gates::{card, row};
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::widgets::panel::panel;
use crate::console::widgets::table::{self, Window};
use crate::console::widgets::text;

pub fn title(state: &State, ctx: &Ctx<'_>) -> String {
    let shown = state.shown(ctx).len();
    match &state.filter {
        Some(filter) => format!("Gates /{} {shown} match", filter.text()),
        None if shown == 1 => "1 open gate".to_owned(),
        None => format!("{shown} open gates"),
    }
}

pub fn view(state: &State, ctx: &Ctx<'_>, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let shown = state.shown(ctx);
    if shown.is_empty() {
        return empty(state, ctx, theme, frame, area);
    }
    let (list_height, card_height) = split(area.width, area.height);
    let (list, place) = if area.width >= SIDE_BY_SIDE {
        let list = card::list_width(area.width);
        (Rect { width: list, ..area }, Rect { x: area.x + list + 1, width: area.width - list - 1, ..area })
    } else {
        (Rect { height: list_height, ..area }, Rect { y: area.y + list_height, height: card_height, ..area })
    };
    let window = Window { total: shown.len(), offset: state.cursor.offset, cursor: Some(state.cursor.index) };
    table::render(&row::COLUMNS, window, theme, (frame.buffer_mut(), list), |at| {
        shown.get(at).map(|view| row::cells(view, ctx, theme)).unwrap_or_default()
    });
    draw_card(state, ctx, theme, frame, place);
}

fn draw_card(state: &State, ctx: &Ctx<'_>, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let Some(view) = state.view(ctx) else {
        let gone = Line::styled(" This gate is not open any more.", theme.style(Role::TextMuted));
        frame.buffer_mut().set_line(area.x, area.y, &gone, area.width);
        return;
    };
    let border = match (state.pane, view.is_production()) {
        (_, true) => Role::Production,
        (Pane::Card, false) => Role::BorderFocused,
        (Pane::List, false) => Role::Border,
    };
    let title = format!(" {} · {} ", view.title(), view.row.id);
    let title = text::cut(&title, usize::from(area.width.saturating_sub(4))).into_owned();
    let block = panel(Span::styled(title, theme.style(Role::TextStrong)), border, theme);
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let lines = card::lines(state, ctx, usize::from(inside.width));
    let below = lines.len().saturating_sub(state.scroll + usize::from(inside.height));
    for (y, line) in (inside.y..inside.bottom()).zip(lines.into_iter().skip(state.scroll)) {
        let spans: Vec<Span<'_>> =
            line.into_iter().map(|(role, words)| Span::styled(words, theme.style(role))).collect();
        frame.buffer_mut().set_line(inside.x, y, &Line::from(spans), inside.width);
    }
    if below > 0 {
        let more = format!(" {below} more below ");
        let width = u16::try_from(text::width(&more)).unwrap_or(0);
        let x = area.right().saturating_sub(width + 2);
        frame.buffer_mut().set_string(x, area.bottom() - 1, more, theme.style(Role::TextMuted));
    }
}

fn empty(state: &State, ctx: &Ctx<'_>, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let overview = &ctx.world.overview;
    let words = match overview {
        Remote::Idle => "Asking for open gates…".to_owned(),
        Remote::Fresh { .. } | Remote::Stale { .. } if state.filter.is_some() => "No gate matches.".to_owned(),
        Remote::Failed { failure, .. }
        | Remote::Fresh { value: Overview { unreadable: Some(failure), .. }, .. }
        | Remote::Stale { value: Overview { unreadable: Some(failure), .. }, .. } => failure.to_string(),
        Remote::Fresh { .. } | Remote::Stale { .. } => {
            "No gate waits for anybody. A workflow that publishes a gate (memo `gatewatch`, attribute `gates`) appears here."
                .to_owned()
        }
    };
    let role =
        if overview.value().is_none() && overview.failure().is_some() { Role::StatusFailed } else { Role::TextMuted };
    let lines = text::wrap(&words, usize::from(area.width.saturating_sub(2)));
    for (y, line) in (area.y + 1..area.bottom()).zip(lines) {
        frame.buffer_mut().set_line(area.x + 1, y, &Line::styled(line, theme.style(role)), area.width);
    }
}
