//! Themes and keymaps as files: where they are found, how one inherits from another, and how an error in one is told
//! (file, line, key). It knows TOML and nothing of what the keys mean.

pub mod watch;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::contracts::text::suggestion;

/// What a file is; each kind has a folder of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    Theme,
    Keymap,
}

impl Kind {
    pub fn folder(self) -> &'static str {
        match self {
            Self::Theme => "themes",
            Self::Keymap => "keymaps",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Theme => "theme",
            Self::Keymap => "keymap",
        }
    }

    /// What ships inside the binary.
    fn embedded(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Theme => &[
                ("dark", include_str!("../../../themes/dark.toml")),
                ("light", include_str!("../../../themes/light.toml")),
                ("high-contrast", include_str!("../../../themes/high-contrast.toml")),
                ("mono", include_str!("../../../themes/mono.toml")),
            ],
            Self::Keymap => &[
                ("default", include_str!("../../../keymaps/default.toml")),
                ("vim", include_str!("../../../keymaps/vim.toml")),
            ],
        }
    }
}

/// What is wrong with a theme or keymap, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct AssetError {
    pub file: String,
    pub line: Option<usize>,
    pub key: Option<String>,
    pub message: String,
}

impl fmt::Display for AssetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(key) = &self.key {
            write!(f, ": `{key}`")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Where the files of one kind are looked for: the user's folder first, then what ships with gatewatch.
#[derive(Clone, Debug)]
pub struct Shelf {
    kind: Kind,
    user: Option<PathBuf>,
}

/// Which part of a shelf a file came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    User,
    Shipped,
}

impl Shelf {
    /// `config_dir` is the folder that holds the user's `themes` and `keymaps`.
    pub fn new(kind: Kind, config_dir: Option<&Path>) -> Self {
        Self { kind, user: config_dir.map(|dir| dir.join(kind.folder())) }
    }

    /// Every name that can be loaded, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.kind.embedded().iter().map(|(name, _)| (*name).to_owned()).collect();
        let files = self.user.iter().filter_map(|dir| fs::read_dir(dir).ok()).flatten().flatten();
        names.extend(files.filter_map(|file| {
            let path = file.path();
            let name = path.file_stem()?.to_str()?.to_owned();
            (path.extension()? == "toml").then_some(name)
        }));
        names.sort();
        names.dedup();
        names
    }

    /// The named file and all it inherits from, the most basic first, so that later documents override earlier ones.
    pub fn chain(&self, name: &str) -> Result<Vec<Document>, AssetError> {
        let mut wanted = (name.to_owned(), Level::User, None);
        let mut chain: Vec<Document> = Vec::new();
        let mut seen: Vec<(String, Level)> = Vec::new();
        loop {
            let (name, level, asked_by) = wanted;
            let (document, level) = self.read(&name, level, asked_by)?;
            if seen.contains(&(name.clone(), level)) {
                let path: Vec<&str> = seen.iter().map(|(name, _)| name.as_str()).chain([name.as_str()]).collect();
                // The file that closes the circle is the one read last.
                return Err(chain
                    .last()
                    .unwrap_or(&document)
                    .error("inherits", format!("{} go round in a circle: {}", self.kind.folder(), path.join(" → "))));
            }
            let parent = document.inherits()?.map(str::to_owned);
            seen.push((name.clone(), level));
            let complaint = document.error("inherits", String::new());
            chain.push(document);
            let Some(parent) = parent else { break };
            // A user's `dark` that inherits `dark` builds on the shipped one.
            let next = if level == Level::User && parent == name { Level::Shipped } else { Level::User };
            wanted = (parent, next, Some(complaint));
        }
        chain.reverse();
        Ok(chain)
    }

    fn read(&self, name: &str, level: Level, asked_by: Option<AssetError>) -> Result<(Document, Level), AssetError> {
        let missing = || {
            let names = self.names();
            let hint = suggestion(name, names.iter().map(String::as_str))
                .unwrap_or_else(|| format!("There are: {}.", names.join(", ")));
            let message = format!("no {} named `{name}`. {hint}", self.kind.word());
            match asked_by {
                Some(asked_by) => AssetError { message, ..asked_by },
                None => {
                    AssetError { file: format!("{}/{name}.toml", self.kind.folder()), line: None, key: None, message }
                }
            }
        };
        // A name is a file name, never a path.
        if name.is_empty() || name.contains(['/', '\\', '.']) {
            return Err(missing());
        }
        if level == Level::User
            && let Some(path) = self.user.as_ref().map(|dir| dir.join(format!("{name}.toml")))
            && path.exists()
        {
            let file = path.display().to_string();
            let text = fs::read_to_string(&path).map_err(|error| AssetError {
                file: file.clone(),
                line: None,
                key: None,
                message: format!("cannot be read: {error}"),
            })?;
            return Ok((Document::parse(file, &text)?, Level::User));
        }
        let text = self.shipped(name).ok_or_else(missing)?;
        Ok((Document::parse(format!("{}/{name}.toml", self.kind.folder()), &text)?, Level::Shipped))
    }

    /// Debug builds read the repository, so that a theme can be tried without compiling.
    fn shipped(&self, name: &str) -> Option<String> {
        let embedded = self.kind.embedded().iter().find(|(known, _)| *known == name).map(|(_, text)| *text)?;
        if cfg!(debug_assertions) {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(self.kind.folder()).join(format!("{name}.toml"));
            if let Ok(text) = fs::read_to_string(file) {
                return Some(text);
            }
        }
        Some(embedded.to_owned())
    }
}

