//! The rollback: what it will do before it is asked for, how far it is once it runs. Same six lines, same places.
//!
//! ```text
//!  Roll back checkout v42 → v41?            reason: ______________ (optional)
//!    1 roll back database migrations   0042_add_retry (down scripts present)
//!    …
//!    6 document the reason             rollback commit, incident note
//!  R rolls back now   Esc keeps watching
//!  temporal workflow signal --name triggerRollback …  (y copies)
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::console::action::Action;
use crate::console::ctx::Ctx;
use crate::console::screen::Context;
use crate::console::screens::deployment::scene::Scene;
use crate::console::screens::deployment::state::{Answer, Asked, State};
use crate::console::screens::deployment::{update, words};
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::theme::sign::Sign;
use crate::console::widgets::{text, time};
use crate::contracts::rollback::{RollbackProgress, RollbackStep, StepReport, StepStatus};
use crate::contracts::workflow::HeldUp;

/// Draws the plan. Returns where the reason is typed, while it can be.
pub fn draw(state: &State, scene: &Scene<'_>, ctx: &Ctx<'_>, target: (&Theme, &mut Buffer, Rect)) -> Option<Rect> {
    let (theme, buffer, area) = target;
    let mut lines = vec![heading(state, scene, theme)];
    if matches!(state.asked, Asked::Preview { .. }) && area.width < BESIDE {
        lines.push(Line::default());
    }
    match scene.rolling() {
        Some(rolling) => lines.extend(rolling.steps.iter().map(|step| progress(step, scene, theme))),
        None => lines.extend(RollbackStep::ALL.into_iter().map(|step| preview(step, state, scene, theme))),
    }
    lines.extend(below(state, scene, ctx, (theme, usize::from(area.width))));
    for (y, line) in (area.top()..area.bottom()).zip(lines) {
        buffer.set_line(area.x, y, &text::cut_line(line, usize::from(area.width)), area.width);
    }
    reason(state, area, theme, buffer)
}

fn versions(scene: &Scene<'_>) -> String {
    let service =
        scene.summary().map_or_else(String::new, |summary| format!("{} {} ", summary.service, summary.version));
    let back = scene.previous_version().map_or("the previous version", |version| version.as_str());
    format!("{service}→ {back}")
}

