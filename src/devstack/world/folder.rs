//! The demo's folder: where everything of it is, and that one demo at a time has it. It must not know what the files say.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::contracts::failure::{Failure, FailureKind};

/// Also marks the folder as ours: what is in another folder is never removed.
const LOCK: &str = ".gatewatch-demo.lock";

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

    fn empty(&self) -> std::io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name() == LOCK {
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
