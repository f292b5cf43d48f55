//! The one mapping from what gRPC says to what a person reads: what could not be done, why, what to do next.

use std::error::Error;

use temporalio_client::errors::ClientConnectError;
use temporalio_client::tonic::{Code, Status};
use temporalio_common::protos::temporal::api::failure::v1 as proto;
use temporalio_common::protos::temporal::api::failure::v1::failure::FailureInfo;

use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::text;

/// How much of a server's words a person is shown.
const WORDS: usize = 300;
/// How far down a chain of causes is read.
const CAUSES: usize = 8;

/// A call that did not bring an answer one can use.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It never left: nothing has happened.
    Unsent(Failure),
    /// It left, and nobody knows what became of it.
    Unanswered(Failure),
    /// The server answered, and its answer is no.
    Refused { failure: Failure, code: Code },
}

impl Trouble {
    /// The server has no such thing, or has it no more: a workflow that ended counts as both.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, Self::Refused { code: Code::NotFound, .. })
    }

    /// The workflow is between two runs: the server takes nothing for it then, and nothing has happened.
    pub(crate) fn is_between_runs(&self) -> bool {
        match self {
            Self::Refused { failure, code: Code::ResourceExhausted } => failure.message.contains("workflow is closing"),
            Self::Unsent(_) | Self::Unanswered(_) | Self::Refused { .. } => false,
        }
    }

    /// A reason to look at the link: nobody answered, or whoever did no longer knows us. Anything else was said by a
    /// server that is there.
    pub(crate) fn is_loss(&self) -> bool {
        match self {
            Self::Unsent(_) | Self::Unanswered(_) => true,
            Self::Refused { code, .. } => *code == Code::Unauthenticated,
        }
    }

    pub(crate) fn failure(&self) -> &Failure {
        match self {
            Self::Unsent(failure) | Self::Unanswered(failure) | Self::Refused { failure, .. } => failure,
        }
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Unsent(failure) | Trouble::Unanswered(failure) | Trouble::Refused { failure, .. } => failure,
        }
    }
}

/// Sorts a status. `what` is what could not be done: `list workflows`.
pub(crate) fn of_status(what: &str, status: &Status) -> Trouble {
    let (kind, hint) = judge(status);
    let failure = Failure::new(kind, format!("Cannot {what}: {}.", reason(status)), hint);
    match kind {
        FailureKind::Unavailable if status.code() != Code::ResourceExhausted => Trouble::Unanswered(failure),
        FailureKind::DeadlineExceeded => Trouble::Unanswered(failure),
        FailureKind::Unauthenticated
        | FailureKind::Denied
        | FailureKind::NotFound
        | FailureKind::Unavailable
        | FailureKind::Conflict
        | FailureKind::Invalid
        | FailureKind::ReadOnly
        | FailureKind::Internal => Trouble::Refused { failure, code: status.code() },
    }
}

/// The server did not answer within the deadline.
pub(crate) fn too_late(what: &str, deadline: std::time::Duration) -> Failure {
    Failure::new(
        FailureKind::DeadlineExceeded,
        format!("Cannot {what}: no answer within {} s.", deadline.as_secs_f32()),
        "The server or the network is slow; it is worth trying again.",
    )
}

/// Sorts what went wrong while connecting.
pub(crate) fn of_connecting(address: &str, error: &ClientConnectError) -> Failure {
    let what = format!("connect to Temporal at {address}");
    #[expect(clippy::wildcard_enum_match_arm, reason = "a foreign enum that may grow")]
    match error {
        ClientConnectError::SystemInfoCallError(status) => of_status(&what, status).into(),
        ClientConnectError::InvalidUri(_)
        | ClientConnectError::InvalidHeaders(_)
        | ClientConnectError::InvalidConfig(_) => Failure::new(
            FailureKind::Invalid,
            format!("Cannot {what}: {}.", shown(&error.to_string())),
            "Correct the profile in temporal.toml or the TEMPORAL_* variables.",
        ),
        // Non-exhaustive; transport, DNS and whatever is added are about not getting through.
        _ => Failure::new(
            FailureKind::Unavailable,
            format!("Cannot {what}: {}.", shown(&deepest(error))),
            "Check that the server runs and that the address, the VPN and TLS are right.",
        ),
    }
}

