//! What every screen shares of the world outside: gates, deployments, workflows in detail, and the state of the ways
//! there. The root applies answers; screens read.

use std::collections::{BTreeMap, BTreeSet};

use crate::console::ctx::LIVE_PATIENCE;
use crate::console::effect::Interest;
use crate::console::event::{Answer, Overview};
use crate::console::gates::{self, GateKey, GateView};
use crate::console::remote::Remote;
use crate::contracts::clock::Timestamp;
use crate::contracts::engine::state::EngineState;
use crate::contracts::evidence::ShownEvidence;
use crate::contracts::health::HealthStatus;
use crate::contracts::ids::{RunId, WorkflowId};
use crate::contracts::link::Link;
use crate::contracts::roster::AgentRoster;
use crate::contracts::workflow::{Standing, WorkflowCounts, WorkflowDetail, WorkflowRow};

/// The world as last seen.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub overview: Remote<Overview>,
    /// How many workflows a query of the list matches, and which query that was.
    counts: (String, Remote<WorkflowCounts>),
    /// Workflows in detail: those on screen, and the last few before them.
    pub details: BTreeMap<WorkflowId, Remote<WorkflowDetail>>,
    /// Goals, as a worker told them.
    goals: BTreeMap<WorkflowId, Remote<EngineState>>,
    pub agents: Remote<AgentRoster>,
    /// Evidence of gates that were looked at.
    pub evidence: BTreeMap<WorkflowId, Remote<Option<ShownEvidence>>>,
    pub links: BTreeMap<Upstream, Link>,
    /// Gates that this console decided a moment ago: the local truth until the index catches up.
    pub decided: BTreeMap<GateKey, Decided>,
    /// Deployments that this console asked to roll back, until they are seen to: they look as if nobody had asked.
    asked_back: BTreeSet<WorkflowId>,
}

/// A decision, of the gate as it was then: the same gate may open again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    run: RunId,
    revision: u32,
    /// `approved by mira`, or `in doubt`.
    said: String,
    /// It was sent, and nobody has confirmed it yet.
    pub in_doubt: bool,
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

impl Decided {
    pub fn of(gate: &GateView<'_>, said: String) -> Self {
        Self { run: gate.row.run_id.clone(), revision: gate.revision(), said, in_doubt: false }
    }

    pub fn in_doubt(gate: &GateView<'_>) -> Self {
        Self { in_doubt: true, ..Self::of(gate, "in doubt".to_owned()) }
    }

    pub fn said(&self) -> &str {
        &self.said
    }

    fn is_of(&self, gate: &GateView<'_>) -> bool {
        self.run == gate.row.run_id && self.revision == gate.revision()
    }
}

impl World {
    /// How many workflows a query matches, where it was counted.
    pub fn counts(&self, query: &str) -> Option<&WorkflowCounts> {
        self.counts.1.value().filter(|_| self.counts.0 == query)
    }

    /// How a gate was decided from here a moment ago, while the lists still show it as open.
    pub fn how_decided(&self, gate: &GateView<'_>) -> Option<&Decided> {
        self.decided.get(&gate.key()).filter(|decided| decided.is_of(gate))
    }

    /// A rollback was sent from here.
    pub fn ask_back(&mut self, id: WorkflowId) {
        self.asked_back.insert(id);
    }

    /// It was not: it failed, and nothing follows it any more.
    pub fn take_back_asking(&mut self, id: &WorkflowId) {
        self.asked_back.remove(id);
    }

    /// Whether a rollback was asked for from here and has not begun.
    pub fn is_asked_back(&self, row: &WorkflowRow) -> bool {
        self.asked_back.contains(&row.id) && !is_rolled(row)
    }

    /// Live deployments that nobody looks at: beyond the first few, what is shown is what they published, or what was seen
    /// when somebody looked last.
    pub fn not_looked_at(&self) -> impl Iterator<Item = &WorkflowRow> {
        let live = self.overview.value().map(|overview| overview.live.as_slice()).unwrap_or_default();
        let beyond = live.iter().filter(|row| row.is_watched()).skip(Overview::LOOKED_AT);
        let described = |row: &WorkflowRow| {
            let until = self.detail(&row.id).at().map(|at| at.plus(LIVE_PATIENCE));
            until >= self.overview.at()
        };
        beyond.filter(move |row| !described(row))
    }

    /// How many workflows in detail are kept.
    const KEPT: usize = 8;
    /// The same of goals, which are larger.
    const GOALS: usize = 2;

    pub fn detail(&self, id: &WorkflowId) -> &Remote<WorkflowDetail> {
        const IDLE: &Remote<WorkflowDetail> = &Remote::Idle;
        self.details.get(id).unwrap_or(IDLE)
    }

