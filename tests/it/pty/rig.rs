//! A pseudo-terminal with the console in it. Every wait is on a condition, and every wait ends.

use std::io::{Read as _, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::support::GATEWATCH;

/// Longer than a loaded machine needs for anything here.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two keys of a person: the console takes no confirmation from anything faster.
const BEAT: Duration = Duration::from_millis(150);

/// What is started, with what around it.
pub(super) struct Setup<'a> {
    pub(super) program: &'a str,
    pub(super) arguments: &'a [&'a str],
    pub(super) variables: &'a [(&'a str, &'a str)],
    /// Columns and lines.
    pub(super) size: (u16, u16),
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self { program: GATEWATCH, arguments: &[], variables: &[], size: (80, 24) }
    }
}

pub(super) struct Pty {
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    writer: Box<dyn Write + Send>,
    seen: Arc<Mutex<Seen>>,
    home: TempDir,
}

struct Seen {
    parser: vt100::Parser,
    bytes: Vec<u8>,
}

fn size(width: u16, height: u16) -> PtySize {
    PtySize { rows: height, cols: width, pixel_width: 0, pixel_height: 0 }
}

impl Pty {
    pub(super) fn start(address: &str, width: u16, height: u16) -> Self {
        Self::open(&Setup { arguments: &["--address", address], size: (width, height), ..Setup::default() })
    }

    pub(super) fn open(setup: &Setup<'_>) -> Self {
        Self::open_in(TempDir::new().unwrap(), setup)
    }

    /// With this as the home, where settings, themes, logs and all else are.
    pub(super) fn open_in(home: TempDir, setup: &Setup<'_>) -> Self {
        let (width, height) = setup.size;
        let pair = native_pty_system().openpty(size(width, height)).unwrap();
        let mut command = CommandBuilder::new(setup.program);
        command.args(setup.arguments);
        command.env_clear();
        for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("PATH", "/usr/bin:/bin")] {
            command.env(name, value);
        }
        for name in ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"] {
            command.env(name, home.path());
        }
        for (name, value) in setup.variables {
            command.env(name, value);
        }
        command.cwd(home.path());
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let parser = vt100::Parser::new(height, width, 0);
        let seen = Arc::new(Mutex::new(Seen { parser, bytes: Vec::new() }));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let sink = Arc::clone(&seen);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                let mut seen = sink.lock().unwrap();
                seen.parser.process(&buffer[..n]);
                seen.bytes.extend_from_slice(&buffer[..n]);
            }
        });
        let writer = pair.master.take_writer().unwrap();
        Self { master: pair.master, child, writer, seen, home }
    }

    pub(super) fn send(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    /// One key, at the pace of a person.
    pub(super) fn press(&mut self, key: &str) {
        thread::sleep(BEAT);
        self.send(key);
    }

    /// The folder that the console's process has as its home.
    pub(super) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(super) fn pid(&self) -> Pid {
        let pid = self.child.process_id().and_then(|pid| i32::try_from(pid).ok()).unwrap();
        Pid::from_raw(pid).unwrap()
    }

    /// Everything that was written so far.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.seen.lock().unwrap().bytes.clone()
    }

    /// How often a sequence was written.
    pub(super) fn count(&self, sequence: &str) -> usize {
        let bytes = self.bytes();
        bytes.windows(sequence.len()).filter(|window| *window == sequence.as_bytes()).count()
    }

    /// How often the bell rang: bells, not ends of escape sequences.
    pub(super) fn bells(&self) -> usize {
        let bytes = self.bytes();
        let mut rest = bytes.as_slice();
        let mut bells = 0;
        while let Some((byte, after)) = rest.split_first() {
            rest = after;
            if rest.starts_with(b"]") && *byte == 0x1b {
                let end = rest.iter().position(|byte| *byte == 0x07).map_or(rest.len(), |at| at + 1);
                rest = &rest[end..];
            } else if *byte == 0x07 {
                bells += 1;
            }
        }
        bells
    }

    pub(super) fn wait_for_bytes(&self, sequence: &str) {
        self.wait_until(&format!("{sequence:?} in what is written"), |_| self.count(sequence) > 0);
    }

    /// The colours of the cell where these words begin on the screen.
    pub(super) fn colours(&self, words: &str) -> Option<(vt100::Color, vt100::Color)> {
        let seen = self.seen.lock().unwrap();
        let screen = seen.parser.screen();
        let (_, width) = screen.size();
        let (row, line) = screen.rows(0, width).enumerate().find(|(_, line)| line.contains(words))?;
        let column = line.split(words).next()?.chars().count();
        let cell = screen.cell(u16::try_from(row).ok()?, u16::try_from(column).ok()?)?;
        Some((cell.fgcolor(), cell.bgcolor()))
    }

    pub(super) fn resize(&mut self, width: u16, height: u16) {
        self.seen.lock().unwrap().parser.screen_mut().set_size(height, width);
        self.master.resize(size(width, height)).unwrap();
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    pub(super) fn screen(&self) -> String {
        self.seen.lock().unwrap().parser.screen().contents()
    }

    pub(super) fn wait_for(&self, words: &str) {
        self.wait_until(words, |screen| screen.contains(words));
    }

    pub(super) fn wait_until_gone(&self, words: &str) {
        self.wait_until(&format!("no `{words}`"), |screen| !screen.contains(words));
    }

    /// Until the deployment screen says that the old version serves, however much room it has for that.
    pub(super) fn wait_until_verified(&self) {
        self.wait_until("v41 is verified", |screen| {
            screen.contains("v41 is serving again, verified") || screen.contains("v41 serves again, verified")
        });
    }

    /// All of these words are on one screen, now or as soon as the frame under way is whole.
    pub(super) fn assert_shows(&self, words: &[&str]) {
        self.wait_until(&format!("{words:?}"), |screen| words.iter().all(|word| screen.contains(word)));
    }

    pub(super) fn wait_until(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds(&self.screen()) {
            assert!(Instant::now() < end, "not seen: {what}\n{}", self.screen());
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub(super) fn exit_code(&mut self) -> u32 {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(Instant::now() < end, "it does not end\n{}", self.screen());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The main screen is back, the cursor shows, pastes and focus are not reported any more.
    pub(super) fn assert_given_back(&self) {
        let end = Instant::now() + PATIENCE;
        let back = || {
            let seen = self.seen.lock().unwrap();
            let screen = seen.parser.screen();
            let focus_off = seen.bytes.windows(8).any(|window| window == b"\x1b[?1004l");
            !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste() && focus_off
        };
        while !back() {
            assert!(Instant::now() < end, "the terminal was not given back\n{}", self.screen());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // Ended already, in most tests.
        let _ = self.child.kill();
    }
}
