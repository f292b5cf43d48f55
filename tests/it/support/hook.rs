//! Holding git back in the middle of moving a branch.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::support::{PATIENCE, wait_until};

/// A hook of a repository that holds back every change of a branch while a file is there: git has its locks by then.
pub(crate) struct Hook {
    hold: PathBuf,
    held: PathBuf,
}

impl Hook {
    /// `git_dir` is where git keeps its own files.
    pub(crate) fn holding(git_dir: &Path) -> Self {
        let hook = Self { hold: git_dir.join("hold"), held: git_dir.join("held") };
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = prepared ] || exit 0\nwhile [ -e '{}' ]; do : > '{}'; sleep 0.05; done\n",
            hook.hold.display(),
            hook.held.display()
        );
        let file = git_dir.join("hooks/reference-transaction");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&hook.hold, "").unwrap();
        fs::write(&file, script).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        hook
    }

    /// Waits until git is held.
    pub(crate) async fn reached(&self) {
        wait_until("git is in the middle of moving the branch", PATIENCE, async || self.held.exists().then_some(()))
            .await;
    }

    pub(crate) fn release(self) {
        fs::remove_file(self.hold).unwrap();
    }
}
