//! The signs that carry a meaning without colour. Single-width only; [`crate::console::theme::charset`] has their ASCII forms.

use crate::console::chronicle::Outcome;
use crate::console::theme::role::Role;
use crate::contracts::health::{HealthStatus, TriggerStatus};
use crate::contracts::phase::PhaseStatus;
use crate::contracts::rollback::StepStatus;
use crate::contracts::workflow::{ExecutionStatus, Standing};

/// A state of something, as one character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sign {
    Ok,
    Running,
    Waiting,
    Warning,
    Failed,
    Paused,
    RollingBack,
    NotYet,
    Unknown,
}

impl Sign {
    pub const ALL: [Self; 9] = [
        Self::Ok,
        Self::Running,
        Self::Waiting,
        Self::Warning,
        Self::Failed,
        Self::Paused,
        Self::RollingBack,
        Self::NotYet,
        Self::Unknown,
    ];

    pub fn glyph(self) -> &'static str {
        match self {
            Self::Ok => "✓",
            Self::Running => "●",
            Self::Waiting => "◌",
            Self::Warning => "▲",
            Self::Failed => "✗",
            Self::Paused => "⏸",
            Self::RollingBack => "↺",
            Self::NotYet => "·",
            Self::Unknown => "?",
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Paused => "paused",
            Self::RollingBack => "rolling back",
            Self::NotYet => "not yet",
            Self::Unknown => "unknown",
        }
    }

    pub fn role(self) -> Role {
        match self {
            Self::Ok => Role::StatusOk,
            Self::Running => Role::StatusRunning,
            Self::Waiting => Role::StatusWaiting,
            Self::Warning | Self::RollingBack => Role::StatusWarning,
            Self::Failed => Role::StatusFailed,
            Self::Paused => Role::StatusPaused,
            Self::NotYet => Role::TextMuted,
            Self::Unknown => Role::StatusUnknown,
        }
    }
}

impl From<PhaseStatus> for Sign {
    fn from(status: PhaseStatus) -> Self {
        match status {
            PhaseStatus::Pending | PhaseStatus::Skipped => Self::NotYet,
            PhaseStatus::Running => Self::Running,
            PhaseStatus::Waiting => Self::Waiting,
            PhaseStatus::Done => Self::Ok,
            PhaseStatus::Failed => Self::Failed,
            PhaseStatus::Paused => Self::Paused,
            PhaseStatus::RollingBack | PhaseStatus::RolledBack => Self::RollingBack,
        }
    }
}

impl From<ExecutionStatus> for Sign {
    fn from(status: ExecutionStatus) -> Self {
        match status {
            ExecutionStatus::Running => Self::Running,
            ExecutionStatus::Completed => Self::Ok,
            ExecutionStatus::Failed | ExecutionStatus::TimedOut => Self::Failed,
            ExecutionStatus::Cancelled | ExecutionStatus::Terminated => Self::Warning,
            ExecutionStatus::ContinuedAsNew => Self::NotYet,
            ExecutionStatus::Paused => Self::Paused,
            ExecutionStatus::Unknown => Self::Unknown,
        }
    }
}

impl From<Outcome> for Sign {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Open => Self::Running,
            Outcome::Done => Self::Ok,
            Outcome::Failed => Self::Failed,
            Outcome::Stopped => Self::Warning,
        }
    }
}

impl From<HealthStatus> for Sign {
    fn from(status: HealthStatus) -> Self {
        match status {
            HealthStatus::Watching => Self::Running,
            HealthStatus::Healthy => Self::Ok,
            HealthStatus::Degraded => Self::Warning,
            HealthStatus::RollingBack | HealthStatus::RolledBack => Self::RollingBack,
            HealthStatus::Stuck => Self::Failed,
        }
    }
}

impl From<Standing> for Sign {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::HeldUp(_) => Self::Warning,
            Standing::Health(health) => Self::from(health),
            Standing::Status(status) => Self::from(status),
        }
    }
}

impl From<&TriggerStatus> for Sign {
    fn from(status: &TriggerStatus) -> Self {
        match status {
            TriggerStatus::Unknown => Self::Unknown,
            TriggerStatus::Ok => Self::Ok,
            TriggerStatus::Failing { .. } => Self::Warning,
            TriggerStatus::Fired => Self::Failed,
        }
    }
}

impl From<&StepStatus> for Sign {
    fn from(status: &StepStatus) -> Self {
        match status {
            StepStatus::Pending | StepStatus::Skipped { .. } => Self::NotYet,
            StepStatus::Running => Self::Running,
            StepStatus::Retrying { .. } => Self::Warning,
            StepStatus::Done { .. } => Self::Ok,
        }
    }
}
