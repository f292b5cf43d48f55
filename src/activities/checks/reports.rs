//! Reports that earlier phases leave in the commit, under `evidence/`, and what they must say.
//!
//! | file | shape | passes when |
//! |---|---|---|
//! | `bugs.json` | `{"p0": 0, "p1": 0}` | both are 0 |
//! | `coverage.json` | `{"criticalPaths": 97.2}` | above 95 |
//! | `security.json` | `{"critical": 0, "high": 0}` | both are 0 |
//! | `performance.json` | `{"p95Ms": 300}` | the live service's p95 is at most that |
//! | `accessibility.json` | `{"standard": "WCAG 2.1 AA", "violations": 0}` | no violation, by that standard or a stricter one |
//! | `uat-staging.json` | `{"journeys": [{"name": "buy tea", "passed": true}]}` | there are some and all passed |
//! | `phases.json` | `{"phases": [{"name": "testing", "validated": true}]}` | there are some and all are validated |
//!
//! Further fields are ignored. A report that is missing, or cannot be read, is a failed check: nothing shows that it passed.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// What a piece of evidence says, with the words that go beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Passed(String),
    Failed(String),
    NotApplicable(String),
}

impl Verdict {
    fn of(passed: bool, detail: String) -> Self {
        if passed { Self::Passed(detail) } else { Self::Failed(detail) }
    }
}

/// Performance that was promised.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sla {
    pub p95_ms: f64,
}

/// A report as its type, or the reason why it is none.
pub fn read<T: DeserializeOwned>(report: &[u8]) -> Result<T, Verdict> {
    serde_json::from_slice(report).map_err(|error| Verdict::Failed(format!("the report cannot be read: {error}")))
}

pub fn bugs(report: &[u8]) -> Verdict {
    #[derive(Deserialize)]
    struct Bugs {
        p0: u64,
        p1: u64,
    }
    judge(report, |Bugs { p0, p1 }| Verdict::of(p0 == 0 && p1 == 0, format!("{p0} P0, {p1} P1")))
}

pub fn coverage(report: &[u8]) -> Verdict {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Coverage {
        critical_paths: f64,
    }
    judge(report, |Coverage { critical_paths: share }| {
        Verdict::of(share > 95.0 && share <= 100.0, format!("{share:.1} % of the critical paths"))
    })
}

pub fn security(report: &[u8]) -> Verdict {
    #[derive(Deserialize)]
    struct Security {
        critical: u64,
        high: u64,
    }
    judge(report, |Security { critical, high }| {
        Verdict::of(critical == 0 && high == 0, format!("{critical} critical, {high} high"))
    })
}

pub fn accessibility(report: &[u8]) -> Verdict {
    #[derive(Deserialize)]
    struct Accessibility {
        standard: String,
        violations: u64,
    }
    const ENOUGH: [&str; 4] = ["WCAG 2.1 AA", "WCAG 2.1 AAA", "WCAG 2.2 AA", "WCAG 2.2 AAA"];
    judge(report, |Accessibility { standard, violations }| {
        if !ENOUGH.contains(&standard.as_str()) {
            return Verdict::Failed(format!("it was held against `{standard}`, not against WCAG 2.1 AA"));
        }
        Verdict::of(violations == 0, format!("{violations} violations of {standard}"))
    })
}

pub fn journeys(report: &[u8]) -> Verdict {
    #[derive(Deserialize)]
    struct Acceptance {
        journeys: Vec<Journey>,
    }
    #[derive(Deserialize)]
    struct Journey {
        name: String,
        passed: bool,
    }
    judge(report, |Acceptance { journeys }| {
        all(journeys.into_iter().map(|journey| (journey.name, journey.passed)).collect(), "journeys passed")
    })
}

pub fn phases(report: &[u8]) -> Verdict {
    #[derive(Deserialize)]
    struct Phases {
        phases: Vec<Phase>,
    }
    #[derive(Deserialize)]
    struct Phase {
        name: String,
        validated: bool,
    }
    judge(report, |Phases { phases }| {
        all(phases.into_iter().map(|phase| (phase.name, phase.validated)).collect(), "phases validated")
    })
}

/// None at all proves nothing.
fn all(parts: Vec<(String, bool)>, what: &str) -> Verdict {
    let total = parts.len();
    let failing: Vec<String> = parts.into_iter().filter(|(_, passed)| !passed).map(|(name, _)| name).collect();
    let detail = format!("{} of {total} {what}", total - failing.len());
    match failing.first() {
        None => Verdict::of(total > 0, detail),
        Some(first) => Verdict::Failed(format!("{detail}; not `{first}`")),
    }
}

fn judge<T: DeserializeOwned>(report: &[u8], judge: impl FnOnce(T) -> Verdict) -> Verdict {
    read(report).map_or_else(|unreadable| unreadable, judge)
}
