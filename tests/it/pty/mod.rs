//! The real binary in a real pseudo-terminal: what it does when the server is not there, or worse, and that it always
//! gives the terminal back.

mod outage;
mod rig;
mod steps;
mod story;
mod terminal;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use rustix::process::Signal;

use crate::pty::rig::{Pty, Setup};
use crate::support;
use crate::support::temporal_cli;

/// An address at which nothing listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Somebody points it at a cluster of their own, which has never heard of gatewatch.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_without_our_search_attributes_is_listed_and_noticed_once_mended() {
    let temporal = support::bare_namespace().await;
    let id = support::unique("theirs");
    let place = ["--address", &support::server().address().to_string(), "--namespace", &temporal.namespace];
    let start = ["workflow", "start", "--type", "TheirWorkflow", "--task-queue", "theirs", "--workflow-id", &id];
    let mut temporal_cli = Command::new(support::temporal_cli());
    assert!(temporal_cli.args(start).args(place).output().unwrap().status.success());

    let mut console = Pty::open(&Setup { arguments: &place, size: (80, 24), ..Setup::default() });
    console.wait_for("No phases or gates: run `gatewatch doctor --fix` to register search attributes");
    console.wait_for("No gate can be seen");
    console.send("2");
    // How the line breaks depends on the length of the name.
    console.wait_for("lacks search attributes that");
    console.send("3");
    console.wait_for(&id);
    console.send("1");

    let folder = tempfile::tempdir().unwrap();
    let fix = Command::new(support::GATEWATCH)
        .args(["doctor", "--fix"])
        .args(place)
        .env_clear()
        .env("HOME", folder.path())
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&fix.stdout).contains("registered: "), "{fix:?}");
    console.wait_for("No gate waits for anybody");
    console.wait_until("the alert is gone", |screen| !screen.contains("doctor --fix"));
    console.send("q");
    assert_eq!(console.exit_code(), 0);
}

#[test]
fn without_a_server_it_draws_answers_keys_and_leaves() {
    let mut console = Pty::start(&nobody(), 80, 24);
    console.wait_for("What needs somebody now");
    console.wait_for("✗ temporal");
    console.send("3");
    console.wait_for("▸3 Workflows");
    console.send("q");
    assert_eq!(console.exit_code(), 0);
    console.assert_given_back();
}

#[test]
fn a_server_that_accepts_and_never_answers_hangs_nothing() {
    // The kernel completes connections of a listener that nobody accepts from.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut console = Pty::start(&silent.local_addr().unwrap().to_string(), 80, 24);
    console.wait_for("What needs somebody now");
    console.send("?");
    console.wait_for("Keys on Now");
    console.send("q");
    assert_eq!(console.exit_code(), 0);
    console.assert_given_back();
}

#[test]
fn signals_give_the_terminal_back() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let mut console = Pty::start(&nobody(), 80, 24);
        // Signals are listened to right after the first frame; the link's state is drawn well after that.
        console.wait_for("✗ temporal");
        console.signal(signal);
        console.exit_code();
        console.assert_given_back();
    }
}

#[test]
fn a_resize_is_one_new_frame_of_that_size() {
    let mut console = Pty::start(&nobody(), 80, 24);
    console.wait_for("q quit");
    console.resize(120, 36);
    console.wait_until("a frame of 120 columns", |screen| {
        screen.lines().nth(3).is_some_and(|line| line.chars().count() == 120)
    });
    console.resize(40, 8);
    console.wait_for("too small");
    console.send("q");
    assert_eq!(console.exit_code(), 0);
}

#[test]
fn pasted_text_is_not_keys() {
    let mut console = Pty::start(&nobody(), 80, 24);
    console.wait_for("q quit");
    console.send("\x1b[200~q\r\x1b[201~");
    console.wait_for("Pasted text was refused");
    console.send("q");
    assert_eq!(console.exit_code(), 0);
}

/// A `go` which compiles one package and then waits until the test lets it go on.
fn slow_go(folder: &std::path::Path, then: &str) -> String {
    let path = folder.join("go");
    let wait = format!("while [ ! -e {}/go-on ]; do sleep 0.05; done", folder.display());
    fs::write(&path, format!("#!/bin/sh\necho github.com/a/b >&2\n{wait}\n{then}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:/usr/bin:/bin", folder.display())
}

/// Wide enough for a line of advice.
fn demo(path: &str) -> Pty {
    Pty::open(&Setup { arguments: &["demo"], variables: &[("PATH", path)], size: (200, 36), ..Setup::default() })
}

#[test]
fn the_demo_shows_how_far_its_build_is_and_why_it_failed() {
    let folder = tempfile::tempdir().unwrap();
    let path = slow_go(folder.path(), "echo 'go: lookup proxy: no such host' >&2; exit 1");
    let mut demo = demo(&path);
    demo.wait_for("There is no Temporal CLI here: building v1.5.1");
    demo.wait_for("2 s  1 packages compiled, now github.com/a/b");
    assert!(!demo.screen().contains("1 s  1 packages"), "each second takes the place of the last\n{}", demo.screen());
    fs::write(folder.path().join("go-on"), "").unwrap();
    demo.wait_for("The Temporal CLI could not be built, after");
    demo.wait_for("go: lookup proxy: no such host");
    demo.wait_for("remove what stopped `go install`, which needs the network");
    assert_eq!(demo.exit_code(), 5);
}

#[test]
fn the_demo_opens_its_console_once_the_build_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let path = slow_go(folder.path(), &format!("ln -s {} \"$GOBIN/temporal\"", temporal_cli().display()));
    let mut demo = demo(&path);
    demo.wait_for("1 packages compiled");
    fs::write(folder.path().join("go-on"), "").unwrap();
    demo.wait_for("What needs somebody now");
    demo.send("q");
    demo.wait_for("The Temporal CLI is built, after");
    demo.wait_for("Ending the demo.");
    assert_eq!(demo.exit_code(), 0);
    demo.assert_given_back();
}
