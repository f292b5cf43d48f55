//! Rows of the first screen as cells.

use ratatui::text::{Line, Span};

use crate::console::alert::name;
use crate::console::ctx::Ctx;
use crate::console::gates::GateView;
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::theme::sign::Sign;
use crate::console::widgets::sparkline::sparkline;
use crate::console::widgets::table::{Column, Row};
use crate::console::widgets::time;
use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::health::{HealthReport, Sample};
use crate::contracts::workflow::{ExecutionStatus, Standing, WorkflowRow};

pub const GATES: [Column; 6] = [
    Column::flex("GATE", 22, 2).at_most(32),
    Column::flex("WORKFLOW", 14, 3).at_most(48).spare(1),
    Column::fixed("ENV", 10).spare(3),
    Column::fixed("WAITS", 5).spare(4),
    Column::fixed("DEADLINE", 14),
    Column::flex("THEN", 10, 1).spare(2),
];

pub const LIVE: [Column; 6] = [
    Column::flex("LIVE", 25, 3).at_most(48),
    Column::fixed("ENV", 10).spare(3),
    Column::fixed("STATE", 14),
    Column::fixed("WATCHED", 14).spare(1),
    Column::fixed("ERRORS", 18).spare(2),
    Column::fixed("P95", 18).spare(4),
];

pub const TROUBLED: [Column; 4] = [
    Column::flex("WITHIN THE HOUR", 25, 3).at_most(48),
    Column::flex("TYPE", 12, 2).at_most(32).spare(2),
    Column::fixed("STATE", 14),
    Column::fixed("AGO", 5).spare(1),
];

pub fn gate<'a>(gate: &GateView<'a>, now: Timestamp, theme: &Theme) -> Row<'a> {
    let muted = theme.style(Role::TextMuted);
    let soon = gate.is_soon(now);
    let deadline = gate.deadline().map_or_else(|| "–".to_owned(), |deadline| time::until(now, deadline));
    let role = if soon { Role::StatusWarning } else { Role::Text };
    let sign = if soon { Sign::Warning } else { Sign::Waiting };
    let waits = gate.gate.map_or_else(|| "–".to_owned(), |open| time::age(now, open.opened_at));
    Row {
        cells: vec![
            Line::from(vec![
                Span::styled(sign.glyph(), theme.style(sign.role())),
                Span::raw(" "),
                Span::styled(gate.title(), theme.style(Role::Text)),
            ]),
            Line::styled(gate.row.id.as_str(), muted),
            environment(gate.row, theme),
            Line::styled(waits, muted),
            Line::styled(deadline, theme.style(role)),
            Line::styled(gate.then(), muted),
        ],
        role: None,
    }
}

pub fn live<'a>(row: &'a WorkflowRow, ctx: &Ctx<'_>, theme: &Theme) -> Row<'a> {
    let report = ctx.world.detail(&row.id).value().and_then(|detail| detail.health.as_deref());
    Row {
        cells: vec![
            Line::styled(name(row), theme.style(Role::Text)),
            environment(row, theme),
            live_state(row, ctx, theme),
            Line::styled(watched(row, report, ctx.now), theme.style(Role::TextMuted)),
            errors(report, theme),
            response(report, theme),
        ],
        role: None,
    }
}

pub fn troubled<'a>(row: &'a WorkflowRow, now: Timestamp, theme: &Theme) -> Row<'a> {
    let muted = theme.style(Role::TextMuted);
    let ago = row.closed_at.map_or_else(String::new, |closed| time::about(now, closed));
    Row {
        cells: vec![
            Line::styled(name(row), theme.style(Role::Text)),
            Line::styled(row.workflow_type.as_str(), muted),
            state(row, row.standing(None), theme),
            Line::styled(ago, muted),
        ],
        role: None,
    }
}

