//! The one place that prints. Data goes to stdout; what is said to the person beside it goes to stderr.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd as _;

use serde::Serialize;
use tokio::io::Interest;
use tokio::net::unix::pipe::Sender;

use crate::cli::exit::{Exit, Stop};
use crate::contracts::failure::Failure;
use crate::contracts::http::ErrorBody;

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Aligned text.
    People,
    /// One JSON value, or one a line while following.
    Json,
}

/// What a piece of text means; a terminal with colours shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Good,
    Warning,
    Bad,
    Muted,
    Strong,
}

/// Where and how to print.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    pub form: Form,
    colours: bool,
}

impl Output {
    pub fn new(form: Form, no_color: bool) -> Self {
        let wanted = !no_color && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let capable = io::stdout().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb");
        Self { form, colours: wanted && capable }
    }

    pub fn is_json(self) -> bool {
        self.form == Form::Json
    }

    /// Resolves when nobody reads what is printed any more; never where that cannot be known. A workflow that is quiet
    /// would be followed for nobody.
    pub async fn unread(self) {
        // Only looked at, never written to: it need not be non-blocking. A file cannot be asked, and is always read.
        if let Ok(pipe) = io::stdout().as_fd().try_clone_to_owned().and_then(Sender::from_owned_fd_unchecked)
            && pipe.ready(Interest::ERROR).await.is_ok_and(tokio::io::Ready::is_error)
        {
            return;
        }
        std::future::pending::<()>().await;
    }

    /// One line of data.
    pub fn line(self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{text}")?;
        out.flush()
    }

    pub fn lines(self, lines: impl IntoIterator<Item = String>) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for line in lines {
            writeln!(out, "{line}")?;
        }
        out.flush()
    }

    /// A whole answer as JSON, indented.
    pub fn json(self, value: &impl Serialize) -> io::Result<()> {
        let mut out = io::stdout().lock();
        serde_json::to_writer_pretty(&mut out, value).map_err(io::Error::from)?;
        writeln!(out)?;
        out.flush()
    }

    /// One JSON value on one line, as events are written.
    pub fn json_line(self, value: &impl Serialize) -> io::Result<()> {
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, value).map_err(io::Error::from)?;
        writeln!(out)?;
        out.flush()
    }

    /// Something for the person at the terminal, beside the data.
    pub fn say(self, text: &str) -> io::Result<()> {
        let mut err = io::stderr().lock();
        writeln!(err, "{text}")
    }

    pub fn paint(self, tone: Tone, text: &str) -> String {
        if !self.colours {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Warning => "33",
            Tone::Bad => "31",
            Tone::Muted => "2",
            Tone::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// Says why a command ended, and picks its code. Nothing that goes wrong here can be told to anybody.
    pub fn end(self, result: Result<Exit, Stop>) -> Exit {
        let (exit, failure) = match result {
            Ok(exit) => return exit,
            Err(Stop::Unread) => return Exit::Ok,
            Err(Stop::Failed(failure)) => (Exit::from(failure.kind), failure),
            Err(Stop::Told(exit, failure)) => (exit, failure),
        };
        // A closed stderr is no reason for another code.
        let _ = self.say(&self.explain(failure));
        exit
    }

    fn explain(self, failure: Failure) -> String {
        if self.is_json() {
            return serde_json::to_string(&ErrorBody::from(failure)).unwrap_or_default();
        }
        let mut text = format!("gatewatch: {}", failure.message);
        if !failure.hint.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n  {}", failure.hint);
        }
        text
    }
}
