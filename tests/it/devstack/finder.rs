//! Finding the Temporal CLI: in order, only one that answers as it, and in words when there is none.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use gatewatch::contracts::failure::{Failure, FailureKind};
use gatewatch::devstack::finder::{self, Found, Places};

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

async fn find(places: &Places, tell: &mut dyn FnMut(&str)) -> Result<Found, Failure> {
    tokio::time::timeout(PATIENCE, finder::find(places, tell)).await.expect("an answer in time")
}

async fn found(places: &Places) -> PathBuf {
    find(places, &mut |_| ()).await.unwrap().path
}

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
    let failure = find(&places, &mut |_| ()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Invalid);
    let text = failure.to_string();
    assert!(text.contains("GATEWATCH_TEMPORAL_CLI names") && text.contains("it does not start"), "{text}");
    assert!(text.ends_with("Correct GATEWATCH_TEMPORAL_CLI, or unset it to look elsewhere."), "{text}");
}

#[tokio::test]
async fn go_builds_one_into_the_cache_once() {
    let root = tempfile::tempdir().unwrap();
    let script = r#"printf '#!/bin/sh\n%s\n' "echo 'temporal version 0.0.0-DEV (Server 1.29.1)'" > "$GOBIN/temporal"
        chmod +x "$GOBIN/temporal"; echo "$@" >> "$GOBIN/../asked""#;
    // The script needs the system's tools, so the real PATH is what it inherits; only the search is poorer.
    let go = executable(root.path(), "bin", "go", script);
    let cache = root.path().join("cache");
    let places = Places { path: folder(&go), cache: Some(cache.clone()), ..Places::default() };
    let mut told = Vec::new();
    let built = find(&places, &mut |line| told.push(line.to_owned())).await.unwrap();
    assert_eq!(built.path, cache.join("temporal"));
    assert!(told[0].starts_with("No Temporal CLI here: building one with Go into "), "{told:?}");
    assert_eq!(found(&places).await, built.path);
    let asked = fs::read_to_string(root.path().join("asked")).unwrap();
    assert_eq!(asked, "install github.com/temporalio/cli/cmd/temporal@v1.5.1\n");
}

#[tokio::test]
async fn without_any_every_way_is_named_with_its_reason_and_what_to_do() {
    let root = tempfile::tempdir().unwrap();
    let old = executable(root.path(), "old", "temporal", OLD);
    executable(root.path(), "old", "go", "echo 'dial tcp: no route to host' >&2; exit 1");
    let cache = root.path().join("cache");
    let places =
        Places { path: folder(&old), go_bin: vec![root.path().join("gone")], cache: Some(cache), ..Places::default() };
    let failure = find(&places, &mut |_| ()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotFound);
    insta::assert_snapshot!(failure.to_string().replace(root.path().to_str().unwrap(), "~"));
}