/// A workflow's or an activity's failure in a few lines: its message and type, and what caused it.
pub(crate) fn failure_text(failure: &proto::Failure) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next = Some(failure);
    while let Some(failure) = next.filter(|_| said.len() < CAUSES) {
        let kind = match &failure.failure_info {
            Some(FailureInfo::ApplicationFailureInfo(info)) => info.r#type.as_str(),
            _ => "",
        };
        let message = if failure.message.is_empty() { "failed without a message" } else { &failure.message };
        let message = shown(message);
        let line = if kind.is_empty() { message } else { format!("{message} ({})", shown(kind)) };
        if said.last() != Some(&line) {
            said.push(line);
        }
        next = failure.cause.as_deref();
    }
    said.join(": ")
}

fn judge(status: &Status) -> (FailureKind, &'static str) {
    let said = status.message().to_ascii_lowercase();
    match status.code() {
        Code::Unauthenticated => (
            FailureKind::Unauthenticated,
            "The credentials are missing, wrong or expired: renew the API key or the client certificate of this profile.",
        ),
        Code::PermissionDenied => (
            FailureKind::Denied,
            "The credentials are known but may not do this: ask for the role, or use another profile.",
        ),
        Code::NotFound if said.contains("namespace") => (
            FailureKind::NotFound,
            "Correct the namespace of this profile, or make it: `temporal operator namespace create`.",
        ),
        Code::NotFound if said.contains("already completed") => {
            (FailureKind::Conflict, "It has ended meanwhile; open it to see how.")
        }
        Code::NotFound => (FailureKind::NotFound, "It may have ended long ago, or be in another namespace."),
        Code::DeadlineExceeded | Code::Cancelled => {
            (FailureKind::DeadlineExceeded, "The server or the network is slow; it is worth trying again.")
        }
        Code::AlreadyExists if said.contains("already running") => {
            (FailureKind::Conflict, "It is left alone: look at it with `gatewatch show`, or take another id.")
        }
        Code::AlreadyExists | Code::Aborted | Code::FailedPrecondition => {
            (FailureKind::Conflict, "It changed meanwhile; look at it again.")
        }
        // A cluster that has never seen gatewatch.
        Code::InvalidArgument if said.contains("not a valid search attribute") => {
            (FailureKind::Invalid, "Register what is missing with `gatewatch doctor --fix`.")
        }
        Code::InvalidArgument | Code::OutOfRange => (FailureKind::Invalid, "Correct what was asked for."),
        Code::ResourceExhausted => {
            (FailureKind::Unavailable, "The server is busy and asks for patience; try again shortly.")
        }
        Code::Unimplemented => (FailureKind::Invalid, "The server is too old for this; it needs an upgrade."),
        Code::Unavailable => (FailureKind::Unavailable, "It is tried again by itself."),
        Code::Unknown | Code::Internal if is_transport(status) => {
            (FailureKind::Unavailable, "It is tried again by itself.")
        }
        Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => {
            (FailureKind::Internal, "This looks like a bug of the server or of gatewatch; the log has more.")
        }
    }
}

/// A connection that breaks in the middle of a call is reported under other codes than `Unavailable`.
fn is_transport(status: &Status) -> bool {
    let said = status.message().to_ascii_lowercase();
    ["transport error", "h2 protocol error", "connection", "broken pipe"].iter().any(|sign| said.contains(sign))
}

/// The server's words, or the system's where a transport error has none of its own.
fn reason(status: &Status) -> String {
    let own = status.message().trim().trim_end_matches('.');
    let generic = own.is_empty() || is_transport(status);
    let said = if generic && status.source().is_some() { deepest(status) } else { own.to_owned() };
    if said.is_empty() { shown(&status.code().to_string()) } else { shown(&said) }
}

/// The root of a chain of errors, which is where the system says `Connection refused`.
fn deepest(error: &dyn Error) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}

fn shown(words: &str) -> String {
    let safe = text::line(words.trim().trim_end_matches('.')).into_owned();
    match safe.char_indices().nth(WORDS) {
        Some((end, _)) => format!("{}…", &safe[..end]),
        None => safe,
    }
}

