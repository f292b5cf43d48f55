//! What every screen shares of the world outside: gates, deployments, workflows in detail, and the state of the ways
//! there. The root applies answers; screens read.

use std::collections::BTreeMap;

use crate::console::event::{Answer, Overview};
use crate::console::remote::Remote;
use crate::contracts::clock::Timestamp;
use crate::contracts::evidence::ShownEvidence;
use crate::contracts::ids::WorkflowId;
use crate::contracts::link::Link;
use crate::contracts::workflow::{WorkflowCounts, WorkflowDetail};

/// The world as last seen.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub overview: Remote<Overview>,
    /// How many workflows the list's query matches.
    pub counts: Remote<WorkflowCounts>,
    /// Workflows in detail: those on screen, and the last few before them.
    pub details: BTreeMap<WorkflowId, Remote<WorkflowDetail>>,
    /// Evidence of gates that were looked at.
    pub evidence: BTreeMap<WorkflowId, Remote<Option<ShownEvidence>>>,
    pub links: BTreeMap<Upstream, Link>,
}

/// A server we depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Upstream {
    Temporal,
    Coordinator,
}

impl Upstream {
    pub fn name(self) -> &'static str {
        match self {
            Self::Temporal => "temporal",
            Self::Coordinator => "coordinator",
        }
    }
}

impl World {
    /// How many workflows in detail are kept.
    const KEPT: usize = 8;

    pub fn detail(&self, id: &WorkflowId) -> &Remote<WorkflowDetail> {
        const IDLE: &Remote<WorkflowDetail> = &Remote::Idle;
        self.details.get(id).unwrap_or(IDLE)
    }

    /// Takes in what concerns every screen; the rest is the screens' own.
    pub fn apply(&mut self, answer: &Answer, now: Timestamp) {
        match answer {
            Answer::Overview(result) => self.overview.answered(result.clone(), now),
            Answer::Counts { result, .. } => self.counts.answered(result.clone(), now),
            Answer::Workflow { id, result } => {
                self.make_room(id);
                let detail = self.details.entry(id.clone()).or_default();
                detail.answered(result.clone().map(|boxed| *boxed), now);
            }
            Answer::Evidence { workflow, result } => {
                if !self.evidence.contains_key(workflow) && self.evidence.len() >= Self::KEPT {
                    self.evidence.pop_first();
                }
                let evidence = self.evidence.entry(workflow.clone()).or_default();
                evidence.answered(result.clone().map(|found| found.map(|boxed| *boxed)), now);
            }
            Answer::Workflows { .. } | Answer::History { .. } | Answer::Tail { .. } => {}
        }
    }

    /// The wall clock was set back: nothing is known from later than now.
    pub fn clock_set(&mut self, now: Timestamp) {
        self.overview.clock_set(now);
        self.counts.clock_set(now);
        self.details.values_mut().for_each(|detail| detail.clock_set(now));
        self.evidence.values_mut().for_each(|evidence| evidence.clock_set(now));
    }

    fn make_room(&mut self, for_id: &WorkflowId) {
        if self.details.len() < Self::KEPT || self.details.contains_key(for_id) {
            return;
        }
        let oldest = self.details.iter().min_by_key(|(_, detail)| detail.at()).map(|(id, _)| id.clone());
        if let Some(id) = oldest {
            self.details.remove(&id);
        }
    }
}
