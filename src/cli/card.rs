//! The gate card: everything an approver must see, before they are asked.

use crate::cli::output::Tone;
use crate::cli::session::Session;
use crate::cli::table::fields;
use crate::cli::words;
use crate::contracts::evidence::{CheckStatus, EvidenceSummary, ShownEvidence};
use crate::contracts::gate::OpenGate;
use crate::contracts::rollback::RollbackReadiness;
use crate::contracts::workflow::WorkflowDetail;

/// `evidence` is the whole package where it could be read; the gate's summary is always there.
pub fn lines(
    session: &Session,
    detail: &WorkflowDetail,
    gate: &OpenGate,
    evidence: Option<&ShownEvidence>,
) -> Vec<String> {
    let out = session.out;
    let cluster = session.gateway.cluster();
    let environment = words::or_dash(detail.row.environment.as_ref());
    let mut rows = vec![
        ("cluster", format!("{} {} {}", cluster.profile, cluster.address, cluster.namespace)),
        ("workflow", detail.row.id.to_string()),
        ("environment", environment),
    ];
    if !gate.effect.is_empty() {
        rows.push(("effect", gate.effect.clone()));
    }
    rows.push(("deadline", deadline(gate)));
    if !gate.requested_by.is_empty() {
        rows.push(("asked by", gate.requested_by.clone()));
    }
    if let Some(summary) = &gate.evidence {
        rows.extend(summarised(summary));
    }
    rows.extend(evidence.map(|shown| rollback(&shown.package.rollback)));
    let title = if gate.title.is_empty() { gate.id.to_string() } else { gate.title.clone() };
    let mut lines = vec![out.paint(Tone::Strong, &title)];
    lines.extend(fields(&rows));
    lines.extend(
        failing(gate, evidence).into_iter().map(|(critical, text)| {
            out.paint(if critical { Tone::Bad } else { Tone::Warning }, &format!("  ✗ {text}"))
        }),
    );
    if gate.evidence.as_ref().is_some_and(|summary| summary.critical_failing > 0) {
        let text = "  The workflow refuses approval while a critical check fails.";
        lines.push(out.paint(Tone::Bad, text));
    }
    lines
}

fn deadline(gate: &OpenGate) -> String {
    let then = gate.then.outcome();
    gate.deadline.map_or_else(
        || "none".to_owned(),
        |deadline| format!("{} ({}), then {then}", words::date(deadline), words::relative(words::now(), deadline)),
    )
}

fn summarised(summary: &EvidenceSummary) -> [(&'static str, String); 4] {
    let EvidenceSummary { score, passed, failed, not_applicable, .. } = summary;
    [
        ("change", format!("{} {} {}", summary.version, summary.commit.short(), summary.subject)),
        ("author", summary.author.clone()),
        ("checks", format!("score {score}: {passed} passed, {failed} failed, {not_applicable} not applicable")),
        ("evidence", format!("{}  collected {}", summary.digest, words::date(summary.collected_at))),
    ]
}

/// Where a rollback would go, and whether it could.
pub fn rollback(readiness: &RollbackReadiness) -> (&'static str, String) {
    let to = format!("to {} {}", readiness.previous_version, readiness.previous_commit.short());
    let text = match (readiness.ready, &readiness.why_not) {
        (true, _) => {
            let takes = readiness.estimate_ms.map_or_else(String::new, |takes| format!(", about {}", takes.words()));
            format!("ready: {to}{takes}")
        }
        (false, Some(why)) => format!("not ready: {why}"),
        (false, None) => "not ready".to_owned(),
    };
    ("rollback", text)
}

/// Failing checks, the critical ones first: all of them from the package, else those that the summary names.
fn failing(gate: &OpenGate, evidence: Option<&ShownEvidence>) -> Vec<(bool, String)> {
    let text = |title: &str, critical: bool, detail: &str| {
        let mark = if critical { " (critical)" } else { "" };
        (critical, format!("{title}{mark}: {detail}"))
    };
    let mut found: Vec<(bool, String)> = match (evidence, &gate.evidence) {
        (Some(shown), _) => {
            let failed = shown.package.checks.iter().filter(|check| check.status == CheckStatus::Failed);
            failed.map(|check| text(&check.title, check.critical, &check.detail)).collect()
        }
        (None, Some(summary)) => {
            summary.failing.iter().map(|check| text(&check.title, check.critical, &check.detail)).collect()
        }
        (None, None) => Vec::new(),
    };
    found.sort_by_key(|(critical, _)| !critical);
    found
}
