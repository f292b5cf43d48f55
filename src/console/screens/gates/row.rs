//! A gate as cells of the list.

use ratatui::text::{Line, Span};

use crate::console::ctx::Ctx;
use crate::console::gates::GateView;
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::theme::sign::Sign;
use crate::console::widgets::table::{Column, Row};
use crate::console::widgets::time;
use crate::console::world::Decided;

pub const COLUMNS: [Column; 6] = [
    Column::flex("GATE", 22, 2).at_most(32),
    Column::flex("WORKFLOW", 12, 3).at_most(48).spare(1),
    Column::fixed("ENV", 10).spare(4),
    Column::fixed("WAITS", 5).spare(5),
    Column::fixed("DEADLINE", 11),
    Column::flex("THEN", 8, 1).spare(2),
];

pub fn cells<'a>(view: &GateView<'a>, ctx: &Ctx<'_>, theme: &Theme) -> Row<'a> {
    let muted = theme.style(Role::TextMuted);
    let close = view.is_soon(ctx.now);
    let decided = ctx.world.how_decided(view);
    let sign = match (decided, close) {
        (Some(decided), _) if decided.in_doubt => Sign::Warning,
        (Some(_), _) => Sign::Ok,
        (None, true) => Sign::Warning,
        (None, false) => Sign::Waiting,
    };
    let then = decided.map_or_else(|| view.then(), Decided::said).to_owned();
    let then_role = match decided {
        Some(decided) if decided.in_doubt => Role::StatusWarning,
        Some(_) => Role::StatusOk,
        None => Role::TextMuted,
    };
    let environment = view.row.environment.as_ref().map_or("–", |environment| environment.as_str());
    let environment_role = if view.is_production() { Role::Production } else { Role::TextMuted };
    let waits = view.gate.map_or_else(|| "–".to_owned(), |gate| time::age(ctx.now, gate.opened_at));
    let deadline = view.deadline().map_or_else(|| "–".to_owned(), |deadline| time::until(ctx.now, deadline));
    Row {
        cells: vec![
            Line::from(vec![
                Span::styled(sign.glyph(), theme.style(sign.role())),
                Span::raw(" "),
                Span::styled(view.title(), theme.style(Role::Text)),
            ]),
            Line::styled(view.row.id.as_str(), muted),
            Line::styled(environment, theme.style(environment_role)),
            Line::styled(waits, muted),
            Line::styled(deadline, theme.style(if close { Role::StatusWarning } else { Role::Text })),
            Line::styled(then, theme.style(then_role)),
        ],
        role: None,
    }
}
