//! What the demo says about its own work: to stderr while the terminal is ours, to the log while the console has it.

use std::io::{IsTerminal as _, Write as _};

/// Where nobody looks all the time, a word about something that goes on is kept this seldom.
const KEPT_EVERY_SECONDS: u64 = 15;
/// One line of any terminal: what passes must not wrap.
const PASSING_CHARS: usize = 78;

/// Something that is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// Stays.
    Line(&'a str),
    /// Something that goes on, and for how many seconds. Said every second; the next word takes its place.
    Passing { seconds: u64, text: &'a str },
}

/// Who hears what.
#[derive(Clone, Copy, Debug)]
pub struct Tell {
    /// While the world is built: what takes long, and how far it is.
    pub building: fn(Said<'_>),
    /// Once it is up: what had to be started again.
    pub up: fn(&str),
}

impl Tell {
    /// Both to stderr: nothing of ours draws on the terminal.
    pub fn on_stderr() -> Self {
        Self { building: to_stderr, up: |line| to_stderr(Said::Line(line)) }
    }

    /// To stderr until the world is up, to the log from then on: the terminal is the console's.
    pub fn before_a_console() -> Self {
        Self { building: to_stderr, up: |line| tracing::info!("{line}") }
    }
}

/// Says it on stderr. When nobody reads it any more, that is no reason to stop.
pub fn to_stderr(said: Said<'_>) {
    let mut stderr = std::io::stderr().lock();
    let replaces = stderr.is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    let _ = match said {
        Said::Line(line) if replaces => writeln!(stderr, "\r\x1b[K{line}"),
        Said::Line(line) => writeln!(stderr, "{line}"),
        Said::Passing { seconds, text } if replaces => {
            let text: String = format!("  {seconds} s  {text}").chars().take(PASSING_CHARS).collect();
            write!(stderr, "\r\x1b[K{text}").and_then(|()| stderr.flush())
        }
        Said::Passing { seconds, text } if seconds.is_multiple_of(KEPT_EVERY_SECONDS) => {
            writeln!(stderr, "  {seconds} s  {text}")
        }
        Said::Passing { .. } => Ok(()),
    };
}
