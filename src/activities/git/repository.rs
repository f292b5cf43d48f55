//! One git repository through the `git` command: plumbing only, no shell, never a work tree.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use crate::activities::error::{Cause, permanent};
use crate::contracts::ids::{CommitSha, Version};

/// A repository. Cheap: holds nothing but its path.
#[derive(Clone, Copy, Debug)]
pub struct Repository<'a> {
    path: &'a Path,
}

/// What people know a commit by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    pub sha: CommitSha,
    pub tree: String,
    pub subject: String,
    pub author: String,
}

/// A file of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Its name within the folder that was asked for.
    pub name: String,
    pub content: Vec<u8>,
}

/// What `git` answered.
#[derive(Debug)]
pub struct Answer {
    pub success: bool,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl<'a> Repository<'a> {
    /// A local command on a local repository that takes longer than this hangs.
    const DEADLINE: Duration = Duration::from_secs(30);

    pub fn at(path: &'a Path) -> Self {
        Self { path }
    }

    /// The full commit that `sha` names.
    pub async fn commit(&self, sha: &CommitSha) -> anyhow::Result<Commit> {
        // Also keeps options and revision expressions out: a commit is named by its digits.
        if !(7..=64).contains(&sha.as_str().len()) || !sha.as_str().chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(permanent(Cause::UnknownCommit, format!("`{sha}` is not a commit: 7 to 64 hex digits are")));
        }
        let answer = self
            .ask(&["log", "-1", "--no-show-signature", "--format=%H%x00%T%x00%s%x00%an", sha.as_str()], &[])
            .await?;
        if !answer.success {
            let message = format!("{} has no commit {sha}: {}", self.path.display(), answer.stderr);
            return Err(permanent(Cause::UnknownCommit, message));
        }
        let text = String::from_utf8_lossy(&answer.stdout);
        let mut parts = text.trim_end_matches('\n').split('\0');
        let mut part = || parts.next().map(str::to_owned).context("git answered with fewer fields than asked for");
        let commit = Commit { sha: CommitSha::new(part()?), tree: part()?, subject: part()?, author: part()? };
        // A branch or tag may be named like the first digits of another commit, and git prefers names.
        if !commit.sha.as_str().starts_with(&sha.as_str().to_ascii_lowercase()) {
            let message = format!("{sha} is the name of a branch or tag here, not of a commit: give more digits");
            return Err(permanent(Cause::UnknownCommit, message));
        }
        Ok(commit)
    }

    /// The commit that a branch points at.
    pub async fn tip(&self, branch: &str) -> anyhow::Result<CommitSha> {
        let name = format!("refs/heads/{branch}");
        let answer = self.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", &name], &[]).await?;
        if !answer.success {
            let message = format!("{} has no branch `{branch}` {}", self.path.display(), answer.stderr);
            return Err(permanent(Cause::Configuration, message.trim_end()));
        }
        Ok(CommitSha::new(String::from_utf8_lossy(&answer.stdout).trim()))
    }

    /// A file as it is in a commit; `None` when it is not in it.
    pub async fn file(&self, commit: &Commit, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let listed = self.list(commit, path).await?;
        let Some((_, id)) = listed.iter().find(|(listed, _)| listed == path) else { return Ok(None) };
        self.blob(id).await.map(Some)
    }

