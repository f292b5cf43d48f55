//! Draws the screen.
//!
//! ```text
//!  waits: DRAFT 3 (4m)  RUN_QA 1 (<1m, nobody takes it)          what no agent has yet
//!  ▲ the coordinator's last look failed: …                       what is wrong, or holds work back
//!  AGENT        STATE    BUSY   DONE  FAILED  BROKEN     TODAY  KINDS
//! ▸● builder    working   2/4     31       2       0     $1.20/5.00  IMPLEMENTATION REWORK
//! ```

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line as Text, Span};

use crate::console::action::Action;
use crate::console::ctx::Ctx;
use crate::console::remote::Remote;
use crate::console::screen::Context;
use crate::console::screens::agents::state::State;
use crate::console::screens::agents::update::place;
use crate::console::screens::agents::{row, text as words};
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::theme::sign::Sign;
use crate::console::widgets::table::{self, Window};
use crate::console::widgets::{aside, reader, text, time};

pub fn title(state: &State, ctx: &Ctx<'_>) -> String {
    match state.agents(ctx).len() {
        0 => "agents".to_owned(),
        1 => "1 agent".to_owned(),
        more => format!("{more} agents"),
    }
}

pub fn view(state: &State, ctx: &Ctx<'_>, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    if let Some(open) = &state.reader {
        return reader::render(open, theme, frame, area);
    }
    let buffer = frame.buffer_mut();
    let agents = state.agents(ctx);
    if agents.is_empty() {
        return nothing(state, ctx, theme, buffer, area);
    }
    above(state, ctx, theme, buffer, area);
    let body = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
    let (list, side) = aside::split(place(ctx), body);
    let window = Window { total: agents.len(), offset: state.cursor.offset, cursor: Some(state.cursor.index) };
    table::render(&row::COLUMNS, window, theme, (buffer, list), |at| {
        agents.get(at).map(|agent| row::row(agent, ctx.now, theme)).unwrap_or_default()
    });
    let shown = state.selected(ctx).map(|agent| (agent.name.clone(), words::of(agent, ctx)));
    aside::draw(shown, &ctx.key(Context::Agents, Action::Open), theme, buffer, (place(ctx), side));
}

/// What waits for an agent, and what is wrong or holds it back.
fn above(state: &State, ctx: &Ctx<'_>, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let Some(roster) = state.roster(ctx) else { return };
    let width = usize::from(area.width);
    let waits = words::waiting(roster, ctx.now);
    let untaken = roster.waiting.iter().any(|work| work.agents == 0);
    let line = match (waits.is_empty(), untaken) {
        (true, _) => Text::styled("No work waits for an agent.", theme.style(Role::TextMuted)),
        (false, untaken) => {
            let role = if untaken { Role::StatusWarning } else { Role::Text };
            Text::from(vec![
                Span::styled("waits: ", theme.style(Role::TextMuted)),
                Span::styled(waits, theme.style(role)),
            ])
        }
    };
    buffer.set_line(area.x, area.y, &text::cut_line(line, width), area.width);
    let old = ctx.world.agents.failure().zip(ctx.world.agents.at());
    let wrong = match (old, &roster.trouble) {
        (Some((failure, at)), _) => {
            Some(format!("as of {}, {} ago: {}", time::second(at), time::age(ctx.now, at), failure.message))
        }
        (None, trouble) => trouble.clone().or_else(|| words::held_back(roster)),
    };
    if let Some(wrong) = wrong {
        let line = Text::styled(format!("{} {wrong}", Sign::Warning.glyph()), theme.style(Role::StatusWarning));
        buffer.set_line(area.x, area.y + 1, &text::cut_line(line, width), area.width);
    } else {
        let words = "Counted by this coordinator since it started.";
        buffer.set_stringn(area.x, area.y + 1, words, width, theme.style(Role::TextMuted));
    }
}

/// Nothing to show: why, and what would make it otherwise.
fn nothing(state: &State, ctx: &Ctx<'_>, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let (words, role) = match &ctx.world.agents {
        _ if !ctx.profile.coordinator => {
            let words = "Agents are told by a coordinator, and none is configured: set coordinator_client.url, or pass --coordinator.";
            (words.to_owned(), Role::TextMuted)
        }
        Remote::Failed { failure, .. } => (format!("Agents cannot be shown. {failure}"), Role::StatusFailed),
        Remote::Idle => ("Asking the coordinator for its agents.".to_owned(), Role::TextMuted),
        Remote::Fresh { .. } | Remote::Stale { .. } => {
            let trouble = state.roster(ctx).and_then(|roster| roster.trouble.clone()).unwrap_or_default();
            let words = "No agent is registered: an [[agents]] entry of the coordinator's settings makes one.";
            (format!("{words} {trouble}"), Role::TextMuted)
        }
    };
    for (y, line) in (area.y + 1..area.bottom()).zip(text::wrap(words.trim_end(), usize::from(area.width))) {
        buffer.set_string(area.x, y, line, theme.style(role));
    }
}
