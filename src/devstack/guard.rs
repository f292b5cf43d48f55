//! `gatewatch guard -- CMD`: ties a process to the life of the one that started it.
//!
//! It runs the command in a process group of its own and ends that group when its standard input closes, which the
//! system does for a parent however it died, or when it is told to end. It must know nothing of what it runs.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

/// How long the group may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(10);

/// Arguments of `gatewatch guard`.
#[derive(Clone, Debug, clap::Args)]
pub struct GuardArgs {
    /// Write the process id of the command here
    #[arg(long, value_name = "FILE")]
    pid_file: Option<PathBuf>,
    /// Hold a shared lock on this file until everything of the command has ended
    #[arg(long, value_name = "FILE")]
    hold: Option<PathBuf>,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

/// Runs the command until it ends, or ends it. The exit code is the command's, or 128 and the signal that killed it.
pub fn run(args: &GuardArgs) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let status = runtime.block_on(watch(args))?;
    // The thread that reads standard input may never come back, so the runtime must not wait for anything.
    runtime.shutdown_background();
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

async fn watch(args: &GuardArgs) -> anyhow::Result<ExitStatus> {
    // The handlers come first: a signal that arrives meanwhile must not orphan the command.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut parent = parent_is_gone();
    let _held = args.hold.as_deref().map(hold).transpose()?;
    let mut child = start(args)?;
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed())).context("the command is gone already")?;
    if let Some(file) = &args.pid_file {
        std::fs::write(file, group.as_raw_nonzero().to_string())
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    let ended = tokio::select! {
        status = child.wait() => Some(status?),
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        _ = hang_up.recv() => None,
        _ = &mut parent => None,
    };
    end(&mut child, group, ended).await
}

/// Whoever gets this file for itself knows that nothing of us is left.
fn hold(path: &Path) -> anyhow::Result<File> {
    let file = File::options().create(true).write(true).truncate(false).open(path);
    let file = file.with_context(|| format!("cannot open {}", path.display()))?;
    file.try_lock_shared().with_context(|| format!("{} is somebody else's by now", path.display()))?;
    Ok(file)
}

fn start(args: &GuardArgs) -> anyhow::Result<Child> {
    let (program, rest) = args.command.split_first().context("no command was given")?;
    let mut command = std::process::Command::new(program);
    command.args(rest).stdin(Stdio::null()).process_group(0);
    Command::from(command).spawn().with_context(|| format!("cannot start {}", program.display()))
}

/// Resolves when standard input closes.
fn parent_is_gone() -> tokio::sync::oneshot::Receiver<()> {
    let (gone, seen) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut ignored = [0; 64];
        while std::io::stdin().read(&mut ignored).is_ok_and(|read| read > 0) {}
        // Nobody listens when the command ended first.
        let _ = gone.send(());
    });
    seen
}

/// Ends what is left of the group: asks, waits, kills.
async fn end(child: &mut Child, group: Pid, mut ended: Option<ExitStatus>) -> anyhow::Result<ExitStatus> {
    for (signal, patience) in [(Signal::TERM, GRACE), (Signal::KILL, GRACE)] {
        // An error means that the group is empty, which the next line sees too.
        let _ = kill_process_group(group, signal);
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            ended = ended.or(child.try_wait()?);
            if let (Some(status), Err(_)) = (ended, test_kill_process_group(group)) {
                return Ok(status);
            }
            sleep(LOOK).await;
        }
    }
    ended.context("a process survived SIGKILL: the system holds it")
}
