//! An agent as cells.

use ratatui::text::{Line as Text, Span};

use crate::console::screens::agents::text;
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::theme::sign::Sign;
use crate::console::widgets::table::{Column, Row};
use crate::contracts::clock::Timestamp;
use crate::contracts::roster::AgentReport;

pub const COLUMNS: [Column; 8] = [
    Column::flex("AGENT", 16, 2).at_most(32),
    Column::fixed("STATE", 14),
    Column::fixed("BUSY", 5).right(),
    Column::fixed("DONE", 6).right().spare(1),
    Column::fixed("FAILED", 6).right().spare(1),
    Column::fixed("BROKEN", 6).right().spare(2),
    Column::fixed("TODAY", 14).right().spare(3),
    Column::flex("KINDS", 10, 2).spare(4),
];

/// How it is, in a sign.
pub fn sign(agent: &AgentReport, now: Timestamp) -> Sign {
    if text::is_used_up(agent) {
        Sign::Warning
    } else if agent.resting_until.is_some_and(|until| until > now) {
        Sign::Paused
    } else if agent.calls.is_empty() {
        Sign::NotYet
    } else {
        Sign::Running
    }
}

pub fn row(agent: &AgentReport, now: Timestamp, theme: &Theme) -> Row<'static> {
    let muted = theme.style(Role::TextMuted);
    let sign = sign(agent, now);
    let bad = |count: u64| theme.style(if count > 0 { Role::StatusWarning } else { Role::TextMuted });
    let cells = vec![
        Text::from(vec![
            Span::styled(sign.glyph(), theme.style(sign.role())),
            Span::styled(format!(" {}", agent.name), theme.style(Role::Text)),
        ]),
        Text::styled(text::standing(agent, now), theme.style(sign.role())),
        Text::styled(format!("{}/{}", agent.calls.len(), agent.concurrency), theme.style(Role::Text)),
        Text::styled(agent.ok.to_string(), muted),
        Text::styled(agent.fail.to_string(), bad(agent.fail)),
        Text::styled(agent.broken.to_string(), bad(agent.broken)),
        Text::styled(
            text::spent(agent),
            theme.style(if text::is_used_up(agent) { Role::StatusWarning } else { Role::Text }),
        ),
        Text::styled(agent.kinds.join(" "), muted),
    ];
    Row { cells, role: None }
}