    /// A file's text, without the white space around it; `None` when it is absent or empty.
    pub async fn line(&self, commit: &Commit, path: &str) -> anyhow::Result<Option<String>> {
        let content = self.file(commit, path).await?;
        let text = content.map(|content| String::from_utf8_lossy(&content).trim().to_owned());
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// What the service calls the release that is made of this commit: the content of its file `VERSION`.
    pub async fn version(&self, commit: &Commit) -> anyhow::Result<Version> {
        let version = self.line(commit, "VERSION").await?;
        version.map(Version::new).ok_or_else(|| {
            let message = format!("commit {} has no file VERSION that names its release", commit.sha.short());
            permanent(Cause::InvalidRequest, message)
        })
    }

    /// The files directly in a folder of a commit, by name.
    pub async fn folder(&self, commit: &Commit, path: &str) -> anyhow::Result<Vec<Blob>> {
        let prefix = format!("{}/", path.trim_matches('/'));
        let mut blobs = Vec::new();
        for (path, id) in self.list(commit, &prefix).await? {
            let name = path.strip_prefix(&prefix).unwrap_or(&path).to_owned();
            blobs.push(Blob { name, content: self.blob(&id).await? });
        }
        Ok(blobs)
    }

    /// Runs a command that is expected to succeed.
    pub async fn run(&self, args: &[&str], stdin: &[u8]) -> anyhow::Result<String> {
        let answer = self.ask(args, stdin).await?;
        if !answer.success {
            bail!("git {} failed: {}", args.first().unwrap_or(&""), answer.stderr);
        }
        Ok(String::from_utf8_lossy(&answer.stdout).trim_end().to_owned())
    }

    /// Runs a command whose failure is an answer too.
    pub async fn ask(&self, args: &[&str], stdin: &[u8]) -> anyhow::Result<Answer> {
        let mut command = Command::new("git");
        command
            .arg("-C")
            .arg(self.path)
            .args(args)
            // A worker started from a git hook would otherwise work on the hook's repository.
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE")
            .env_remove("GIT_AUTHOR_NAME")
            .env_remove("GIT_AUTHOR_EMAIL")
            .env_remove("GIT_AUTHOR_DATE")
            .env_remove("GIT_COMMITTER_DATE")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .envs(IDENTITY)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut git = Git(command.spawn().context("`git` could not be started: is it installed?")?);
        tokio::time::timeout(Self::DEADLINE, git.exchange(stdin))
            .await
            .with_context(|| format!("git {} did not end within 30 s", args.first().unwrap_or(&"")))?
            .context("git could not be talked to")
    }

    /// Path and object id of the files that `path` names: itself, or with a final `/` those directly in it.
    async fn list(&self, commit: &Commit, path: &str) -> anyhow::Result<Vec<(String, String)>> {
        let text = self.run(&["ls-tree", "-z", "--full-tree", &commit.tree, "--", path], &[]).await?;
        let entry = |entry: &str| {
            let (meta, path) = entry.split_once('\t')?;
            let mut meta = meta.split(' ').skip(1);
            (meta.next() == Some("blob")).then_some(())?;
            Some((path.to_owned(), meta.next()?.to_owned()))
        };
        Ok(text.split('\0').filter_map(entry).collect())
    }

    async fn blob(&self, id: &str) -> anyhow::Result<Vec<u8>> {
        let answer = self.ask(&["cat-file", "blob", id], &[]).await?;
        anyhow::ensure!(answer.success, "git cat-file failed: {}", answer.stderr);
        Ok(answer.stdout)
    }
}

/// A running git. One that nobody waits for any more is asked to end, not killed: killed in the middle of moving a
/// branch it would leave its lock behind, and nobody could move that branch again.
#[derive(Debug)]
struct Git(Child);

impl Git {
    async fn exchange(&mut self, stdin: &[u8]) -> std::io::Result<Answer> {
        let (input, output, errors) = (self.0.stdin.take(), self.0.stdout.take(), self.0.stderr.take());
        let say = async {
            if let Some(mut pipe) = input {
                // A git that refuses its arguments closes the pipe: its exit status says why, not this error.
                let _ = pipe.write_all(stdin).await;
            }
        };
        let ((), stdout, stderr) = tokio::join!(say, read(output), read(errors));
        let (stdout, stderr) = (stdout?, stderr?);
        let success = self.0.wait().await?.success();
        Ok(Answer { success, stdout, stderr: String::from_utf8_lossy(&stderr).trim().to_owned() })
    }
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

impl Drop for Git {
    fn drop(&mut self) {
        // Absent once it was waited for: the number may be somebody else's by then.
        let pid = self.0.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        if let Some(Err(error)) = pid.map(|pid| kill_process(pid, Signal::TERM)) {
            tracing::debug!(%error, "git is gone already");
        }
    }
}

/// Who commits; the author is the person who asked.
const IDENTITY: [(&str, &str); 2] =
    [("GIT_COMMITTER_NAME", "gatewatch"), ("GIT_COMMITTER_EMAIL", "gatewatch@localhost")];
