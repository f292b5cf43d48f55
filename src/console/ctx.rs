//! What a screen may look at besides its own state. Nothing in here can be changed by a screen.

use std::path::PathBuf;

use crate::config::settings::View;
use crate::console::action::Action;
use crate::console::keymap::Keymap;
use crate::console::screen::Context;
use crate::console::world::{Upstream, World};
use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::ids::Environment;
use crate::contracts::link::Link;
use crate::contracts::mutation::Cluster;

/// The frame around a screen's state.
#[derive(Clone, Copy, Debug)]
pub struct Ctx<'a> {
    pub now: Timestamp,
    /// Which event this is, counted from the start.
    pub turn: u64,
    pub world: &'a World,
    pub profile: &'a Profile,
    pub keymap: &'a Keymap,
    /// Cells the screen has to itself, inside its border.
    pub body: Size,
}

/// A size in cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    pub width: u16,
    pub height: u16,
}

/// Who looks, at what, and what they may do. Fixed while the console runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub cluster: Cluster,
    pub task_queue: String,
    pub actor: String,
    pub read_only: bool,
    pub typed_production: bool,
    pub bell: bool,
    /// Whether a coordinator is configured: then it decides, and its link is shown.
    pub coordinator: bool,
    /// Begins the ids of this run's mutations.
    pub session: String,
    /// The settings the console was started with, where they were named: a command to copy names them too.
    pub config: Option<PathBuf>,
    /// The demo's faults are among the actions.
    pub demo: bool,
    /// Saved queries of the list of workflows.
    pub views: Vec<View>,
}

/// Older than this, what is shown of a list is not called fresh.
pub const LIST_PATIENCE: Millis = Millis::from_secs(12);
/// The same for a live deployment, which is looked at each second.
pub const LIVE_PATIENCE: Millis = Millis::from_secs(3);

impl Ctx<'_> {
    /// The id of a mutation that begins now. An event begins one at most, and no clock is in it that could repeat.
    pub fn new_id(&self) -> String {
        format!("{}-{:x}", self.profile.session, self.turn)
    }

    /// The key of an action here, as shown to a person; `:name` when it has none.
    pub fn key(&self, context: Context, action: Action) -> String {
        self.keymap.label(context, action).unwrap_or_else(|| format!(":{}", action.spec().name))
    }

    /// For how long Temporal has not answered, while it does not.
    pub fn silent_for(&self) -> Option<Millis> {
        match self.world.links.get(&Upstream::Temporal)? {
            Link::Down { since, .. } => Some(self.now.since(*since)),
            Link::Connecting { .. } | Link::Up { .. } => None,
        }
    }

    /// Whether there is a coordinator that answers.
    pub fn has_coordinator(&self) -> bool {
        self.profile.coordinator && self.world.links.get(&Upstream::Coordinator).is_some_and(Link::is_up)
    }

    /// Why nothing can be written, if so.
    pub fn may_write(&self) -> Result<(), String> {
        if self.profile.read_only {
            return Err("Read-only: start without --read-only to change anything.".to_owned());
        }
        Ok(())
    }

    /// The word to type before production is touched, when the settings ask for one.
    pub fn word_for(&self, environment: Option<&Environment>) -> Option<String> {
        let production = environment.filter(|environment| environment.is_production())?;
        self.profile.typed_production.then(|| production.to_string())
    }
}
