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
use crate::spec::rules::Rules;
use crate::spec::shipped;

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
    /// List the specs that come with gatewatch.
    List,
    /// Print the JSON Schema of specs, for editors that check TOML while it is written.
    Schema,
    /// Print a spec that comes with gatewatch, to begin one's own with.
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
}

impl Spec {
    pub fn run(&self, global: &Global) -> Result<Exit, Stop> {
        let out = global.output();
        match &self.action {
            Action::Check { file } => check(out, file),
            Action::Test { file, cases } => cases::run(out, &read(file)?.1, &cases::read(cases)?),
            Action::List => list(out),
            Action::Schema => {
                out.lines(SCHEMA.lines().map(str::to_owned))?;
                Ok(Exit::Ok)
            }
            Action::Show { name } => show(out, name),
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

fn list(out: Output) -> Result<Exit, Stop> {
    let mut summaries = Vec::new();
    for (name, text) in shipped::SHIPPED {
        let source = Source::read(name, text).map_err(Failure::from)?;
        let rules = Rules::compile(&source).map_err(Failure::from)?;
        summaries.push(Summary::of(&source.document, &rules));
    }
    if out.is_json() {
        out.json(&summaries)?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(["NAME", "VERSION", "HASH", "WHAT"]);
    for Summary { pin, description, .. } in summaries {
        let hash = pin.hash.as_str().chars().take(12).collect();
        table.row([pin.name.as_str().to_owned(), pin.version, hash, description]);
    }
    out.lines(table.lines())?;
    Ok(Exit::Ok)
}

fn show(out: Output, name: &str) -> Result<Exit, Stop> {
    let Some(text) = shipped::text(name) else {
        let known: Vec<&str> = shipped::SHIPPED.iter().map(|(name, _)| *name).collect();
        return Err(Stop::usage(
            format!("No spec `{}` comes with gatewatch.", text::line(name)),
            format!("There are {}.", known.join(", ")),
        ));
    };
    if out.is_json() {
        out.json(&text)?;
    } else {
        out.line(text.trim_end())?;
    }
    Ok(Exit::Ok)
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
        }
    }
}
