//! What changed between the evidence somebody saw and the evidence there is, in words.

use crate::contracts::evidence::{CheckStatus, EvidencePackage, score};
use crate::workflows::blocks::text::clip;

/// How many changes are named; the rest is counted.
const NAMED: usize = 3;

/// Such as `score 94 → 88, security scan passed → failed, and 2 more`.
pub fn between(before: &EvidencePackage, after: &EvidencePackage) -> String {
    let mut changes = Vec::new();
    if before.commit != after.commit {
        changes.push(format!("commit {} → {}", before.commit.short(), after.commit.short()));
    }
    let (old, new) = (score(&before.checks), score(&after.checks));
    if old != new {
        changes.push(format!("score {old} → {new}"));
    }
    for check in &after.checks {
        let earlier = before.checks.iter().find(|earlier| earlier.id == check.id);
        let title = clip(&check.title, 60);
        match earlier {
            None => changes.push(format!("{title} is new: {}", word(check.status))),
            Some(earlier) if earlier.status != check.status => {
                changes.push(format!("{title} {} → {}", word(earlier.status), word(check.status)));
            }
            Some(earlier) if earlier.detail != check.detail => {
                changes.push(format!("{title}: {}", clip(&check.detail, 60)));
            }
            Some(_) => {}
        }
    }
    for gone in before.checks.iter().filter(|check| after.checks.iter().all(|left| left.id != check.id)) {
        changes.push(format!("{} is gone", clip(&gone.title, 60)));
    }
    if before.rollback.ready != after.rollback.ready {
        changes
            .push(if after.rollback.ready { "rollback is ready now" } else { "rollback is not ready any more" }.into());
    }
    if changes.is_empty() {
        return "it was collected again and says the same".to_owned();
    }
    let more = changes.len().saturating_sub(NAMED);
    changes.truncate(NAMED);
    let named = changes.join(", ");
    if more == 0 { named } else { format!("{named}, and {more} more") }
}

fn word(status: CheckStatus) -> &'static str {
    match status {
        CheckStatus::Passed => "passed",
        CheckStatus::Failed => "failed",
        CheckStatus::NotApplicable => "not applicable",
    }
}
