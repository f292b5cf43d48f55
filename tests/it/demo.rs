//! `gatewatch demo` as people run it: the story to its end, the story that must fail, other terminals, and what is left
//! behind by a demo that is killed.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;

use crate::support::{GATEWATCH, PATIENCE, temporal_cli, wait_until};

/// The whole story takes a quarter of this on a machine with nothing else to do.
const STORY: Duration = Duration::from_secs(90);

/// A demo in a folder of its own, with what it says as it says it.
struct Demo {
    process: Child,
    lines: Receiver<String>,
    folder: PathBuf,
}

impl Demo {
    fn start(gatewatch: impl AsRef<OsStr>, folder: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(gatewatch);
        command.args(["demo", "--headless", "--dir", folder.to_str().unwrap()]).args(more);
        // A demo must not find its way to anybody's cluster.
        command.env("TEMPORAL_ADDRESS", "production.example:7233").env("GATEWATCH_READ_ONLY", "true");
        command.env("GATEWATCH_TEMPORAL_CLI", temporal_cli());
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { process, lines, folder: folder.to_owned() }
    }

    /// The next line that tells of `beat`.
    fn until(&self, beat: &str) -> String {
        let deadline = Instant::now() + STORY;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("`{beat}` was never told"));
            if line.contains(beat) {
                return line;
            }
        }
    }

    fn pid(&self, name: &str) -> Option<Pid> {
        let file = self.folder.join("logs").join(format!("{name}.pid"));
        Pid::from_raw(fs::read_to_string(file).ok()?.trim().parse().ok()?)
    }

    fn kill(&self, name: &str) {
        kill_process(self.pid(name).unwrap_or_else(|| panic!("{name} has no process")), Signal::KILL).unwrap();
    }

    /// How it ended, the rest of what it said, and what it said to stderr.
    fn end(mut self) -> (ExitStatus, Vec<String>, String) {
        let deadline = Instant::now() + STORY;
        let status = loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the demo did not end");
            std::thread::sleep(Duration::from_millis(50));
        };
        let mut stderr = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (status, self.lines.iter().collect(), stderr)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // After a failed assertion; otherwise it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn errand(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(GATEWATCH);
    command.args(["demo", "--dir", folder.to_str().unwrap()]).args(words).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_story_ends_with_the_old_version_serving_again() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(GATEWATCH, &folder.path().join("demo"), &["--json"]);
    let (status, lines, stderr) = demo.end();
    assert!(status.success(), "{status}\n{stderr}");
    let report: Value = serde_json::from_str(&lines.join("\n")).unwrap();
    let beats: Vec<&str> =
        report["timeline"].as_array().unwrap().iter().filter_map(|entry| entry["beat"].as_str()).collect();
    let steps = ["step"; 6];
    let expected = [
        &["started", "asked", "gate-open", "approved", "deployed", "healthy", "broken", "detected"][..],
        &steps,
        &["rolled-back", "confirmed"],
    ];
    assert_eq!(beats, expected.concat());
    assert_eq!((&report["rolledBack"], &report["failure"]), (&Value::Bool(true), &Value::Null));
    let within = |took: &str, goal: &str| report[took].as_u64().unwrap() < report[goal].as_u64().unwrap();
    assert!(within("faultToDetectionMs", "detectionGoalMs") && within("detectionToVerifiedMs", "rollbackGoalMs"));
}

#[test]
fn the_story_fails_when_the_old_version_cannot_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("demo");
    // The executable that versions are started from is the demo's own: this one can be broken.
    let gatewatch = folder.path().join("gatewatch");
    fs::copy(GATEWATCH, &gatewatch).unwrap();
    let demo = Demo::start(&gatewatch, &root, &["--patience", "20"]);
    demo.until("healthy");
    fs::remove_file(&gatewatch).unwrap();
    fs::write(&gatewatch, "#!/bin/sh\necho 'disk error' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&gatewatch, fs::Permissions::from_mode(0o755)).unwrap();
    demo.kill("checkout-v41");
    let (status, lines, stderr) = demo.end();
    assert_eq!(status.code(), Some(1), "{lines:?}\n{stderr}");
    assert!(stderr.contains("Waited in vain until the rollback was complete (deploy-checkout-42)"), "{stderr}");
    assert!(stderr.contains("disk error"), "it does not say why: {stderr}");
    assert!(stderr.contains("The logs are in "), "{stderr}");
    assert!(!lines.iter().any(|line| line.contains("serves again")), "{lines:?}");
}

