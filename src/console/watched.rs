//! What is being kept fresh, since when, and when each was last heard: what the age in the header is made of.

use crate::console::ctx::{LIST_PATIENCE, LIVE_PATIENCE};
use crate::console::effect::{Effect, Generation, Interest};
use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::ids::WorkflowId;

/// Everything that is being kept fresh.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watched {
    list: Vec<Watch>,
    last: Generation,
}

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    pub interest: Interest,
    pub generation: Generation,
    pub since: Timestamp,
    pub heard: Option<Timestamp>,
}

impl Watch {
    /// How old what is shown of it may be before it is called old; `None` for what does not age.
    fn patience(&self, is_live: &impl Fn(&WorkflowId) -> bool) -> Option<Millis> {
        match &self.interest {
            Interest::Workflow(id) if is_live(id) => Some(LIVE_PATIENCE),
            Interest::Overview | Interest::Workflows { .. } | Interest::Workflow(_) | Interest::Goal(_) => {
                Some(LIST_PATIENCE)
            }
            // Its age is told beside it: it is not Temporal's.
            Interest::Agents | Interest::Evidence { .. } | Interest::History { .. } => None,
        }
    }
}

impl Watched {
    /// From now on exactly these. Those that go on keep their generation, so that their answers still count.
    pub fn want(&mut self, mut wanted: Vec<Interest>, now: Timestamp) -> Option<Effect> {
        wanted.sort();
        wanted.dedup();
        if wanted.iter().eq(self.list.iter().map(|watch| &watch.interest)) {
            return None;
        }
        let mut before = std::mem::take(&mut self.list);
        for interest in wanted {
            let kept = before.iter().position(|watch| watch.interest == interest).map(|at| before.swap_remove(at));
            let watch = kept.unwrap_or_else(|| {
                self.last.0 += 1;
                Watch { interest, generation: self.last, since: now, heard: None }
            });
            self.list.push(watch);
        }
        Some(Effect::Watch(self.list.iter().map(|watch| (watch.interest.clone(), watch.generation)).collect()))
    }

    /// The wall clock was set back: nothing was heard later than now.
    pub fn clock_set(&mut self, now: Timestamp) {
        for watch in &mut self.list {
            watch.since = watch.since.min(now);
            watch.heard = watch.heard.map(|heard| heard.min(now));
        }
    }

    /// Whether an answer is to a question that still stands.
    pub fn stands(&self, generation: Generation) -> bool {
        self.list.iter().any(|watch| watch.generation == generation)
    }

    /// An answer came; says to what.
    pub fn heard(&mut self, generation: Generation, now: Timestamp) -> Option<&Interest> {
        let watch = self.list.iter_mut().find(|watch| watch.generation == generation)?;
        watch.heard = Some(now);
        Some(&watch.interest)
    }

    /// Age of the oldest of what is shown, if it is older than it should be.
    pub fn overdue(&self, now: Timestamp, is_live: impl Fn(&WorkflowId) -> bool) -> Option<Millis> {
        self.list
            .iter()
            .filter_map(|watch| {
                let age = now.since(watch.heard.unwrap_or(watch.since));
                (age > watch.patience(&is_live)?).then_some(age)
            })
            .max()
    }

    /// When the next of them becomes overdue.
    pub fn next_overdue(&self, now: Timestamp, is_live: impl Fn(&WorkflowId) -> bool) -> Option<Timestamp> {
        self.list
            .iter()
            .filter_map(|watch| Some(watch.heard.unwrap_or(watch.since).plus(watch.patience(&is_live)?)))
            .map(|at| at.plus(Millis(1)))
            .filter(|at| *at > now)
            .min()
    }
}
