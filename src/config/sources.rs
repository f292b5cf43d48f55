//! Where settings come from: the file, over it the environment, over it the flags. One table says which variable
//! sets which key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use toml::{Table, Value};

use crate::config::document::Document;
use crate::config::paths::Surroundings;
use crate::config::problem::{Place, Problem};
use crate::config::raw::Raw;
use crate::config::settings::Settings;
use crate::config::{temporal, validate};

/// How the text of a variable is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    /// `true`, `false`, `1` or `0`.
    Switch,
}

/// Every variable, the key it sets, and how it is read. TLS, credentials and metadata of Temporal have variables of
/// their own: see [`crate::config::temporal`].
pub const VARIABLES: &[(&str, &str, Kind)] = &[
    ("TEMPORAL_PROFILE", "temporal.profile", Kind::Text),
    ("TEMPORAL_CONFIG_FILE", "temporal.config_file", Kind::Text),
    ("TEMPORAL_ADDRESS", "temporal.address", Kind::Text),
    ("TEMPORAL_NAMESPACE", "temporal.namespace", Kind::Text),
    ("TEMPORAL_TASK_QUEUE", "temporal.task_queue", Kind::Text),
    ("GATEWATCH_WORKER_WORKERS", "worker.workers", Kind::Number),
    ("GATEWATCH_WORKER_CONCURRENCY", "worker.concurrency", Kind::Number),
    ("GATEWATCH_WORKER_LISTEN", "worker.listen", Kind::Text),
    ("GATEWATCH_WORKER_DRAIN", "worker.drain", Kind::Text),
    ("GATEWATCH_COORDINATOR_LISTEN", "coordinator.listen", Kind::Text),
    ("GATEWATCH_COORDINATOR_SIGNING_KEY", "coordinator.signing_key", Kind::Text),
    ("GATEWATCH_COORDINATOR_STORE", "coordinator.store", Kind::Text),
    ("GATEWATCH_COORDINATOR_URL", "coordinator_client.url", Kind::Text),
    ("GATEWATCH_TOKEN", "coordinator_client.token", Kind::Text),
    ("GATEWATCH_TOKEN_FILE", "coordinator_client.token_file", Kind::Text),
    ("GATEWATCH_THEME", "console.theme", Kind::Text),
    ("GATEWATCH_KEYMAP", "console.keymap", Kind::Text),
    ("GATEWATCH_READ_ONLY", "console.read_only", Kind::Switch),
    ("GATEWATCH_BELL", "console.bell", Kind::Switch),
    ("GATEWATCH_DESKTOP_NOTIFICATIONS", "console.desktop_notifications", Kind::Switch),
    ("GATEWATCH_CONFIG_DIR", "console.config_dir", Kind::Text),
    ("GATEWATCH_STATE_DIR", "console.state_dir", Kind::Text),
    ("GATEWATCH_ACTOR", "console.actor", Kind::Text),
    ("GATEWATCH_SPECS_FOLDER", "specs.folder", Kind::Text),
];

/// Names another `gatewatch.toml`.
pub const FILE_VARIABLE: &str = "GATEWATCH_CONFIG";

/// What was said on the command line.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--config`: another `gatewatch.toml`. It must exist.
    pub config: Option<PathBuf>,
    given: Vec<(&'static str, &'static str, Value)>,
}

impl Flags {
    pub fn new(config: Option<PathBuf>) -> Self {
        Self { config, given: Vec::new() }
    }

    /// A flag that was given sets a key: `.set("--theme", "console.theme", arguments.theme)`.
    #[must_use]
    pub fn set<T: Into<Value>>(mut self, flag: &'static str, key: &'static str, value: Option<T>) -> Self {
        self.given.extend(value.map(|value| (flag, key, value.into())));
        self
    }
}

/// What settings were read from.
#[derive(Clone)]
pub struct Sources {
    flags: Flags,
    pub(super) surroundings: Surroundings,
    /// The `gatewatch.toml` that was looked for; it need not be there.
    pub file: PathBuf,
}

impl Sources {
    /// The settings as they are by now.
    pub fn load(&self) -> Result<Settings, Problem> {
        load(&self.flags, &self.surroundings)
    }
}

/// Variables may be secrets.
impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources").finish_non_exhaustive()
    }
}

/// Which source set a key: for error messages.
#[derive(Debug, Default)]
pub struct Origins {
    document: Option<Document>,
    named: BTreeMap<&'static str, Place>,
    profile: String,
    /// `temporal.toml`, where the settings name another one.
    config_file: Option<String>,
}

impl Origins {
    /// Where a key of the settings was set.
    pub fn place(&self, key: &str) -> Place {
        if let Some(place) = self.named.get(key) {
            return place.clone();
        }
        let Some(document) = &self.document else { return Place::Nowhere };
        let special = document.place(&format!("profiles.{}.{key}", self.profile));
        if matches!(special, Place::File { line: Some(_), .. }) { special } else { document.place(key) }
    }

    /// A path that a key holds, made absolute: one of the file starts from its folder, any other from where the program
    /// was started.
    pub fn path(&self, key: &str, written: &str, surroundings: &Surroundings) -> PathBuf {
        let folder = match (self.place(key), &self.document) {
            (Place::File { .. }, Some(document)) => document.folder(),
            _ => Path::new(""),
        };
        surroundings.absolute(written, folder)
    }