    /// How a workflow stands. Its description, the look at it in the overview, and the row that some list has of it may
    /// be of different ages: the newest that can tell what holds it up says it, of the run that is meant.
    pub fn standing(&self, row: &WorkflowRow) -> Standing {
        let described = self.detail(&row.id);
        let detail = described.value().filter(|detail| detail.row.run_id == row.run_id);
        let overview = self.overview.value();
        let live = overview.and_then(|overview| overview.live.iter().find(|live| live.run_id == row.run_id));
        match (detail, live.zip(overview)) {
            // A run that has ended stays so.
            _ if !row.status.is_open() => row.standing(None),
            (Some(detail), seen) if seen.is_none() || described.at() >= self.overview.at() => {
                detail.row.standing(described.held_up())
            }
            (_, Some((live, overview))) => live.standing(overview.looked_at.get(&live.run_id).copied().flatten()),
            (_, None) => row.standing(None),
        }
    }

    /// What nobody looked at this time stands as it was last seen: a look that fails is no good news.
    fn keep_older(&self, overview: &mut Overview) {
        let Some(before) = self.overview.value() else { return };
        let unseen = overview.live.iter_mut().filter(|row| !overview.looked_at.contains_key(&row.run_id));
        let mut kept = Vec::new();
        for row in unseen {
            let is_same = |was: &&WorkflowRow| (&was.id, &was.run_id) == (&row.id, &row.run_id);
            let Some(was) = before.live.iter().find(is_same) else { continue };
            // That a trigger arms, no list has.
            if (was.health, row.health) == (Some(HealthStatus::Degraded), Some(HealthStatus::Watching)) {
                row.health = was.health;
            }
            let described = self.detail(&row.id);
            let detail = described.value().filter(|detail| detail.row.run_id == row.run_id);
            let held_up = match (detail, before.looked_at.get(&row.run_id)) {
                (Some(_), seen) if seen.is_none() || described.at() >= self.overview.at() => Some(described.held_up()),
                (_, seen) => seen.copied(),
            };
            kept.extend(held_up.map(|held_up| (row.run_id.clone(), held_up)));
        }
        overview.looked_at.extend(kept);
    }

    pub fn goal(&self, id: &WorkflowId) -> &Remote<EngineState> {
        const IDLE: &Remote<EngineState> = &Remote::Idle;
        self.goals.get(id).unwrap_or(IDLE)
    }

    /// Takes in what concerns every screen; the rest is the screens' own.
    pub fn apply(&mut self, answer: &Answer, now: Timestamp) {
        match answer {
            Answer::Overview(result) => {
                if let Ok(overview) = result {
                    let open = gates::open(overview);
                    self.decided
                        .retain(|key, decided| open.iter().any(|gate| gate.key() == *key && decided.is_of(gate)));
                    let is_to_roll = |id: &WorkflowId| overview.live.iter().any(|row| row.id == *id && !is_rolled(row));
                    self.asked_back.retain(is_to_roll);
                }
                let mut result = result.clone();
                if let Ok(overview) = &mut result {
                    self.keep_older(overview);
                }
                self.overview.answered(result, now);
            }
            Answer::Counts { query, result } => {
                if self.counts.0 != *query {
                    self.counts = (query.clone(), Remote::default());
                }
                self.counts.1.answered(result.clone(), now);
            }
            Answer::Workflow { id, result } => {
                self.make_room(id);
                if result.as_ref().is_ok_and(|detail| is_rolled(&detail.row)) {
                    self.asked_back.remove(id);
                }
                let detail = self.details.entry(id.clone()).or_default();
                detail.answered(result.clone().map(|boxed| *boxed), now);
            }
            Answer::Goal { id, result } => {
                if !self.goals.contains_key(id) && self.goals.len() >= Self::GOALS {
                    self.goals.pop_first();
                }
                let goal = self.goals.entry(id.clone()).or_default();
                goal.answered(result.clone().map(|boxed| *boxed), now);
            }
            Answer::Agents(result) => self.agents.answered(result.clone(), now),
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

    /// What is watched is as it was, as of now.
    pub fn same(&mut self, interest: &Interest, now: Timestamp) {
        match interest {
            Interest::Overview => self.overview.same(now),
            Interest::Workflow(id) | Interest::Goal(id) => {
                if let Some(detail) = self.details.get_mut(id) {
                    detail.same(now);
                }
                // What did not grow in history did not change in state.
                if let (Interest::Goal(_), Some(goal)) = (interest, self.goals.get_mut(id)) {
                    goal.same(now);
                }
            }
            Interest::Agents => self.agents.same(now),
            Interest::Workflows { .. } | Interest::Evidence { .. } | Interest::History { .. } => {}
        }
    }

    /// The wall clock was set back: nothing is known from later than now.
    pub fn clock_set(&mut self, now: Timestamp) {
        self.overview.clock_set(now);
        self.counts.1.clock_set(now);
        self.details.values_mut().for_each(|detail| detail.clock_set(now));
        self.agents.clock_set(now);
        self.goals.values_mut().for_each(|goal| goal.clock_set(now));
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

/// Whether a rollback has begun, or can begin no more.
fn is_rolled(row: &WorkflowRow) -> bool {
    let published = row.published.as_ref().is_some_and(|published| published.rolling_back.is_some());
    let health = matches!(row.health, Some(HealthStatus::RollingBack | HealthStatus::RolledBack | HealthStatus::Stuck));
    published || health || !row.status.is_open()
}
