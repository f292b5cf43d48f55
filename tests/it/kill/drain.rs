//! SIGTERM of a worker that is at work: what it does is finished, or handed over at once.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::kill::stage::{PATIENCE, Script, Stage, send};
use crate::support::wait_until;

const SCRIPT: Script = Script { slow_migration: true, recovery_samples: 2 };

/// The demo drains for two seconds; an activity that cannot be broken off may take five more.
const GRACE: Duration = Duration::from_secs(7);

/// Watching never ends by itself: the worker is told to stop, says so to the server, and another goes on at once. Nobody
/// waits for a heartbeat that does not come.
#[tokio::test(flavor = "multi_thread")]
async fn watching_is_handed_over_at_once() {
    let mut stage = Stage::set(Script { slow_migration: false, ..SCRIPT }).await;
    let before = stage.until_runs("monitorHealth").await;
    let old = stage.start_worker().await.unwrap();
    let told = Instant::now();
    send(Signal::TERM, old.pid());
    assert_eq!(old.ended().await, Some(0));
    assert!(told.elapsed() < GRACE, "it took {:?}", told.elapsed());
    let ended = Instant::now();
    stage.until_watched_again(&before).await;
    // The server waits 5.6 s for a heartbeat of one who only fell silent.
    assert!(ended.elapsed() < Duration::from_secs(4), "nobody watched for {:?}", ended.elapsed());
    stage.roll_back().await;
    stage.assert_rolled_back_once("handed over").await;
    stage.end().await;
}

/// A migration is not broken off: the worker ends when it is done, and what it did counts.
#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_be_broken_off_is_finished_and_reported() {
    let mut stage = Stage::set(SCRIPT).await;
    stage.roll_back().await;
    stage.until_between_migrations().await;
    let old = stage.start_worker().await.unwrap();
    send(Signal::TERM, old.pid());
    assert_eq!(old.ended().await, Some(0));
    stage.assert_rolled_back_once("drained").await;
    assert_eq!(stage.deaths("rollbackMigration").await, 0, "it was reported by the one that did it");
    stage.end().await;
}

/// Told twice, it does not finish anything.
#[tokio::test(flavor = "multi_thread")]
async fn told_twice_it_ends_at_once() {
    let mut stage = Stage::set(SCRIPT).await;
    stage.roll_back().await;
    stage.until_between_migrations().await;
    let old = stage.start_worker().await.unwrap();
    let told = Instant::now();
    let pid = old.pid();
    send(Signal::TERM, pid);
    // One signal that waits for another of its kind is one signal: the first must have been taken.
    wait_until("it has heard the first", PATIENCE, async || stage.log().contains("\"stopping\"").then_some(())).await;
    send(Signal::TERM, pid);
    assert_eq!(old.ended().await, Some(130));
    assert!(told.elapsed() < Duration::from_secs(2), "it took {:?}", told.elapsed());
    stage.assert_rolled_back_once("told twice").await;
    stage.end().await;
}
