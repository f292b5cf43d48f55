//! The shipped themes and keymaps: complete, readable, and honest about mistakes.

mod keymaps;
mod themes;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use gatewatch::console::assets::{AssetError, Kind, Shelf, watch};

/// A user's config folder with some files of one kind in it.
struct UserFolder {
    dir: tempfile::TempDir,
    kind: Kind,
}

impl UserFolder {
    fn new(kind: Kind, files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(kind.folder());
        fs::create_dir(&folder).unwrap();
        for (name, text) in files {
            fs::write(folder.join(format!("{name}.toml")), text).unwrap();
        }
        Self { dir, kind }
    }

    fn shelf(&self) -> Shelf {
        Shelf::new(self.kind, Some(self.dir.path()))
    }

    /// An error as it reads, without the folder's own path.
    fn words(&self, error: &AssetError) -> String {
        error.to_string().replace(&format!("{}/", self.dir.path().display()), "")
    }
}

/// The names of the files in a folder of the repository.
fn shipped(kind: Kind) -> Vec<String> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(kind.folder());
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn every_file_in_the_tree_ships() {
    for kind in [Kind::Theme, Kind::Keymap] {
        assert_eq!(shipped(kind), Shelf::new(kind, None).names());
    }
}

#[test]
fn a_changed_file_is_told_once_and_a_file_of_something_else_is_not() {
    let user = UserFolder::new(Kind::Theme, &[("mine", "inherits = \"dark\"\n")]);
    let (tx, rx) = mpsc::channel();
    let watch = watch::watch(user.dir.path(), move || tx.send(()).unwrap()).unwrap();
    let folder = user.dir.path().join("themes");
    fs::write(folder.join("notes.txt"), "not ours").unwrap();
    assert!(rx.recv_timeout(Duration::from_millis(300)).is_err(), "another file is nobody's business");
    for nth in 0..3 {
        fs::write(folder.join("mine.toml"), format!("inherits = \"light\" # {nth}\n")).unwrap();
    }
    rx.recv_timeout(Duration::from_secs(10)).expect("a change is told");
    // A keymap folder that was not there when watching began.
    fs::create_dir(user.dir.path().join("keymaps")).unwrap();
    let mine = user.dir.path().join("keymaps/mine.toml");
    let told = (0..100).any(|nth| {
        // The watcher learns of a new folder a moment after it is made; a user saves again, too.
        fs::write(&mine, format!("inherits = \"vim\" # {nth}\n")).unwrap();
        rx.recv_timeout(Duration::from_millis(200)).is_ok()
    });
    assert!(told, "a change in a new folder is told");
    drop(watch);
    assert_eq!(rx.recv_timeout(Duration::from_secs(10)), Err(mpsc::RecvTimeoutError::Disconnected), "the thread ends");
}
