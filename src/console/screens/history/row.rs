//! One line of the history as cells.

use ratatui::text::{Line as Text, Span};

use crate::console::chronicle::{self, Group, Outcome};
use crate::console::screens::history::state::{Line, State};
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::theme::sign::Sign;
use crate::console::widgets::table::{Column, Row};
use crate::console::widgets::time;
use crate::contracts::clock::Timestamp;
use crate::contracts::workflow::{EventKind, HistoryEvent};

pub const COLUMNS: [Column; 6] = [
    Column::fixed("TIME", 11),
    Column::fixed("KIND", 9).spare(2),
    Column::flex("WHAT", 24, 3),
    Column::fixed("TRIES", 5).right().spare(1),
    Column::fixed("TOOK", 8).right(),
    Column::flex("RESULT", 14, 2),
];

pub fn row(state: &State, line: Line, now: Timestamp, theme: &Theme) -> Row<'static> {
    let Some(group) = state.chronicle.group(line.group()) else { return Row::default() };
    let cells = match line {
        Line::Group(_) => of_group(group, state.open.contains(&group.id), now, theme),
        Line::Failure(_) => under(group.failure().unwrap_or_default(), Role::StatusFailed, theme),
        Line::Event(_, place) => match group.events.get(place) {
            Some(event) => of_event(event, now, theme),
            None => Vec::new(),
        },
    };
    Row { cells, role: None }
}

pub fn kind(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Workflow => "workflow",
        EventKind::WorkflowTask => "task",
        EventKind::Activity => "activity",
        EventKind::Timer => "timer",
        EventKind::Signal => "signal",
        EventKind::Update => "update",
        EventKind::Child => "child",
        EventKind::Marker => "marker",
        EventKind::SearchAttributes => "attribute",
        EventKind::Other => "other",
    }
}

fn of_group(group: &Group, open: bool, now: Timestamp, theme: &Theme) -> Vec<Text<'static>> {
    let muted = theme.style(Role::TextMuted);
    let outcome = group.outcome();
    let sign = Sign::from(outcome);
    let name = if outcome == Outcome::Failed { Role::StatusFailed } else { Role::Text };
    let fold = if open { "▾ " } else { "" };
    let tries = group.attempts().filter(|attempts| *attempts > 1);
    vec![
        Text::styled(group.began().map(|at| time::when(now, at)).unwrap_or_default(), muted),
        Text::styled(kind(group.kind), muted),
        Text::from(vec![
            Span::styled(sign.glyph(), theme.style(sign.role())),
            Span::raw(" "),
            Span::styled(format!("{fold}{}", group.name()), theme.style(name)),
        ]),
        Text::styled(
            tries.map(|attempts| format!("×{attempts}")).unwrap_or_default(),
            theme.style(Role::StatusWarning),
        ),
        Text::styled(group.took().map(time::took).unwrap_or_default(), muted),
        Text::styled(
            group.last_word(),
            theme.style(if outcome == Outcome::Done { Role::TextMuted } else { sign.role() }),
        ),
    ]
}

fn of_event(event: &HistoryEvent, now: Timestamp, theme: &Theme) -> Vec<Text<'static>> {
    let muted = theme.style(Role::TextMuted);
    let failed = event.failure.is_some();
    let what = format!("  {}", chronicle::word(&event.event_type));
    let note = event.failure.clone().or_else(|| {
        let bytes: u64 = event.payloads.iter().map(|payload| payload.bytes).sum();
        (bytes > 0).then(|| format!("{bytes} bytes"))
    });
    vec![
        Text::styled(event.at.map(|at| time::when(now, at)).unwrap_or_default(), muted),
        Text::styled(format!("#{}", event.id), muted),
        Text::styled(what, theme.style(if failed { Role::StatusFailed } else { Role::Text })),
        Text::styled(event.attempt.map(|attempt| attempt.to_string()).unwrap_or_default(), muted),
        Text::default(),
        Text::styled(note.unwrap_or_default(), theme.style(if failed { Role::StatusFailed } else { Role::TextMuted })),
    ]
}

/// A line under another, over the whole width of what it is about.
fn under(text: &str, role: Role, theme: &Theme) -> Vec<Text<'static>> {
    let text = text.replace('\n', " ");
    vec![Text::default(), Text::default(), Text::styled(format!("  {text}"), theme.style(role))]
}
