//! Children of this process: started under [`crate::devstack::guard`], logging to files, ended with us however we end.
//!
//! It knows how to start, watch and end them and where they log, not what they are.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::devstack::environment::leads_elsewhere;
use crate::telemetry;

/// Longer than the guard's own patience, so that it has the time to kill.
const STOP_WITHIN: Duration = Duration::from_secs(12);
const REVIVED_EVERY: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(10);
/// How much of a log a failure quotes.
const QUOTED_LINES: usize = 12;

/// How children are started: by which guard, and where they leave logs and process ids.
#[derive(Clone, Debug)]
pub struct Launcher {
    /// The `gatewatch` executable: the guard is a command of it.
    gatewatch: PathBuf,
    folder: PathBuf,
    held: Option<PathBuf>,
}

impl Launcher {
    pub fn new(gatewatch: impl Into<PathBuf>, folder: impl Into<PathBuf>) -> anyhow::Result<Self> {
        let (gatewatch, folder) = (gatewatch.into(), folder.into());
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self { gatewatch, folder, held: None })
    }

    /// Children hold a shared lock on this file for as long as anything of them runs, whatever becomes of us.
    #[must_use]
    pub fn holding(self, file: PathBuf) -> Self {
        Self { held: Some(file), ..self }
    }

    /// The `gatewatch` executable, for children that are commands of it.
    pub fn gatewatch(&self) -> &Path {
        &self.gatewatch
    }

    /// Starts a command. Its output is appended to `<name>.log`, of which two are kept.
    pub fn spawn(&self, name: &str, command: &[OsString]) -> anyhow::Result<Child> {
        let log = self.folder.join(format!("{name}.log"));
        let pid_file = self.folder.join(format!("{name}.pid"));
        // A file of an earlier run would name somebody else's process.
        let _ = fs::remove_file(&pid_file);
        telemetry::put_aside(&log).with_context(|| format!("cannot put {} aside", log.display()))?;
        let out = OpenOptions::new().create(true).append(true).open(&log);
        let out = out.with_context(|| format!("cannot write {}", log.display()))?;
        let mut guard = std::process::Command::new(&self.gatewatch);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(leads_elsewhere)) {
            guard.env_remove(name);
        }
        let guard = guard
            .args(["guard", "--pid-file"])
            .arg(&pid_file)
            .args(self.held.iter().flat_map(|file| [OsStr::new("--hold"), file.as_os_str()]))
            .arg("--")
            .args(command)
            .stdin(Stdio::piped())
            .stdout(out.try_clone()?)
            .stderr(out)
            // Ctrl-C in the terminal is for us alone: we end the children in their order.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name} with {}", self.gatewatch.display()))?;
        let started = Instant::now();
        Ok(Child {
            name: name.to_owned(),
            launcher: self.clone(),
            command: command.to_vec(),
            started,
            guard,
            log,
            pid_file,
        })
    }
}

/// A child and its guard. Dropping it lets go of the guard, which then ends the child.
#[derive(Debug)]
pub struct Child {
    name: String,
    launcher: Launcher,
    command: Vec<OsString>,
    started: Instant,
    guard: std::process::Child,
    log: PathBuf,
    pid_file: PathBuf,
}

impl Child {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The process id of the command itself; absent in the first moments.
    pub fn pid(&self) -> Option<u32> {
        fs::read_to_string(&self.pid_file).ok()?.trim().parse().ok()
    }

    /// How it ended; absent while it runs.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.guard.try_wait().with_context(|| format!("cannot look after {}", self.name))
    }

    /// Starts it again when it has ended by itself, not more than once a second. Whether it did.
    pub fn revive(&mut self) -> anyhow::Result<bool> {
        if self.started.elapsed() < REVIVED_EVERY || self.ended()?.is_none() {
            return Ok(false);
        }
        *self = self.launcher.spawn(&self.name, &self.command)?;
        Ok(true)
    }

    /// Waits until `probe` says that it is ready. Fails at once when it ends before, quoting its log.
    pub async fn ready<F: Future<Output = bool>>(
        &mut self,
        within: Duration,
        mut probe: impl FnMut() -> F,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.ended()? {
                anyhow::bail!("{}", self.failure(&format!("ended before it was ready ({status})")));
            }
            if probe().await {
                return Ok(());
            }
            if Instant::now() > deadline {
                anyhow::bail!("{}", self.failure(&format!("was not ready within {} s", within.as_secs())));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Ends it and waits until it is gone.
    pub async fn stop(mut self) -> anyhow::Result<ExitStatus> {
        drop(self.guard.stdin.take());
        self.gone(STOP_WITHIN).await
    }

    /// Waits until it has ended by itself.
    pub async fn gone(&mut self, within: Duration) -> anyhow::Result<ExitStatus> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                anyhow::bail!("{}", self.failure(&format!("did not end within {} s", within.as_secs())));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// A sentence about this child, with its log and the last lines of it.
    pub fn failure(&self, what: &str) -> String {
        let mut text = format!("{} {what}. Its log: {}", self.name, self.log.display());
        for line in last_lines(&self.log) {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n  │ {line}");
        }
        text
    }
}

/// The last lines of a log, safe to show; none of one that cannot be read.
pub fn last_lines(log: &Path) -> Vec<String> {
    // Another process wrote it: it is shown, so it must not be able to draw.
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<String> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| crate::contracts::text::line(line).into_owned())
        .collect();
    lines.get(lines.len().saturating_sub(QUOTED_LINES)..).unwrap_or_default().to_vec()
}
