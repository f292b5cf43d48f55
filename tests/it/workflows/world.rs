//! The world outside as a test arranges it: which activity fails how often, which one hangs, what the monitor sees.
//! It writes down everything it was asked to do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use gatewatch::contracts::clock::{Millis, Timestamp};
use gatewatch::contracts::delivery::{Journey, LiveVersion};
use gatewatch::contracts::evidence::{Check, CheckStatus};
use gatewatch::contracts::health::{HealthReport, Sample, TriggerState};
use gatewatch::contracts::ids::{CommitSha, DeploymentId, Version};
use gatewatch::contracts::rollback::RollbackReadiness;
use gatewatch::contracts::temporal::activities::FiredTrigger;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use temporalio_sdk::error::ApplicationFailure;
use tokio::sync::watch;

/// What an activity does when it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behaviour {
    Fails {
        times: u32,
    },
    /// An error that the activity calls permanent, every time.
    FailsForGood,
    /// Goes on until it is let go or cancelled.
    Holds,
    /// Goes on until it is let go, whatever it is told.
    Hangs,
}

/// What was arranged.
#[derive(Default)]
pub(crate) struct Script {
    behaviours: BTreeMap<&'static str, Behaviour>,
    pub(crate) fired: Option<FiredTrigger>,
    /// What a monitor that goes on reports of its triggers, and of the error rate.
    pub(crate) arming: Vec<TriggerState>,
    pub(crate) error_rate: f64,
    pub(crate) journeys: Vec<Journey>,
    pub(crate) checks: Vec<Check>,
    pub(crate) migrations: Vec<String>,
    pub(crate) valid: bool,
    pub(crate) no_way_back: Option<&'static str>,
    pub(crate) no_database: bool,
    /// Another deployment goes live while this one backs up.
    pub(crate) overtaken: bool,
    /// Another deployment went live before this one had the traffic.
    pub(crate) third: bool,
}

/// What happened, in order: `name`, or `name!cancelled`, `name!failed`.
pub(crate) struct World {
    script: Mutex<Script>,
    log: Mutex<Vec<(String, Instant)>>,
    changed: watch::Sender<u64>,
}

pub(crate) fn now() -> Timestamp {
    Timestamp(chrono::Utc::now())
}

pub(crate) fn check(id: &str, status: CheckStatus, critical: bool) -> Check {
    let (title, detail, source) = (id.replace('-', " "), String::new(), String::new());
    Check { id: id.to_owned(), title, status, critical, weight: 1, detail, source }
}

impl World {
    /// A world in which everything goes well.
    pub(crate) fn new() -> Arc<Self> {
        let script = Script {
            checks: vec![check("security-scan-clean", CheckStatus::Passed, true)],
            journeys: vec![journey("pay", true, true), journey("browse", false, true)],
            migrations: vec!["41 index".into(), "42 retry".into()],
            valid: true,
            ..Script::default()
        };
        Arc::new(Self { script: Mutex::new(script), log: Mutex::new(Vec::new()), changed: watch::channel(0).0 })
    }

    pub(crate) fn fails(&self, activity: &'static str, times: u32) {
        self.behave(activity, Behaviour::Fails { times });
    }

    pub(crate) fn fails_for_good(&self, activity: &'static str) {
        self.behave(activity, Behaviour::FailsForGood);
    }

    pub(crate) fn holds(&self, activity: &'static str) {
        self.behave(activity, Behaviour::Holds);
    }

    pub(crate) fn hangs(&self, activity: &'static str) {
        self.behave(activity, Behaviour::Hangs);
    }

    /// The activity does what it should again.
    pub(crate) fn heals(&self, activity: &'static str) {
        self.script().behaviours.remove(activity);
        self.changed.send_modify(|version| *version += 1);
    }

    pub(crate) fn fires(&self, fired: FiredTrigger) {
        self.script().fired = Some(fired);
    }

    /// A monitor that goes on sees so many errors, and its triggers stand so.
    pub(crate) fn arms(&self, error_rate: f64, triggers: Vec<TriggerState>) {
        let mut script = self.script();
        (script.error_rate, script.arming) = (error_rate, triggers);
    }

    pub(crate) fn journeys(&self, journeys: Vec<Journey>) {
        self.script().journeys = journeys;
    }

    pub(crate) fn checks(&self, checks: Vec<Check>) {
        self.script().checks = checks;
    }

    pub(crate) fn migrations(&self, migrations: Vec<String>) {
        self.script().migrations = migrations;
    }

    pub(crate) fn no_way_back(&self, why: &'static str) {
        self.script().no_way_back = Some(why);
    }

    pub(crate) fn invalid(&self) {
        self.script().valid = false;
    }

