//! A real git repository with the releases of a service. Bare: nobody works in it, the demo's rollback commits to it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, bail};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::contracts::clock::Timestamp;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::ids::CommitSha;
use crate::devstack::world::releases::Release;

pub const BRANCH: &str = "main";

/// Makes the repository. The commits of the releases, in their order.
pub async fn create(path: &Path, releases: &[Release], now: Timestamp) -> anyhow::Result<Vec<CommitSha>> {
    let folder = path.to_str().context("the demo's folder is not UTF-8")?;
    git(None, &["init", "--quiet", "--bare", "--initial-branch", BRANCH, folder], "").await?;
    git(Some(path), &["fast-import", "--quiet", "--force"], &stream(releases, now)).await?;
    commits(path, releases.len()).await
}

/// The commits of the releases of a repository that is there already.
pub async fn commits(path: &Path, n_releases: usize) -> anyhow::Result<Vec<CommitSha>> {
    let listed = git(Some(path), &["rev-list", "--reverse", "--first-parent", BRANCH], "").await?;
    // Rollbacks of earlier demos come after the releases.
    let commits: Vec<CommitSha> = listed.lines().take(n_releases).map(CommitSha::from).collect();
    if commits.len() < n_releases {
        bail!("{} has {} of {n_releases} releases", path.display(), commits.len());
    }
    Ok(commits)
}

/// What `git fast-import` reads: one commit a release.
fn stream(releases: &[Release], now: Timestamp) -> String {
    let mut text = String::new();
    for Release { version, subject, author, hours_ago, files } in releases {
        let at = now.0.timestamp() - i64::from(*hours_ago) * 3600;
        let who = format!("{} <{}> {at} +0000", author.name, author.email);
        let message = format!("{subject}\n\nReleased as {version}.\n");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "commit refs/heads/{BRANCH}\nauthor {who}\ncommitter {who}");
        let _ = writeln!(text, "data {}\n{message}", message.len());
        for (path, content) in files {
            let _ = writeln!(text, "M 100644 inline {path}\ndata {}\n{content}", content.len());
        }
    }
    text.push_str("done\n");
    text
}

/// Runs git with nobody's configuration.
async fn git(repository: Option<&Path>, args: &[&str], input: &str) -> anyhow::Result<String> {
    let mut command = Command::new("git");
    if let Some(repository) = repository {
        command.arg("--git-dir").arg(repository);
    }
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_")) {
        command.env_remove(name);
    }
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| {
        let message = format!("git does not start: {error}.");
        Failure::new(FailureKind::NotFound, message, "Install git: the demo deploys from a real repository.")
    })?;
    if let Some(mut stdin) = child.stdin.take() {
        // A git that ends early closes the pipe; its own words below say why.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let answer = child.wait_with_output().await.context("git was lost")?;
    if !answer.status.success() {
        let name = args.first().copied().unwrap_or_default();
        bail!("git {name} failed ({}): {}", answer.status, String::from_utf8_lossy(&answer.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&answer.stdout).into_owned())
}
