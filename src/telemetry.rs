//! Where the program's own log goes: a file while the terminal is the console's, standard output for services.
//! It knows no secrets: settings that hold them cannot be printed.

use std::fs::{self, File, OpenOptions};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Which lines are kept, in the form of `tracing`'s filters: `info,gatewatch=debug`.
pub const FILTER_VARIABLE: &str = "GATEWATCH_LOG";

/// Warnings of everybody, and what gatewatch itself does.
const DEFAULT_FILTER: &str = "warn,gatewatch=info";

/// A log file that has grown beyond this is put aside by the next who opens it.
const KEPT_BYTES: u64 = 8 * 1024 * 1024;

/// How a service writes its lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

/// Logs to a file, made with its folder when missing, readable by its owner alone.
pub fn to_file(path: &Path) -> anyhow::Result<()> {
    let file = open(path).with_context(|| format!("cannot write the log file {}", path.display()))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter()?)
        .with_ansi(false)
        .with_writer(Arc::new(file))
        .finish()
        .try_init()
        .context("logging was set up twice")
}

/// Logs to standard output. Never in the console: the terminal is its own.
pub fn to_stdout(format: Format) -> anyhow::Result<()> {
    let lines = tracing_subscriber::fmt().with_env_filter(filter()?).with_ansi(false);
    match format {
        Format::Text => lines.finish().try_init(),
        Format::Json => lines.json().flatten_event(true).finish().try_init(),
    }
    .context("logging was set up twice")
}

fn filter() -> anyhow::Result<EnvFilter> {
    let wanted = std::env::var(FILTER_VARIABLE).unwrap_or_default();
    let wanted = if wanted.trim().is_empty() { DEFAULT_FILTER } else { wanted.trim() };
    EnvFilter::try_new(wanted)
        .with_context(|| format!("{FILTER_VARIABLE}={wanted} is no log filter; write it like `info,gatewatch=debug`"))
}

/// A log that has grown beyond 8 MiB becomes `<name>.log.1`, in the place of the one before: two files are kept.
pub fn put_aside(path: &Path) -> std::io::Result<()> {
    if fs::metadata(path).is_ok_and(|file| file.len() > KEPT_BYTES) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    Ok(())
}

fn open(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    put_aside(path)?;
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
