//! A program on a real pseudo-terminal, with a clock on every byte it writes.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Bytes the program wrote, and when they arrived.
struct Chunk {
    at: Instant,
    bytes: Vec<u8>,
}

/// A running program and its screen.
pub(crate) struct Program {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    chunks: Receiver<Chunk>,
    screen: vt100::Parser,
    started: Instant,
    _terminal: Box<dyn MasterPty + Send>,
}

/// What one keystroke cost.
pub(crate) struct Keystroke {
    pub(crate) bytes: usize,
    pub(crate) to_last_byte: Duration,
}

/// CPU time and bytes over a while.
pub(crate) struct Idle {
    pub(crate) bytes: usize,
    pub(crate) cpu: Duration,
}

impl Program {
    pub(crate) fn start(command: CommandBuilder, rows: u16, cols: u16) -> anyhow::Result<Self> {
        let pair = native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 })?;
        let mut output = pair.master.try_clone_reader()?;
        let keys = pair.master.take_writer()?;
        let (send, chunks) = channel();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(n) = output.read(&mut buffer) {
                let chunk = Chunk { at: Instant::now(), bytes: buffer[..n].to_vec() };
                if n == 0 || send.send(chunk).is_err() {
                    break;
                }
            }
        });
        let started = Instant::now();
        let child = pair.slave.spawn_command(command)?;
        drop(pair.slave);
        let screen = vt100::Parser::new(rows, cols, 0);
        Ok(Self { child, keys, chunks, screen, started, _terminal: pair.master })
    }

    /// How long after exec the screen first showed `text`.
    pub(crate) fn shows(&mut self, text: &str, within: Duration) -> anyhow::Result<Duration> {
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let chunk = match self.chunks.recv_timeout(left) {
                Ok(chunk) => chunk,
                Err(RecvTimeoutError::Timeout) => anyhow::bail!("no `{text}` within {within:?}:\n{}", self.text()),
                Err(RecvTimeoutError::Disconnected) => anyhow::bail!("it ended without `{text}`:\n{}", self.text()),
            };
            self.screen.process(&chunk.bytes);
            if self.text().contains(text) {
                return Ok(chunk.at - self.started);
            }
        }
    }

    pub(crate) fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Types `keys` and takes everything written until the program has been quiet for `quiet`.
    pub(crate) fn type_and_settle(&mut self, keys: &str, quiet: Duration) -> anyhow::Result<Keystroke> {
        let pressed = Instant::now();
        self.keys.write_all(keys.as_bytes())?;
        self.keys.flush()?;
        let mut cost = Keystroke { bytes: 0, to_last_byte: Duration::ZERO };
        while let Ok(chunk) = self.chunks.recv_timeout(quiet) {
            self.screen.process(&chunk.bytes);
            cost.bytes += chunk.bytes.len();
            cost.to_last_byte = chunk.at - pressed;
        }
        Ok(cost)
    }

    pub(crate) fn settle(&mut self, quiet: Duration) -> anyhow::Result<()> {
        self.type_and_settle("", quiet).map(drop)
    }

    /// Does nothing for a while and looks at what the program does meanwhile.
    pub(crate) fn idle(&mut self, time: Duration) -> anyhow::Result<Idle> {
        let (before, end) = (self.cpu()?, Instant::now() + time);
        let mut bytes = 0;
        while let Ok(chunk) = self.chunks.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.screen.process(&chunk.bytes);
            bytes += chunk.bytes.len();
        }
        Ok(Idle { bytes, cpu: self.cpu()?.saturating_sub(before) })
    }

    fn pid(&self) -> anyhow::Result<u32> {
        self.child.process_id().context("it has ended")
    }

    /// Resident memory in kilobytes.
    pub(crate) fn resident_kb(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()?))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    /// CPU time so far, from the scheduler's own nanoseconds: `stat` counts in ticks of 10 ms.
    fn cpu(&self) -> anyhow::Result<Duration> {
        let mut total = Duration::ZERO;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.pid()?))? {
            let schedstat = std::fs::read_to_string(thread?.path().join("schedstat"))?;
            let nanos = schedstat.split_whitespace().next().context("empty schedstat")?.parse()?;
            total += Duration::from_nanos(nanos);
        }
        Ok(total)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
