//! Flags of every command, and the settings that come of them.

use std::path::PathBuf;

use clap::Args;

use crate::cli::output::{Form, Output};
use crate::config::paths::Surroundings;
use crate::config::settings::Settings;
use crate::config::sources::{self, Flags};
use crate::contracts::failure::Failure;

/// Flags of every command. What is not given is the environment's, then the file's.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Profile of `temporal.toml`.
    #[arg(long, global = true)]
    pub profile: Option<String>,
    /// Address of Temporal's frontend: `host:port` or a URL.
    #[arg(long, visible_alias = "host", global = true, value_name = "HOST:PORT")]
    pub address: Option<String>,
    /// Temporal namespace.
    #[arg(long, short = 'n', global = true)]
    pub namespace: Option<String>,
    /// Another `gatewatch.toml`.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The coordinator that signs decisions.
    #[arg(long, global = true, value_name = "URL")]
    pub coordinator: Option<String>,
    /// File that holds the token for the coordinator.
    #[arg(long, global = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Look, but never change anything.
    #[arg(long, global = true)]
    pub read_only: bool,
    /// Print data as JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// No colours. `NO_COLOR` says the same.
    #[arg(long, global = true)]
    pub no_color: bool,
}

impl Global {
    pub fn output(&self) -> Output {
        Output::new(if self.json { Form::Json } else { Form::People }, self.no_color)
    }

    /// File, environment and flags, checked.
    pub fn settings(&self) -> Result<Settings, Failure> {
        Ok(sources::load(&self.flags(), &Surroundings::of_process())?)
    }

    /// What was said on the command line.
    pub fn flags(&self) -> Flags {
        let text = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        Flags::new(self.config.clone())
            .set("--profile", "temporal.profile", self.profile.clone())
            .set("--address", "temporal.address", self.address.clone())
            .set("--namespace", "temporal.namespace", self.namespace.clone())
            .set("--coordinator", "coordinator_client.url", self.coordinator.clone())
            .set("--token-file", "coordinator_client.token_file", text(&self.token_file))
            .set("--read-only", "console.read_only", self.read_only.then_some(true))
    }
}
