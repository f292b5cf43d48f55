//! The rollback commit: the release branch gets the content of an earlier commit back, and the reason why.
//!
//! Nothing is rewritten and no work tree is touched: a new commit with the old tree is put on top of the branch by
//! compare-and-swap. Its trailers make a second run find it instead of making another.

use std::fmt::Write as _;

use anyhow::bail;

use crate::activities::error::{Cause, permanent};
use crate::activities::git::repository::{Commit, Repository};
use crate::config::settings::Service;
use crate::contracts::ids::CommitSha;
use crate::contracts::temporal::activities::RollbackToCommit;

/// How often the branch may move under our hands in one attempt.
const RACES: u32 = 5;
/// How many undone commits the message names.
const NAMED: usize = 20;

/// Makes the rollback commit, or finds the one that an earlier attempt made.
pub async fn to_commit(service: &Service, rollback: &RollbackToCommit) -> anyhow::Result<CommitSha> {
    let repository = Repository::at(&service.repository);
    let target = repository.commit(&rollback.to).await?;
    let undone = repository.commit(&rollback.deployment.commit).await?;
    if rollback.deployment.deployment_id.is_empty() {
        return Err(permanent(Cause::InvalidRequest, "a rollback names the deployment it undoes"));
    }
    let mut why = String::new();
    for _ in 0..RACES {
        let tip = repository.tip(&service.branch).await?;
        if let Some(done) = find(&repository, &target.sha, &tip, rollback).await? {
            return Ok(done);
        }
        let message = message(&repository, &Story { tip: &tip, target: &target, undone: &undone, rollback }).await?;
        let author = author(&rollback.actor.name);
        let commit = repository
            .run(
                &[
                    "-c",
                    &format!("author.name={author}"),
                    "-c",
                    "author.email=gatewatch@localhost",
                    "commit-tree",
                    &target.tree,
                    "-p",
                    tip.as_str(),
                    "-F",
                    "-",
                ],
                message.as_bytes(),
            )
            .await?;
        let reason = format!("gatewatch: roll back to {}", target.sha.short());
        let branch = format!("refs/heads/{}", service.branch);
        let moved = repository.ask(&["update-ref", "-m", &reason, &branch, &commit, tip.as_str()], &[]).await?;
        if moved.success {
            return Ok(CommitSha::new(commit));
        }
        // Somebody was faster, or holds the lock: look again.
        tracing::warn!(branch, stderr = moved.stderr, "the release branch could not be moved");
        why = moved.stderr;
    }
    bail!("branch `{}` could not be moved to the rollback commit: {why}", service.branch)
}

/// The rollback commit of this deployment, when the branch has one.
async fn find(
    repository: &Repository<'_>,
    target: &CommitSha,
    tip: &CommitSha,
    rollback: &RollbackToCommit,
) -> anyhow::Result<Option<CommitSha>> {
    let id = one_line(rollback.deployment.deployment_id.as_str());
    let grep = format!("--grep=Deployment-Id: {id}");
    let format = "--format=%H%x00%(trailers:key=Deployment-Id,valueonly,separator=%x01)%x00\
                  %(trailers:key=Rollback-Of,valueonly,separator=%x01)";
    // It is younger than what it rolls back to: a long history is not read to its beginning.
    let range = format!("{target}..{tip}");
    let found = repository.run(&["log", "--fixed-strings", &grep, format, &range], &[]).await?;
    Ok(found.lines().find_map(|line| {
        let mut parts = line.split('\0');
        let (sha, deployment, of) = (parts.next()?, parts.next()?, parts.next()?);
        (deployment.trim() == id && !of.trim().is_empty()).then(|| CommitSha::new(sha))
    }))
}

/// What the message tells.
struct Story<'a> {
    tip: &'a CommitSha,
    target: &'a Commit,
    undone: &'a Commit,
    rollback: &'a RollbackToCommit,
}

async fn message(repository: &Repository<'_>, story: &Story<'_>) -> anyhow::Result<String> {
    let Story { tip, target, undone, rollback } = story;
    let range = format!("{}..{tip}", target.sha);
    let commits = repository.run(&["log", "--format=%h %s", &range], &[]).await?;
    let mut text = format!("Roll back to {}: {}\n\n", target.sha.short(), target.subject);
    for line in rollback.reason.lines().filter(|line| !line.trim().is_empty()) {
        // Indented, so that no line of the reason can pass for a trailer.
        writeln!(text, "    {}", one_line(line.trim()))?;
    }
    let n_commits = commits.lines().count();
    if n_commits > 0 {
        writeln!(text, "\nNo longer in the content of this branch:\n")?;
        for line in commits.lines().take(NAMED) {
            writeln!(text, "- {}", one_line(line))?;
        }
        if n_commits > NAMED {
            writeln!(text, "- and {} more", n_commits - NAMED)?;
        }
    }
    let via = serde_json::to_value(rollback.actor.via)?;
    write!(
        text,
        "\nRollback-Of: {}\nRollback-To: {}\nDeployment-Id: {}\nRequested-By: {} (via {})\n",
        undone.sha,
        target.sha,
        one_line(rollback.deployment.deployment_id.as_str()),
        author(&rollback.actor.name),
        via.as_str().unwrap_or("unknown"),
    )?;
    Ok(text)
}

/// A name that git accepts and that ends no header early.
fn author(name: &str) -> String {
    let name: String = one_line(name).chars().filter(|c| !matches!(c, '<' | '>')).take(80).collect();
    let name = name.trim();
    if name.is_empty() { "gatewatch".to_owned() } else { name.to_owned() }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
