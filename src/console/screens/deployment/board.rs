//! The board of the eight triggers, in the specification's words and order.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::console::screens::deployment::scene::Scene;
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::theme::sign::Sign;
use crate::console::widgets::table::{self, Column, Row, Window};
use crate::console::widgets::time;
use crate::contracts::clock::Timestamp;
use crate::contracts::health::{HealthReport, Trigger, TriggerState, TriggerStatus};

const COLUMNS: [Column; 4] = [
    Column::fixed("TRIGGER", 19),
    Column::flex("NOW", 10, 3),
    Column::flex("LIMIT", 13, 3).spare(1),
    Column::flex("STATE", 12, 1),
];

pub fn draw(scene: &Scene<'_>, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let report = scene.health();
    let window = Window { total: Trigger::ALL.len(), offset: 0, cursor: None };
    // The board has no cursor, so it needs no column for one.
    let area = Rect { x: area.x.saturating_sub(1), width: area.width + 1, ..area };
    table::render(&COLUMNS, window, theme, (buffer, area), |index| {
        let trigger = Trigger::ALL.get(index).copied().unwrap_or(Trigger::MigrationFailure);
        row(trigger, report, scene, theme)
    });
}

fn row(trigger: Trigger, report: Option<&HealthReport>, scene: &Scene<'_>, theme: &Theme) -> Row<'static> {
    let known = report.and_then(|report| report.triggers.iter().find(|state| state.trigger == trigger));
    let unknown = TriggerState { trigger, status: TriggerStatus::Unknown, now: "–".to_owned(), limit: String::new() };
    let state = known.unwrap_or(&unknown);
    // Only while it is watched does a trigger count down to something.
    let looked_at = scene.last_sample().map(|sample| sample.at).filter(|_| scene.is_monitoring());
    let loud = matches!(state.status, TriggerStatus::Failing { .. } | TriggerStatus::Fired);
    let text = theme.style(if loud { Role::StatusFailed } else { Role::Text });
    let muted = theme.style(if loud { Role::StatusFailed } else { Role::TextMuted });
    Row {
        cells: vec![
            Line::styled(trigger.title(), text),
            Line::styled(state.now.clone(), text),
            Line::styled(state.limit.clone(), muted),
            standing(&state.status, scene.now, looked_at, theme),
        ],
        role: None,
    }
}

/// `▲ 2/4, 00:30`
fn standing(status: &TriggerStatus, now: Timestamp, looked_at: Option<Timestamp>, theme: &Theme) -> Line<'static> {
    let sign = Sign::from(status);
    let words = match status {
        TriggerStatus::Unknown => "no data".to_owned(),
        TriggerStatus::Ok => "ok".to_owned(),
        TriggerStatus::Failing { count, of, fires_in_ms } => {
            let left = looked_at.map(|at| format!(", {}", time::countdown(now, at.plus(*fires_in_ms))));
            format!("{count}/{of}{}", left.unwrap_or_default())
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
