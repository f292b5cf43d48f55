//! Files that are whole or absent, whatever dies when: records are written beside their place, made durable, renamed.

use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

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

/// Held by one attempt of one worker at a time; the system lets go of it when its process dies.
#[derive(Debug)]
pub struct Lock {
    /// Closing the file releases the lock.
    _file: File,
}

impl Lock {
    /// Longer than anything that is done under a lock takes.
    const PATIENCE: Duration = Duration::from_mins(1);

    pub async fn acquire(path: &Path) -> anyhow::Result<Self> {
        let open = || -> std::io::Result<File> {
            fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
            File::options().create(true).truncate(false).write(true).open(path)
        };
        let file = open().with_context(|| format!("{} could not be opened", path.display()))?;
        let deadline = tokio::time::Instant::now() + Self::PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if tokio::time::Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(TryLockError::WouldBlock) => bail!("{} has been locked for a minute", path.display()),
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("{} could not be locked", path.display()));
                }
            }
        }
    }
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