    /// The same for keys that `temporal.toml` may have set too; nowhere where the default stands.
    pub fn whence(&self, key: &str, surroundings: &Surroundings) -> Place {
        let place = match (self.place(key), key.strip_prefix("temporal.")) {
            (Place::Nowhere | Place::File { line: None, .. }, Some(key)) => {
                temporal::place(key, &self.profile, self.config_file.as_deref(), self, surroundings)
            }
            (place, _) => place,
        };
        if matches!(place, Place::File { line: None, .. }) { Place::Nowhere } else { place }
    }
}

/// Reads every source and checks the whole. What is wrong is named with its place, key, reason and remedy.
pub fn load(flags: &Flags, surroundings: &Surroundings) -> Result<Settings, Problem> {
    resolve(flags, surroundings).map(|(settings, _)| settings)
}

/// The same, and where each key was set.
pub fn resolve(flags: &Flags, surroundings: &Surroundings) -> Result<(Settings, Origins), Problem> {
    let document = find(flags, surroundings)?;
    let mut table = Table::new();
    if let Some(document) = &document {
        document.parse::<Raw>()?;
        table = document.parse()?;
    }
    let mut named = BTreeMap::new();
    let mut over = Table::new();
    for (place, key, value) in given(flags, surroundings)? {
        let one = nested(key, value);
        Raw::deserialize(one.clone())
            .map_err(|error| Problem::new(place.clone(), key, format!("{}.", error.message()), "Correct the value."))?;
        merge(&mut over, one);
        named.insert(key, place);
    }
    let wanted = lookup(&over, "temporal", "profile").or_else(|| lookup(&table, "temporal", "profile"));
    let profile = wanted.unwrap_or_else(|| temporal::DEFAULT_PROFILE.to_owned());
    if let Some(special) = table.get("profiles").and_then(|all| all.get(&profile)).and_then(Value::as_table) {
        let special = special.clone();
        merge(&mut table, special);
    }
    merge(&mut table, over);
    let raw = Raw::deserialize(table)
        .map_err(|error| Problem::new(Place::Nowhere, "", format!("{}.", error.message()), ""))?;
    let origins = Origins { document, named, profile, config_file: raw.temporal.config_file.clone() };
    let sources =
        Sources { flags: flags.clone(), surroundings: surroundings.clone(), file: path(flags, surroundings).0 };
    let settings = validate::settings(&raw, &origins, sources)?;
    Ok((settings, origins))
}

/// `--config`, else the variable, else the user's own; only the last may be missing.
fn find(flags: &Flags, surroundings: &Surroundings) -> Result<Option<Document>, Problem> {
    let (path, named) = path(flags, surroundings);
    let found = Document::read(&path)?;
    if found.is_none() && named {
        return Err(Problem::new(
            Place::File { path, line: None },
            "",
            "There is no such file.",
            "Write one with `gatewatch config --example`, or leave the path out.",
        ));
    }
    Ok(found)
}

/// The file, and whether somebody named it.
fn path(flags: &Flags, surroundings: &Surroundings) -> (PathBuf, bool) {
    let variable = surroundings.variable(FILE_VARIABLE).map(PathBuf::from);
    match flags.config.clone().or(variable) {
        Some(path) => (surroundings.current_dir.join(path), true),
        None => (surroundings.config_dir().join("gatewatch.toml"), false),
    }
}

/// Variables first, flags over them.
fn given(flags: &Flags, surroundings: &Surroundings) -> Result<Vec<(Place, &'static str, Value)>, Problem> {
    let mut all = Vec::new();
    for (variable, key, kind) in VARIABLES {
        if let Some(text) = surroundings.variable(variable) {
            let place = Place::Variable((*variable).to_owned());
            all.push((place.clone(), *key, typed(text, *kind, &place, key)?));
        }
    }
    all.extend(flags.given.iter().map(|(flag, key, value)| (Place::Flag((*flag).to_owned()), *key, value.clone())));
    Ok(all)
}

fn typed(text: &str, kind: Kind, place: &Place, key: &str) -> Result<Value, Problem> {
    let wrong = |why: &str, fix: &str| Problem::new(place.clone(), key, why, fix);
    match kind {
        Kind::Text => Ok(Value::String(text.to_owned())),
        Kind::Number => {
            text.parse().map(Value::Integer).map_err(|_| wrong("It is not a number.", "Give a whole number."))
        }
        Kind::Switch => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Ok(Value::Boolean(true)),
            "false" | "0" | "no" => Ok(Value::Boolean(false)),
            _ => Err(wrong("It is neither true nor false.", "Give `true` or `false`.")),
        },
    }
}

/// `a.b = value` as tables.
fn nested(key: &str, value: Value) -> Table {
    match key.split_once('.') {
        Some((first, rest)) => Table::from_iter([(first.to_owned(), Value::Table(nested(rest, value)))]),
        None => Table::from_iter([(key.to_owned(), value)]),
    }
}

fn lookup(table: &Table, section: &str, key: &str) -> Option<String> {
    table.get(section)?.get(key)?.as_str().map(str::to_owned)
}

/// Tables are merged key by key; anything else is replaced.
fn merge(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}
