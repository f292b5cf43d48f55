//! What an approver is shown: checks, score, and the digest that ties a decision to them.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::contracts::clock::Timestamp;
use crate::contracts::ids::{CommitSha, EvidenceDigest, Version};
use crate::contracts::rollback::RollbackReadiness;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CheckStatus {
    Passed,
    /// It failed, or nothing shows that it passed: a check without evidence is a failed check.
    Failed,
    /// It does not apply to this change and has no part in the score.
    NotApplicable,
}

impl CheckStatus {
    pub fn words(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotApplicable => "did not apply",
        }
    }
}

/// One automatic check of a gate's catalogue (the seeds' `GateResult`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Such as `security-scan-clean`.
    pub id: String,
    pub title: String,
    pub status: CheckStatus,
    /// While a critical check fails nobody can approve.
    pub critical: bool,
    /// Share in the score; see [`score`].
    pub weight: u32,
    /// What was seen, in one line: `0 high, 0 critical`.
    pub detail: String,
    /// Where it was seen: a file of the commit, a URL, a command.
    pub source: String,
}

/// 0 to 100: weight of what passed over weight of what applies. Nothing applicable scores 0: no evidence is no approval.
pub fn score(checks: &[Check]) -> u8 {
    let weight = |wanted: fn(CheckStatus) -> bool| -> u64 {
        checks.iter().filter(|check| wanted(check.status)).map(|check| u64::from(check.weight)).sum()
    };
    let passed = weight(|status| status == CheckStatus::Passed);
    let applicable = weight(|status| status != CheckStatus::NotApplicable);
    (passed * 100).checked_div(applicable).and_then(|score| u8::try_from(score).ok()).unwrap_or(0)
}

/// Everything collected for one gate at one revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvidencePackage {
    pub commit: CommitSha,
    pub version: Version,
    /// The commit's subject line.
    pub subject: String,
    pub author: String,
    pub checks: Vec<Check>,
    pub rollback: RollbackReadiness,
    pub collected_at: Timestamp,
}

impl EvidencePackage {
    /// SHA-256 of the package in its wire form: any change to what was shown changes it.
    pub fn digest(&self) -> EvidenceDigest {
        // A struct serialises its fields in their order, so equal packages have equal bytes.
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        EvidenceDigest::new(format!("{:x}", Sha256::digest(&bytes)))
    }

    pub fn failing_critical(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.critical && check.status == CheckStatus::Failed)
    }
}

/// What is different between two collections, a sentence each: what a person must see before they decide again.
pub fn differences(before: &EvidencePackage, after: &EvidencePackage) -> Vec<String> {
    let mut found = Vec::new();
    if before.commit != after.commit {
        found.push(format!("The commit was {} and is {}.", before.commit.short(), after.commit.short()));
    }
    if before.version != after.version {
        found.push(format!("The version was {} and is {}.", before.version, after.version));
    }
    for check in &after.checks {
        match before.checks.iter().find(|old| old.id == check.id) {
            None => found.push(format!("{} is new: {}.", check.title, check.status.words())),
            Some(old) if old.status != check.status => {
                let (was, is) = (old.status.words(), check.status.words());
                found.push(format!("{} {was} and {is} now: {}.", check.title, check.detail));
            }
            Some(old) if old.detail != check.detail => {
                found.push(format!("{} was \"{}\" and is \"{}\".", check.title, old.detail, check.detail));
            }
            Some(_) => {}
        }
    }
    for old in before.checks.iter().filter(|old| !after.checks.iter().any(|check| check.id == old.id)) {
        found.push(format!("{} is not checked any more.", old.title));
    }
    if before.rollback != after.rollback {
        found.push("What a rollback would do is different.".to_owned());
    }
    if found.is_empty() && before.collected_at != after.collected_at {
        found.push(format!("It was collected again at {}, with the same results.", after.collected_at));
    }
    found
}

/// A package as a client shows it: its text made safe, with the digest of what was really collected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownEvidence {
    pub digest: EvidenceDigest,
    pub package: EvidencePackage,
}

/// A failing check, short enough for a memo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailingCheck {
    pub title: String,
    pub critical: bool,
    pub detail: String,
}

/// The part of an [`EvidencePackage`] that fits into a memo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceSummary {
    pub digest: EvidenceDigest,
    pub collected_at: Timestamp,
    pub commit: CommitSha,
    pub version: Version,
    pub subject: String,
    pub author: String,
    pub score: u8,
    pub passed: u32,
    pub failed: u32,
    pub not_applicable: u32,
    /// The worst first; the rest is in the history.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failing: Vec<FailingCheck>,
    pub critical_failing: u32,
}

impl EvidenceSummary {
    /// How many failing checks a summary names; memos are small (design §5).
    const NAMED: usize = 4;
    /// How many characters of a text it keeps.
    const TEXT: usize = 80;

    pub fn of(package: &EvidencePackage) -> Self {
        let count = |status: CheckStatus| {
            let n = package.checks.iter().filter(|check| check.status == status).count();
            u32::try_from(n).unwrap_or(u32::MAX)
        };
        let mut failing: Vec<&Check> =
            package.checks.iter().filter(|check| check.status == CheckStatus::Failed).collect();
        failing.sort_by_key(|check| !check.critical);
        let keep = |text: &str| text.chars().take(Self::TEXT).collect::<String>();
        Self {
            digest: package.digest(),
            collected_at: package.collected_at,
            commit: package.commit.clone(),
            version: package.version.clone(),
            subject: keep(&package.subject),
            author: keep(&package.author),
            score: score(&package.checks),
            passed: count(CheckStatus::Passed),
            failed: count(CheckStatus::Failed),
            not_applicable: count(CheckStatus::NotApplicable),
            critical_failing: u32::try_from(package.failing_critical().count()).unwrap_or(u32::MAX),
            failing: failing
                .into_iter()
                .take(Self::NAMED)
                .map(|check| FailingCheck {
                    title: keep(&check.title),
                    critical: check.critical,
                    detail: keep(&check.detail),
                })
                .collect(),
        }
    }
}