#[test]
fn the_story_survives_the_death_of_worker_and_server() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(GATEWATCH, &folder.path().join("demo"), &[]);
    demo.until("gate open");
    demo.until("healthy");
    demo.kill("worker");
    demo.until("detected");
    demo.kill("temporal");
    let verified = demo.until("confirmed");
    assert!(verified.contains("checkout v41 answers 20 of 20 requests"), "{verified}");
    let (status, _, stderr) = demo.end();
    assert!(status.success(), "{status}\n{stderr}");
    assert!(stderr.contains("worker had ended: it was started again."), "{stderr}");
    assert!(stderr.contains("temporal had ended: it was started again."), "{stderr}");
}

#[tokio::test]
async fn other_terminals_find_a_running_demo_and_kill_9_of_it_leaves_no_process() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("demo");
    let nobody = errand(&root, &["fault", "errors"]);
    assert_eq!(nobody.status.code(), Some(5));
    assert!(text(&nobody.stderr).contains("No demo is running in"), "{}", text(&nobody.stderr));

    let demo = Demo::start(GATEWATCH, &root, &[]);
    demo.until("deployed");
    let second =
        Command::new(GATEWATCH).args(["demo", "--headless", "--dir", root.to_str().unwrap()]).output().unwrap();
    assert!(text(&second.stderr).contains("A demo is running in"), "{}", text(&second.stderr));
    let broken = errand(&root, &["fault", "health", "--json"]);
    let broken: Value = serde_json::from_slice(&broken.stdout).unwrap();
    assert_eq!((broken["fault"].as_str(), broken["version"].as_str()), (Some("health"), Some("v42")));
    let status: Value = serde_json::from_slice(&errand(&root, &["status", "--json"]).stdout).unwrap();
    assert_eq!(status["live"][0]["fault"], "health");

    let mut pids: Vec<Pid> = ["temporal", "worker", "checkout-switch", "checkout-load", "checkout-v41"]
        .map(|name| demo.pid(name).unwrap())
        .into();
    pids.extend(deployed(&root));
    assert_eq!(pids.len(), 6, "v42 was started by a worker, and must end with the demo too");
    kill_process(Pid::from_child(&demo.process), Signal::KILL).unwrap();
    for pid in pids {
        let gone = async || is_gone(pid).then_some(());
        wait_until(&format!("process {pid:?} of the killed demo is gone"), PATIENCE, gone).await;
    }
    assert_eq!(errand(&root, &["status"]).status.code(), Some(5));
}

#[test]
fn a_demo_begins_cleanly_where_another_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("demo");
    for _ in 0..3 {
        let demo = Demo::start(GATEWATCH, &root, &[]);
        demo.until("asked for");
        kill_process(Pid::from_child(&demo.process), Signal::KILL).unwrap();
        // The next one begins while the processes of this one still end.
    }
    let demo = Demo::start(GATEWATCH, &root, &[]);
    demo.until("gate open");
    kill_process(Pid::from_child(&demo.process), Signal::INT).unwrap();
    let (status, _, stderr) = demo.end();
    assert_eq!(status.code(), Some(130), "{stderr}");
    let kept = errand(&root, &["--headless", "--keep"]);
    assert_eq!(kept.status.code(), Some(2), "{kept:?}");
}

#[test]
fn ctrl_c_ends_the_demo_and_everything_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(GATEWATCH, &folder.path().join("demo"), &[]);
    demo.until("asked for");
    let pids =
        ["temporal", "worker", "checkout-switch", "checkout-load", "checkout-v41"].map(|name| demo.pid(name).unwrap());
    kill_process(Pid::from_child(&demo.process), Signal::INT).unwrap();
    let (status, _, stderr) = demo.end();
    assert_eq!(status.code(), Some(130), "{stderr}");
    for pid in pids {
        assert!(is_gone(pid), "{pid:?} outlived the demo");
    }
}

/// Processes that the deploy target started.
pub(crate) fn deployed(root: &Path) -> Vec<Pid> {
    let records = fs::read_dir(root.join("checkout/deployments")).unwrap().map(|entry| entry.unwrap().path());
    let records = records.filter(|path| path.to_str().unwrap().ends_with(".deployment.json"));
    let pid = |path: PathBuf| {
        let record: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        Pid::from_raw(i32::try_from(record["process"]["pid"].as_i64()?).unwrap())
    };
    records.filter_map(pid).collect()
}

/// Gone, or dead and waiting for a parent that collects it.
pub(crate) fn is_gone(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    test_kill_process(pid).is_err() || stat.is_ok_and(|stat| stat.contains(") Z "))
}
