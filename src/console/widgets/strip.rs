//! The phases of a workflow in one line: names and signs where there is room, signs alone where there is not.

use ratatui::text::{Line, Span};

use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::theme::sign::Sign;
use crate::console::widgets::text;
use crate::contracts::phase::{Phase, PhaseStatus};

/// The widest form that fits into `columns`.
pub fn strip<'a>(phases: &'a [Phase], columns: usize, theme: &Theme) -> Line<'a> {
    let forms: [fn(&Phase) -> &str; 2] = [|phase| &phase.name, short];
    for form in forms {
        let line = named(phases, form, theme);
        if line.width() <= columns {
            return line;
        }
    }
    let line = with_current(phases, theme);
    if line.width() <= columns { line } else { text::cut_line(signs(phases, theme), columns) }
}

/// `✓✓✓● prod`: the signs, and the name of the phase that it is in, or ended in.
fn with_current<'a>(phases: &'a [Phase], theme: &Theme) -> Line<'a> {
    let mut line = signs(phases, theme);
    let reached = |phase: &&Phase| !matches!(phase.status, PhaseStatus::Pending | PhaseStatus::Skipped);
    let open = phases.iter().find(|phase| reached(phase) && phase.status != PhaseStatus::Done);
    if let Some(current) = open.or_else(|| phases.iter().rfind(reached)) {
        line.push_span(Span::raw(" "));
        line.push_span(Span::styled(current.name.as_str(), theme.style(Role::TextMuted)));
    }
    line
}

/// `req ✓ plan ✓ prod ●`: the word is as loud as its phase is near.
fn named<'a>(phases: &'a [Phase], name: fn(&Phase) -> &str, theme: &Theme) -> Line<'a> {
    let mut line = Line::default();
    for phase in phases {
        if !line.spans.is_empty() {
            line.push_span(Span::raw("  "));
        }
        let sign = Sign::from(phase.status);
        let word = match phase.status {
            PhaseStatus::Done | PhaseStatus::Pending | PhaseStatus::Skipped => theme.style(Role::TextMuted),
            PhaseStatus::Running
            | PhaseStatus::Waiting
            | PhaseStatus::Failed
            | PhaseStatus::Paused
            | PhaseStatus::RollingBack
            | PhaseStatus::RolledBack => theme.style(Role::TextStrong),
        };
        line.push_span(Span::styled(name(phase), word));
        line.push_span(Span::raw(" "));
        line.push_span(Span::styled(sign.glyph(), theme.style(sign.role())));
    }
    line
}

fn signs<'a>(phases: &[Phase], theme: &Theme) -> Line<'a> {
    let sign = |phase: &Phase| {
        let sign = Sign::from(phase.status);
        Span::styled(sign.glyph(), theme.style(sign.role()))
    };
    phases.iter().map(sign).collect()
}

/// Enough of a phase's name to know it by.
fn short(phase: &Phase) -> &str {
    text::head(&phase.name, 4).trim_end()
}
