//! A step, an artifact or an entry of the log as cells.

use ratatui::text::{Line as Text, Span};

use crate::console::ctx::Ctx;
use crate::console::screens::steps::state::{Line, Pane, State};
use crate::console::screens::steps::text;
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::theme::sign::Sign;
use crate::console::widgets::table::{Column, Row};
use crate::console::widgets::time;
use crate::contracts::clock::UnixMillis;
use crate::contracts::engine::state::{StepState, StepStatus};
use crate::contracts::gate::OpenGate;
use crate::contracts::ids::StepId;
use crate::contracts::phase::Phase;

const STEPS: [Column; 6] = [
    Column::flex("STEP", 24, 3).at_most(44),
    Column::fixed("STATUS", 18),
    Column::flex("AGENT", 10, 1).at_most(24).spare(1),
    Column::fixed("TRIES", 5).right().spare(3),
    Column::fixed("DUE", 11).spare(2),
    Column::fixed("SINCE", 5).right().spare(4),
];
const ARTIFACTS: [Column; 2] = [Column::flex("ARTIFACT", 16, 1).at_most(40), Column::flex("WHAT", 24, 2)];
const LOG: [Column; 3] = [Column::fixed("TIME", 11), Column::fixed("EVENT", 16), Column::flex("WHAT", 24, 1)];

pub fn columns(pane: Pane) -> &'static [Column] {
    match pane {
        Pane::Steps => &STEPS,
        Pane::Artifacts => &ARTIFACTS,
        Pane::Log => &LOG,
    }
}

pub fn row(state: &State, place: usize, ctx: &Ctx<'_>, theme: &Theme) -> Option<Row<'static>> {
    let cells = match state.pane {
        Pane::Steps => line(state, state.lines.get(place)?, ctx, theme)?,
        Pane::Artifacts => {
            let key = state.artifacts.get(place)?;
            let value = state.state(ctx)?.artifacts.get(key)?;
            vec![
                Text::styled(key.clone(), theme.style(Role::Text)),
                Text::styled(text::artifact(value), theme.style(Role::TextMuted)),
            ]
        }
        Pane::Log => {
            let entry = state.entry(place, ctx)?;
            let at = entry.at.timestamp().map(|at| time::when(ctx.now, at)).unwrap_or_default();
            vec![
                Text::styled(at, theme.style(Role::TextMuted)),
                Text::styled(entry.event.clone(), theme.style(Role::Text)),
                Text::styled(entry.words(), theme.style(Role::TextMuted)),
            ]
        }
    };
    Some(Row { cells, role: None })
}

fn line(state: &State, line: &Line, ctx: &Ctx<'_>, theme: &Theme) -> Option<Vec<Text<'static>>> {
    match line {
        Line::Step { id, rails } => Some(step((id, rails), state.state(ctx)?.open_steps.get(id)?, ctx, theme)),
        Line::Approval(id) => {
            let gate = state.published(ctx)?.gates.iter().find(|gate| gate.id == *id)?;
            Some(approval(gate, ctx, theme))
        }
        Line::Kind(name) => {
            let phase = state.published(ctx)?.phases.iter().find(|phase| phase.name == *name)?;
            Some(kind(phase, ctx, theme))
        }
    }
}

pub fn sign(step: &StepState) -> Sign {
    match step.status {
        StepStatus::Waiting if step.is_approval() => Sign::Waiting,
        StepStatus::Waiting | StepStatus::Skipped => Sign::NotYet,
        StepStatus::InProgress => Sign::Running,
        StepStatus::Done => Sign::Ok,
        StepStatus::Failed => Sign::Failed,
        StepStatus::Blocked => Sign::Warning,
    }
}

fn step((id, rails): (&StepId, &str), step: &StepState, ctx: &Ctx<'_>, theme: &Theme) -> Vec<Text<'static>> {
    let muted = theme.style(Role::TextMuted);
    let sign = sign(step);
    let needs = matches!(sign, Sign::Waiting | Sign::Warning);
    let name = if needs { Role::TextStrong } else { Role::Text };
    let due = step.due.and_then(UnixMillis::timestamp).filter(|_| step.status.is_open());
    let overdue = due.is_some_and(|due| due < ctx.now);
    let since = step.updated_at.timestamp().map(|at| time::about(ctx.now, at)).unwrap_or_default();
    vec![
        Text::from(vec![
            Span::styled(rails.to_owned(), theme.style(Role::Border)),
            Span::styled(sign.glyph(), theme.style(sign.role())),
            Span::raw(" "),
            Span::styled(id.to_string(), theme.style(name)),
        ]),
        Text::styled(step.standing(), if sign == Sign::Ok { muted } else { theme.style(sign.role()) }),
        Text::styled(step.agent.clone().unwrap_or_default(), muted),
        Text::styled(
            if step.attempts == 0 { String::new() } else { step.attempts.to_string() },
            theme.style(if step.attempts > 1 { Role::StatusWarning } else { Role::TextMuted }),
        ),
        Text::styled(
            due.map(|due| time::until(ctx.now, due)).unwrap_or_default(),
            theme.style(if overdue { Role::StatusWarning } else { Role::Text }),
        ),
        Text::styled(since, muted),
    ]
}

fn approval(gate: &OpenGate, ctx: &Ctx<'_>, theme: &Theme) -> Vec<Text<'static>> {
    let sign = Sign::Waiting;
    vec![
        Text::from(vec![
            Span::styled(sign.glyph(), theme.style(sign.role())),
            Span::styled(format!(" {}", gate.id), theme.style(Role::TextStrong)),
        ]),
        Text::styled("waits for a person", theme.style(sign.role())),
        Text::default(),
        Text::default(),
        Text::default(),
        Text::styled(time::about(ctx.now, gate.opened_at), theme.style(Role::TextMuted)),
    ]
}

fn kind(phase: &Phase, ctx: &Ctx<'_>, theme: &Theme) -> Vec<Text<'static>> {
    let sign = Sign::from(phase.status);
    let since = phase.ended_at.or(phase.started_at).map(|at| time::about(ctx.now, at)).unwrap_or_default();
    vec![
        Text::from(vec![
            Span::styled(sign.glyph(), theme.style(sign.role())),
            Span::styled(format!(" {}", phase.name), theme.style(Role::Text)),
        ]),
        Text::styled(sign.word(), theme.style(sign.role())),
        Text::default(),
        Text::default(),
        Text::default(),
        Text::styled(since, theme.style(Role::TextMuted)),
    ]
}
