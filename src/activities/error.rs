//! The one mapping from what went wrong to what Temporal does about it: try again, or stop and say why.
//!
//! Everything is worth another attempt unless it says otherwise with [`Permanent`], anywhere in its chain of causes.

use temporalio_sdk::activities::ActivityError;
use temporalio_sdk::error::ApplicationFailure;

/// Why no retry can help. The name is the failure's type on the wire, which retry policies and workflows match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The worker is not configured for what was asked.
    Configuration,
    UnknownService,
    UnknownCommit,
    /// The argument contradicts itself or the state of the world.
    InvalidRequest,
    /// No version serves the traffic.
    NothingLive,
    /// The deployment was rolled back; a late attempt must not bring it back.
    RolledBack,
    /// Another deployment of the service went live meanwhile.
    Overtaken,
    /// A migration's SQL fails.
    MigrationFailed,
    /// The live database's file is gone.
    DatabaseMissing,
    /// The backup is gone, changed or damaged.
    BackupDamaged,
}

impl Cause {
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Configuration => "Configuration",
            Self::UnknownService => "UnknownService",
            Self::UnknownCommit => "UnknownCommit",
            Self::InvalidRequest => "InvalidRequest",
            Self::NothingLive => "NothingLive",
            Self::RolledBack => "RolledBack",
            Self::Overtaken => "Overtaken",
            Self::MigrationFailed => "MigrationFailed",
            Self::DatabaseMissing => "DatabaseMissing",
            Self::BackupDamaged => "BackupDamaged",
        }
    }
}

/// A failure that stays one, however often it is tried.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Permanent {
    pub cause: Cause,
    message: String,
}

/// A [`Permanent`] as an error of any activity function.
pub fn permanent(cause: Cause, message: impl Into<String>) -> anyhow::Error {
    Permanent { cause, message: message.into() }.into()
}

/// The [`Cause`] of an error, when it is permanent.
pub fn cause(error: &anyhow::Error) -> Option<Cause> {
    // `downcast_ref` also finds what was given as context; the chain finds what it was given to.
    error
        .downcast_ref::<Permanent>()
        .or_else(|| error.chain().find_map(|link| link.downcast_ref::<Permanent>()))
        .map(|permanent| permanent.cause)
}

/// Reports an error to Temporal: its whole chain as one sentence, retryable or not.
pub fn report(error: anyhow::Error) -> ActivityError {
    // An activity that noticed its own cancellation says so with the SDK's word, not with a failure.
    let error = match error.downcast::<Cancelled>() {
        Ok(Cancelled) => return ActivityError::cancelled(),
        Err(error) => error,
    };
    let cause = cause(&error);
    let failure = ApplicationFailure::builder(format!("{error:#}"))
        .non_retryable(cause.is_some())
        .maybe_type_name(cause.map(|cause| cause.type_name().to_owned()))
        .build();
    ActivityError::application(failure)
}

/// The workflow, or a worker shutting down, asked the activity to end.
#[derive(Debug, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;
