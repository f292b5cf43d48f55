//! Files that are whole or absent, whatever dies when: records are written beside their place, made durable, renamed.

use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::text;

/// A file name made of an id that came from outside: readable where it can be, never a path, never the same for
/// two ids.
pub fn name(id: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !id.is_empty() && id.len() <= 100 && id.chars().all(safe) {
        return id.to_owned();
    }
    let readable: String = id.chars().map(|c| if safe(c) { c } else { '-' }).take(60).collect();
    let digest = format!("{:x}", Sha256::digest(id));
    // `~` is in no name above, so an id cannot be chosen to collide.
    format!("{readable}~{}", digest.get(..16).unwrap_or_default())
}

/// Held by one attempt of one worker at a time; the system lets go of it when its process dies. The file says who holds
/// it, for the one who waits.
#[derive(Debug)]
pub struct Lock {
    /// Closing the file releases the lock.
    _file: File,
}

impl Lock {
    /// How long another attempt may hold it before this one fails, to be tried again. Starting or restoring a version can
    /// take longer than that.
    const PATIENCE: Duration = Duration::from_mins(1);

    /// Waits until nobody else holds it. `owner` says what for: `the migrations of deployment d-42`.
    pub async fn acquire(path: &Path, owner: &str) -> anyhow::Result<Self> {
        Self::within(path, owner, Self::PATIENCE).await
    }

    async fn within(path: &Path, owner: &str, patience: Duration) -> anyhow::Result<Self> {
        let open = || -> std::io::Result<File> {
            fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
            File::options().create(true).truncate(false).write(true).open(path)
        };
        let file = open().with_context(|| format!("{} could not be opened", path.display()))?;
        let deadline = tokio::time::Instant::now() + patience;
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => {
                    if let Err(error) = sign(&file, owner) {
                        // Whoever waits is told less. That is no reason not to roll back.
                        tracing::warn!(%error, path = %path.display(), "a lock could not be signed");
                    }
                    return Ok(Self { _file: file });
                }
                Err(TryLockError::WouldBlock) if tokio::time::Instant::now() < deadline => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::info!(path = %path.display(), owner, "waits for {}", holder(path));
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(TryLockError::WouldBlock) => {
                    let (waited, held) = (Millis::from(patience).words(), holder(path));
                    bail!("{owner} waited {waited} for {held}, which holds {}", path.display());
                }
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("{} could not be locked", path.display()));
                }
            }
        }
    }
}

fn sign(mut file: &File, owner: &str) -> std::io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{owner} (process {}, since {})", std::process::id(), Timestamp::from(SystemTime::now()))
}

/// What the lock's file says of who holds it.
fn holder(path: &Path) -> String {
    let said = fs::read_to_string(path).unwrap_or_default();
    let said = said.lines().next().filter(|line| !line.is_empty()).map(|line| text::line(line).into_owned());
    said.unwrap_or_else(|| "somebody who does not say so".to_owned())
}

/// Where a write to `path` is prepared. One name a target, so that what a crash left behind is overwritten.
pub fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    path.with_file_name(name)
}

/// Makes what stands at [`beside`]`(path)` the content of `path`, durably.
pub fn publish(path: &Path) -> anyhow::Result<()> {
    let partial = beside(path);
    let swap = || -> std::io::Result<()> {
        File::open(&partial)?.sync_all()?;
        fs::rename(&partial, path)?;
        // The rename itself is durable once the folder is.
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    swap().with_context(|| format!("{} could not be written", path.display()))
}

/// Replaces the content of `path` at once.
pub fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let prepare = || -> std::io::Result<()> {
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        File::create(beside(path))?.write_all(content)
    };
    prepare().with_context(|| format!("{} could not be written", path.display()))?;
    publish(path)
}

/// Replaces `path` by `value` as JSON.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> anyhow::Result<()> {
    let mut text = serde_json::to_vec_pretty(value).context("a record could not be put into JSON")?;
    text.push(b'\n');
    write(path, &text)
}

/// The record at `path`; `None` when there is none.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Option<T>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("{} could not be read", path.display())),
    };
    serde_json::from_slice(&text)
        .map(Some)
        .with_context(|| format!("{} is not the record it should be", path.display()))
}

/// Every record in a folder, in the order of their names; files being written are none.
pub fn read_all<T: DeserializeOwned>(folder: &Path, ending: &str) -> anyhow::Result<Vec<T>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("{} could not be read", folder.display())),
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.to_str().is_some_and(|path| path.ends_with(ending)))
        .collect();
    paths.sort();
    paths.iter().filter_map(|path| read_json(path).transpose()).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Lock;

    #[tokio::test]
    async fn who_waits_is_told_for_whom() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".lock");
        let held = Lock::acquire(&path, "the migrations of deployment d-42").await.unwrap();
        let wait = || Lock::within(&path, "the backup of deployment d-43", Duration::from_millis(50));
        let why = wait().await.unwrap_err().to_string();
        let expected = format!(
            "the backup of deployment d-43 waited 50 ms for the migrations of deployment d-42 (process {}, since ",
            std::process::id()
        );
        assert!(why.starts_with(&expected) && why.contains("which holds "), "{why}");
        drop(held);
        wait().await.unwrap();
    }
}
