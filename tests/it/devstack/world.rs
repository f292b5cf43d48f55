//! The world of the demo: it serves, only one demo has it, and nothing of it outlives the one that built it.

use std::fs;
use std::path::Path;

use gatewatch::contracts::failure::{Failure, FailureKind};
use gatewatch::devstack::tell::Tell;
use gatewatch::devstack::world::build::{World, WorldOptions, build, client};
use gatewatch::devstack::world::folder::{Folder, Keep};
use gatewatch::devstack::world::releases;
use gatewatch::devstack::world::running::Running;
use gatewatch::devstack::world::site::Plan;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::support::{GATEWATCH, PATIENCE, wait_until};

fn options(folder: &Path) -> WorldOptions {
    let services = vec![Plan { name: "checkout", releases: releases::checkout() }];
    WorldOptions { folder: folder.to_owned(), keep: Keep::Fresh, services, temporal: None, gatewatch: GATEWATCH.into() }
}

async fn built(folder: &Path) -> World {
    build(&options(folder), Tell::on_stderr()).await.unwrap()
}

fn failure(error: &anyhow::Error) -> &Failure {
    error.downcast_ref().unwrap_or_else(|| panic!("no failure: {error:#}"))
}

#[tokio::test]
async fn the_first_release_serves_real_traffic_and_everything_ends_with_the_world() {
    let folder = tempfile::tempdir().unwrap();
    let started = std::time::Instant::now();
    let world = built(folder.path()).await;
    eprintln!("the world was up in {:?}", started.elapsed());
    assert_eq!(Running::find(folder.path()).unwrap(), world.running);
    let service = world.running.service("checkout").unwrap().clone();
    let ask = async |path: &str| {
        let answer = client().unwrap().get(format!("http://{}{path}", service.public)).send().await.ok()?;
        answer.text().await.ok()
    };
    let version = ask("/version").await.unwrap();
    assert!(version.contains("v41") && version.contains(service.releases[0].commit.as_str()), "{version}");
    let has_customers = async || {
        let metrics = ask("/metrics").await?;
        let line = metrics.lines().find(|line| line.starts_with("http_requests_total{status=\"200\"}"))?;
        line.rsplit(' ').next()?.parse::<f64>().ok().filter(|served| *served >= 10.0)
    };
    wait_until("customers were served", PATIENCE, has_customers).await;
    world.stop().await.unwrap();
    assert_eq!(ask("/version").await, None);
    assert_eq!(Running::find(folder.path()).unwrap_err().kind, FailureKind::NotFound);
}

#[tokio::test]
async fn a_traffic_switch_that_is_killed_comes_back_to_the_same_version() {
    let folder = tempfile::tempdir().unwrap();
    let world = built(folder.path()).await;
    let pid = |name: &str| fs::read_to_string(world.running.logs.join(format!("{name}.pid"))).unwrap();
    let (switch, version) = (pid("checkout-switch"), pid("checkout-v41"));
    kill_process(Pid::from_raw(switch.parse().unwrap()).unwrap(), Signal::KILL).unwrap();
    let public = world.running.service("checkout").unwrap().public;
    wait_until("another switch serves v41", PATIENCE, async || {
        let answer = client().unwrap().get(format!("http://{public}/version")).send().await.ok()?.text().await.ok()?;
        (answer.contains("v41") && pid("checkout-switch") != switch).then_some(())
    })
    .await;
    assert_eq!(pid("checkout-v41"), version);
    assert!(test_kill_process(Pid::from_raw(version.parse().unwrap()).unwrap()).is_ok(), "it went on serving");
    world.stop().await.unwrap();
}

#[tokio::test]
async fn a_port_that_somebody_listens_at_is_no_place_for_a_demo() {
    let folder = tempfile::tempdir().unwrap();
    // A Temporal server even: it would answer in the place of the demo's own.
    let theirs = crate::support::server().address();
    let options = WorldOptions { temporal: Some(theirs), ..options(folder.path()) };
    let refused = build(&options, Tell::on_stderr()).await.unwrap_err();
    assert_eq!(failure(&refused).kind, FailureKind::Conflict);
    assert!(failure(&refused).message.contains(&theirs.to_string()), "{refused}");
}

#[test]
fn processes_of_a_demo_that_was_killed_are_waited_for() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("demo");
    let first = Folder::take(&path, Keep::Fresh).unwrap();
    let process = fs::File::create(first.processes()).unwrap();
    process.try_lock_shared().unwrap();
    drop(first);
    let (ended, has_ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        ended.send(()).unwrap();
        drop(process);
    });
    drop(Folder::take(&path, Keep::LastWorld).unwrap());
    has_ended.try_recv().expect("the folder was taken while a process of the last demo still ran");
}

#[test]
fn one_demo_at_a_time_has_a_folder_and_a_fresh_one_empties_it() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("demo");
    let held = Folder::take(&path, Keep::Fresh).unwrap();
    fs::create_dir(held.path("logs")).unwrap();
    fs::write(held.path("logs/worker.log"), "x").unwrap();
    let second = Folder::take(&path, Keep::Fresh).unwrap_err();
    assert_eq!(failure(&second).kind, FailureKind::Conflict);
    assert!(failure(&second).message.starts_with("A demo is running in "), "{second}");
    assert!(held.path("logs/worker.log").exists());
    drop(held);
    drop(Folder::take(&path, Keep::LastWorld).unwrap());
    assert!(path.join("logs/worker.log").exists());
    let fresh = Folder::take(&path, Keep::Fresh).unwrap();
    assert!(!fresh.path("logs").exists());
}

#[test]
fn a_folder_of_somebody_elses_files_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let thesis = folder.path().join("thesis.txt");
    fs::write(&thesis, "years of work").unwrap();
    for keep in [Keep::Fresh, Keep::LastWorld] {
        let refused = Folder::take(folder.path(), keep).unwrap_err();
        assert!(failure(&refused).message.contains("has files in it that no demo made"), "{refused}");
    }
    assert_eq!(fs::read_to_string(thesis).unwrap(), "years of work");
}
