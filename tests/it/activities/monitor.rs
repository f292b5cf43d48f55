//! Watching a real HTTP service: the baseline, the loop, what reaches it, what it survives.

use std::any::Any;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use gatewatch::activities::monitor::MonitorActivities;
use gatewatch::activities::monitor::control::{Control, ControlSource, WorkflowMemo};
use gatewatch::contracts::clock::{Millis, Timestamp};
use gatewatch::contracts::delivery::{DeploymentStage, DeploymentSummary, MonitorSettings};
use gatewatch::contracts::health::{Baseline, HealthReport, Trigger, TriggerRules};
use gatewatch::contracts::ids::ServiceName;
use gatewatch::contracts::temporal::activities::{
    MeasureBaseline, MonitorHealth, MonitorMode, MonitorOutcome, MonitoringSetup,
};
use gatewatch::contracts::temporal::memo::Published;
use temporalio_client::{
    Client, ClientOptions, Connection, ConnectionOptions, WorkflowStartOptions, WorkflowTerminateOptions,
};
use temporalio_common::data_converters::RawValue;
use temporalio_common::{MemoValues, UntypedWorkflow};
use temporalio_sdk::activities::ActivityContext;
use temporalio_sdk::testing::{ActivityEnvironment, TestActivityInfoOptions};
use url::Url;

use crate::activities::service::{Answers, Shared, answers, serve};
use crate::activities::world::{SERVICE, World, deployment};

type Answer = Result<Option<Control>, String>;

/// Control as a test sets it.
#[derive(Clone, Default)]
struct Remote(Arc<Mutex<Option<Answer>>>);

impl Remote {
    fn say(&self, answer: Answer) {
        *self.0.lock().unwrap() = Some(answer);
    }
}

impl ControlSource for Remote {
    fn read<'a>(&'a self, _: &'a ActivityContext) -> BoxFuture<'a, anyhow::Result<Option<Control>>> {
        let answer = self.0.lock().unwrap().clone().unwrap_or(Ok(None));
        Box::pin(async { answer.map_err(anyhow::Error::msg) })
    }
}

/// A watched shop with traffic of its own: each scrape has seen more requests than the one before.
struct Watched {
    world: World,
    answers: Shared,
    remote: Remote,
    beats: Arc<Mutex<Vec<HealthReport>>>,
}

