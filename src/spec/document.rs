//! A spec as its author writes it: TOML, read strictly. What is wrong is said with file, line and field.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::config::document::Document as File;
use crate::config::problem::{Place, Problem};
use crate::contracts::agent::AgentStatus;
use crate::contracts::clock::Millis;
use crate::contracts::engine::budget::Budget;
use crate::contracts::ids::{SpecHash, SpecName, WorkKind};
use crate::spec::facts::On;

/// The largest document: it travels in the input of every goal.
pub const LARGEST: usize = 64 * 1024;

/// The JSON Schema of a document, for editors. Conditions and templates are more than it can tell.
pub const SCHEMA: &str = include_str!("schema.json");

/// A whole document.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Document {
    pub name: SpecName,
    /// The author's own.
    #[serde(default)]
    pub version: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub guardrails: Guardrails,
    /// Asked in their order; every one that fits counts.
    #[serde(default)]
    pub rules: Vec<Rule>,
    #[serde(default)]
    pub finalize: Finalize,
}

/// When one of these holds, something is requested.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    pub name: String,
    pub on: On,
    /// The kind of the step it is about; any when absent.
    #[serde(default)]
    pub kind: Option<WorkKind>,
    #[serde(default)]
    pub status: Option<AgentStatus>,
    /// For `on = "event"`: its name. For `on = "child-completed"`: the child's kind.
    #[serde(default)]
    pub event: Option<String>,
    /// CEL; holds when absent.
    #[serde(default)]
    pub when: Option<String>,
    pub then: Vec<Then>,
}

/// One action of a rule. Exactly one of `request`, `approval` and `annotate`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Then {
    /// A step of this kind for an agent.
    #[serde(default)]
    pub request: Option<WorkKind>,
    /// A step for a person, who is told this.
    #[serde(default)]
    pub approval: Option<String>,
    /// A fact to keep under this name.
    #[serde(default)]
    pub annotate: Option<String>,
    /// What goes with a request; texts may hold `${CEL}`.
    #[serde(default)]
    pub payload: Value,
    /// What is kept; texts may hold `${CEL}`.
    #[serde(default)]
    pub value: Value,
    /// CEL; this action only when it holds.
    #[serde(default)]
    pub when: Option<String>,
}

/// When the goal is reached.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Finalize {
    /// CEL. When absent: as soon as nothing is open and the latest step of every kind is done.
    #[serde(default)]
    pub when: Option<String>,
}

/// What holds whatever the rules say.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Guardrails {
    /// How often a kind of work may be requested before a person must say so. Approvals, and steps that are not wanted
    /// any more, do not count.
    pub max_attempts: Option<u32>,
    /// How long a leased step may take, in minutes.
    pub due_minutes: Option<u64>,
    /// The same in seconds; it counts where both are given.
    pub due_seconds: Option<u64>,
    /// What is done with an overdue step, one after the other; when nothing is left, a person must say how to go on.
    pub overdue: Vec<Overdue>,
    /// US dollars that all answers of a goal may cost together; then agents are given nothing until a person says so.
    pub budget_usd: Option<f64>,
    /// The same in tokens. What is reached first counts.
    pub budget_tokens: Option<u64>,
    /// Whether of two waiting steps of one kind and payload the later one is withdrawn.
    pub collapse_duplicates: bool,
    /// Kinds of work that must have been done before the goal can be complete.
    pub required: Vec<WorkKind>,
    /// For one kind of work, in place of what is said for all.
    pub kinds: BTreeMap<String, KindGuardrails>,
}

/// Guardrails of one kind of work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct KindGuardrails {
    pub max_attempts: Option<u32>,
    pub due_minutes: Option<u64>,
    pub due_seconds: Option<u64>,
    pub overdue: Option<Vec<Overdue>>,
}

/// What is done with a step that is overdue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overdue {
    /// Say so again, and give it as long again.
    Remind,
    /// Take it from its agent and offer it to another.
    Replace,
    /// It has failed; the rules say what next.
    Fail,
}

impl Guardrails {
    /// How often work of this kind may be requested.
    pub fn max_attempts(&self, kind: &WorkKind) -> Option<u32> {
        self.kinds.get(kind.as_str()).and_then(|own| own.max_attempts).or(self.max_attempts)
    }

    /// Whether there is a limit to how often some work may be requested.
    pub fn limits_attempts(&self) -> bool {
        self.max_attempts.is_some() || self.kinds.values().any(|own| own.max_attempts.is_some())
    }

    /// What a goal may cost, in its first round.
    pub fn budget(&self) -> Option<Budget> {
        let limited = self.budget_usd.is_some() || self.budget_tokens.is_some();
        limited.then(|| Budget { tokens: self.budget_tokens, usd: self.budget_usd, round: 1, ..Budget::default() })
    }

    /// How long work of this kind may take once somebody has it.
    pub fn due(&self, kind: &WorkKind) -> Option<Millis> {
        let seconds = |seconds: Option<u64>, minutes: Option<u64>| {
            seconds.or_else(|| minutes.map(|minutes| minutes.saturating_mul(60)))
        };
        let own = self.kinds.get(kind.as_str()).and_then(|own| seconds(own.due_seconds, own.due_minutes));
        own.or_else(|| seconds(self.due_seconds, self.due_minutes)).map(Millis::from_secs)
    }

    /// What is done the first, second… time it is overdue; nothing after the last.
    pub fn overdue(&self, kind: &WorkKind, times: u32) -> Option<Overdue> {
        let ladder = self.kinds.get(kind.as_str()).and_then(|own| own.overdue.as_ref()).unwrap_or(&self.overdue);
        ladder.get(usize::try_from(times).unwrap_or(usize::MAX)).copied()
    }
}

/// A document with its text, so that whatever is wrong can be said with its line.
#[derive(Clone, Debug)]
pub struct Source {
    pub document: Document,
    pub hash: SpecHash,
    file: File,
    path: PathBuf,
}

impl Source {
    /// Reads a document; `path` is what errors call it.
    pub fn read(path: impl Into<PathBuf>, text: &str) -> Result<Self, Problem> {
        let path = path.into();
        if text.len() > LARGEST {
            return Err(Problem::new(
                Place::File { path, line: None },
                "",
                format!("The spec has {} bytes; {LARGEST} are the most.", text.len()),
                "Move long texts to where its agents are configured.",
            ));
        }
        let file = File::new(path.clone(), text.to_owned());
        let document = file.parse()?;
        let hash = SpecHash::new(format!("{:x}", Sha256::digest(text)));
        Ok(Self { document, hash, file, path })
    }

    /// What is wrong with the field of this name, dots and positions included: `rules[2].when`.
    pub fn problem(&self, field: &str, why: impl Into<String>, fix: &str) -> Problem {
        let place = self.file.place(field);
        let is_written = matches!(place, Place::File { line: Some(_), .. });
        let place = if is_written { place } else { self.nearest(field) };
        Problem::new(place, field, why, fix)
    }

    /// The place of the nearest field above that is written in the file.
    fn nearest(&self, field: &str) -> Place {
        let mut field = field;
        while let Some(end) = field.rfind(['.', '[']) {
            field = &field[..end];
            let place = self.file.place(field);
            if matches!(place, Place::File { line: Some(_), .. }) {
                return place;
            }
        }
        Place::File { path: self.path.clone(), line: None }
    }
}
