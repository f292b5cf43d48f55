//! The shipped themes and keymaps: complete, readable, and honest about mistakes.

mod keymaps;
mod themes;

use std::fs;
use std::path::{Path, PathBuf};

use gatewatch::console::assets::{AssetError, Kind, Shelf};

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