fn heading(state: &State, scene: &Scene<'_>, theme: &Theme) -> Line<'static> {
    let strong = theme.style(Role::TextStrong);
    let muted = theme.style(Role::TextMuted);
    let versions = versions(scene);
    if let Some(rolling) = scene.rolling() {
        let verb = if rolling.completed_at.is_some() { "Rolled back" } else { "Rolling back" };
        let cause = cause(rolling);
        let since = if rolling.verified_at.is_some() {
            String::new()
        } else {
            format!(" · {}", words::since_asked(state, scene, rolling))
        };
        return Line::from(vec![
            Span::styled(format!("{verb} {versions}"), strong),
            Span::styled(format!("  {cause}{since}"), muted),
        ]);
    }
    match &state.asked {
        Asked::No => {
            Line::from(vec![Span::styled("The way back", muted), Span::styled(format!("  {versions}"), muted)])
        }
        Asked::Preview { .. } => {
            Line::from(Span::styled(format!("Roll back {versions}?"), theme.style(Role::StatusWarning)))
        }
        Asked::Sent { answer: Answer::Failed(_), .. } => {
            Line::from(Span::styled(format!("Not rolled back: {versions}"), theme.style(Role::StatusFailed)))
        }
        Asked::Sent { .. } => Line::from(Span::styled(format!("Rolling back {versions}"), strong)),
    }
}

/// `error rate fired: 7.2 % in 2 looks` or `asked by mira: checkout fails for everybody`.
fn cause(rolling: &RollbackProgress) -> String {
    let cause = &rolling.cause;
    let who = match cause.trigger {
        Some(trigger) => format!("{} fired", trigger.title()),
        None if cause.actor.name.is_empty() => "asked for".to_owned(),
        None => format!("asked by {}", cause.actor.name),
    };
    // Where nobody gave a reason, the workflow writes a sentence that says who asked.
    let begins = |words: &str| cause.reason.to_lowercase().starts_with(&words.to_lowercase());
    let says_nothing = cause.reason.is_empty() || begins(&format!("asked for by {}", cause.actor.name));
    match (says_nothing, begins(&who)) {
        (true, _) => who,
        (false, true) => cause.reason.trim_end_matches('.').to_owned(),
        (false, false) => format!("{who}: {}", cause.reason),
    }
}

/// What a step will do.
fn preview(step: RollbackStep, state: &State, scene: &Scene<'_>, theme: &Theme) -> Line<'static> {
    let ready = scene.published().and_then(|published| published.rollback.as_ref());
    let commit = ready.map(|ready| ready.previous_commit.short().to_owned()).filter(|commit| !commit.is_empty());
    let version = scene.previous_version().map_or_else(|| "the previous version".to_owned(), ToString::to_string);
    let detail = match step {
        RollbackStep::Migrations => match ready {
            Some(ready) if ready.migrations.is_empty() => "none was applied".to_owned(),
            Some(ready) => {
                let how = if ready.reversible { "reversible" } else { "from the verified backup" };
                format!("{} ({how})", ready.migrations.join(", "))
            }
            None => "not known yet".to_owned(),
        },
        RollbackStep::Code => commit.unwrap_or_else(|| "not known yet".to_owned()),
        RollbackStep::Deploy => version,
        RollbackStep::Verify => format!("it answers, and says it is {version}"),
        RollbackStep::Monitor => "a few good looks in a row".to_owned(),
        RollbackStep::Document => "rollback commit, incident note".to_owned(),
    };
    let (text, muted) = match state.asked {
        Asked::No => (Role::TextMuted, Role::TextMuted),
        Asked::Preview { .. } | Asked::Sent { .. } => (Role::Text, Role::TextMuted),
    };
    numbered(step, Sign::NotYet, vec![Span::styled(detail, theme.style(muted))], (text, theme))
}

fn numbered(step: RollbackStep, sign: Sign, detail: Vec<Span<'static>>, look: (Role, &Theme)) -> Line<'static> {
    let (role, theme) = look;
    let number = RollbackStep::ALL.iter().position(|known| *known == step).unwrap_or(0) + 1;
    let mut spans = vec![
        Span::styled(format!("{} ", sign.glyph()), theme.style(sign.role())),
        Span::styled(format!("{number} {}  ", text::fit(step.title(), 29)), theme.style(role)),
    ];
    spans.extend(detail);
    Line::from(spans)
}

/// How far a step is.
fn progress(report: &StepReport, scene: &Scene<'_>, theme: &Theme) -> Line<'static> {
    let muted = theme.style(Role::TextMuted);
    let took = report.started_at.map(|started| report.ended_at.unwrap_or(scene.now).since(started));
    let took = took.map(time::took).unwrap_or_default();
    let pending = scene.pending(report.step);
    let (role, mut sign, detail) = match &report.status {
        StepStatus::Pending => (Role::TextMuted, Sign::from(&report.status), Vec::new()),
        StepStatus::Running => {
            let trying = pending.filter(|pending| pending.attempt > 1 || pending.last_failure.is_some());
            let trying = trying.map(|pending| format!("  {}", words::trying(scene.now, pending))).unwrap_or_default();
            let detail = vec![Span::styled(took, theme.style(Role::TextStrong)), Span::styled(trying, muted)];
            (Role::TextStrong, Sign::Running, detail)
        }
        StepStatus::Retrying { failure } => {
            let next = pending.map_or_else(
                || format!("tried again until it works: {failure}"),
                |pending| words::trying(scene.now, pending),
            );
            (Role::StatusFailed, Sign::Failed, vec![Span::styled(next, theme.style(Role::StatusFailed))])
        }
        StepStatus::Done { detail } => {
            let detail = vec![Span::styled(took, theme.style(Role::Text)), Span::styled(format!("  {detail}"), muted)];
            (Role::Text, Sign::Ok, detail)
        }
        StepStatus::Skipped { why } => {
            (Role::TextMuted, Sign::NotYet, vec![Span::styled(format!("skipped: {why}"), muted)])
        }
    };
    if matches!(report.status, StepStatus::Running) && pending.is_some_and(|pending| pending.attempt > 1) {
        sign = Sign::Warning;
    }
    numbered(report.step, sign, detail, (role, theme))
}

/// The keys and the command while it is asked for; what a person can do while it runs.
fn below(state: &State, scene: &Scene<'_>, ctx: &Ctx<'_>, look: (&Theme, usize)) -> Vec<Line<'static>> {
    let (theme, columns) = look;
    let muted = theme.style(Role::TextMuted);
    let key = |action: Action| Span::styled(ctx.key(Context::Deployment, action), theme.style(Role::Key));
    if scene.rolling().is_some() {
        let step = scene.current_step();
        let advice = step.and_then(|step| words::advice(step, scene.pending(step.step), scene.held_up()));
        let wrapped = advice.map(|advice| text::wrap(advice, columns)).unwrap_or_default();
        return wrapped.into_iter().map(|line| Line::styled(line, theme.style(Role::StatusWarning))).collect();
    }
    match &state.asked {
        Asked::No => vec![Line::from(vec![
            key(Action::RollBack),
            Span::styled(" shows this and asks; nothing happens before you press it again", muted),
        ])],
        Asked::Preview { .. } => {
            let (does, role) = promise(scene, ctx);
            let keys = Line::from(vec![
                key(Action::RollBack),
                Span::styled(format!(" {does}   "), theme.style(role)),
                key(Action::Back),
                Span::styled(" keeps watching   ", muted),
                key(Action::NextPane),
                Span::styled(" reason   ", muted),
                key(Action::Copy),
                Span::styled(" copies:", muted),
            ]);
            vec![keys, Line::styled(update::command(state, ctx).unwrap_or_default(), muted)]
        }
        Asked::Sent { .. } => vec![Line::styled(update::command(state, ctx).unwrap_or_default(), muted)],
    }
}

/// What the second press would do now.
fn promise(scene: &Scene<'_>, ctx: &Ctx<'_>) -> (&'static str, Role) {
    match (ctx.silent_for(), scene.held_up()) {
        (Some(_), _) if ctx.has_coordinator() => ("goes through the coordinator", Role::StatusWarning),
        (Some(_), _) => ("cannot be sent now", Role::StatusWarning),
        (None, Some(HeldUp::NoWorker(_))) => ("rolls back once a worker is back", Role::StatusWarning),
        (None, Some(HeldUp::NoLook(_))) => ("sends it now", Role::StatusWarning),
        (None, None) => ("rolls back now", Role::TextStrong),
    }
}

/// Narrower than this, the reason has a line of its own under the heading.
const BESIDE: u16 = 70;

/// `reason ______________________________ (optional)`: at the right end of the heading, or under it.
fn reason(state: &State, area: Rect, theme: &Theme, buffer: &mut Buffer) -> Option<Rect> {
    if !matches!(state.asked, Asked::Preview { .. }) || area.height < 2 {
        return None;
    }
    let (label, hint) = ("reason ", " (optional)");
    let (label_width, hint_width) = (7, 11);
    let beside = area.width >= BESIDE;
    let width = if beside { (area.width / 2).min(60) } else { area.width };
    let (x, y) = (area.right() - width, area.y + u16::from(!beside));
    buffer.set_string(x, y, label, theme.style(Role::TextMuted));
    buffer.set_string(area.right().saturating_sub(hint_width), y, hint, theme.style(Role::TextMuted));
    let field = Rect { x: x + label_width, y, width: width.saturating_sub(label_width + hint_width), height: 1 };
    buffer.set_style(field, theme.style(Role::Input));
    Some(field)
}
