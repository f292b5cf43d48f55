//! The demo's folder: where everything of it is, and that one demo at a time has it. It must not know what the files say.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::contracts::failure::{Failure, FailureKind};

/// Also marks the folder as ours: what is in another folder is never removed.
const LOCK: &str = ".gatewatch-demo.lock";
/// Every process of a demo holds this one, and lets go when it has ended.
const PROCESSES: &str = ".gatewatch-demo.processes";
/// Longer than the processes of a demo that was killed take to end.
const ENDED_WITHIN: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(20);

/// Whether the world of the last demo goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    Fresh,
    LastWorld,
}

/// A folder that this process holds.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// The system lets go of it however we end.
    _held: File,
}

impl Folder {
    /// Takes hold of the folder and, unless the last world is kept, empties it.
    pub fn take(path: &Path, keep: Keep) -> anyhow::Result<Self> {
        refuse_foreign(path)?;
        let make = || -> std::io::Result<File> {
            fs::create_dir_all(path)?;
            File::options().create(true).write(true).truncate(false).open(path.join(LOCK))
        };
        let held = make().with_context(|| format!("{} cannot be made", path.display()))?;
        match held.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = format!("A demo is running in {} already.", path.display());
                let hint = "End it, or give this one another folder with --dir.";
                return Err(Failure::new(FailureKind::Conflict, message, hint).into());
            }
            Err(TryLockError::Error(error)) => return Err(error).context("the demo's folder cannot be locked"),
        }
        await_the_last(path)?;
        // The children get absolute paths only.
        let path = path.canonicalize().with_context(|| format!("{} cannot be found", path.display()))?;
        let folder = Self { path, _held: held };
        if keep == Keep::Fresh {
            folder.empty().with_context(|| format!("{} cannot be emptied", folder.path.display()))?;
        }
        Ok(folder)
    }

    /// Whether a demo runs in this folder now.
    pub fn is_taken(path: &Path) -> bool {
        File::open(path.join(LOCK)).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// A file or folder in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// What every process of the demo must hold.
    pub fn processes(&self) -> PathBuf {
        self.path.join(PROCESSES)
    }

    fn empty(&self) -> std::io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name() == LOCK || entry.file_name() == PROCESSES {
                continue;
            }
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

/// A demo that was killed leaves processes which end a moment later. Until then they write where the next one would.
fn await_the_last(path: &Path) -> anyhow::Result<()> {
    let file = File::options().create(true).write(true).truncate(false).open(path.join(PROCESSES));
    let file = file.with_context(|| format!("{} cannot be written", path.display()))?;
    let deadline = Instant::now() + ENDED_WITHIN;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error).context("the demo's folder cannot be locked"),
            Err(TryLockError::WouldBlock) if Instant::now() > deadline => {
                let message = format!("Processes of an earlier demo in {} do not end.", path.display());
                let hint = "Look for them with `ps`, or give this demo another folder with --dir.";
                return Err(Failure::new(FailureKind::Conflict, message, hint).into());
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK),
        }
    }
}

/// A folder with something in it that no demo made is left alone.
fn refuse_foreign(path: &Path) -> anyhow::Result<()> {
    let mut entries = match fs::read_dir(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(|| format!("{} cannot be read", path.display()))?,
    };
    if path.join(LOCK).exists() || entries.next().is_none() {
        return Ok(());
    }
    let message = format!("{} has files in it that no demo made.", path.display());
    Err(Failure::new(FailureKind::Conflict, message, "Give --dir an empty folder, or one that is not there yet.")
        .into())
}
