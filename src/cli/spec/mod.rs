//! `gatewatch spec`: check the rules of a goal, try them on cases, see what comes with gatewatch. Nothing is sent.

mod cases;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;

use crate::cli::exit::{self, Exit, Stop};
use crate::cli::global::Global;
use crate::cli::output::{Output, Tone};
use crate::cli::table::{self, Table};
use crate::config::problem::{Place, Problem};
use crate::contracts::engine::spec::SpecPin;
use crate::contracts::failure::Failure;
use crate::contracts::text;
use crate::spec::EngineSpec as _;
use crate::spec::document::{Document, SCHEMA, Source};
use crate::spec::facts::{FUNCTIONS, VARIABLES};
use crate::spec::library::{Library, Spec as Found};
use crate::spec::rules::Rules;

/// Check the rules that decide what a goal needs next, and try them without a server.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = exit::example("gatewatch spec check my.toml"))]
pub struct Spec {
    #[command(subcommand)]
    action: Action,
}

#[derive(Clone, Debug, Subcommand)]
enum Action {
    /// Read a spec and compile its rules; what is wrong is named with file, line and field.
    #[command(after_long_help = language())]
    Check {
        /// The spec, a TOML file.
        file: PathBuf,
    },
    /// Show what a spec decides in each of some cases, and compare it with what is expected.
    ///
    /// CASES is a JSON list. A case has a `state` as the query `currentState` answers it (left out: empty), what
    /// happened as exactly one of `response`, `event`, `approved`, `rejected` and `child`, and may `expect` an object
    /// of `actions`, `rules` and `finalize`. Ends with 1 when a case comes out otherwise.
    Test {
        /// The spec, a TOML file.
        file: PathBuf,
        /// The cases, a JSON file.
        cases: PathBuf,
    },
    /// List the specs that a goal can be started with by name: those that come with gatewatch, and those of the folder.
    List,
    /// Print the JSON Schema of specs, for editors that check TOML while it is written.
    Schema,
    /// Print a spec of the list, such as one that comes with gatewatch to begin one's own with.
    Show {
        /// Its name.
        name: String,
    },
}

/// What is said of a spec.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    #[serde(flatten)]
    pin: SpecPin,
    description: String,
    /// Names of its rules.
    rules: Vec<String>,
    /// Its file; absent of those that come with gatewatch.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
}

impl Spec {
    pub fn run(&self, global: &Global) -> Result<Exit, Stop> {
        let out = global.output();
        match &self.action {
            Action::Check { file } => check(out, file),
            Action::Test { file, cases } => cases::run(out, &read(file)?.1, &cases::read(cases)?),
            Action::List => list(out, &library(global)?),
            Action::Schema => {
                out.lines(SCHEMA.lines().map(str::to_owned))?;
                Ok(Exit::Ok)
            }
            Action::Show { name } => show(out, &library(global)?, name),
        }
    }
}

/// The variables and functions of conditions, for the long help.
fn language() -> String {
    let functions: Vec<String> = FUNCTIONS.iter().map(|(_, doc)| format!("  {doc}")).collect();
    format!(
        "Conditions are CEL over the variables {}, and these functions:\n{}\n\n{}",
        VARIABLES.join(", "),
        functions.join("\n"),
        exit::example("gatewatch spec show tutorial > my.toml && gatewatch spec check my.toml")
    )
}

fn check(out: Output, file: &Path) -> Result<Exit, Stop> {
    let (source, rules) = read(file)?;
    let summary = Summary::of(&source.document, &rules);
    if out.is_json() {
        out.json(&summary)?;
        return Ok(Exit::Ok);
    }
    out.line(&format!("{}: {}", file.display(), out.paint(Tone::Good, "a spec without mistakes")))?;
    out.lines(table::fields(&[
        ("name", text::line(summary.pin.name.as_str()).into_owned()),
        ("version", text::line(&summary.pin.version).into_owned()),
        ("hash", summary.pin.hash.to_string()),
        ("rules", summary.rules.len().to_string()),
    ]))?;
    Ok(Exit::Ok)
}

/// What goals can be started with by name. Settings that cannot be read hide the folder, which is said, and nothing else:
/// what comes with gatewatch needs none.
fn library(global: &Global) -> Result<Library, Stop> {
    match global.settings() {
        Ok(settings) => Ok(Library::open(&settings.specs_folder)),
        Err(failure) => {
            global
                .output()
                .say(&format!("gatewatch: {failure}\n  Only specs that come with gatewatch are known now."))?;
            Ok(Library::shipped())
        }
    }
}

fn list(out: Output, library: &Library) -> Result<Exit, Stop> {
    for problem in library.troubles() {
        out.say(&format!("gatewatch: {problem}"))?;
    }
    let summaries: Vec<Summary> = library.specs().map(Summary::from).collect();
    if out.is_json() {
        out.json(&summaries)?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(["NAME", "VERSION", "HASH", "FROM", "WHAT"]);
    for Summary { pin, description, file, .. } in summaries {
        let from = file.map_or_else(|| "gatewatch".to_owned(), |file| file.display().to_string());
        let (name, hash) = (pin.name.as_str().to_owned(), pin.short_hash());
        table.row([name, pin.version, hash, from, description].map(|cell| text::line(&cell).into_owned()));
    }
    out.lines(table.lines())?;
    Ok(Exit::Ok)
}

fn show(out: Output, library: &Library, name: &str) -> Result<Exit, Stop> {
    let Some(spec) = library.find(name) else {
        return Err(unknown(library, name, "There is no spec"));
    };
    if out.is_json() {
        out.json(&spec.text)?;
    } else {
        out.line(spec.text.trim_end())?;
    }
    Ok(Exit::Ok)
}

/// A name that nothing is called: what is, or what is wrong with the file of this name.
pub fn unknown(library: &Library, name: &str, what: &str) -> Stop {
    if let Some(problem) = library.trouble_of(name) {
        return Failure::from(problem.clone()).into();
    }
    let known: Vec<&str> = library.specs().map(|spec| spec.pin.name.as_str()).collect();
    let hint = format!("Name one of {}, or put yours into the folder of specs.", text::line(&known.join(", ")));
    Stop::usage(format!("{what} `{}`.", text::line(name)), hint)
}

fn read(file: &Path) -> Result<(Source, Rules), Failure> {
    let source = Source::read(file, &contents(file)?)?;
    let rules = Rules::compile(&source)?;
    Ok((source, rules))
}

fn contents(file: &Path) -> Result<String, Problem> {
    std::fs::read_to_string(file).map_err(|error| {
        let place = Place::File { path: file.to_owned(), line: None };
        Problem::new(place, "", format!("The file cannot be read: {error}."), "Name a readable UTF-8 text file.")
    })
}

impl Summary {
    fn of(document: &Document, rules: &Rules) -> Self {
        Self {
            pin: rules.pin().clone(),
            description: document.description.clone(),
            rules: document.rules.iter().map(|rule| rule.name.clone()).collect(),
            file: None,
        }
    }
}

impl From<&Found> for Summary {
    fn from(found: &Found) -> Self {
        let Found { pin, description, rules, file, .. } = found.clone();
        Self { pin, description, rules, file }
    }
}
