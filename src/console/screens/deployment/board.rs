//! The board of the eight triggers, in the specification's words and order.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::console::countdown::Prospect;
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
    if let Some(looked_at) = scene.last_looked_at() {
        as_of(looked_at, scene, theme, (buffer, area));
    }
}

/// Nobody looks: the heads of what was measured say when it was.
fn as_of(looked_at: Timestamp, scene: &Scene<'_>, theme: &Theme, (buffer, area): (&mut Buffer, Rect)) {
    let ago = scene.is_moving().then(|| format!("{} AGO", time::age(scene.now, looked_at)));
    let heads = [None, Some(format!("AT {}", time::second(looked_at))), None, ago];
    let places = table::places(&COLUMNS, area.width.saturating_sub(1));
    for (place, head) in places.into_iter().zip(heads) {
        let (Some((x, width)), Some(head)) = (place, head) else { continue };
        let head = text::fit(&head, usize::from(width));
        buffer.set_string(area.x + 1 + x, area.y, head, theme.style(Role::StatusWarning));
    }
}

/// `room` is the width of its state.
fn row(trigger: Trigger, report: Option<&HealthReport>, scene: &Scene<'_>, room: usize, theme: &Theme) -> Row<'static> {
    let known = report.and_then(|report| report.triggers.iter().find(|state| state.trigger == trigger));
    let unknown = TriggerState { trigger, status: TriggerStatus::Unknown, now: "–".to_owned(), limit: String::new() };
    let state = known.unwrap_or(&unknown);
    // Only while it is watched, and seen to be, does a trigger count down to something.
    let promised = scene.countdown().is_some_and(|next| matches!(scene.prospect(&next), Prospect::At(_)));
    let counts = promised && !scene.stale && scene.held_up().is_none();
    let looked_at = scene.last_sample().map(|sample| sample.at).filter(|_| counts);
    // The looks after a rollback know nothing of what it took back.
    let taken_back = trigger == Trigger::MigrationFailure && scene.is_taken_back();
    let now = if taken_back { "taken back".to_owned() } else { state.now.clone() };
    let is_old = scene.last_looked_at().is_some();
    let loud = match state.status {
        TriggerStatus::Failing { .. } => !is_old,
        TriggerStatus::Fired => true,
        TriggerStatus::Unknown | TriggerStatus::Ok => false,
    };
    let muted = theme.style(if loud { Role::StatusFailed } else { Role::TextMuted });
    let plain = if loud || is_old { muted } else { theme.style(Role::Text) };
    let standing =
        if is_old { was(&state.status, muted) } else { standing(&state.status, scene.now, looked_at, room, theme) };
    Row {
        cells: vec![
            Line::styled(trigger.title(), plain),
            Line::styled(now, plain),
            Line::styled(state.limit.clone(), muted),
            standing,
        ],
        role: None,
    }
}

/// Where a trigger stood when somebody last looked. One that has fired stays so.
fn was(status: &TriggerStatus, style: Style) -> Line<'static> {
    let (sign, words) = match status {
        TriggerStatus::Unknown => (Sign::from(status), "not yet".to_owned()),
        TriggerStatus::Ok => (Sign::Unknown, "was ok".to_owned()),
        TriggerStatus::Failing { count, of, .. } => (Sign::from(status), format!("was {count}/{of}")),
        TriggerStatus::Fired => (Sign::from(status), "FIRED".to_owned()),
    };
    Line::styled(format!("{} {words}", sign.glyph()), style)
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