/// A file, parsed, with the line of each key.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub file: String,
    pub entries: Vec<Entry>,
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: String,
    pub line: usize,
    pub value: Value,
}

/// The values a theme or keymap may hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Flag(bool),
    List(Vec<String>),
    Table(Vec<Entry>),
    /// Anything else, by the name of its type.
    Other(&'static str),
}

impl Value {
    pub fn word(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Flag(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other("integer") => "an integer",
            Self::Other(word) => word,
        }
    }
}

impl Document {
    pub fn parse(file: String, text: &str) -> Result<Self, AssetError> {
        match DeTable::parse(text) {
            Ok(table) => Ok(Self { entries: entries(&Lines::of(text), table.get_ref()), file }),
            Err(error) => Err(AssetError {
                file,
                line: error.span().map(|span| Lines::of(text).at(span.start)),
                key: None,
                message: error.message().to_owned(),
            }),
        }
    }

    /// An error at a key of the top level.
    pub fn error(&self, key: &str, message: impl Into<String>) -> AssetError {
        let line = self.entries.iter().find(|entry| entry.key == key).map(|entry| entry.line);
        AssetError { file: self.file.clone(), line, key: Some(key.to_owned()), message: message.into() }
    }

    /// An error at an entry, wherever it stands.
    pub fn error_at(&self, entry: &Entry, message: impl Into<String>) -> AssetError {
        AssetError {
            file: self.file.clone(),
            line: Some(entry.line),
            key: Some(entry.key.clone()),
            message: message.into(),
        }
    }

    /// The entries of a section; none when the file does not have it.
    pub fn section(&self, name: &str) -> Result<&[Entry], AssetError> {
        match self.entries.iter().find(|entry| entry.key == name) {
            None => Ok(&[]),
            Some(Entry { value: Value::Table(entries), .. }) => Ok(entries),
            Some(entry) => Err(self.error_at(entry, format!("is {}, but should be a section", entry.value.word()))),
        }
    }

    fn inherits(&self) -> Result<Option<&str>, AssetError> {
        match self.entries.iter().find(|entry| entry.key == "inherits") {
            None => Ok(None),
            Some(Entry { value: Value::Text(name), .. }) => Ok(Some(name)),
            Some(entry) => Err(self.error_at(entry, format!("is {}, but should be a name", entry.value.word()))),
        }
    }
}

fn entries(lines: &Lines, table: &DeTable<'_>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            line: lines.at(key.span().start),
            value: convert(lines, value),
        })
        .collect();
    // Errors are told in the order of the file.
    entries.sort_by_key(|entry| entry.line);
    entries
}

fn convert(lines: &Lines, value: &Spanned<DeValue<'_>>) -> Value {
    let value = value.get_ref();
    if let Some(word) = value.as_str() {
        return Value::Text(word.to_owned());
    }
    if let Some(flag) = value.as_bool() {
        return Value::Flag(flag);
    }
    if let Some(table) = value.as_table() {
        return Value::Table(entries(lines, table));
    }
    let list = value.as_array().and_then(|items| {
        items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    list.map_or_else(|| Value::Other(value.type_str()), Value::List)
}

/// Where the lines of a text end.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    /// The line of a place, counted from 1.
    fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|end| *end < offset) + 1
    }
}
