//! Processes that outlive the worker: starting them, telling them apart, finding them again, ending them.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process};

use crate::activities::deploy::process::record::{Process, Records};
use crate::activities::deploy::target::Release;
use crate::activities::error::{Cause, permanent};
use crate::config::settings::{ProcessTarget, Service};
use crate::contracts::clock::Timestamp;

/// Marks the process of a deployment, so that one whose number was never written down is found again.
const MARK: &str = "GATEWATCH_DEPLOYMENT";
const LISTEN: &str = "GATEWATCH_LISTEN";

/// An address that nobody listens on at this moment.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port could be found")?;
    listener.local_addr().context("no free port could be found")
}

/// Starts the configured command for a release, in a process group of its own, with nothing of the worker's.
pub fn start(
    service: &Service,
    target: &ProcessTarget,
    release: &Release,
    listen: SocketAddr,
) -> anyhow::Result<Process> {
    let fill = |word: &String| {
        let database = service.database.as_ref().map(|database| database.file.display().to_string());
        word.replace("{version}", release.version.as_str())
            .replace("{commit}", release.commit.as_str())
            .replace("{listen}", &listen.to_string())
            .replace("{database}", database.as_deref().unwrap_or_default())
    };
    let Some((program, args)) = target.command.split_first() else {
        return Err(permanent(Cause::Configuration, format!("service `{}` has no command to run", service.name)));
    };
    let log_path = Records::of(&target.state).log(&release.deployment_id);
    let open_log = || -> std::io::Result<File> {
        fs::create_dir_all(&target.state)?;
        File::options().create(true).append(true).open(&log_path)
    };
    let log = open_log().with_context(|| format!("{} could not be opened", log_path.display()))?;
    let mut command = Command::new(fill(program));
    command
        .args(args.iter().map(fill))
        .env(MARK, mark(target, release))
        .env(LISTEN, listen.to_string())
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("the log could not be shared")?)
        .stderr(log)
        // Signals to the worker's group do not reach it.
        .process_group(0);
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_ours(name)) {
        command.env_remove(name);
    }
    let started_at = Timestamp::from(SystemTime::now());
    let mut child = command.spawn().with_context(|| format!("`{program}` could not be started"))?;
    let pid = child.id();
    let process = Process { pid, start: start_of(pid), started_at };
    // While this worker lives it is the parent and has to take note of the end.
    std::thread::Builder::new()
        .name(format!("reap-{pid}"))
        .spawn(move || child.wait())
        .context("no thread could be started")?;
    Ok(process)
}

/// Credentials for Temporal, and marks of another deployment, are none of the service's business.
fn is_ours(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        name.starts_with("TEMPORAL_") || (name.starts_with("GATEWATCH_") && name != MARK && name != LISTEN)
    })
}

fn mark(target: &ProcessTarget, release: &Release) -> String {
    format!("{}:{}", target.state.display(), release.deployment_id)
}

/// Whether it runs, and is still the one that was started.
pub fn is_alive(process: &Process) -> bool {
    match (process.start, stat(process.pid)) {
        (Some(start), Some(now)) => now.start == start && !now.ended,
        (Some(_), None) => false,
        (None, _) => number(process.pid).is_some_and(|pid| test_kill_process(pid).is_ok()),
    }
}

/// A process of this deployment that was started by a worker which died before it could write that down.
pub fn find(target: &ProcessTarget, release: &Release) -> Option<(Process, SocketAddr)> {
    let wanted = format!("{MARK}={}", mark(target, release));
    let entries = fs::read_dir("/proc").ok()?;
    entries.filter_map(Result::ok).find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let environment = fs::read(entry.path().join("environ")).ok()?;
        let variables: Vec<&[u8]> = environment.split(|byte| *byte == 0).collect();
        if !variables.contains(&wanted.as_bytes()) {
            return None;
        }
        let stat = stat(pid).filter(|stat| stat.group == pid && !stat.ended)?;
        let listen = variables.iter().find_map(|variable| {
            let value = std::str::from_utf8(variable).ok()?.strip_prefix(LISTEN)?.strip_prefix('=')?;
            value.parse::<SocketAddr>().ok()
        })?;
        let started_at = Timestamp::from(entry.metadata().ok()?.modified().ok()?);
        Some((Process { pid, start: Some(stat.start), started_at }, listen))
    })
}

/// Ends a process and its group: asked first, then made to.
pub async fn stop(process: &Process) -> anyhow::Result<()> {
    let Some(group) = number(process.pid) else { return Ok(()) };
    for (signal, patience) in [(Signal::TERM, Duration::from_secs(5)), (Signal::KILL, Duration::from_secs(5))] {
        // Looked at again before each signal: the number may belong to somebody else by now.
        if !is_alive(process) {
            return Ok(());
        }
        if let Err(error) = kill_process_group(group, signal) {
            tracing::debug!(%error, pid = process.pid, "the process is gone already");
        }
        let deadline = tokio::time::Instant::now() + patience;
        while is_alive(process) && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    if is_alive(process) {
        bail!("process {} could not be ended", process.pid);
    }
    Ok(())
}

fn number(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

fn start_of(pid: u32) -> Option<u64> {
    stat(pid).map(|stat| stat.start)
}

/// What `/proc/<pid>/stat` says.
struct Stat {
    ended: bool,
    group: u32,
    start: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything; the third field comes after the last of them.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    Some(Stat {
        ended: matches!(*fields.first()?, "Z" | "X" | "x"),
        group: fields.get(2)?.parse().ok()?,
        start: fields.get(19)?.parse().ok()?,
    })
}
