//! The demo's own parts, as processes, under the activities: a bad release is deployed, found out and taken back.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use gatewatch::activities::deploy::DeployActivities;
use gatewatch::activities::monitor::MonitorActivities;
use gatewatch::activities::monitor::control::WorkflowMemo;
use gatewatch::config::settings::Target;
use gatewatch::contracts::clock::{Millis, Timestamp};
use gatewatch::contracts::delivery::{LiveVersion, MonitorSettings};
use gatewatch::contracts::health::{Baseline, Trigger, TriggerRules};
use gatewatch::contracts::ids::{CommitSha, DeploymentId, ServiceName};
use gatewatch::contracts::temporal::activities::{
    MeasureBaseline, MonitorHealth, MonitorMode, MonitorOutcome, RedeployPrevious, VerifyDeployment,
};
use gatewatch::devstack::lifeline::Holder;
use gatewatch::devstack::service::database::SCHEMA;
use temporalio_sdk::testing::{ActivityEnvironment, TestActivityInfoOptions};
use url::Url;

use crate::activities::world::{SERVICE, World, deployment, go_live, sql};
use crate::support::{GATEWATCH, PATIENCE, wait_until};

/// A process that ends with its test.
struct Part(Child);

impl Part {
    fn start(args: &[&str]) -> Self {
        let silent = || Stdio::null();
        let mut command = Command::new(GATEWATCH);
        Self(command.args(args).stdin(silent()).stdout(silent()).stderr(silent()).spawn().unwrap())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

struct Demo {
    world: World,
    public: Url,
    _parts: Vec<Part>,
    /// Versions hold on to it.
    _lifelines: Holder,
}

impl Demo {
    async fn start() -> Self {
        let mut world = World::new();
        // Installs the TLS provider that this test's own client needs too.
        drop(world.services());
        sql(&mut world.live().await, SCHEMA).await;
        let lifelines = free();
        let holder = Holder::listen(lifelines).await.unwrap();
        let [public, admin, lifeline] = [free(), free(), lifelines].map(|address| address.to_string());
        let state = world.path("switch.json").display().to_string();
        let switch = Part::start(&["demo-switch", "--listen", &public, "--admin", &admin, "--state", &state]);
        let (public, admin) = [public, admin].map(|address| Url::parse(&format!("http://{address}")).unwrap()).into();
        world.service.public_url = public;
        let public: Url = world.service.public_url.clone();
        let Target::Process(target) = &mut world.service.target;
        target.switch = admin;
        target.command = [
            GATEWATCH,
            "demo-service",
            "--version",
            "{version}",
            "--commit",
            "{commit}",
            "--listen",
            "{listen}",
            "--database",
            "{database}",
            "--lifeline",
            &lifeline,
        ]
        .map(str::to_owned)
        .to_vec();
        wait_until("the switch answers", PATIENCE, async || reqwest::get(public.clone()).await.ok()).await;
        let load = Part::start(&["demo-load", "--url", public.as_str(), "--rate", "100"]);
        Self { world, public, _parts: vec![load, switch], _lifelines: holder }
    }

    fn environment(&self) -> ActivityEnvironment {
        let services = self.world.services();
        ActivityEnvironment::builder()
            .register_activities(DeployActivities { services: Arc::clone(&services) })
            .register_activities(MonitorActivities { services, control: Arc::new(WorkflowMemo) })
            // Nobody's workflow: there is no server to ask about it.
            .info(TestActivityInfoOptions::builder().workflow_id(None).build())
            .build()
    }

    async fn deploy(&self, id: &str, commit: &CommitSha) -> LiveVersion {
        let environment = self.environment();
        environment.run(DeployActivities::deploy_to_production, deployment(id, commit)).await.unwrap();
        let live = environment.run(DeployActivities::get_deployment_status, ServiceName::new(SERVICE)).await;
        let replaces = live.ok().map(|live| live.deployment_id);
        let go_live = go_live(id, commit, replaces.as_ref().map(DeploymentId::as_str));
        environment.run(DeployActivities::wait_for_deployment, go_live).await.unwrap()
    }

    async fn verify(&self, live: &LiveVersion) {
        let LiveVersion { version, commit, .. } = live.clone();
        let verify = VerifyDeployment { service: ServiceName::new(SERVICE), version, commit };
        self.environment().run(DeployActivities::verify_deployment, verify).await.unwrap();
    }

    async fn fault(&self, fault: &str) {
        let url = self.public.join("fault").unwrap();
        let body = serde_json::json!({ "fault": fault });
        reqwest::Client::new().put(url).json(&body).send().await.unwrap().error_for_status().unwrap();
    }

    async fn watch(&self, mode: MonitorMode, baseline: &Baseline) -> MonitorOutcome {
        let input = MonitorHealth {
            service: ServiceName::new(SERVICE),
            mode,
            settings: settings(),
            baseline: Some(baseline.clone()),
            started_at: Timestamp::from(SystemTime::now()),
        };
        let environment = self.environment();
        let watching = environment.run(MonitorActivities::monitor_health, input);
        tokio::time::timeout(Duration::from_mins(1), watching).await.expect("the watch ends").unwrap()
    }
}

fn settings() -> MonitorSettings {
    let rules = TriggerRules { response_time_sustained_ms: Millis(600), ..TriggerRules::default() };
    MonitorSettings {
        interval_ms: Millis(250),
        duration_ms: Millis(60_000),
        baseline_samples: 4,
        recovery_samples: 2,
        rules,
    }
}

#[tokio::test]
async fn a_bad_release_is_found_out_and_taken_back() {
    let demo = Demo::start().await;
    let old = demo.world.commit("old", &[("VERSION", "v41")]);
    let new = demo.world.commit("new", &[("VERSION", "v42")]);
    let first = demo.deploy("d-41", &old).await;
    let measure = MeasureBaseline { service: ServiceName::new(SERVICE), settings: settings() };
    let baseline = demo.environment().run(MonitorActivities::get_metrics, measure).await.unwrap();
    assert!(baseline.samples >= 3 && baseline.p95_ms > 0.0, "{baseline:?}");

    let faults = [
        ("errors", Trigger::ErrorRate),
        ("latency", Trigger::ResponseTime),
        ("health", Trigger::HealthEndpoint),
        ("database", Trigger::DatabaseConnection),
    ];
    for (n, (fault, expected)) in faults.into_iter().enumerate() {
        let id = format!("d-42-{n}");
        let live = demo.deploy(&id, &new).await;
        demo.verify(&live).await;
        demo.fault(fault).await;
        let outcome = demo.watch(MonitorMode::Watch, &baseline).await;
        let fired = outcome.fired.unwrap();
        // A lost database fails the health endpoint and the requests as well.
        let also = expected == Trigger::DatabaseConnection;
        assert!(fired.trigger == expected || also, "{fault}: {fired:?}");

        let redeploy = RedeployPrevious {
            service: ServiceName::new(SERVICE),
            undone: DeploymentId::new(id),
            previous: first.clone(),
        };
        let back = demo.environment().run(DeployActivities::rollback_deployment, redeploy).await.unwrap();
        assert_eq!(back.version.as_str(), "v41");
        demo.verify(&back).await;
        let recovered = demo.watch(MonitorMode::Recover, &baseline).await;
        assert_eq!(recovered.report.samples.last().unwrap().version.as_deref(), Some("v41"));
    }
}
