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

/// Resident memory, in megabytes.
pub(crate) struct Memory {
    pub(crate) resident: f64,
    /// What is not pages of a file, which every process of the same executable shares.
    pub(crate) own: f64,
}

/// CPU time and bytes over a while.
pub(crate) struct Idle {
    pub(crate) bytes: usize,
    pub(crate) cpu: Duration,
}

impl Program {
    /// Every key that is typed here changes something on the screen.
    const ANSWERS: Duration = Duration::from_secs(5);

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
        let child = pair.slave.spawn_command(command)?;
        // It returns with the exec: how long this program takes to fork is nobody's first frame.
        let started = Instant::now();
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

    pub(crate) fn press(&mut self, keys: &str) -> anyhow::Result<()> {
        self.keys.write_all(keys.as_bytes())?;
        Ok(self.keys.flush()?)
    }

    /// Types `keys`, waits for an answer, and takes everything written until the program has been quiet for `quiet`.
    pub(crate) fn type_and_settle(&mut self, keys: &str, quiet: Duration) -> anyhow::Result<Keystroke> {
        let pressed = Instant::now();
        self.press(keys)?;
        let first = self.chunks.recv_timeout(Self::ANSWERS).context("a key without an answer")?;
        let mut cost = Keystroke { bytes: 0, to_last_byte: Duration::ZERO };
        let mut next = Some(first);
        while let Some(chunk) = next {
            self.screen.process(&chunk.bytes);
            cost.bytes += chunk.bytes.len();
            cost.to_last_byte = chunk.at - pressed;
            next = self.chunks.recv_timeout(quiet).ok();
        }
        Ok(cost)
    }

    /// Takes what is written until nothing has been for `quiet`.
    pub(crate) fn settle(&mut self, quiet: Duration) {
        while let Ok(chunk) = self.chunks.recv_timeout(quiet) {
            self.screen.process(&chunk.bytes);
        }
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

    /// Waits for the program's own end.
    pub(crate) fn ends(&mut self, within: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + within;
        while self.child.try_wait()?.is_none() {
            anyhow::ensure!(Instant::now() < deadline, "it does not end:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn pid(&self) -> anyhow::Result<u32> {
        self.child.process_id().context("it has ended")
    }

    pub(crate) fn memory(&self) -> anyhow::Result<Memory> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()?))?;
        let megabytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).context("a line is missing")?;
            anyhow::Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
        };
        Ok(Memory { resident: megabytes("VmRSS:")?, own: megabytes("RssAnon:")? })
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
