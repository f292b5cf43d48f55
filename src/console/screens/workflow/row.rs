//! One line of the list, as styled text of a given width.

use ratatui::text::{Line as Text, Span};

use crate::console::chronicle::Group;
use crate::console::ctx::Ctx;
use crate::console::gates::{self, GateView};
use crate::console::pending;
use crate::console::screens::workflow::state::{Item, Line, State};
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::theme::sign::Sign;
use crate::console::widgets::{text, time};
use crate::contracts::clock::Timestamp;
use crate::contracts::phase::Phase;
use crate::contracts::workflow::{PendingActivity, PendingActivityState};

/// Columns of the name, where there is one.
const NAME: usize = 28;

pub fn line(line: &Line, state: &State, ctx: &Ctx<'_>, theme: &Theme) -> Text<'static> {
    match line {
        Line::Head(section, count) => Text::from(vec![
            Span::styled(section.title(), theme.style(Role::TextMuted)),
            Span::styled(format!(" {count}"), theme.style(Role::TextMuted)),
        ]),
        Line::Item(item) => self::item(item, state, ctx, theme).unwrap_or_default(),
    }
}

fn item(item: &Item, state: &State, ctx: &Ctx<'_>, theme: &Theme) -> Option<Text<'static>> {
    let detail = state.detail(ctx)?;
    Some(match item {
        Item::Phase(name) => {
            let phase = detail.row.published.as_ref()?.phases.iter().find(|phase| phase.name == *name)?;
            of_phase(phase, ctx.now, theme)
        }
        Item::Gate(id) => of_gate(&gates::of_row(&detail.row).find(|gate| gate.id == id)?, ctx.now, theme),
        Item::Activity(id) => {
            let activity = detail.activities.iter().find(|activity| activity.activity_id == *id)?;
            of_activity(activity, ctx.now, theme)
        }
        Item::Child(id) => {
            let child = detail.children.iter().find(|child| child.id == *id)?;
            named(Sign::Running, id.as_str(), &child.workflow_type.to_string(), (Role::Text, theme))
        }
        Item::Happened(id) => happened(state.chronicle.group(*id)?, ctx.now, theme),
    })
}

/// `  ✓ name   rest`
fn named(sign: Sign, name: &str, rest: &str, look: (Role, &Theme)) -> Text<'static> {
    let (role, theme) = look;
    Text::from(vec![
        Span::styled(format!("  {} ", sign.glyph()), theme.style(sign.role())),
        Span::styled(text::fit(&text::cut_middle(name, NAME), NAME), theme.style(role)),
        Span::styled(format!("  {rest}"), theme.style(Role::TextMuted)),
    ])
}

fn of_phase(phase: &Phase, now: Timestamp, theme: &Theme) -> Text<'static> {
    let sign = Sign::from(phase.status);
    let rest = match (phase.started_at, phase.ended_at) {
        (None, _) => String::new(),
        (Some(from), Some(end)) => format!("{}  {}", time::when(now, from), time::took(end.since(from))),
        (Some(from), None) => format!("{}  for {}", time::when(now, from), time::age(now, from)),
    };
    let role = if sign == Sign::NotYet { Role::TextMuted } else { Role::Text };
    named(sign, &phase.name, &rest, (role, theme))
}

fn of_gate(gate: &GateView<'_>, now: Timestamp, theme: &Theme) -> Text<'static> {
    let rest = match gate.deadline() {
        Some(deadline) => format!("{}, then {}", time::until(now, deadline), gate.then()),
        None => "no deadline".to_owned(),
    };
    named(Sign::Waiting, gate.title(), &rest, (Role::TextStrong, theme))
}

fn of_activity(activity: &PendingActivity, now: Timestamp, theme: &Theme) -> Text<'static> {
    let retried = activity.attempt > 1 || activity.last_failure.is_some();
    let sign = match activity.state {
        _ if retried => Sign::Warning,
        PendingActivityState::Started => Sign::Running,
        PendingActivityState::Scheduled => Sign::Waiting,
        PendingActivityState::CancelRequested => Sign::Warning,
        PendingActivityState::Paused => Sign::Paused,
        PendingActivityState::Unknown => Sign::Unknown,
    };
    let attempt = if retried { format!("attempt {} · ", activity.attempt) } else { String::new() };
    let failure =
        activity.last_failure.as_ref().map(|failure| format!(" · {}", failure.replace('\n', " "))).unwrap_or_default();
    let rest = format!("{attempt}{}{failure}", pending::standing(activity, now));
    named(sign, &activity.activity_type, &rest, (if retried { Role::TextStrong } else { Role::Text }, theme))
}

fn happened(group: &Group, now: Timestamp, theme: &Theme) -> Text<'static> {
    let sign = Sign::from(group.outcome());
    let at = group.began().map(|at| time::when(now, at)).unwrap_or_default();
    let took = group.took().map(|took| format!(" in {}", time::took(took))).unwrap_or_default();
    let tries = group.attempts().filter(|tries| *tries > 1).map(|tries| format!(" ×{tries}")).unwrap_or_default();
    let failure = group.failure().map(|failure| format!(" · {}", failure.replace('\n', " "))).unwrap_or_default();
    let rest = format!("{at}  {}{took}{tries}{failure}", group.last_word());
    named(sign, &group.name(), &rest, (if sign == Sign::Failed { Role::StatusFailed } else { Role::Text }, theme))
}
