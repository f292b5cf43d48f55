//! What the demo's services are made of: their releases, as files of a repository. Data, and nothing else.

use crate::devstack::service::database::SCHEMA;

/// One release: the files it adds or replaces.
#[derive(Clone, Debug)]
pub struct Release {
    pub version: &'static str,
    pub subject: &'static str,
    pub author: Author,
    /// How long ago it was committed.
    pub hours_ago: u32,
    pub files: Vec<(&'static str, String)>,
}

/// Who wrote a release.
#[derive(Clone, Copy, Debug)]
pub struct Author {
    pub name: &'static str,
    pub email: &'static str,
}

const MIRA: Author = Author { name: "Mira Okafor", email: "mira@tea.example" };
const JUN: Author = Author { name: "Jun Sato", email: "jun@tea.example" };

const CHANGELOG_41: &str = "\
# Changelog

## v41

- Orders keep their item.
";

const CHANGELOG_42: &str = "\
# Changelog

## v42

- A payment that fails is tried again, up to three times.
- Orders know when they were taken.

## v41

- Orders keep their item.
";

/// The releases of the service that the story is about, oldest first. The first is live when the demo begins.
pub fn checkout() -> Vec<Release> {
    let mut first = vec![
        ("VERSION", "v41\n".to_owned()),
        ("README.md", "# checkout\n\nTakes orders for tea.\n".to_owned()),
        ("CHANGELOG.md", CHANGELOG_41.to_owned()),
        ("migrations/0040_orders.up.sql", format!("{SCHEMA}\n")),
        ("migrations/0040_orders.down.sql", "DROP TABLE orders;\n".to_owned()),
    ];
    first.extend(evidence("buy tea", SCAN_CLEAN, 97.2));
    let mut second = vec![
        ("VERSION", "v42\n".to_owned()),
        ("CHANGELOG.md", CHANGELOG_42.to_owned()),
        ("migrations/0041_taken_at.up.sql", "ALTER TABLE orders ADD COLUMN taken_at TEXT;\n".to_owned()),
        ("migrations/0041_taken_at.down.sql", "ALTER TABLE orders DROP COLUMN taken_at;\n".to_owned()),
        ("migrations/0042_add_retry.up.sql", ADD_RETRY.to_owned()),
        ("migrations/0042_add_retry.down.sql", DROP_RETRY.to_owned()),
    ];
    second.extend(evidence("buy tea, paying at the second attempt", SCAN_CLEAN, COVERAGE_THIN));
    vec![
        Release { version: "v41", subject: "Keep the item of an order", author: JUN, hours_ago: 76, files: first },
        Release { version: "v42", subject: "Retry idempotent payments", author: MIRA, hours_ago: 3, files: second },
    ]
}

/// The releases of another service, for a world in which more than one thing happens. The last is not fit.
pub fn wholesale() -> Vec<Release> {
    let release = |version: &'static str, change: &str, scan| {
        let mut files = vec![
            ("VERSION", format!("{version}\n")),
            ("CHANGELOG.md", format!("# Changelog\n\n## {version}\n\n- {change}\n")),
            ("migrations/0001_orders.up.sql", format!("{SCHEMA}\n")),
            ("migrations/0001_orders.down.sql", "DROP TABLE orders;\n".to_owned()),
        ];
        files.extend(evidence("order a crate", scan, 96.4));
        files
    };
    let live = release("v7", "Crates are ordered by the dozen.", SCAN_CLEAN);
    let next = release("v8", "Answers leave out what nobody reads.", SCAN_CLEAN);
    let unfit = release("v9", "Invoices are read from the supplier's feed.", (1, 2));
    vec![
        Release { version: "v7", subject: "Order crates by the dozen", author: MIRA, hours_ago: 170, files: live },
        Release { version: "v8", subject: "Answer with less", author: JUN, hours_ago: 5, files: next },
        Release { version: "v9", subject: "Read invoices from the feed", author: JUN, hours_ago: 2, files: unfit },
    ]
}

const ADD_RETRY: &str = "\
ALTER TABLE orders ADD COLUMN payment_attempts INTEGER NOT NULL DEFAULT 1;
CREATE TABLE payment_retries (
    order_id INTEGER NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    tried_at TEXT NOT NULL
);
CREATE INDEX payment_retries_order ON payment_retries (order_id);
";

const DROP_RETRY: &str = "\
DROP INDEX payment_retries_order;
DROP TABLE payment_retries;
ALTER TABLE orders DROP COLUMN payment_attempts;
";

/// Critical and high findings of the security scan.
const SCAN_CLEAN: (u32, u32) = (0, 0);
/// Not enough, and not critical: whoever approves has something to weigh.
const COVERAGE_THIN: f64 = 94.1;

/// What the phases before production left in the commit.
fn evidence(journey: &str, scan: (u32, u32), coverage: f64) -> Vec<(&'static str, String)> {
    let journeys = serde_json::json!({ "journeys": [
        { "name": journey, "passed": true },
        { "name": "see the receipt", "passed": true },
    ]});
    let phases = ["requirement", "plan", "development", "testing", "staging"]
        .map(|name| serde_json::json!({ "name": name, "validated": true }));
    [
        ("evidence/bugs.json", serde_json::json!({ "p0": 0, "p1": 0 })),
        ("evidence/coverage.json", serde_json::json!({ "criticalPaths": coverage })),
        ("evidence/security.json", serde_json::json!({ "critical": scan.0, "high": scan.1 })),
        ("evidence/performance.json", serde_json::json!({ "p95Ms": 300 })),
        ("evidence/accessibility.json", serde_json::json!({ "standard": "WCAG 2.1 AA", "violations": 0 })),
        ("evidence/uat-staging.json", journeys),
        ("evidence/phases.json", serde_json::json!({ "phases": phases })),
    ]
    .map(|(path, report)| (path, format!("{report:#}\n")))
    .to_vec()
}