#[cfg(test)]
mod tests {
    use super::{Trouble, of_status};
    use crate::contracts::failure::{Failure, FailureKind};
    use temporalio_client::tonic::{Code, Status};

    #[test]
    fn between_two_runs_is_told_from_busy() {
        let said = "workflow operation can not be applied because workflow is closing";
        for (code, said, expected) in [
            (Code::ResourceExhausted, said, true),
            (Code::ResourceExhausted, "namespace rate limit exceeded", false),
            (Code::NotFound, said, false),
        ] {
            assert_eq!(of_status("send", &Status::new(code, said)).is_between_runs(), expected, "{code}: {said}");
        }
    }

    #[test]
    fn every_code_says_what_it_is_and_what_to_do() {
        let table = [
            (Code::Unauthenticated, "token expired", FailureKind::Unauthenticated),
            (Code::PermissionDenied, "Request unauthorized.", FailureKind::Denied),
            (Code::NotFound, "workflow not found for ID: x", FailureKind::NotFound),
            (Code::NotFound, "Namespace shop is not found.", FailureKind::NotFound),
            (Code::NotFound, "workflow execution already completed", FailureKind::Conflict),
            (Code::DeadlineExceeded, "context deadline exceeded", FailureKind::DeadlineExceeded),
            (Code::Cancelled, "Timeout expired", FailureKind::DeadlineExceeded),
            (Code::InvalidArgument, "invalid query", FailureKind::Invalid),
            (Code::AlreadyExists, "Workflow execution is already running", FailureKind::Conflict),
            (Code::ResourceExhausted, "namespace rate limit exceeded", FailureKind::Unavailable),
            (Code::Unavailable, "tcp connect error", FailureKind::Unavailable),
            (Code::Unknown, "transport error", FailureKind::Unavailable),
            (Code::Internal, "h2 protocol error: error reading a body from connection", FailureKind::Unavailable),
            (Code::Internal, "panic in handler", FailureKind::Internal),
            (Code::Unimplemented, "unknown method", FailureKind::Invalid),
        ];
        for (code, said, kind) in table {
            let failure = Failure::from(of_status("list workflows", &Status::new(code, said)));
            assert_eq!(failure.kind, kind, "{code}: {said}");
            assert!(failure.message.starts_with("Cannot list workflows: "), "{}", failure.message);
            assert!(failure.message.contains(said.trim_end_matches('.')), "{}", failure.message);
            assert!(!failure.hint.is_empty(), "{code}");
        }
    }

    #[test]
    fn only_silence_leaves_a_call_in_doubt() {
        let trouble = |code| of_status("decide", &Status::new(code, ""));
        assert!(matches!(trouble(Code::Unavailable), Trouble::Unanswered(_)));
        assert!(matches!(trouble(Code::DeadlineExceeded), Trouble::Unanswered(_)));
        assert!(matches!(trouble(Code::ResourceExhausted), Trouble::Refused { .. }));
        assert!(matches!(trouble(Code::NotFound), Trouble::Refused { .. }));
    }

    #[test]
    fn a_server_that_says_no_is_there() {
        let is_loss = |code, said: &str| of_status("list workflows", &Status::new(code, said)).is_loss();
        // What tonic says when its own deadline passes: the server said nothing.
        assert!(is_loss(Code::Cancelled, "Timeout expired") && is_loss(Code::Unavailable, "tcp connect error"));
        assert!(is_loss(Code::Unknown, "transport error") && is_loss(Code::Unauthenticated, "token expired"));
        for code in [Code::ResourceExhausted, Code::PermissionDenied, Code::Internal, Code::Unimplemented] {
            assert!(!is_loss(code, "no"), "{code}");
        }
    }

    #[test]
    fn a_server_cannot_write_to_the_terminal_through_an_error() {
        let hostile = format!("\x1b]0;owned\x07 \u{202e}{}", "x".repeat(5000));
        let failure = Failure::from(of_status("list workflows", &Status::internal(hostile)));
        assert!(!failure.message.contains('\x1b') && !failure.message.contains('\u{202e}'), "{}", failure.message);
        assert!(failure.message.len() < 500);
    }
}
