//! Arguments of the headless process. A flag that is not given leaves the file's and the environment's value alone.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::config::sources::Flags;
use crate::telemetry;

const AFTER: &str = "\
Example:
  gatewatch-worker all --address temporal.example:7233 --namespace shop --listen 127.0.0.1:7401

Exit codes: 0 stopped when told to, 1 failed, 2 wrong arguments or settings.";

/// What the process runs, and how it reaches Temporal.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
pub struct Headless {
    #[command(subcommand)]
    pub role: Option<Role>,
    #[command(flatten)]
    pub common: Common,
}

/// What one process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum Role {
    /// Run workflows and activities.
    Worker,
    /// Take people's decisions over HTTP and stream health.
    Coordinator,
    /// Both in one process (the default).
    All,
    /// Print every registered workflow with its signals, queries, updates and input, every activity and every
    /// search attribute.
    Describe {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Flags of every role, before or after it.
#[derive(Clone, Debug, Default, Args)]
pub struct Common {
    /// Address of Temporal's frontend: `host:port` or a URL.
    #[arg(long, visible_alias = "host", global = true, value_name = "HOST:PORT")]
    pub address: Option<String>,
    /// Temporal namespace.
    #[arg(long, global = true)]
    pub namespace: Option<String>,
    /// Task queue to poll.
    #[arg(long, global = true, value_name = "NAME")]
    pub task_queue: Option<String>,
    /// Profile of `temporal.toml`.
    #[arg(long, global = true)]
    pub profile: Option<String>,
    /// Another `gatewatch.toml`.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Workers in this process, each with a thread for workflow code.
    #[arg(long, global = true, value_name = "N")]
    pub workers: Option<u16>,
    /// Activities and workflow tasks that one worker runs at once.
    #[arg(long, global = true, value_name = "N")]
    pub concurrency: Option<u16>,
    /// Where the worker serves /metrics, /healthz and /readyz.
    #[arg(long, global = true, value_name = "HOST:PORT")]
    pub listen: Option<SocketAddr>,
    /// Where the coordinator listens.
    #[arg(long, global = true, value_name = "HOST:PORT")]
    pub coordinator_listen: Option<SocketAddr>,
    /// How long running activities may take to finish after SIGTERM: `10s`.
    #[arg(long, global = true, value_name = "DURATION")]
    pub drain: Option<String>,
    /// How the log is written.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub log_format: LogFormat,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

impl From<LogFormat> for telemetry::Format {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Text => Self::Text,
            LogFormat::Json => Self::Json,
        }
    }
}

impl Common {
    /// As flags over file and environment.
    pub fn flags(&self) -> Flags {
        let text = |address: Option<SocketAddr>| address.map(|address| address.to_string());
        Flags::new(self.config.clone())
            .set("--address", "temporal.address", self.address.clone())
            .set("--namespace", "temporal.namespace", self.namespace.clone())
            .set("--task-queue", "temporal.task_queue", self.task_queue.clone())
            .set("--profile", "temporal.profile", self.profile.clone())
            .set("--workers", "worker.workers", self.workers.map(i64::from))
            .set("--concurrency", "worker.concurrency", self.concurrency.map(i64::from))
            .set("--listen", "worker.listen", text(self.listen))
            .set("--drain", "worker.drain", self.drain.clone())
            .set("--coordinator-listen", "coordinator.listen", text(self.coordinator_listen))
    }
}
