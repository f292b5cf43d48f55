//! The board of the eight triggers, in the specification's words and order.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::console::screens::deployment::scene::Scene;
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::theme::sign::Sign;
use crate::console::widgets::table::{self, Column, Row, Window};
use crate::console::widgets::{text, time};
use crate::contracts::clock::Timestamp;
use crate::contracts::health::{HealthReport, Trigger, TriggerState, TriggerStatus};

const COLUMNS: [Column; 4] = [
    Column::fixed("TRIGGER", 19),
    Column::flex("NOW", 13, 2).at_most(24),
    Column::flex("LIMIT", 13, 2).at_most(32).spare(1),
    Column::flex("STATE", 9, 4).at_most(14),
];

pub fn draw(scene: &Scene<'_>, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let report = scene.health();
    let window = Window { total: Trigger::ALL.len(), offset: 0, cursor: None };
    // The board has no cursor, so it needs no column for one.
    let area = Rect { x: area.x.saturating_sub(1), width: area.width + 1, ..area };
    let state = table::places(&COLUMNS, area.width.saturating_sub(1)).last().copied().flatten();
    let room = state.map_or(0, |(_, width)| usize::from(width));
    table::render(&COLUMNS, window, theme, (buffer, area), |index| {
        let trigger = Trigger::ALL.get(index).copied().unwrap_or(Trigger::MigrationFailure);
        row(trigger, report, scene, room, theme)
    });
}

/// `room` is the width of its state.
fn row(trigger: Trigger, report: Option<&HealthReport>, scene: &Scene<'_>, room: usize, theme: &Theme) -> Row<'static> {
    let known = report.and_then(|report| report.triggers.iter().find(|state| state.trigger == trigger));
    let unknown = TriggerState { trigger, status: TriggerStatus::Unknown, now: "–".to_owned(), limit: String::new() };
    let state = known.unwrap_or(&unknown);
    // Only while it is watched, and seen to be, does a trigger count down to something.
    let counts = scene.is_monitoring() && !scene.stale && scene.held_up().is_none();
    let looked_at = scene.last_sample().map(|sample| sample.at).filter(|_| counts);
    // The looks after a rollback know nothing of what it took back.
    let taken_back = trigger == Trigger::MigrationFailure && scene.is_taken_back();
    let now = if taken_back { "taken back".to_owned() } else { state.now.clone() };
    let loud = matches!(state.status, TriggerStatus::Failing { .. } | TriggerStatus::Fired);
    let plain = theme.style(if loud { Role::StatusFailed } else { Role::Text });
    let muted = theme.style(if loud { Role::StatusFailed } else { Role::TextMuted });
    Row {
        cells: vec![
            Line::styled(trigger.title(), plain),
            Line::styled(now, plain),
            Line::styled(state.limit.clone(), muted),
            standing(&state.status, scene.now, looked_at, room, theme),
        ],
        role: None,
    }
}

/// `▲ 2/4, 00:30`, or `▲ 2/4` where there is no room: the line above the charts counts down too.
fn standing(
    status: &TriggerStatus,
    now: Timestamp,
    looked_at: Option<Timestamp>,
    room: usize,
    theme: &Theme,
) -> Line<'static> {
    let sign = Sign::from(status);
    let words = match status {
        TriggerStatus::Unknown => "not yet".to_owned(),
        TriggerStatus::Ok => "ok".to_owned(),
        TriggerStatus::Failing { count, of, fires_in_ms } => {
            let bare = format!("{count}/{of}");
            let left = looked_at.map(|at| format!("{bare}, {}", time::countdown(now, at.plus(*fires_in_ms))));
            left.filter(|words| text::width(words) + 2 <= room).unwrap_or(bare)
        }
        TriggerStatus::Fired => "FIRED".to_owned(),
    };
    let role = match status {
        TriggerStatus::Unknown => Role::TextMuted,
        TriggerStatus::Ok => Role::StatusOk,
        TriggerStatus::Failing { .. } | TriggerStatus::Fired => Role::StatusFailed,
    };
    let style = theme.style(role);
    Line::from(vec![Span::styled(format!("{} ", sign.glyph()), style), Span::styled(words, style)])
}
