//! The readiness report: what was checked, what fails, what a rollback would do. Drawn from the evidence alone.

use std::fmt::Write as _;

use crate::contracts::evidence::{Check, CheckStatus, EvidencePackage, score};
use crate::contracts::temporal::activities::ReadinessReport;
use crate::contracts::text;

/// The report, as Markdown.
pub fn write(package: &EvidencePackage) -> ReadinessReport {
    let score = score(&package.checks);
    let mut out = String::new();
    // Writing to a string cannot fail.
    let mut line = |line: String| {
        let _ = writeln!(out, "{line}");
    };
    line(format!("# Readiness of {}: {score} of 100\n", text::line(package.version.as_str())));
    line(format!("{} ({}), commit {}.", text::line(&package.subject), text::line(&package.author), package.commit));
    line(format!("Evidence collected at {}, digest {}.\n", package.collected_at, package.digest()));
    let failing: Vec<&Check> = package.checks.iter().filter(|check| check.status == CheckStatus::Failed).collect();
    let n_critical = package.failing_critical().count();
    line(match (failing.len(), n_critical) {
        (0, _) => "Nothing fails.".to_owned(),
        (n_failing, 0) => format!("{n_failing} checks fail, none of them critical."),
        (n_failing, n_critical) => {
            format!("{n_failing} checks fail, {n_critical} of them critical: this cannot be approved.")
        }
    });
    line("\n| check | | weight | seen | where |\n|---|---|---|---|---|".to_owned());
    for check in &package.checks {
        let sign = match check.status {
            CheckStatus::Passed => "passed",
            CheckStatus::Failed if check.critical => "**fails, critical**",
            CheckStatus::Failed => "**fails**",
            CheckStatus::NotApplicable => "does not apply",
        };
        let (title, detail, source) = (cell(&check.title), cell(&check.detail), cell(&check.source));
        line(format!("| {title} | {sign} | {} | {detail} | {source} |", check.weight));
    }
    let rollback = &package.rollback;
    line("\n## If it has to be taken back\n".to_owned());
    line(match &rollback.why_not {
        None if rollback.ready => format!(
            "Back to {} (commit {}), {}.",
            text::line(rollback.previous_version.as_str()),
            rollback.previous_commit.short(),
            if rollback.migrations.is_empty() {
                "no migration to undo".to_owned()
            } else {
                format!("undoing {}", text::line(&rollback.migrations.join(", ")))
            }
        ),
        None => "It is not known how.".to_owned(),
        Some(why_not) => format!("Not ready: {}", text::line(why_not)),
    });
    ReadinessReport { score, text: out }
}

fn cell(said: &str) -> String {
    text::line(said).replace('\\', "\\\\").replace('|', "\\|")
}
