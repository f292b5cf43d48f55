//! The real binary with nothing of this machine's configuration.

use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::coordinator::rig::{MIRA, Rig};
use crate::support::{self, GATEWATCH};

/// A shell of one's own: nothing of this machine's configuration, an audit trail in a folder that goes away.
pub(super) struct Shell {
    pub(super) home: tempfile::TempDir,
    address: String,
    coordinator: Option<String>,
}

/// How a command ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Ended {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Shell {
    pub(super) fn new(coordinator: Option<&Rig>) -> Self {
        let coordinator = coordinator.map(|rig| format!("http://{}", rig.address));
        Self { home: tempfile::tempdir().unwrap(), address: support::temporal().address.to_string(), coordinator }
    }

    pub(super) fn at(address: &str) -> Self {
        Self { home: tempfile::tempdir().unwrap(), address: address.to_owned(), coordinator: None }
    }

    pub(super) async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_as(MIRA, arguments).await
    }

    pub(super) async fn run_as(&self, token: &str, arguments: &[&str]) -> Ended {
        let mut command = self.command(arguments);
        command.args(["--address", &self.address]).env("GATEWATCH_TOKEN", token);
        if let Some(url) = &self.coordinator {
            command.args(["--coordinator", url]);
        }
        Self::end(command).await
    }

    /// The command as it stands, with nothing of this machine's environment.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(GATEWATCH);
        command.args(arguments).env_clear().env("HOME", self.home.path()).env("GATEWATCH_ACTOR", "mira");
        command.current_dir(self.home.path()).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs it as it stands, variables and all.
    pub(super) async fn run_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        Self::end(command).await
    }

    async fn end(mut command: Command) -> Ended {
        let output = tokio::time::timeout(support::PATIENCE, command.output()).await.expect("it hangs").unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}
