//! Who did something, and how it reached us.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The way a request came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// A key in the console.
    Console,
    /// A command of the CLI.
    Cli,
    /// The coordinator's HTTP interface, which has checked who asks.
    Coordinator,
    /// A Temporal signal: anybody with access to the namespace.
    #[default]
    Signal,
    /// A rollback trigger of the monitor.
    Trigger,
    /// A deadline that passed.
    Deadline,
}

/// Who asks. The name is only as good as the way it came: see [`crate::contracts::decision::Proof`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub via: Via,
}

impl Actor {
    pub fn new(name: impl Into<String>, via: Via) -> Self {
        Self { name: name.into(), via }
    }
}
