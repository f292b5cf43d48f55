//! A question before something is done to the world: what it shows, what has to be typed, and the mutation it leads to.
//!
//! Screens ask by `Effect::Ask`; how it is shown and answered is `overlays::confirm`.

use crate::console::widgets::time;
use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::mutation::Mutation;

/// What a person is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// `Approve production approval?`
    pub title: String,
    /// What it is about, label and value, in the order shown. The worst comes first.
    pub facts: Vec<Fact>,
    /// What will happen, as a sentence.
    pub effect: String,
    /// Why it is dangerous, when it is.
    pub warning: Option<String>,
    /// It touches production: the frame says so.
    pub production: bool,
    pub fields: Vec<Field>,
    /// What is done on yes; fields fill in reason and duration. Its id is made when the question is asked, so a
    /// second yes is the same mutation.
    pub mutation: Mutation,
    /// Only the coordinator can prove who decides: no `temporal` command does the same.
    pub needs_proof: bool,
}

/// One line of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub label: String,
    pub value: Value,
    pub mood: Mood,
}

/// What a fact says. What time changes is put into words when it is shown: a question may stand open for long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Words(String),
    /// `5d2c…91 collected 3m ago`
    Ago {
        what: String,
        at: Timestamp,
    },
    /// `in 71h 56m, 2026-11-21 14:03:51Z; then rejected`
    Deadline {
        at: Timestamp,
        then: &'static str,
    },
}

impl Value {
    pub fn words(&self, now: Timestamp) -> String {
        match self {
            Self::Words(words) => words.clone(),
            Self::Ago { what, at } => format!("{what} {} ago", time::age(now, *at)),
            Self::Deadline { at, then } => format!("{}, {}; then {then}", time::until(now, *at), time::date(*at)),
        }
    }

    /// It tells seconds now.
    pub fn counts_seconds(&self, now: Timestamp) -> bool {
        match self {
            Self::Words(_) => false,
            Self::Ago { at, .. } => now.since(*at) < Millis::from_secs(60),
            Self::Deadline { at, .. } => at.since(now) < time::TO_THE_SECOND,
        }
    }
}

/// How a fact is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Plain,
    Bad,
}

impl Fact {
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self::of(label, Value::Words(value.into()))
    }

    pub fn of(label: impl Into<String>, value: Value) -> Self {
        Self { label: label.into(), value, mood: Mood::Plain }
    }

    #[must_use]
    pub fn with(mut self, mood: Mood) -> Self {
        self.mood = mood;
        self
    }
}

/// Something to type before the answer counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// Several lines. It goes into the mutation.
    Reason { required: Required },
    /// Such as `10m`. It goes into the mutation.
    Duration { initial: Millis, at_most: Option<Millis> },
    /// Must be typed exactly: the name of the environment.
    Word { what: String, expected: String },
}

/// Whether a field may stay empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Required {
    Yes,
    No,
}