impl Watched {
    async fn new() -> Self {
        let mut world = World::new();
        let answers = answers("v42", "c0ffee");
        let address = serve(Arc::clone(&answers), SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await;
        world.service.public_url = Url::parse(&format!("http://{address}")).unwrap();
        let shop = Self { world, answers, remote: Remote::default(), beats: Arc::default() };
        shop.traffic(0, 0);
        shop
    }

    /// Sets the counters: 100 requests answered in up to 10 ms, and so many failed.
    fn traffic(&self, requests: u64, errors: u64) {
        self.answers.lock().unwrap().metrics = Some(format!(
            "# TYPE http_requests_total counter\n\
             http_requests_total{{status=\"200\"}} {}\nhttp_requests_total{{status=\"500\"}} {errors}\n\
             # TYPE http_request_duration_seconds histogram\n\
             http_request_duration_seconds_bucket{{le=\"0.01\"}} {requests}\n\
             http_request_duration_seconds_bucket{{le=\"+Inf\"}} {requests}\n",
            requests - errors
        ));
    }

    /// Traffic that goes on by itself: 100 requests between any two moments that are 10 ms apart, 2 of them failing.
    fn steady(&self) -> tokio::task::JoinHandle<()> {
        let shop = Self {
            world: World::new(),
            answers: Arc::clone(&self.answers),
            remote: self.remote.clone(),
            beats: Arc::clone(&self.beats),
        };
        tokio::spawn(async move {
            for n in 1.. {
                shop.traffic(n * 100, n * 2);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
    }

    fn environment(&self, before: Option<HealthReport>) -> ActivityEnvironment {
        let beats = Arc::clone(&self.beats);
        let keep = move |details: Box<dyn Any>| {
            if let Ok(report) = details.downcast::<HealthReport>() {
                beats.lock().unwrap().push(*report);
            }
        };
        let activities = MonitorActivities { services: self.world.services(), control: Arc::new(self.remote.clone()) };
        let builder = ActivityEnvironment::builder_with_default().register_activities(activities).on_heartbeat(keep);
        match before {
            Some(before) => builder.heartbeat_details(before).unwrap().build(),
            None => builder.build(),
        }
    }

    async fn watch(&self, input: MonitorHealth) -> MonitorOutcome {
        self.resumed(input, None).await
    }

    async fn resumed(&self, input: MonitorHealth, before: Option<HealthReport>) -> MonitorOutcome {
        let environment = self.environment(before);
        let watching = environment.run(MonitorActivities::monitor_health, input);
        tokio::time::timeout(Duration::from_secs(30), watching).await.expect("the watch ends").unwrap()
    }

    /// Resolves when that many looks were reported.
    async fn beats(&self, n_beats: usize) {
        while self.beats.lock().unwrap().len() < n_beats {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}

fn input(duration: u64) -> MonitorHealth {
    let rules = TriggerRules { response_time_sustained_ms: Millis(300), ..TriggerRules::default() };
    MonitorHealth {
        service: ServiceName::new(SERVICE),
        mode: MonitorMode::Watch,
        settings: MonitorSettings {
            interval_ms: Millis(100),
            duration_ms: Millis(duration),
            baseline_samples: 4,
            recovery_samples: 3,
            rules,
        },
        baseline: Some(Baseline { samples: 4, error_rate: 0.02, p95_ms: 9.0 }),
        started_at: now(),
    }
}

#[tokio::test]
async fn a_healthy_service_is_watched_to_the_end() {
    let shop = Watched::new().await;
    let traffic = shop.steady();
    let started = std::time::Instant::now();
    let MonitorOutcome { fired, report } = shop.watch(input(650)).await;
    assert_eq!(fired, None);
    assert!(started.elapsed() >= Duration::from_millis(650), "to the end");
    // On a loaded machine the traffic may pause for a look.
    let last = report.samples.iter().rfind(|sample| sample.requests >= 100).unwrap();
    assert_eq!((last.healthy, last.http_status, last.database_ok), (true, Some(200), Some(true)));
    assert_eq!(last.version.as_deref(), Some("v42"));
    assert!((last.error_rate.unwrap() - 0.02).abs() < 0.001, "{last:?}");
    assert!((9.0..=10.0).contains(&last.p95_ms.unwrap()), "{last:?}");
    let beats = shop.beats.lock().unwrap();
    assert_eq!(*beats.last().unwrap(), report, "the last heartbeat is the whole report");
    assert!(beats.len() >= 6, "one a look: {}", beats.len());
    assert!(beats.windows(2).all(|pair| pair[1].taken == pair[0].taken + 1));
    assert!(report.until.is_some() && report.triggers.len() == 8);
    traffic.abort();
}

#[tokio::test]
async fn a_sick_service_fires_on_the_fourth_look() {
    let shop = Watched::new().await;
    shop.answers.lock().unwrap().healthy = false;
    let MonitorOutcome { fired, report } = shop.watch(input(60_000)).await;
    let fired = fired.unwrap();
    assert_eq!((fired.trigger, report.taken), (Trigger::HealthEndpoint, 4));
    assert!(fired.detail.contains("503"), "{}", fired.detail);
}

#[tokio::test]
async fn a_service_that_is_gone_fires_too() {
    let mut shop = Watched::new().await;
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    // It accepts and never answers.
    shop.world.service.public_url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let MonitorOutcome { fired, report } = shop.watch(input(60_000)).await;
    assert_eq!(fired.unwrap().trigger, Trigger::HealthEndpoint);
    assert_eq!(report.samples.last().unwrap().http_status, None);
}

#[tokio::test]
async fn failing_requests_fire() {
    let shop = Watched::new().await;
    let answers = Arc::clone(&shop.answers);
    let traffic = shop.steady();
    let environment = shop.environment(None);
    let watching = environment.run(MonitorActivities::monitor_health, input(60_000));
    let break_it = async {
        shop.beats(3).await;
        traffic.abort();
        let mut n = 0;
        let failing = async {
            loop {
                n += 100;
                shop.traffic(1_000_000 + n, 20_000 + n / 2);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), failing).await.unwrap_err();
    };
    tokio::select! {
        outcome = watching => {
            let fired = outcome.unwrap().fired.unwrap();
            assert_eq!(fired.trigger, Trigger::ErrorRate, "{fired:?}");
        }
        () = break_it => panic!("half of the requests fail and nothing fired"),
    }
    drop(answers);
}

#[tokio::test]
async fn a_killed_worker_is_continued_where_it_was() {
    let shop = Watched::new().await;
    shop.answers.lock().unwrap().healthy = false;
    let input = input(60_000);
    let environment = shop.environment(None);
    let watching = environment.run(MonitorActivities::monitor_health, input.clone());
    tokio::select! {
        _ = watching => panic!("three failing looks are not enough"),
        () = shop.beats(3) => {}
    }
    let before = shop.beats.lock().unwrap().last().unwrap().clone();
    assert_eq!((before.taken, before.consecutive_health_failures), (3, 3));

    let MonitorOutcome { fired, report } = shop.resumed(input.clone(), Some(before.clone())).await;
    assert_eq!(fired.unwrap().trigger, Trigger::HealthEndpoint, "the fourth in a row, by two workers");
    assert_eq!((report.taken, report.samples.len()), (4, 4));
    assert_eq!(report.samples[..3], before.samples[..]);

    // Details of another watch are none of ours.
    let other = MonitorHealth { started_at: now().plus(Millis(1)), ..input };
    assert_eq!(shop.resumed(other, Some(before)).await.report.taken, 4);
}

#[tokio::test]
async fn cancelling_is_prompt() {
    let shop = Watched::new().await;
    let environment = shop.environment(None);
    let mut input = input(600_000);
    input.settings.interval_ms = Millis::from_secs(300);
    let watching = environment.run(MonitorActivities::monitor_health, input);
    let cancel = async {
        shop.beats(1).await;
        environment.cancel();
    };
    let both = async { tokio::join!(watching, cancel) };
    let (outcome, ()) = tokio::time::timeout(Duration::from_secs(5), both).await.expect("within the interval");
    assert!(format!("{outcome:?}").contains("Cancelled"), "{outcome:?}");
}

#[tokio::test]
async fn pausing_and_resuming_reach_the_watch() {
    let shop = Watched::new().await;
    shop.answers.lock().unwrap().healthy = false;
    shop.remote.say(Ok(Some(Control { until: None, paused_until: Some(now().plus(Millis(60_000))) })));
    let environment = shop.environment(None);
    let watching = environment.run(MonitorActivities::monitor_health, input(60_000));
    let resume = async {
        shop.beats(6).await;
        // The server is away: the last known control stays in force.
        shop.remote.say(Err("unavailable".to_owned()));
        shop.beats(9).await;
        shop.remote.say(Ok(Some(Control::default())));
    };
    let both = async { tokio::join!(watching, resume) };
    let (outcome, ()) = tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
    let MonitorOutcome { fired, report } = outcome.unwrap();
    assert_eq!(fired.unwrap().trigger, Trigger::HealthEndpoint);
    assert!((10..=12).contains(&report.taken), "at the first look after resuming: {}", report.taken);
}

#[tokio::test]
async fn extending_reaches_the_watch() {
    let shop = Watched::new().await;
    let input = input(300);
    let until = input.started_at.plus(Millis(900));
    shop.remote.say(Ok(Some(Control { until: Some(until), paused_until: None })));
    let report = shop.watch(input).await.report;
    assert_eq!(report.until, Some(until));
    assert!(report.samples.last().unwrap().at >= until);
}

#[tokio::test]
async fn recovering_takes_so_many_good_looks_in_a_row() {
    let shop = Watched::new().await;
    shop.answers.lock().unwrap().healthy = false;
    let environment = shop.environment(None);
    let watching =
        environment.run(MonitorActivities::monitor_health, MonitorHealth { mode: MonitorMode::Recover, ..input(1) });
    let heal = async {
        shop.beats(6).await;
        shop.answers.lock().unwrap().healthy = true;
    };
    let both = async { tokio::join!(watching, heal) };
    let (outcome, ()) = tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
    let MonitorOutcome { fired, report } = outcome.unwrap();
    assert_eq!(fired, None);
    let healthy: Vec<bool> = report.samples.iter().map(|sample| sample.healthy).collect();
    assert_eq!(healthy[healthy.len() - 3..], [true; 3]);
    assert_eq!(healthy.iter().filter(|healthy| **healthy).count(), 3, "and not one more: {healthy:?}");
}

#[tokio::test]
async fn another_version_has_other_counters() {
    let shop = Watched::new().await;
    shop.traffic(1_000_000, 900_000);
    let environment = shop.environment(None);
    let mut long = input(60_000);
    long.settings.interval_ms = Millis(200);
    let watching = environment.run(MonitorActivities::monitor_health, long);
    let switch = async {
        shop.beats(1).await;
        // The version behind the switch changed: its process counted these long before.
        let change = |answers: &mut Answers| {
            answers.version = "v41".to_owned();
            answers.metrics = answers.metrics.take().map(|text| text.replace("00000", "99999"));
        };
        change(&mut shop.answers.lock().unwrap());
        shop.beats(4).await;
    };
    tokio::select! {
        outcome = watching => panic!("nothing failed: {outcome:?}"),
        () = switch => {}
    }
    let rates: Vec<_> = shop.beats.lock().unwrap().last().unwrap().samples.iter().map(|s| s.error_rate).collect();
    assert!(rates.iter().all(Option::is_none), "{rates:?}");
}

#[tokio::test]
async fn the_baseline_is_what_the_service_does_now() {
    let shop = Watched::new().await;
    let traffic = shop.steady();
    let measure = MeasureBaseline { service: ServiceName::new(SERVICE), settings: input(0).settings };
    let baseline = shop.environment(None).run(MonitorActivities::get_metrics, measure.clone()).await.unwrap();
    traffic.abort();
    assert_eq!(baseline.samples, 4);
    assert!((baseline.error_rate - 0.02).abs() < 0.001 && (9.0..=10.0).contains(&baseline.p95_ms), "{baseline:?}");

    let idle = shop.environment(None).run(MonitorActivities::get_metrics, measure).await.unwrap();
    assert_eq!(idle, Baseline::default(), "without traffic there is no normal");
}

#[tokio::test]
async fn the_standing_watch_is_written_down_once() {
    let shop = Watched::new().await;
    let set_up = async |id: &str| -> MonitoringSetup {
        let deployment = deployment(id, &"c0ffee0".into());
        shop.environment(None).run(MonitorActivities::setup_monitoring, deployment).await.unwrap()
    };
    let setup = set_up("d-42").await;
    assert!(setup.active);
    assert_eq!(setup.dashboards.len(), 2);
    let file = shop.world.path("records").join("monitoring").join("checkout.json");
    let first = std::fs::read(&file).unwrap();
    set_up("d-42").await;
    assert_eq!(std::fs::read(&file).unwrap(), first, "twice is once");

    shop.answers.lock().unwrap().metrics = Some("something_else 1\n".to_owned());
    assert!(!set_up("d-43").await.active);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("d-43") && text.contains("no http_requests_total"), "{text}");
}

#[tokio::test]
async fn control_is_read_from_the_memo_of_the_workflow() {
    let shop = Watched::new().await;
    let input = input(60_000);
    let until = input.started_at.plus(Millis(700));
    // Paused for longer than it is watched, so that a slow machine takes no look after the pause.
    let paused = input.started_at.plus(Millis::from_secs(60));
    let deployment = DeploymentSummary {
        service: ServiceName::new(SERVICE),
        deployment_id: "d-42".into(),
        commit: "c0ffee0".into(),
        version: "v42".into(),
        stage: DeploymentStage::Monitoring,
        previous: None,
        live_since: None,
        monitor_until: Some(until),
        paused_until: Some(paused),
    };
    let mut memo = MemoValues::new();
    memo.insert("gatewatch", Published { v: 1, deployment: Some(deployment), ..Published::default() });
    let temporal = crate::support::temporal();
    let connection = Connection::connect(ConnectionOptions::new(temporal.address).identity("test").build()).await;
    let client = Client::new(connection.unwrap(), ClientOptions::new(temporal.namespace).build()).unwrap();
    // No worker runs it: what it published when it was started is all there is.
    let id = crate::support::unique("watched");
    let options = WorkflowStartOptions::new(temporal.task_queue, id.clone()).memo(memo).build();
    let workflow =
        client.start_workflow(UntypedWorkflow::new("Anything"), RawValue::new(Vec::new()), options).await.unwrap();
    shop.answers.lock().unwrap().healthy = false;

    let run_id = workflow.info().run_id.clone();
    let info = TestActivityInfoOptions::builder().workflow_id(Some(id)).workflow_run_id(run_id).build();
    let activities = MonitorActivities { services: shop.world.services(), control: Arc::new(WorkflowMemo) };
    let environment = ActivityEnvironment::builder().register_activities(activities).client(client).info(info).build();
    let watching = environment.run(MonitorActivities::monitor_health, input);
    let outcome = tokio::time::timeout(Duration::from_secs(30), watching).await.unwrap().unwrap();

    assert_eq!(outcome.fired, None, "it is paused");
    assert_eq!((outcome.report.until, outcome.report.paused_until), (Some(until), Some(paused)));
    workflow.terminate(WorkflowTerminateOptions::default()).await.unwrap();
}
