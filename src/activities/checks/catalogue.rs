//! The gates of production readiness (requirements §3.9), as data: what each is called, what it weighs, where its
//! evidence comes from. How evidence is judged is in [`crate::activities::checks::reports`] and beside it.

use crate::activities::checks::reports::{self, Verdict};

/// One gate.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    pub id: &'static str,
    pub title: &'static str,
    /// While it fails nobody can approve.
    pub critical: bool,
    /// Share in the score; all weights together are 100.
    pub weight: u32,
    pub evidence: Evidence,
}

/// Where the evidence of a gate comes from.
#[derive(Clone, Copy, Debug)]
pub enum Evidence {
    /// A report that an earlier phase left in the commit.
    Report { path: &'static str, judge: fn(&[u8]) -> Verdict },
    /// Requests to the live service, held against the limit in a report of the commit.
    Latency { path: &'static str },
    /// The commit's migrations, run up and down on a copy of the live database.
    Rehearsal,
    /// A file of the commit that has to speak of the release.
    Changelog { path: &'static str },
    /// The live service's health and metrics endpoints.
    Scrape,
}

impl Evidence {
    /// What a person is told about where it was seen.
    pub fn source(self) -> &'static str {
        match self {
            Self::Report { path, .. } | Self::Latency { path } | Self::Changelog { path } => path,
            Self::Rehearsal => "up and down on a copy of the database",
            Self::Scrape => "health and metrics of the live service",
        }
    }
}

/// The ten named gates, in the specification's order.
pub const CATALOGUE: [Gate; 10] = [
    Gate {
        id: "zero-severe-bugs",
        title: "No P0 or P1 bug is open",
        critical: true,
        weight: 15,
        evidence: Evidence::Report { path: "evidence/bugs.json", judge: reports::bugs },
    },
    Gate {
        id: "coverage-critical-paths",
        title: "Critical paths are covered above 95 %",
        critical: false,
        weight: 10,
        evidence: Evidence::Report { path: "evidence/coverage.json", judge: reports::coverage },
    },
    Gate {
        id: "security-scan-clean",
        title: "Security scan is clean",
        critical: true,
        weight: 15,
        evidence: Evidence::Report { path: "evidence/security.json", judge: reports::security },
    },
    Gate {
        id: "performance-sla",
        title: "Performance meets the SLA",
        critical: false,
        weight: 10,
        evidence: Evidence::Latency { path: "evidence/performance.json" },
    },
    Gate {
        id: "accessibility-wcag-aa",
        title: "Accessible by WCAG 2.1 AA",
        critical: false,
        weight: 5,
        evidence: Evidence::Report { path: "evidence/accessibility.json", judge: reports::accessibility },
    },
    Gate {
        id: "migrations-with-rollback",
        title: "Migrations go up and down",
        critical: true,
        weight: 15,
        evidence: Evidence::Rehearsal,
    },
    Gate {
        id: DOCUMENTATION,
        title: "Documentation speaks of the release",
        critical: false,
        weight: 5,
        evidence: Evidence::Changelog { path: "CHANGELOG.md" },
    },
    Gate { id: MONITORING, title: "Monitoring is configured", critical: true, weight: 10, evidence: Evidence::Scrape },
    Gate {
        id: "staging-acceptance",
        title: "Every staging journey passed",
        critical: true,
        weight: 10,
        evidence: Evidence::Report { path: "evidence/uat-staging.json", judge: reports::journeys },
    },
    Gate {
        id: "previous-phases",
        title: "Every earlier phase is validated",
        critical: true,
        weight: 5,
        evidence: Evidence::Report { path: "evidence/phases.json", judge: reports::phases },
    },
];

/// The gate that `checkDocumentation` looks at alone.
pub const DOCUMENTATION: &str = "documentation-updated";
/// The gate that `checkMonitoring` looks at alone.
pub const MONITORING: &str = "monitoring-configured";