fn environment<'a>(row: &'a WorkflowRow, theme: &Theme) -> Line<'a> {
    match &row.environment {
        Some(environment) if environment.is_production() => {
            Line::styled(environment.as_str(), theme.style(Role::Production))
        }
        Some(environment) => Line::styled(environment.as_str(), theme.style(Role::TextMuted)),
        None => Line::styled("–", theme.style(Role::TextMuted)),
    }
}

/// A rollback that was asked for is the first thing to know of it. What nobody looks at is told as last known.
fn live_state<'a>(row: &'a WorkflowRow, ctx: &Ctx<'_>, theme: &Theme) -> Line<'a> {
    let standing = ctx.world.standing(row);
    let (sign, words, role) = if ctx.world.is_asked_back(row) {
        (Sign::Waiting, "to roll back", Role::StatusWarning)
    } else if ctx.world.not_looked_at().any(|beyond| beyond.run_id == row.run_id) {
        (Sign::Unknown, standing.title(), Role::TextMuted)
    } else {
        return state(row, standing, theme);
    };
    Line::styled(format!("{} {words}", sign.glyph()), theme.style(role))
}

/// How it stands; of what just runs, what the workflow says of itself.
fn state<'a>(row: &'a WorkflowRow, standing: Standing, theme: &Theme) -> Line<'a> {
    let sign = Sign::from(standing);
    let phase = row.phase.as_deref().filter(|_| standing == Standing::Status(ExecutionStatus::Running));
    let words = phase.unwrap_or(standing.title());
    Line::from(vec![
        Span::styled(sign.glyph(), theme.style(sign.role())),
        Span::raw(" "),
        Span::styled(words, theme.style(if sign == Sign::Running { Role::Text } else { sign.role() })),
    ])
}

/// `03:12 of 10:00`, `03:12 of 2h`.
fn watched(row: &WorkflowRow, report: Option<&HealthReport>, now: Timestamp) -> String {
    let deployment = row.published.as_ref().and_then(|published| published.deployment.as_ref());
    let since = deployment.and_then(|deployment| deployment.live_since).or(report.and_then(|report| report.started_at));
    let until = deployment.and_then(|deployment| deployment.monitor_until).or(report.and_then(|report| report.until));
    match (since, until) {
        (Some(since), Some(until)) if now < until => {
            let whole = until.since(since);
            let whole = if whole < Millis::from_hours(1) { time::clock(whole) } else { time::fine(whole) };
            format!("{} of {whole}", time::clock(now.since(since)))
        }
        (Some(since), _) => format!("live {}", time::age(now, since)),
        (None, _) => String::new(),
    }
}

/// The failed share of requests, against its limit.
fn errors(report: Option<&HealthReport>, theme: &Theme) -> Line<'static> {
    let Some(report) = report else { return Line::default() };
    let limit = Some(report.error_rate_limit());
    series(report, |sample| sample.error_rate, limit, (|rate| format!("{:.1}%", rate * 100.0), theme))
}

fn response(report: Option<&HealthReport>, theme: &Theme) -> Line<'static> {
    let Some(report) = report else { return Line::default() };
    series(report, |sample| sample.p95_ms, report.response_time_limit(), (|p95| format!("{p95:.0}ms"), theme))
}

/// The last dozen looks as bars up to the limit, or to the highest where there is none, and the value now.
fn series(
    report: &HealthReport,
    of: fn(&Sample) -> Option<f64>,
    limit: Option<f64>,
    (words, theme): (fn(f64) -> String, &Theme),
) -> Line<'static> {
    let values: Vec<Option<f64>> = report.samples.iter().map(of).collect();
    let now = values.iter().rev().flatten().next().copied();
    let above = now.zip(limit).is_some_and(|(now, limit)| now > limit);
    let top = limit.unwrap_or_else(|| values.iter().flatten().copied().fold(0.0, f64::max));
    let role = if above { Role::StatusFailed } else { Role::TextMuted };
    Line::from(vec![
        Span::styled(sparkline(&values, 10, top), theme.style(if above { role } else { Role::ChartLine })),
        Span::styled(format!(" {}", now.map_or_else(|| "–".to_owned(), words)), theme.style(role)),
    ])
}
