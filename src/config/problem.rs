//! What is wrong with a configuration: where, which key, why, and what to write instead.

use std::path::PathBuf;

use crate::contracts::failure::{Failure, FailureKind};

/// Where a value came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    File {
        path: PathBuf,
        /// Counts from 1; absent when the key is not written there.
        line: Option<usize>,
    },
    Variable(String),
    Flag(String),
    /// A default, or something that should be there and is not.
    #[default]
    Nowhere,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { path, line: Some(line) } => write!(f, "{}:{line}: ", path.display()),
            Self::File { path, line: None } => write!(f, "{}: ", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}: "),
            Self::Flag(name) => write!(f, "flag {name}: "),
            Self::Nowhere => Ok(()),
        }
    }
}

impl Place {
    /// As a word of its own; `default` where nobody set anything.
    pub fn name(&self) -> String {
        let name = self.to_string();
        if name.is_empty() { "default".to_owned() } else { name.trim_end_matches(": ").to_owned() }
    }
}

/// One thing that is wrong. Never holds a value that could be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}{}{why} {fix}", if key.is_empty() { String::new() } else { format!("{key}: ") })]
pub struct Problem {
    pub place: Place,
    /// The key, with dots: `console.theme`; empty when it is about the whole file.
    pub key: String,
    /// A sentence.
    pub why: String,
    /// A sentence.
    pub fix: String,
}

impl Problem {
    pub fn new(place: Place, key: &str, why: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { place, key: key.to_owned(), why: why.into(), fix: fix.into() }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let Problem { place, key, why, fix } = problem;
        let key = if key.is_empty() { key } else { format!("{key}: ") };
        Self::new(FailureKind::Invalid, format!("{place}{key}{why}"), fix)
    }
}
