//! A program: the work as JSON on its standard input, the answer as JSON on its standard output. It runs in a process
//! group of its own, which is killed when the call ends, however it ends.

use std::ffi::OsStr;
use std::process::Stdio;

use futures_util::future::BoxFuture;
use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command as Process};

use crate::agents::{Adapter, Call, Outcome, answer};
use crate::config::agents::Command as Settings;
use crate::contracts::clock::Millis;

/// Bytes of standard error that are kept: its end says why.
const LAST_WORDS: usize = 2_000;

pub(super) struct Command {
    name: String,
    settings: Settings,
}

impl Command {
    pub(super) fn new(name: String, settings: Settings) -> Self {
        Self { name, settings }
    }

    fn start(&self, call: &Call) -> Result<(Child, Group), String> {
        let Some((program, args)) = self.settings.command.split_first() else {
            return Err("no command is configured".to_owned());
        };
        let mut process = Process::new(program);
        process.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        process.process_group(0).kill_on_drop(true);
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_ours(name)) {
            process.env_remove(name);
        }
        process.env("GATEWATCH_STEP", call.request.step_id.as_str());
        process.env("GATEWATCH_ATTEMPT", call.request.attempt_id.as_str());
        for (name, value) in &self.settings.environment {
            process.env(name, value.expose_secret());
        }
        if let Some(folder) = &self.settings.folder {
            process.current_dir(folder);
        }
        let child = process.spawn().map_err(|error| format!("`{program}` could not be started: {error}"))?;
        let group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
        Ok((child, group))
    }

    async fn run(&self, call: &Call) -> Result<Outcome, String> {
        let (mut child, _group) = self.start(call)?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let work = serde_json::to_vec(&call.request).map_err(|error| format!("the work cannot be told: {error}"))?;
        let tell = async {
            if let Some(mut stdin) = stdin {
                // A program that does not read its work may still answer.
                let _ = stdin.write_all(&work).await;
            }
            Ok(())
        };
        let hear = async { Ok(last(stderr).await) };
        let ((), said, last_words) = tokio::try_join!(tell, first(stdout, call.max_output), hear)?;
        let status = child.wait().await.map_err(|error| format!("its end was not seen: {error}"))?;
        if !status.success() {
            let words = if last_words.is_empty() { "nothing on standard error".to_owned() } else { last_words };
            return Err(format!("it ended with {status}; it said: {words}"));
        }
        let response = answer::read(&said, &self.name, &call.request)?;
        Ok(Outcome::Answered(Box::new(response)))
    }
}

impl Adapter for Command {
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match tokio::time::timeout(call.time_limit, self.run(call)).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(why)) => Outcome::broken(why),
                Err(_) => {
                    let limit = Millis::from(call.time_limit).words();
                    Outcome::broken(format!("it did not end within {limit} and was killed"))
                }
            }
        })
    }
}

/// The program and everything it started; killed when this is dropped.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Nobody of it is left when this fails.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Credentials for Temporal and for the coordinator are none of an agent's business.
fn is_ours(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with("TEMPORAL_") || name.starts_with("GATEWATCH_"))
}

/// All of it, up to the limit.
async fn first(from: Option<impl AsyncRead + Unpin>, most: usize) -> Result<Vec<u8>, String> {
    let mut said = Vec::new();
    if let Some(from) = from {
        let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
        from.take(limit).read_to_end(&mut said).await.map_err(|error| format!("its answer was not heard: {error}"))?;
    }
    if said.len() > most {
        return Err(format!("its answer has more than {most} bytes (`max_output`)"));
    }
    Ok(said)
}

/// The end of it, in one line.
async fn last(from: Option<impl AsyncRead + Unpin>) -> String {
    let mut kept: Vec<u8> = Vec::new();
    if let Some(mut from) = from {
        let mut chunk = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut chunk).await {
            kept.extend_from_slice(&chunk[..read]);
            if kept.len() > 2 * LAST_WORDS {
                kept.drain(..kept.len() - LAST_WORDS);
            }
        }
    }
    let text = String::from_utf8_lossy(&kept).into_owned();
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    answer::quote(&lines[lines.len().saturating_sub(3)..].join(" / "))
}
