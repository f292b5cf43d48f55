//! A pseudo-terminal with the console in it. Every wait is on a condition, and every wait ends.

use std::io::{Read as _, Write};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Longer than a loaded machine needs for anything here.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Pty {
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    writer: Box<dyn Write + Send>,
    seen: Arc<Mutex<Seen>>,
    _home: TempDir,
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
        let home = TempDir::new().unwrap();
        let pair = native_pty_system().openpty(size(width, height)).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_gatewatch"));
        command.args(["--address", address]);
        command.env_clear();
        for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("PATH", "/usr/bin:/bin")] {
            command.env(name, value);
        }
        for name in ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"] {
            command.env(name, home.path());
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
        Self { master: pair.master, child, writer, seen, _home: home }
    }

    pub(super) fn send(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    pub(super) fn resize(&mut self, width: u16, height: u16) {
        self.seen.lock().unwrap().parser.screen_mut().set_size(height, width);
        self.master.resize(size(width, height)).unwrap();
    }

    pub(super) fn signal(&self, signal: Signal) {
        let pid = self.child.process_id().and_then(|pid| i32::try_from(pid).ok()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    pub(super) fn screen(&self) -> String {
        self.seen.lock().unwrap().parser.screen().contents()
    }

    pub(super) fn wait_for(&self, words: &str) {
        self.wait_until(words, |screen| screen.contains(words));
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