    /// Everything that happened, in order.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().iter().map(|(entry, _)| entry.clone()).collect()
    }

    /// The activities that were begun, in order, without repetitions of the same one.
    pub(crate) fn begun(&self) -> Vec<String> {
        let mut begun: Vec<String> = self.log().into_iter().filter(|entry| !entry.contains('!')).collect();
        begun.dedup();
        begun
    }

    pub(crate) fn count(&self, entry: &str) -> usize {
        self.log().iter().filter(|logged| *logged == entry).count()
    }

    /// How long it took from the first `from` to the first `to` after it.
    pub(crate) fn between(&self, from: &str, to: &str) -> Duration {
        let log = self.log.lock().unwrap();
        let start = log.iter().position(|(entry, _)| entry == from).unwrap();
        let end = log[start..].iter().find(|(entry, _)| entry == to).unwrap();
        end.1.duration_since(log[start].1)
    }

    pub(crate) fn note(&self, entry: impl Into<String>) {
        self.log.lock().unwrap().push((entry.into(), Instant::now()));
        self.changed.send_modify(|version| *version += 1);
    }

    /// Waits until `entry` is in the log.
    pub(crate) async fn reached(&self, entry: &str) {
        let mut changed = self.changed.subscribe();
        while self.count(entry) == 0 {
            changed.changed().await.unwrap();
        }
    }

    fn behave(&self, activity: &'static str, behaviour: Behaviour) {
        self.script().behaviours.insert(activity, behaviour);
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    fn behaviour(&self, activity: &'static str) -> Option<Behaviour> {
        self.script().behaviours.get(activity).copied()
    }

    /// One attempt of an activity: written down, then as the script says.
    pub(crate) async fn play(&self, ctx: &ActivityContext, activity: &'static str) -> Result<(), ActivityError> {
        self.note(activity);
        match self.behaviour(activity) {
            None | Some(Behaviour::Fails { times: 0 }) => Ok(()),
            Some(Behaviour::Fails { times }) => {
                self.behave(activity, Behaviour::Fails { times: times - 1 });
                self.note(format!("{activity}!failed"));
                Err(anyhow::anyhow!("{activity} is broken").into())
            }
            Some(Behaviour::FailsForGood) => {
                self.note(format!("{activity}!failed"));
                let failure = ApplicationFailure::builder(anyhow::anyhow!("{activity} is broken for good"));
                Err(failure.non_retryable(true).build().into())
            }
            Some(Behaviour::Holds) => self.hold(ctx, activity, Behaviour::Holds).await,
            Some(Behaviour::Hangs) => self.hold(ctx, activity, Behaviour::Hangs).await,
        }
    }

    async fn hold(&self, ctx: &ActivityContext, activity: &'static str, how: Behaviour) -> Result<(), ActivityError> {
        let mut changed = self.changed.subscribe();
        let mut beat = tokio::time::interval(Duration::from_millis(50));
        let mut report = HealthReport { started_at: Some(now()), interval_ms: Millis(50), ..HealthReport::default() };
        while self.behaviour(activity) == Some(how) {
            tokio::select! {
                _ = changed.changed() => {}
                _ = beat.tick() => {
                    report.triggers.clone_from(&self.script().arming);
                    look(&mut report, self.script().error_rate);
                    ctx.record_heartbeat(report.clone()).await?;
                }
                () = ctx.cancelled(), if how == Behaviour::Holds => {
                    // A moment, as something real would need to stop.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    self.note(format!("{activity}!cancelled"));
                    return Err(ActivityError::cancelled());
                }
            }
        }
        Ok(())
    }
}

/// One more sample, as the real monitor takes it.
fn look(report: &mut HealthReport, error_rate: f64) {
    report.taken += 1;
    report.samples.push(Sample {
        seq: report.taken,
        at: now(),
        healthy: true,
        http_status: Some(200),
        error_rate: Some(error_rate),
        p50_ms: Some(10.0),
        p95_ms: Some(20.0),
        p99_ms: Some(30.0),
        requests: 12,
        database_ok: Some(true),
        version: Some("v42".into()),
    });
    if report.samples.len() > HealthReport::KEPT {
        report.samples.remove(0);
    }
}

pub(crate) fn journey(name: &str, critical: bool, passed: bool) -> Journey {
    Journey { name: name.to_owned(), critical, passed, detail: "looked at".into() }
}

pub(crate) fn live(version: &str, commit: &str) -> LiveVersion {
    LiveVersion {
        deployment_id: DeploymentId::new(format!("deploy-{version}")),
        version: Version::from(version),
        commit: CommitSha::from(commit),
        since: now(),
    }
}

pub(crate) fn readiness(why_not: Option<&'static str>) -> RollbackReadiness {
    RollbackReadiness {
        ready: why_not.is_none(),
        why_not: why_not.map(str::to_owned),
        previous_version: Version::from("v41"),
        previous_commit: CommitSha::from("9b7d00f0"),
        estimate_ms: Some(Millis(40_000)),
        ..RollbackReadiness::default()
    }
}
