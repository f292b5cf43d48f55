//! The gates against a real repository, database and service; acceptance and the last word.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use gatewatch::activities::checks::CheckActivities;
use gatewatch::activities::checks::catalogue::CATALOGUE;
use gatewatch::config::settings::{Journey, Target};
use gatewatch::contracts::clock::Timestamp;
use gatewatch::contracts::delivery::Journey as Walked;
use gatewatch::contracts::evidence::{Check, CheckStatus, EvidencePackage};
use gatewatch::contracts::health::{HealthReport, Sample, Trigger, TriggerState, TriggerStatus};
use gatewatch::contracts::ids::{CommitSha, Environment, ServiceName};
use gatewatch::contracts::temporal::activities::{CollectEvidence, Subject, ValidateProduction};
use temporalio_sdk::testing::ActivityEnvironment;
use url::Url;

use crate::activities::service::{Shared, Switch, TOO_MUCH, answers, serve};
use crate::activities::world::{SERVICE, World, deployment, failure, sql};

const METRICS: &str = "# TYPE http_requests_total counter\nhttp_requests_total{status=\"200\"} 1\n\
    # TYPE http_request_duration_seconds histogram\nhttp_request_duration_seconds_bucket{le=\"+Inf\"} 1\n";

/// A release with nothing wrong.
const RELEASE: [(&str, &str); 11] = [
    ("VERSION", "v42\n"),
    ("CHANGELOG.md", "# Changelog\n\n## [42] - today\n\n- Retries.\n"),
    ("evidence/bugs.json", r#"{"p0": 0, "p1": 0, "p2": 7}"#),
    ("evidence/coverage.json", r#"{"criticalPaths": 97.2}"#),
    ("evidence/security.json", r#"{"critical": 0, "high": 0}"#),
    ("evidence/performance.json", r#"{"p95Ms": 2000}"#),
    ("evidence/accessibility.json", r#"{"standard": "WCAG 2.1 AA", "violations": 0}"#),
    ("evidence/uat-staging.json", r#"{"journeys": [{"name": "buy tea", "passed": true}]}"#),
    ("evidence/phases.json", r#"{"phases": [{"name": "testing", "validated": true}]}"#),
    ("migrations/0042_add_retry.up.sql", "ALTER TABLE orders ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;"),
    ("migrations/0042_add_retry.down.sql", "ALTER TABLE orders DROP COLUMN retries;"),
];

struct Release {
    world: World,
    answers: Shared,
    switch: Switch,
    commit: CommitSha,
}

impl Release {
    async fn new() -> Self {
        let mut world = World::new();
        let answers = answers("v41", "beef000");
        answers.lock().unwrap().metrics = Some(METRICS.to_owned());
        let address = serve(Arc::clone(&answers), SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await;
        world.service.public_url = Url::parse(&format!("http://{address}")).unwrap();
        let switch = Switch::start().await;
        let Target::Process(target) = &mut world.service.target;
        target.switch = switch.admin.clone();
        sql(
            &mut world.live().await,
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, item); INSERT INTO orders VALUES (1, 'tea');",
        )
        .await;
        let commit = world.commit("Retry payments", &RELEASE);
        Self { world, answers, switch, commit }
    }

    fn environment(&self) -> ActivityEnvironment {
        ActivityEnvironment::builder().register_activities(CheckActivities { services: self.world.services() }).build()
    }

    fn subject(&self) -> Subject {
        Subject {
            service: ServiceName::new(SERVICE),
            commit: self.commit.clone(),
            environment: Environment::production(),
        }
    }

    async fn gates(&self) -> Vec<Check> {
        self.environment().run(CheckActivities::validate_all_gates, self.subject()).await.unwrap()
    }

    /// The status of a gate once these files are in the commit, and what it says.
    async fn gate_with(&mut self, id: &str, files: &[(&str, &str)]) -> (CheckStatus, String) {
        self.commit = self.world.commit("another", files);
        let check = self.gates().await.into_iter().find(|check| check.id == id).unwrap();
        (check.status, check.detail)
    }

    async fn validate(&self, report: HealthReport, uat: Vec<Walked>) -> Vec<String> {
        let deployment = deployment("d-41", &self.commit);
        let validate = ValidateProduction { deployment, version: "v41".into(), report, uat };
        let validation = self.environment().run(CheckActivities::validate_production, validate).await.unwrap();
        assert_eq!(validation.valid, validation.findings.is_empty());
        validation.findings
    }
}

#[tokio::test]
async fn a_release_with_nothing_wrong_scores_100() {
    let release = Release::new().await;
    let checks = release.gates().await;
    let failing: Vec<&Check> = checks.iter().filter(|check| check.status != CheckStatus::Passed).collect();
    assert!(failing.is_empty(), "{failing:#?}");
    assert_eq!(checks.len(), CATALOGUE.len());
    assert_eq!(CATALOGUE.iter().map(|gate| gate.weight).sum::<u32>(), 100);
    assert!(checks.iter().all(|check| !check.detail.is_empty() && !check.source.is_empty()));

    let collect = CollectEvidence { subject: release.subject(), revision: 1, checks };
    let package = release.environment().run(CheckActivities::collect_all_evidence, collect).await.unwrap();
    assert_eq!(
        (package.version.as_str(), package.subject.as_str(), package.author.as_str()),
        ("v42", "Retry payments", "Ada")
    );
    assert!(!package.rollback.ready && package.rollback.why_not.is_some(), "nothing is live: {:?}", package.rollback);
    let report = release.environment().run(CheckActivities::generate_readiness_report, package).await.unwrap();
    assert_eq!(report.score, 100);
    assert!(report.text.contains("Nothing fails.") && report.text.contains("No P0 or P1 bug"), "{}", report.text);
}

#[tokio::test]
async fn each_report_is_read_and_judged() {
    let mut release = Release::new().await;
    let cases: [(&str, &str, &str, &str); 14] = [
        ("zero-severe-bugs", "evidence/bugs.json", r#"{"p0": 0, "p1": 1}"#, "0 P0, 1 P1"),
        ("zero-severe-bugs", "evidence/bugs.json", r#"{"p0": 0}"#, "cannot be read: missing field `p1`"),
        ("coverage-critical-paths", "evidence/coverage.json", r#"{"criticalPaths": 95.0}"#, "95.0 %"),
        ("coverage-critical-paths", "evidence/coverage.json", r#"{"criticalPaths": 101}"#, "101.0 %"),
        ("security-scan-clean", "evidence/security.json", r#"{"critical": 0, "high": 2}"#, "2 high"),
        ("security-scan-clean", "evidence/security.json", "", "cannot be read"),
        (
            "accessibility-wcag-aa",
            "evidence/accessibility.json",
            r#"{"standard": "WCAG 2.1 A", "violations": 0}"#,
            "not against",
        ),
        (
            "accessibility-wcag-aa",
            "evidence/accessibility.json",
            r#"{"standard": "WCAG 2.2 AA", "violations": 1}"#,
            "1 violations",
        ),
        ("staging-acceptance", "evidence/uat-staging.json", r#"{"journeys": []}"#, "0 of 0"),
        (
            "staging-acceptance",
            "evidence/uat-staging.json",
            r#"{"journeys": [{"name": "pay", "passed": false}]}"#,
            "not `pay`",
        ),
        (
            "previous-phases",
            "evidence/phases.json",
            r#"{"phases": [{"name": "review", "validated": false}]}"#,
            "not `review`",
        ),
        ("performance-sla", "evidence/performance.json", r#"{"p95Ms": 0.001}"#, "limit 0.001 ms"),
        ("documentation-updated", "CHANGELOG.md", "## v420 and 4.42\n", "does not mention v42"),
        ("documentation-updated", "VERSION", "\n", "no file VERSION"),
    ];
    for (id, path, content, expected) in cases {
        let (status, detail) = release.gate_with(id, &[(path, content)]).await;
        assert_eq!(status, CheckStatus::Failed, "{id}: {detail}");
        assert!(detail.contains(expected), "{id}: {detail}");
    }
    std::fs::remove_file(release.world.service.repository.join("evidence/bugs.json")).unwrap();
    let (status, detail) = release.gate_with("zero-severe-bugs", &[]).await;
    assert_eq!(status, CheckStatus::Failed, "nothing shows that it passed");
    assert!(detail.contains("has no evidence/bugs.json"), "{detail}");
}

#[tokio::test]
async fn migrations_are_really_run_up_and_down() {
    let mut release = Release::new().await;
    let id = "migrations-with-rollback";
    let down = "migrations/0042_add_retry.down.sql";
    let (status, detail) = release.gate_with(id, &[]).await;
    assert_eq!(status, CheckStatus::Passed);
    assert!(detail.contains("42 add retry") && detail.contains("1 rows"), "{detail}");

    let (status, detail) = release.gate_with(id, &[(down, "ALTER TABLE nowhere DROP COLUMN x;")]).await;
    assert_eq!(status, CheckStatus::Failed);
    assert!(detail.contains("nowhere"), "{detail}");
    let (status, detail) = release.gate_with(id, &[(down, "SELECT 1;")]).await;
    assert_eq!(status, CheckStatus::Failed);
    assert!(detail.contains("`orders` is not what it was"), "{detail}");
    let lossy = "ALTER TABLE orders DROP COLUMN retries; DELETE FROM orders;";
    let (status, detail) = release.gate_with(id, &[(down, lossy)]).await;
    assert_eq!(status, CheckStatus::Failed, "{detail}");
    std::fs::remove_file(release.world.service.repository.join(down)).unwrap();
    let (status, detail) = release.gate_with(id, &[]).await;
    assert_eq!(status, CheckStatus::Failed);
    assert!(detail.contains("no down script"), "{detail}");

    let mut live = release.world.live().await;
    let columns: i64 =
        sqlx::query_scalar("SELECT count(*) FROM pragma_table_info('orders')").fetch_one(&mut live).await.unwrap();
    assert_eq!(columns, 2, "the live database was never touched");
    assert!(!release.world.database().backups.join("rehearsal.db").exists());
    release.world.service.database = None;
    assert_eq!(release.gate_with(id, &[]).await.0, CheckStatus::NotApplicable);
}

#[tokio::test]
async fn a_service_that_cannot_be_watched_fails() {
    let mut release = Release::new().await;
    release.answers.lock().unwrap().metrics = None;
    let check = release.environment().run(CheckActivities::check_monitoring, release.subject()).await.unwrap();
    assert_eq!((check.status, check.critical), (CheckStatus::Failed, true));
    release.answers.lock().unwrap().healthy = false;
    let check = release.environment().run(CheckActivities::check_monitoring, release.subject()).await.unwrap();
    assert!(check.detail.contains("503"), "{}", check.detail);
    let check = release.environment().run(CheckActivities::check_documentation, release.subject()).await.unwrap();
    assert_eq!(check.status, CheckStatus::Passed, "{}", check.detail);

    release.world.service.public_url = Url::parse("http://127.0.0.1:1").unwrap();
    let (status, detail) = release.gate_with("performance-sla", &[]).await;
    assert_eq!(status, CheckStatus::Failed);
    assert!(detail.contains("cannot be measured"), "{detail}");
    release.world.service.not_applicable = vec!["performance-sla".to_owned()];
    assert_eq!(release.gate_with("performance-sla", &[]).await.0, CheckStatus::NotApplicable);

    release.commit = CommitSha::new("0123456789");
    let outcome = release.environment().run(CheckActivities::validate_all_gates, release.subject()).await;
    assert_eq!(failure(outcome).0.as_deref(), Some("UnknownCommit"));
}

#[tokio::test]
async fn journeys_are_walked_on_the_live_service() {
    let mut release = Release::new().await;
    let journey = |name: &str, path: &str, text: Option<&str>| Journey {
        name: name.to_owned(),
        path: path.to_owned(),
        expect_status: 200,
        expect_text: text.map(str::to_owned),
        critical: true,
    };
    release.world.service.journeys = vec![
        journey("buy tea", "/?cup=2", Some("sells tea")),
        journey("buy coffee", "/", Some("sells coffee")),
        journey("is healthy", "healthz", None),
    ];
    release.answers.lock().unwrap().healthy = false;
    let results = release
        .environment()
        .run(CheckActivities::run_production_uat, deployment("d-42", &release.commit))
        .await
        .unwrap();
    let passed: Vec<bool> = results.journeys.iter().map(|journey| journey.passed).collect();
    assert_eq!(passed, [true, false, false]);
    assert!(results.journeys[1].detail.contains("sells coffee"), "{:?}", results.journeys);
    assert!(results.journeys[2].detail.contains("503, not 200"), "{:?}", results.journeys);
}

fn measured(status: TriggerStatus) -> HealthReport {
    let at = Timestamp::from_unix_millis(1_800_000_000_000).unwrap();
    let sample = Sample {
        seq: 1,
        at,
        healthy: true,
        http_status: Some(200),
        error_rate: None,
        p50_ms: None,
        p95_ms: None,
        p99_ms: None,
        requests: 0,
        database_ok: None,
        version: None,
    };
    let row = TriggerState { trigger: Trigger::ErrorRate, status, now: "9.0×".to_owned(), limit: "> 3×".to_owned() };
    HealthReport { samples: vec![sample], triggers: vec![row], ..HealthReport::default() }
}

#[tokio::test]
async fn a_page_without_end_is_no_measurement() {
    let release = Release::new().await;
    release.answers.lock().unwrap().padding = TOO_MUCH;
    let checks = release.gates().await;
    let check = checks.iter().find(|check| check.id == "performance-sla").unwrap();
    assert_eq!(check.status, CheckStatus::Failed);
    assert!(check.detail.contains("the answer is larger than 4194304 bytes"), "{}", check.detail);
}

#[tokio::test]
async fn the_last_word_holds_everything_together() {
    let release = Release::new().await;
    sql(
        &mut release.world.live().await,
        "CREATE TABLE _sqlx_migrations (version INTEGER, success BOOLEAN); \
        INSERT INTO _sqlx_migrations VALUES (42, 1);",
    )
    .await;
    let put = async |id: &str| {
        let route = serde_json::json!({ "backend": "127.0.0.1:1", "deploymentId": id, "version": "v41",
            "commit": "beef000", "since": "2026-11-21T10:00:00Z" });
        let admin = format!("{}switch", release.switch.admin);
        reqwest::Client::new().put(admin).json(&route).send().await.unwrap();
    };
    put("d-41").await;
    assert_eq!(release.validate(measured(TriggerStatus::Ok), Vec::new()).await, Vec::<String>::new());

    let failing = TriggerStatus::Failing { count: 1, of: 2, fires_in_ms: gatewatch::contracts::clock::Millis(1) };
    let walked =
        |critical| Walked { name: "pay".to_owned(), critical, passed: false, detail: "it answers 500".to_owned() };
    let findings = release.validate(measured(failing), vec![walked(true), walked(false)]).await;
    assert_eq!(
        findings,
        ["The watch ended with error rate: 9.0× (limit > 3×).", "Journey \"pay\" failed: it answers 500."]
    );

    put("d-40").await;
    release.answers.lock().unwrap().version = "v40".to_owned();
    release.answers.lock().unwrap().healthy = false;
    sql(&mut release.world.live().await, "DELETE FROM _sqlx_migrations").await;
    let findings = release.validate(HealthReport::default(), Vec::new()).await;
    assert_eq!(
        findings,
        [
            "Deployment d-40 has the traffic.",
            "Version v40 answers, not v41.",
            "The health endpoint answers 503.",
            "Nothing was measured while watching.",
            "Migration 42 is not applied.",
        ]
    );
}

#[tokio::test]
async fn a_report_cannot_be_drawn_over_by_what_others_wrote() {
    let release = Release::new().await;
    let mut checks = release.gates().await;
    checks[0].status = CheckStatus::Failed;
    checks[0].detail = "x | **passed** |\n| fake | row |".to_owned();
    let package = EvidencePackage {
        commit: release.commit.clone(),
        version: "v42".into(),
        subject: "subject\u{202e}".to_owned(),
        author: "Ada".to_owned(),
        checks,
        rollback: gatewatch::contracts::rollback::RollbackReadiness::default(),
        collected_at: Timestamp::from_unix_millis(0).unwrap(),
    };
    let report = release.environment().run(CheckActivities::generate_readiness_report, package).await.unwrap();
    assert_eq!(report.score, 85);
    assert!(report.text.contains("1 checks fail, 1 of them critical: this cannot be approved."), "{}", report.text);
    assert!(!report.text.contains("\n| fake") && !report.text.contains('\u{202e}'), "{}", report.text);
}

#[tokio::test]
async fn another_environment_than_the_configured_one_is_refused() {
    let release = Release::new().await;
    let subject = Subject { environment: Environment::new("staging"), ..release.subject() };
    let (kind, message) = failure(release.environment().run(CheckActivities::validate_all_gates, subject).await);
    assert_eq!(kind.as_deref(), Some("InvalidRequest"));
    assert!(message.contains("`production`, not for `staging`"), "{message}");
}
