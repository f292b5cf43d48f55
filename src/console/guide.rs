//! The demo's guide: one short line that says what to press next, until the person has approved, broken and rolled back
//! once. It reads the world, so it is right whoever did the deed, and however.

use crate::console::action::Action;
use crate::console::world::World;
use crate::contracts::delivery::DeploymentStage;
use crate::contracts::health::HealthStatus;
use crate::contracts::workflow::WorkflowRow;

/// The service whose story the guide follows. Others of the demo are none of its business.
pub const SERVICE: &str = "checkout";

/// How far the person has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guide {
    /// The world of the last demo, in which nothing of the story is under way.
    Kept,
    /// The gate is not open yet.
    #[default]
    Open,
    Approve,
    /// Approved; the deployment is on its way.
    Wait,
    Break,
    RollBack,
    Watch,
    Over,
}

impl Guide {
    /// Goes on as the world does; never back.
    pub fn look(&mut self, world: &World) {
        let Some(overview) = world.overview.value() else { return };
        let followed = |row: &&WorkflowRow| {
            let service = row.published.as_ref().and_then(|published| published.service.as_ref());
            service.is_some_and(|service| service.as_str() == SERVICE)
        };
        let rows = || overview.live.iter().chain(&overview.troubled).filter(followed);
        let health = |row: &WorkflowRow| world.detail(&row.id).value().map_or(row.health, |detail| detail.row.health);
        let any = |wanted: HealthStatus| rows().any(|row| health(row) == Some(wanted));
        let watched = || {
            overview.live.iter().filter(followed).any(|row| {
                let deployment = row.published.as_ref().and_then(|published| published.deployment.as_ref());
                deployment.is_some_and(|deployment| deployment.stage == DeploymentStage::Monitoring)
            })
        };
        let rolling = any(HealthStatus::RollingBack) || any(HealthStatus::Stuck);
        let waits = || overview.gates.iter().any(|row| followed(&row));
        *self = match *self {
            // Somebody else may have approved it, or broken it, from another terminal.
            Self::Kept | Self::Open | Self::Approve | Self::Wait if watched() => Self::Break,
            Self::Kept | Self::Open if waits() => Self::Approve,
            Self::Kept | Self::Open | Self::Approve if overview.live.iter().any(|row| followed(&row)) => Self::Wait,
            Self::Break if any(HealthStatus::Degraded) => Self::RollBack,
            Self::Kept | Self::Wait | Self::Break | Self::RollBack if rolling => Self::Watch,
            Self::Watch | Self::RollBack if any(HealthStatus::RolledBack) && !rolling => Self::Over,
            Self::Kept => Self::Kept,
            Self::Open => Self::Open,
            Self::Approve => Self::Approve,
            Self::Wait => Self::Wait,
            Self::Break => Self::Break,
            Self::RollBack => Self::RollBack,
            Self::Watch => Self::Watch,
            Self::Over => Self::Over,
        };
    }

    /// The person did it, whatever the world shows yet.
    pub fn done(&mut self, step: Self) {
        *self = (*self).max(step);
    }

    /// What to press next, with the keys filled in by `key`.
    pub fn line(self, key: impl Fn(Action) -> String) -> String {
        match self {
            Self::Kept => format!(
                "The last demo's world, as it was left: nothing new begins in it. {} leaves.",
                key(Action::Quit)
            ),
            Self::Open => "Evidence for checkout v42 is being collected; its gate opens in a moment.".to_owned(),
            Self::Approve => format!(
                "A gate waits for you: {} shows it, {} approves it.",
                key(Action::GoGates),
                key(Action::Approve)
            ),
            Self::Wait => format!("Approved: the deployment is starting. {} follows it.", key(Action::GoDeployment)),
            Self::Break => format!(
                "It is live and watched. Break it: {} then `errors`, {}.",
                key(Action::Palette),
                key(Action::Open)
            ),
            Self::RollBack => format!(
                "Watch it fail: {1} shows it, {0} {0} rolls back, or it does by itself.",
                key(Action::RollBack),
                key(Action::GoDeployment)
            ),
            Self::Watch => "Rolling back: six steps, until the old version is verified serving.".to_owned(),
            Self::Over => {
                format!("That is the whole story. {} has every key; {} leaves.", key(Action::Help), key(Action::Quit))
            }
        }
    }
}
