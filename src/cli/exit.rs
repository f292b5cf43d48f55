//! What a command's end means to a script.

use crate::contracts::failure::{Failure, FailureKind};

/// Exit codes. They are part of the interface: scripts branch on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Ok,
    Failure,
    Usage,
    /// The workflow, or a policy, said no.
    Refused,
    /// Sent; nobody can say yet whether it took effect.
    InDoubt,
    NotFound,
    /// A server did not answer.
    Unavailable,
    /// Credentials are missing or wrong, or do not suffice.
    Denied,
    /// Nobody said yes; nothing was sent.
    NotConfirmed,
    /// Ctrl-C while following. What was sent goes on.
    Interrupted,
}

/// The table for `--help` and the README.
pub const TABLE: &str = "\
Exit codes:
  0    done
  1    failed
  2    wrong usage
  3    refused by the workflow, by policy or by --read-only
  4    in doubt: sent, not confirmed yet
  5    no such workflow, gate or namespace
  6    a server cannot be reached, or does not answer in time
  7    credentials missing, wrong or not sufficient
  8    not confirmed: nothing was sent
  130  interrupted while following; what was sent goes on";

/// What stands under the help of one command.
pub fn example(line: &str) -> String {
    format!("Example:\n  {line}\n\nExit codes are listed by `gatewatch --help`.")
}

/// Arguments that cannot be read, for whoever asked for JSON: what is wrong, and how it is used.
pub fn misused(error: &clap::Error) -> Stop {
    let text = error.render().to_string();
    let (message, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
    Stop::usage(message.trim_start_matches("error: ").trim(), rest.trim())
}

/// A failure that comes with words of its own keeps them.
pub fn failure_of(error: &anyhow::Error) -> Failure {
    let known = error.downcast_ref::<Failure>().cloned();
    known.unwrap_or_else(|| Failure::new(FailureKind::Internal, format!("{error:#}."), ""))
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::InDoubt => 4,
            Self::NotFound => 5,
            Self::Unavailable => 6,
            Self::Denied => 7,
            Self::NotConfirmed => 8,
            Self::Interrupted => 130,
        }
    }
}

impl From<FailureKind> for Exit {
    fn from(kind: FailureKind) -> Self {
        match kind {
            FailureKind::Unauthenticated | FailureKind::Denied => Self::Denied,
            FailureKind::NotFound => Self::NotFound,
            FailureKind::Unavailable | FailureKind::DeadlineExceeded => Self::Unavailable,
            FailureKind::Conflict | FailureKind::ReadOnly => Self::Refused,
            FailureKind::Invalid => Self::Usage,
            FailureKind::Internal => Self::Failure,
        }
    }
}

/// Why a command ended before its time.
#[derive(Debug)]
pub enum Stop {
    Failed(Failure),
    /// A sentence about what keeps it from going on, and the code that says so.
    Told(Exit, Failure),
    /// The reader of our output has gone: nothing is left to say, and to nobody.
    Unread,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::Unread;
        }
        Self::Failed(Failure::new(FailureKind::Internal, format!("The output cannot be written: {error}."), ""))
    }
}

impl Stop {
    /// A wrong use that the arguments' parser cannot see.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Failed(Failure::new(FailureKind::Invalid, message, hint))
    }

    /// Nobody said yes.
    pub fn not_confirmed(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Told(Exit::NotConfirmed, Failure::new(FailureKind::Denied, message, hint))
    }
}
