//! The worker dies on the way back.

use std::fs;

use gatewatch::contracts::health::Trigger;
use gatewatch::contracts::rollback::{RollbackStep, StepStatus};
use gatewatch::devstack::service::fault::Fault;
use gatewatch::devstack::story::customer::Customer;
use rustix::process::{Pid, Signal};

use crate::kill::stage::{NEW, OLD, PATIENCE, Script, Stage, lock, send};
use crate::support::hook::Hook;
use crate::support::wait_until;

const QUICK: Script = Script { slow_migration: false, recovery_samples: 2 };

/// When the worker dies.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// While it does it.
    During,
    /// It is done, and the worker has not been heard to say so.
    Unreported,
}

impl Stage {
    /// `kill -9` at that moment: `release` lets what was held go on, `done` waits until its effect is there. Then another
    /// worker comes.
    async fn kill(&mut self, moment: Moment, release: impl AsyncFnOnce(), done: impl AsyncFn(&Self)) {
        let worker = self.take_worker();
        match moment {
            Moment::During => {
                worker.kill().await;
                release().await;
            }
            Moment::Unreported => {
                worker.cut_off();
                release().await;
                done(self).await;
                worker.kill().await;
            }
        }
        self.start_worker().await;
    }

    /// The worker's death was in the middle of this activity, and the story ended as it should.
    async fn assert_survived(self, activity: &str, moment: Moment) {
        let case = format!("{activity}, {moment:?}");
        self.assert_rolled_back_once(&case).await;
        assert_eq!(self.deaths(activity).await, 1, "{case}: the attempt must have died with its worker");
        self.end().await;
    }
}

