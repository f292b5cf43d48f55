//! No process outlives the one that started it, however that one ends.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::support::{GATEWATCH, PATIENCE, launcher, wait_until};

fn shell(script: &str) -> Vec<OsString> {
    ["sh", "-c", script].map(OsString::from).to_vec()
}

fn pid(file: &Path) -> Option<Pid> {
    Pid::from_raw(std::fs::read_to_string(file).ok()?.trim().parse().ok()?)
}

/// A process that is gone, or dead and waiting for a parent that collects it.
fn is_gone(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    test_kill_process(pid).is_err() || stat.is_ok_and(|stat| stat.contains(") Z "))
}

async fn until_gone(what: &str, pid: Pid) {
    wait_until(what, PATIENCE, async || is_gone(pid).then_some(())).await;
}

#[tokio::test]
async fn kill_9_of_the_parent_ends_children_and_grandchildren() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    // The parent alone holds the writing end of the guard's standard input. Child and grandchild ignore SIGTERM.
    let script = format!(
        r#"mkfifo {fifo}
        {GATEWATCH} guard --pid-file {child} -- sh -c 'trap "" TERM; sleep 1000 & echo $! > {grand}; wait' < {fifo} &
        exec 3> {fifo}
        wait"#,
        fifo = path("stdin").display(),
        child = path("child").display(),
        grand = path("grand").display(),
    );
    let mut parent = Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).spawn().unwrap();
    let child = wait_until("the child runs", PATIENCE, async || pid(&path("child"))).await;
    let grandchild = wait_until("the grandchild runs", PATIENCE, async || pid(&path("grand"))).await;
    assert!(!is_gone(child) && !is_gone(grandchild));
    parent.kill().unwrap();
    parent.wait().unwrap();
    until_gone("the child is gone", child).await;
    until_gone("the grandchild is gone", grandchild).await;
}

#[tokio::test]
async fn stopping_a_child_ends_its_whole_group() {
    let folder = tempfile::tempdir().unwrap();
    let grand = folder.path().join("grand");
    let script = format!("sleep 1000 & echo $! > {}; wait", grand.display());
    let child = launcher(folder.path()).spawn("group", &shell(&script)).unwrap();
    let grandchild = wait_until("the grandchild runs", PATIENCE, async || pid(&grand)).await;
    child.stop().await.unwrap();
    until_gone("the grandchild is gone", grandchild).await;
}

#[tokio::test]
async fn a_child_that_ends_by_itself_takes_its_group_along_and_keeps_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let grand = folder.path().join("grand");
    let script = format!("sleep 1000 & echo $! > {}; exit 7", grand.display());
    let mut child = launcher(folder.path()).spawn("short", &shell(&script)).unwrap();
    assert_eq!(child.gone(PATIENCE).await.unwrap().code(), Some(7));
    until_gone("the grandchild is gone", pid(&grand).unwrap()).await;
}

#[tokio::test]
async fn sigterm_to_the_guard_ends_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("command.pid");
    let mut guard = Command::new(GATEWATCH)
        .args(["guard", "--pid-file", file.to_str().unwrap(), "--", "sleep", "1000"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let command = wait_until("the command runs", PATIENCE, async || pid(&file)).await;
    kill_process(Pid::from_child(&guard), Signal::TERM).unwrap();
    let status = guard.wait().unwrap();
    assert_eq!(status.code(), Some(128 + 15));
    assert!(is_gone(command));
}

#[tokio::test]
async fn a_failure_names_the_log_and_quotes_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = launcher(folder.path()).spawn("broken", &shell("echo 'the disk is full'; exit 3")).unwrap();
    let failure = child.ready(PATIENCE, || async { false }).await.unwrap_err().to_string();
    assert!(failure.starts_with("broken ended before it was ready (exit status: 3). Its log: "), "{failure}");
    assert!(failure.contains("broken.log"), "{failure}");
    assert!(failure.ends_with("\n  │ the disk is full"), "{failure}");
}

#[tokio::test]
async fn a_log_that_has_grown_is_put_aside_before_more_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::File::create(path("talker.log")).unwrap().set_len(9 << 20).unwrap();
    let mut child = launcher(folder.path()).spawn("talker", &shell("echo hello")).unwrap();
    child.gone(PATIENCE).await.unwrap();
    let bytes = |name: &str| std::fs::metadata(path(name)).unwrap().len();
    assert_eq!((bytes("talker.log"), bytes("talker.log.1")), (6, 9 << 20));
}
