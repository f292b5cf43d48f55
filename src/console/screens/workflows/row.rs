//! A workflow as cells of the list.

use ratatui::text::{Line, Span};

use crate::console::ctx::Ctx;
use crate::console::screens::workflows::state::State;
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::theme::sign::Sign;
use crate::console::widgets::strip::strip;
use crate::console::widgets::table::{Column, Row};
use crate::console::widgets::{text, time};
use crate::contracts::workflow::WorkflowRow;

pub const COLUMNS: [Column; 8] = [
    Column::flex("WORKFLOW", 24, 3).at_most(48),
    Column::flex("TYPE", 16, 2).at_most(32).spare(4),
    Column::fixed("ENV", 10).spare(5),
    Column::flex("PHASES", 13, 4).spare(2),
    Column::fixed("GATES", 5).spare(3),
    Column::fixed("STATE", 14),
    Column::fixed("AGE", 4).spare(1).right(),
    Column::fixed("STARTED BY", 18).spare(6),
];

/// `widths` are those of the columns; phases take the widest form that fits.
pub fn cells<'a>(row: &'a WorkflowRow, widths: &[usize], state: &State, ctx: &Ctx<'_>, theme: &Theme) -> Row<'a> {
    let muted = theme.style(Role::TextMuted);
    let width = |column: usize| widths.get(column).copied().unwrap_or(0);
    let id = text::cut_middle(row.id.as_str(), width(0));
    let environment = row.environment.as_ref().map_or("", |environment| environment.as_str());
    let production = row.environment.as_ref().is_some_and(crate::contracts::ids::Environment::is_production);
    let age = row.closed_at.or(row.started_at).map_or_else(String::new, |at| time::about(ctx.now, at));
    let flashed = state.flashed.get(&row.run_id).is_some_and(|until| *until > ctx.now);
    Row {
        cells: vec![
            Line::styled(id, theme.style(if row.status.is_open() { Role::Text } else { Role::TextMuted })),
            Line::styled(row.workflow_type.as_str(), muted),
            Line::styled(environment, theme.style(if production { Role::Production } else { Role::TextMuted })),
            phases(row, width(3), theme),
            gates(row, theme),
            standing(row, ctx, theme),
            Line::styled(age, muted),
            Line::styled(row.published.as_ref().map_or("", |published| published.started_by.as_str()), muted),
        ],
        role: flashed.then_some(Role::Flash),
    }
}

fn phases<'a>(row: &'a WorkflowRow, width: usize, theme: &Theme) -> Line<'a> {
    match &row.published {
        Some(published) if !published.phases.is_empty() => strip(&published.phases, width, theme),
        Some(_) | None => Line::styled(row.phase.as_deref().unwrap_or(""), theme.style(Role::TextMuted)),
    }
}

fn gates(row: &WorkflowRow, theme: &Theme) -> Line<'static> {
    if row.gates.is_empty() {
        return Line::default();
    }
    Line::styled(format!("{} {}", Sign::Waiting.glyph(), row.gates.len()), theme.style(Role::StatusWaiting))
}

fn standing(row: &WorkflowRow, ctx: &Ctx<'_>, theme: &Theme) -> Line<'static> {
    let standing = ctx.world.standing(row);
    let sign = Sign::from(standing);
    let quiet = matches!(sign, Sign::Running | Sign::Ok | Sign::NotYet);
    Line::from(vec![
        Span::styled(sign.glyph(), theme.style(sign.role())),
        Span::raw(" "),
        Span::styled(standing.title(), theme.style(if quiet { Role::TextMuted } else { sign.role() })),
    ])
}
