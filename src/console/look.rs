//! Theme and keymap together, as they are read from their files: at the start, and again whenever a file changes.

use std::path::PathBuf;

use crate::console::assets::{AssetError, Kind, Shelf};
use crate::console::keymap::Keymap;
use crate::console::keymap::load;
use crate::console::keymap::text::Spelling;
use crate::console::theme::Theme;
use crate::console::theme::charset::Charset;
use crate::console::theme::depth::Depth;
use crate::console::theme::load as themes;
use crate::contracts::failure::{Failure, FailureKind};

/// How it looks and which keys do what.
#[derive(Clone, Debug)]
pub struct Look {
    pub theme: Theme,
    pub keymap: Keymap,
    pub charset: Charset,
}

/// Where the files are and which of them are wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub theme: String,
    pub keymap: String,
    /// Holds the user's `themes` and `keymaps`; without it there is only what ships.
    pub config_dir: Option<PathBuf>,
    pub depth: Depth,
    pub charset: Charset,
}

impl Wanted {
    /// Reads both. An error names file, line and key.
    pub fn read(&self) -> Result<Look, Failure> {
        let dir = self.config_dir.as_deref();
        let theme =
            themes::theme(&Shelf::new(Kind::Theme, dir), &self.theme, self.depth).map_err(|error| failure(&error))?;
        let mut keymap = load::keymap(&Shelf::new(Kind::Keymap, dir), &self.keymap).map_err(|error| failure(&error))?;
        keymap.spelling = match self.charset {
            Charset::Unicode => Spelling::Signs,
            Charset::Ascii => Spelling::Words,
        };
        Ok(Look { theme, keymap, charset: self.charset })
    }

    /// Reads both; what cannot be read is replaced by what ships, and the failure is told.
    pub fn read_or_shipped(&self) -> Result<(Look, Option<Failure>), Failure> {
        match self.read() {
            Ok(look) => Ok((look, None)),
            Err(failure) => {
                let shipped =
                    Self { theme: "dark".to_owned(), keymap: "default".to_owned(), config_dir: None, ..self.clone() };
                Ok((shipped.read()?, Some(failure)))
            }
        }
    }
}

fn failure(error: &AssetError) -> Failure {
    Failure::new(FailureKind::Invalid, error.to_string(), "What worked before stays in use.")
}
