//! Takes the terminal over and gives it back: at the end, on a panic, on a signal, while suspended.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use ratatui::Frame;
use rustix::process::{Signal, kill_current_process_group};
use rustix::termios::{QueueSelector, tcflush, tcgetwinsize};
use signal_hook::consts::SIGCONT;

use crate::console::tty::paint::Painter;

/// The terminal, ours until dropped.
pub struct Terminal {
    inner: ratatui::Terminal<Painter<File>>,
}

/// Alternate screen, no cursor, bracketed paste, focus reports, and the title put aside.
const ENTER: &[u8] = b"\x1b[22;2t\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[?1004h\x1b[H\x1b[2J";
/// The way back, in the reverse order.
const LEAVE: &[u8] = b"\x1b[0m\x1b[?1004l\x1b[?2004l\x1b[?25h\x1b[?1049l\x1b[23;2t";

/// Whether the terminal is ours now. Given back a second time it would put the cursor where it was in the beginning,
/// over what has been printed since.
static OURS: AtomicBool = AtomicBool::new(false);

impl Terminal {
    pub fn enter() -> io::Result<Self> {
        enable_raw_mode()?;
        // What was typed before there was anything to read was not meant for it.
        let _ = tcflush(io::stdin(), QueueSelector::IFlush);
        give_back_on_panic();
        // Not `Stdout` itself, which cuts what it is given at line feeds: a frame is one write.
        let screen = || io::stdout().as_fd().try_clone_to_owned().map(File::from);
        let taken = take().and_then(|()| ratatui::Terminal::new(Painter::new(screen()?, Self::size)));
        // With half of it taken, all of it is given back.
        match taken {
            Ok(inner) => Ok(Self { inner }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Columns and lines.
    pub fn size() -> io::Result<(u16, u16)> {
        let size = tcgetwinsize(io::stdout())?;
        if size.ws_col > 0 && size.ws_row > 0 {
            return Ok((size.ws_col, size.ws_row));
        }
        // A terminal that does not know; the environment might.
        crossterm::terminal::size()
    }

    pub fn draw(&mut self, view: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.inner.draw(view).map(|_| ())
    }

    /// Writes outside a frame.
    pub fn emit(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.backend_mut().emit(bytes)
    }

    /// Stops this job until the shell continues it, as the terminal's own key would: all of its processes, `cargo run`
    /// above us included. Where nobody could continue it the system does not let it stop.
    pub fn suspend(&mut self) -> io::Result<Suspended> {
        CONTINUED.get_or_init(listen).store(false, Ordering::SeqCst);
        give_back();
        // Not SIGTSTP, which is listened to and so stops nothing.
        let stopped = kill_current_process_group(Signal::TTOU).map(|()| was_continued());
        enable_raw_mode()?;
        take()?;
        self.inner.clear()?;
        Ok(if stopped? { Suspended::Continued } else { Suspended::NoShell })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

/// What came of suspending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspended {
    Continued,
    /// Nobody would ever continue us: no shell with job control is above us (an orphaned process group, POSIX calls it).
    NoShell,
}

/// Set by SIGCONT, which ends every stop.
static CONTINUED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

fn listen() -> Arc<AtomicBool> {
    let continued = Arc::new(AtomicBool::new(false));
    if let Err(error) = signal_hook::flag::register(SIGCONT, Arc::clone(&continued)) {
        tracing::warn!(%error, "SIGCONT is not noticed: suspending will be taken for refused");
    }
    continued
}

/// Whether there was a stop, which is over now. Another thread may have been the one that the signal woke.
fn was_continued() -> bool {
    let continued = CONTINUED.get_or_init(listen);
    (0..20).any(|_| {
        let there = continued.load(Ordering::SeqCst);
        if !there {
            thread::sleep(Duration::from_millis(1));
        }
        there
    })
}

fn take() -> io::Result<()> {
    OURS.store(true, Ordering::SeqCst);
    write(ENTER)
}

/// Gives the terminal back, once, as well as it goes: there is nobody to tell when it does not.
pub fn give_back() {
    if OURS.swap(false, Ordering::SeqCst) {
        let _ = write(LEAVE);
        let _ = disable_raw_mode();
    }
}

/// A panic of the drawing thread ends the console, so the terminal is given back before the message is printed. Other
/// threads fail alone: their message goes to the log, not over the screen.
fn give_back_on_panic() {
    let before = std::panic::take_hook();
    let ours = std::thread::current().id();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().id() == ours {
            give_back();
            before(panic);
        } else {
            tracing::error!(%panic, "a thread panicked");
        }
    }));
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}
