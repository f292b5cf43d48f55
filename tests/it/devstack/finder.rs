//! Finding the Temporal CLI: in order, only one that answers as it, and in words when there is none.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use gatewatch::contracts::failure::{Failure, FailureKind};
use gatewatch::devstack::finder::{self, Found, Places};
use gatewatch::devstack::tell::Said;

use crate::support::PATIENCE;

const GOOD: &str = "echo 'temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)'";
const OLD: &str = "echo 'temporal version 0.10.0 (Server 1.20.0, UI 2.10.0)'";

/// An executable in a folder of its own.
fn executable(root: &Path, folder: &str, name: &str, script: &str) -> PathBuf {
    let folder = root.join(folder);
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn folder(file: &Path) -> Vec<PathBuf> {
    vec![file.parent().unwrap().to_owned()]
}

/// What was found, and what was said meanwhile.
async fn find(places: &Places) -> (Result<Found, Failure>, Vec<String>) {
    let mut told = Vec::new();
    let mut tell = |said: Said<'_>| {
        told.push(match said {
            Said::Line(line) => line.to_owned(),
            Said::Passing { seconds, text } => format!("{seconds} s {text}"),
        });
    };
    let answer = tokio::time::timeout(PATIENCE, finder::find(places, &mut tell)).await.expect("an answer in time");
    (answer, told)
}

async fn found(places: &Places) -> PathBuf {
    find(places).await.0.unwrap().path
}

async fn failure(places: &Places) -> Failure {
    find(places).await.0.unwrap_err()
}

/// A Go that installs what works. The script needs the system's tools: the real PATH is what it inherits, only the
/// search is poorer.
const GO: &str = r#"printf '#!/bin/sh\n%s\n' "echo 'temporal version 0.0.0-DEV (Server 1.29.1)'" > "$GOBIN/temporal"
    chmod +x "$GOBIN/temporal"; echo "$@" >> "$GOBIN/../asked""#;

#[tokio::test]
async fn each_way_is_tried_in_order_and_one_that_is_too_old_or_not_it_is_passed_over() {
    let root = tempfile::tempdir().unwrap();
    let old = executable(root.path(), "old", "temporal", OLD);
    let other = executable(root.path(), "other", "temporal", "echo 'GNU time 1.9'");
    let go = executable(root.path(), "go/bin", "temporal", GOOD);
    let cached = executable(root.path(), "cache", "temporal", GOOD);
    let cache = cached.parent().map(Path::to_owned);

    let path = [folder(&old), folder(&other)].concat();
    let both = Places { path, go_bin: folder(&go), cache: cache.clone(), ..Places::default() };
    assert_eq!(found(&both).await, go);
    let only_cache = Places { path: folder(&old), cache, ..Places::default() };
    assert_eq!(found(&only_cache).await, cached);
    let chosen = Places { chosen: Some(cached.clone()), ..both };
    assert_eq!(found(&chosen).await, cached);
}

#[tokio::test]
async fn a_wrong_choice_is_an_error_even_when_another_would_do() {
    let root = tempfile::tempdir().unwrap();
    let good = executable(root.path(), "good", "temporal", GOOD);
    let places = Places { chosen: Some(root.path().join("absent")), path: folder(&good), ..Places::default() };
    let failure = failure(&places).await;
    assert_eq!(failure.kind, FailureKind::Invalid);
    let text = failure.to_string();
    assert!(text.contains("GATEWATCH_TEMPORAL_CLI names") && text.contains("it does not start"), "{text}");
    assert!(text.ends_with("Correct GATEWATCH_TEMPORAL_CLI, or unset it to look elsewhere."), "{text}");
}

#[tokio::test]
async fn go_builds_one_into_the_cache_once() {
    let root = tempfile::tempdir().unwrap();
    let go = executable(root.path(), "bin", "go", GO);
    let cache = root.path().join("cache");
    let places = Places { path: folder(&go), cache: Some(cache.clone()), ..Places::default() };
    let (built, told) = find(&places).await;
    let built = built.unwrap();
    assert_eq!(built.path, cache.join("temporal"));
    assert!(told[0].starts_with("There is no Temporal CLI here: building v1.5.1 with "), "{told:?}");
    assert_eq!(found(&places).await, built.path);
    let asked = fs::read_to_string(root.path().join("asked")).unwrap();
    assert_eq!(asked, "install -v github.com/temporalio/cli/cmd/temporal@v1.5.1\n");
}

#[tokio::test]
async fn without_any_every_way_is_named_with_its_reason_and_what_to_do() {
    let root = tempfile::tempdir().unwrap();
    let old = executable(root.path(), "old", "temporal", OLD);
    executable(root.path(), "old", "go", "echo 'dial tcp: no route to host' >&2; exit 1");
    let cache = root.path().join("cache");
    let places =
        Places { path: folder(&old), go_bin: vec![root.path().join("gone")], cache: Some(cache), ..Places::default() };
    let failure = failure(&places).await;
    assert_eq!(failure.kind, FailureKind::NotFound);
    insta::assert_snapshot!(failure.to_string().replace(root.path().to_str().unwrap(), "~"));
}

#[tokio::test]
async fn a_build_says_what_was_passed_over_how_far_it_is_and_how_it_ended() {
    let root = tempfile::tempdir().unwrap();
    let old = executable(root.path(), "bin", "temporal", OLD);
    // It goes on until it was told of: no test waits for a clock.
    let goes_on = "echo 'go: downloading github.com/a v1' >&2; echo github.com/a/b >&2; sleep 2.5";
    let places = |name: &str, go: &str| {
        let go = executable(root.path(), name, "go", go);
        let cache = Some(root.path().join(name).join("cache"));
        Places { path: [folder(&old), folder(&go)].concat(), cache, ..Places::default() }
    };
    let (built, told) = find(&places("good", &format!("{goes_on}; {GO}"))).await;
    built.unwrap();
    assert!(
        told[0].ends_with(
            "is passed over: too old, server 1.25 is the least: `temporal version 0.10.0 (Server 1.20.0, UI 2.10.0)`."
        ),
        "{told:?}"
    );
    assert!(told.contains(&"2 s 1 packages compiled, now github.com/a/b".to_owned()), "{told:?}");
    let last = told.last().unwrap();
    assert!(last.starts_with("The Temporal CLI is built, after "), "{told:?}");

    let offline = "echo 'go: dial tcp: lookup proxy: no such host' >&2; echo github.com/a/b >&2; exit 1";
    let (failed, told) = find(&places("offline", &format!("{goes_on}; {offline}"))).await;
    let failed = failed.unwrap_err();
    assert!(told.last().unwrap().starts_with("The Temporal CLI could not be built, after "), "{told:?}");
    assert!(failed.message.contains("exit status: 1: go: dial tcp: lookup proxy: no such host"), "{failed}");
    assert!(failed.hint.contains("remove what stopped `go install`, which needs the network"), "{failed}");
}

#[tokio::test]
async fn without_go_the_advice_is_to_install_one_or_the_other() {
    let root = tempfile::tempdir().unwrap();
    let failed = failure(&Places { cache: Some(root.path().join("cache")), ..Places::default() }).await;
    assert!(failed.message.contains("Go is not on PATH"), "{failed}");
    assert!(failed.hint.ends_with("or install Go (https://go.dev/dl) and run this again."), "{failed}");
    let failed = failure(&Places::default()).await;
    assert!(failed.message.contains("neither XDG_CACHE_HOME nor HOME is set"), "{failed}");
}