/// Both moments of a step, beside each other: each waits ten seconds for the dead.
async fn at_both_moments(test: impl AsyncFn(Moment)) {
    tokio::join!(Box::pin(test(Moment::During)), Box::pin(test(Moment::Unreported)));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_middle_of_taking_migrations_back() {
    at_both_moments(async |moment| {
        let mut stage = Stage::set(Script { slow_migration: true, ..QUICK }).await;
        stage.roll_back().await;
        stage.until_between_migrations().await;
        let done = async |stage: &Stage| {
            wait_until("both are taken back", PATIENCE, async || (stage.schema().await == [40]).then_some(())).await;
        };
        stage.kill(moment, async || {}, done).await;
        if matches!(moment, Moment::During) {
            assert_eq!(stage.schema().await, [40, 41], "it was killed too late to be of interest");
        }
        stage.assert_survived("rollbackMigration", moment).await;
    })
    .await;
}

fn has_rollback_commit(stage: &Stage) -> Option<()> {
    (stage.git(&["rev-list", "--count", "main"]) == "3").then_some(())
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_middle_of_the_rollback_commit() {
    at_both_moments(async |moment| {
        let mut stage = Stage::set(QUICK).await;
        let hook = Hook::holding(&stage.site.places.repository);
        stage.roll_back().await;
        hook.reached().await;
        let done = async |stage: &Stage| {
            wait_until("the commit is there", PATIENCE, async || has_rollback_commit(stage)).await;
        };
        // Killed, the worker leaves a git behind that goes on without it.
        stage.kill(moment, async || hook.release(), done).await;
        stage.assert_survived("rollbackToCommit", moment).await;
    })
    .await;
}

/// Cut off and taken for dead, it works on beside its successor.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_only_seemed_dead_does_nothing_twice() {
    let mut stage = Stage::set(QUICK).await;
    let hook = Hook::holding(&stage.site.places.repository);
    stage.roll_back().await;
    hook.reached().await;
    stage.worker().cut_off();
    let cut_off = stage.start_worker().await.unwrap();
    // Its predecessor was given up, and its own first attempt found the branch held.
    stage
        .until("its successor has been at it", |detail| {
            detail.activities.iter().any(|one| one.activity_type == "rollbackToCommit" && one.attempt > 1)
        })
        .await;
    hook.release();
    stage.assert_rolled_back_once("a worker that seemed dead").await;
    cut_off.kill().await;
    stage.end().await;
}

async fn until_fenced(stage: &Stage) {
    let fenced = || stage.record(NEW).is_some_and(|record| record.undone_at.is_some());
    wait_until("the new version may not come back", PATIENCE, async || fenced().then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_middle_of_switching_the_traffic_back() {
    at_both_moments(async |moment| {
        let mut stage = Stage::set(QUICK).await;
        let switch = stage.part("checkout-switch");
        stage.roll_back().await;
        send(Signal::STOP, switch);
        until_fenced(&stage).await;
        let done = async |stage: &Stage| {
            let back = async || (stage.live_version() == OLD).then_some(());
            wait_until("the traffic is switched", PATIENCE, back).await;
        };
        stage.kill(moment, async || send(Signal::CONT, switch), done).await;
        stage.assert_survived("rollbackVercelDeployment", moment).await;
    })
    .await;
}

/// The old version is gone as well: the worker dies between starting it again and writing its number down.
#[tokio::test(flavor = "multi_thread")]
async fn between_starting_the_old_version_and_writing_that_down() {
    let mut stage = Stage::set(QUICK).await;
    send(Signal::KILL, stage.part("checkout-v41"));
    wait_until("the old version is gone", PATIENCE, async || stage.processes(OLD).is_empty().then_some(())).await;
    stage.roll_back().await;
    until_fenced(&stage).await;
    // It is about to wait in vain for the old version; what it writes down before that is the last thing but one.
    let deployments = stage.site.places.deployments.clone();
    let written = |version: &str| {
        let file = format!("{}.deployment.json", stage.record(version)?.deployment_id);
        fs::metadata(deployments.join(file)).ok()?.modified().ok()
    };
    wait_until("the old version may come back", PATIENCE, async || (written(OLD)? >= written(NEW)?).then_some(()))
        .await;
    let records = lock(&deployments.join("records.lock")).await;
    let started =
        wait_until("the old version is started", PATIENCE, async || stage.processes(OLD).first().copied()).await;
    assert_eq!(stage.record(OLD).unwrap().process, None, "it must not be written down yet");
    stage.kill(Moment::During, async || drop(records), async |_: &Stage| {}).await;
    stage.assert_rolled_back_once("started, and not written down").await;
    assert_eq!(stage.processes(OLD), [started], "it was found again, not started once more");
    stage.end().await;
}

/// A signal that was sent to a stopped process waits there.
fn is_told_to_end(pid: Pid) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap_or_default();
    let pending = |name: &str| {
        let hex = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0").trim();
        u64::from_str_radix(hex, 16).unwrap() & (1 << (Signal::TERM.as_raw() - 1)) != 0
    };
    pending("ShdPnd:") || pending("SigPnd:")
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_middle_of_verifying_and_ending_the_new_version() {
    at_both_moments(async |moment| {
        let mut stage = Stage::set(QUICK).await;
        let hook = Hook::holding(&stage.site.places.repository);
        stage.roll_back().await;
        hook.reached().await;
        // Stopped, it is told to end, and does not.
        let [new] = stage.processes(NEW)[..] else { panic!("one instance of the new version") };
        send(Signal::STOP, new);
        hook.release();
        wait_until("the new version is told to end", PATIENCE, async || is_told_to_end(new).then_some(())).await;
        let done = async |stage: &Stage| {
            let ended = || stage.record(NEW).is_some_and(|record| record.stopped_at.is_some());
            wait_until("its end is written down", PATIENCE, async || ended().then_some(())).await;
        };
        stage.kill(moment, async || send(Signal::CONT, new), done).await;
        stage.assert_survived("verifyDeployment", moment).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_middle_of_watching_until_it_is_healthy() {
    // Five seconds of good looks.
    let mut stage = Stage::set(Script { recovery_samples: 25, ..QUICK }).await;
    stage.roll_back().await;
    stage
        .until("the old version is watched", |detail| {
            let published = detail.row.published.as_deref();
            let progress = published.and_then(|published| published.rolling_back.as_ref());
            let watching =
                progress.and_then(|progress| progress.steps.iter().find(|report| report.step == RollbackStep::Monitor));
            watching.is_some_and(|report| report.status == StepStatus::Running)
                && detail.health.as_ref().is_some_and(|report| report.taken >= 2)
        })
        .await;
    stage.kill(Moment::During, async || {}, async |_: &Stage| {}).await;
    stage.assert_survived("monitorHealth", Moment::During).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_middle_of_documenting() {
    at_both_moments(async |moment| {
        let mut stage = Stage::set(QUICK).await;
        let hook = Hook::holding(&stage.site.places.repository);
        stage.roll_back().await;
        hook.reached().await;
        // Opening the incident takes the same lock.
        wait_until("the incident is open", PATIENCE, async || (stage.incidents().len() == 1).then_some(())).await;
        let records = lock(&stage.site.places.records.join(".lock")).await;
        hook.release();
        stage.until_runs("documentRollback").await;
        let done = async |stage: &Stage| {
            let documented = || stage.incidents().iter().any(|incident| incident["documented"].is_object());
            wait_until("it is documented", PATIENCE, async || documented().then_some(())).await;
        };
        stage.kill(moment, async || drop(records), done).await;
        stage.assert_survived("documentRollback", moment).await;
    })
    .await;
}

/// Its successor goes on from the last heartbeat, and sees what goes wrong.
#[tokio::test(flavor = "multi_thread")]
async fn while_it_watches_the_new_version() {
    let mut stage = Stage::set(QUICK).await;
    let before = stage.until_runs("monitorHealth").await;
    stage.kill(Moment::During, async || {}, async |_: &Stage| {}).await;
    stage.until_watched_again(&before).await;
    let customer = Customer::of(&stage.site.running()).unwrap();
    customer.set_fault(Fault::Errors).await.unwrap();
    let progress = stage.rolled_back().await;
    assert_eq!(progress.cause.trigger, Some(Trigger::ErrorRate), "{:?}", progress.cause);
    stage.assert_rolled_back_once("while it watches").await;
    stage.end().await;
}

/// Whoever kills the workers one after the other, a step each, gains time and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn again_and_again_in_one_rollback() {
    let mut stage = Stage::set(Script { slow_migration: true, ..QUICK }).await;
    let hook = Hook::holding(&stage.site.places.repository);
    stage.roll_back().await;
    stage.until_between_migrations().await;
    let nothing = async |_: &Stage| {};
    stage.kill(Moment::During, async || {}, nothing).await;
    hook.reached().await;
    let switch = stage.part("checkout-switch");
    stage.kill(Moment::During, async || hook.release(), nothing).await;
    send(Signal::STOP, switch);
    until_fenced(&stage).await;
    stage.kill(Moment::During, async || send(Signal::CONT, switch), nothing).await;
    stage.assert_rolled_back_once("three times").await;
    stage.end().await;
}
