//! A TOML file kept with its text, so that whatever is wrong with a key can be said with its line.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::problem::{Place, Problem};
use crate::contracts::text;

/// A file that was read.
#[derive(Clone, Debug)]
pub struct Document {
    path: PathBuf,
    text: String,
}

impl Document {
    pub fn new(path: PathBuf, text: String) -> Self {
        Self { path, text }
    }

    /// Reads a file; none when there is none.
    pub fn read(path: &Path) -> Result<Option<Self>, Problem> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some(Self::new(path.to_owned(), text))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Problem::new(
                Place::File { path: path.to_owned(), line: None },
                "",
                format!("The file cannot be read: {error}."),
                "Make it a readable UTF-8 text file, or name another one.",
            )),
        }
    }

    /// The folder that relative paths in it start from.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// The file as `T`; what does not fit is named with line and key.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        toml::from_str(&self.text).map_err(|error| self.problem(&error))
    }

    /// Where a key, written with dots, stands.
    pub fn place(&self, key: &str) -> Place {
        let span = self.keys().into_iter().filter(|(name, _)| name == key).map(|(_, span)| span).next();
        Place::File { path: self.path.clone(), line: span.map(|span| self.line(span.start)) }
    }

    fn problem(&self, error: &toml::de::Error) -> Problem {
        let start = error.span().map(|span| span.start);
        let key = start.and_then(|start| self.key_at(start)).unwrap_or_default();
        let place = Place::File { path: self.path.clone(), line: start.map(|start| self.line(start)) };
        Problem::new(place, &key, sentence(error.message()), advice(error.message()))
    }

    fn line(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
    }

    /// The key that an offset belongs to: the last one that begins at or before it.
    fn key_at(&self, offset: usize) -> Option<String> {
        let before = self.keys().into_iter().filter(|(_, span)| span.start <= offset);
        before.max_by_key(|(name, span)| (span.start, name.len())).map(|(name, _)| name)
    }

    /// Every key with its full name, also of a file that does not parse to its end.
    fn keys(&self) -> Vec<(String, Range<usize>)> {
        let (table, _) = DeTable::parse_recoverable(&self.text);
        let mut found = Vec::new();
        collect(table.get_ref(), "", &mut found);
        found
    }
}

fn collect(table: &DeTable<'_>, above: &str, found: &mut Vec<(String, Range<usize>)>) {
    for (key, value) in table {
        let name = if above.is_empty() { key.get_ref().to_string() } else { format!("{above}.{}", key.get_ref()) };
        found.push((name.clone(), key.span()));
        collect_value(value, &name, found);
    }
}

fn collect_value(value: &Spanned<DeValue<'_>>, name: &str, found: &mut Vec<(String, Range<usize>)>) {
    if let Some(table) = value.get_ref().as_table() {
        collect(table, name, found);
    } else if let Some(array) = value.get_ref().as_array() {
        for (position, item) in array.iter().enumerate() {
            let name = format!("{name}[{position}]");
            found.push((name.clone(), item.span()));
            collect_value(item, &name, found);
        }
    }
}

fn sentence(message: &str) -> String {
    let message = message.trim().replace('\n', "; ");
    let mut letters = message.chars();
    let capital = letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>());
    format!("{}.", capital.unwrap_or_default().trim_end_matches('.'))
}

/// Reads serde's "unknown field `a`, expected one of `b`, `c`" and offers the nearest name.
fn advice(message: &str) -> String {
    if !message.starts_with("unknown field") {
        let what = if message.starts_with("invalid") { "value" } else { "line" };
        return format!("Correct the {what}.");
    }
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let Some((unknown, known)) = names.split_first() else {
        return "Take the key out.".to_owned();
    };
    let suggestion = text::suggestion(unknown, known.iter().copied());
    suggestion.unwrap_or_else(|| "Take the key out, or see `gatewatch config --example`.".to_owned())
}
