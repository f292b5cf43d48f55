//! What a person is told of an open gate, fact by fact. Which of them, and how they look, is the screen's.

use crate::console::gates::GateView;
use crate::console::widgets::time;
use crate::contracts::clock::Timestamp;
use crate::contracts::evidence::{EvidenceSummary, FailingCheck};
use crate::contracts::gate::OpenGate;

pub fn commit(evidence: &EvidenceSummary) -> String {
    format!("{}  {}", evidence.commit.short(), evidence.subject)
}

pub fn version(evidence: &EvidenceSummary) -> String {
    let by = if evidence.author.is_empty() { "unknown" } else { &evidence.author };
    format!("{}  by {by}", evidence.version)
}

/// `92/100   14 checks: 12 ✓  2 ✗ (1 critical)`.
pub fn score(evidence: &EvidenceSummary) -> String {
    let EvidenceSummary { score, passed, failed, not_applicable, .. } = evidence;
    let critical = match evidence.critical_failing {
        0 if *failed > 0 => " (none critical)".to_owned(),
        0 => String::new(),
        n => format!(" ({n} critical)"),
    };
    let rest = if *not_applicable == 0 { String::new() } else { format!("  {not_applicable} n/a") };
    let all = passed + failed + not_applicable;
    format!("{score}/100   {all} checks: {passed} ✓  {failed} ✗{critical}{rest}")
}

pub fn failing(check: &FailingCheck) -> String {
    let critical = if check.critical { "  CRITICAL" } else { "" };
    format!("{}: {}{critical}", check.title, check.detail)
}

pub fn collected(evidence: &EvidenceSummary, now: Timestamp) -> String {
    format!("{}  collected {} ago", evidence.digest.short(), time::age(now, evidence.collected_at))
}

/// `5m ago by release-bot, revision 2`.
pub fn asked(gate: &OpenGate, now: Timestamp) -> String {
    let by = if gate.requested_by.is_empty() { String::new() } else { format!(" by {}", gate.requested_by) };
    let revision = if gate.revision > 1 { format!(", revision {}", gate.revision) } else { String::new() };
    format!("{} ago{by}{revision}", time::age(now, gate.opened_at))
}

/// None when there is no deadline.
pub fn deadline(view: &GateView<'_>, now: Timestamp) -> Option<String> {
    let deadline = view.deadline()?;
    Some(format!("{} ({}), then {}", time::until(now, deadline), time::date(deadline), view.then()))
}

/// What approving does.
pub fn effect(gate: &OpenGate) -> &str {
    if gate.effect.is_empty() { "the workflow goes on" } else { &gate.effect }
}
