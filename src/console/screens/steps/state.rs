//! Which goal is shown, the lines of its three lists, and which of them the person looks at.

use crate::console::ctx::Ctx;
use crate::console::cursor::{Cursor, Move};
use crate::console::effect::Interest;
use crate::console::gates::GateKey;
use crate::console::reader::Reader;
use crate::console::remote::Remote;
use crate::console::screen::{Beat, Focus};
use crate::console::widgets::time;
use crate::contracts::clock::{Timestamp, UnixMillis};
use crate::contracts::engine::state::{EngineState, LogEntry, StepState, StepStatus};
use crate::contracts::engine::tree;
use crate::contracts::ids::{GateId, StepId, WorkflowId};
use crate::contracts::temporal::memo::Published;
use crate::contracts::workflow::WorkflowDetail;

/// The screen.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub workflow: Option<WorkflowId>,
    pub pane: Pane,
    /// The plan, as lines.
    pub lines: Vec<Line>,
    /// Names of what the work left behind.
    pub artifacts: Vec<String>,
    /// Entries of the log, those counted that are kept no more.
    logged: u64,
    /// One for each pane, in their order.
    cursors: [Cursor; 3],
    /// The selected thing in full.
    pub reader: Option<Reader>,
}

/// One of the lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    #[default]
    Steps,
    Artifacts,
    Log,
}

/// One line of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    Step {
        id: StepId,
        /// The lines of the tree that lead to it.
        rails: String,
    },
    /// An approval, as it is published, while no worker tells of steps.
    Approval(GateId),
    /// A kind of work, as it is published.
    Kind(String),
}

impl Pane {
    pub const ALL: [Self; 3] = [Self::Steps, Self::Artifacts, Self::Log];

    pub fn title(self) -> &'static str {
        match self {
            Self::Steps => "Steps",
            Self::Artifacts => "Artifacts",
            Self::Log => "Log",
        }
    }

    fn place(self) -> usize {
        match self {
            Self::Steps => 0,
            Self::Artifacts => 1,
            Self::Log => 2,
        }
    }
}

/// Levels of the tree that are drawn.
const LEVELS: usize = 8;

impl State {
    pub fn interests(&self, _ctx: &Ctx<'_>) -> Vec<Interest> {
        self.workflow.iter().map(|id| Interest::Goal(id.clone())).collect()
    }

    pub fn focus(&self) -> Focus {
        self.reader.as_ref().map_or(Focus::Keys, |reader| reader.focus)
    }

    /// A due time that is near counts down, and so does the age of what is not up to date.
    pub fn beat(&self, ctx: &Ctx<'_>) -> Beat {
        let old = self.remote(ctx).is_some_and(|remote| remote.failure().is_some());
        let soon = |step: &StepState| {
            let due = step.due.and_then(UnixMillis::timestamp).filter(|_| step.status.is_open());
            due.is_some_and(|due| due.since(ctx.now) < time::TO_THE_SECOND)
        };
        let counts = old || self.state(ctx).is_some_and(|state| state.open_steps.values().any(soon));
        if counts { Beat::Second } else { Beat::Minute }
    }

    pub fn subject(&self, _ctx: &Ctx<'_>) -> Option<WorkflowId> {
        self.workflow.clone()
    }

    pub fn remote<'a>(&self, ctx: &Ctx<'a>) -> Option<&'a Remote<EngineState>> {
        self.workflow.as_ref().map(|id| ctx.world.goal(id))
    }

    /// What a worker told last.
    pub fn state<'a>(&self, ctx: &Ctx<'a>) -> Option<&'a EngineState> {
        self.remote(ctx)?.value()
    }

    pub fn detail<'a>(&self, ctx: &Ctx<'a>) -> Option<&'a WorkflowDetail> {
        ctx.world.detail(self.workflow.as_ref()?).value()
    }

    pub fn published<'a>(&self, ctx: &Ctx<'a>) -> Option<&'a Published> {
        self.detail(ctx)?.row.published.as_deref()
    }

    /// Shows a goal; another one than before from its beginning.
    pub fn show(&mut self, id: &WorkflowId) {
        if self.workflow.as_ref() != Some(id) {
            *self = Self { workflow: Some(id.clone()), ..Self::default() };
        }
    }

    pub fn cursor(&self) -> Cursor {
        self.cursors.get(self.pane.place()).copied().unwrap_or_default()
    }

    fn cursor_mut(&mut self) -> Option<&mut Cursor> {
        self.cursors.get_mut(self.pane.place())
    }

    /// Lines of the list that is shown.
    pub fn total(&self, pane: Pane, ctx: &Ctx<'_>) -> usize {
        match pane {
            Pane::Steps => self.lines.len(),
            Pane::Artifacts => self.artifacts.len(),
            Pane::Log => self.state(ctx).map_or(0, |state| state.log.len()),
        }
    }

    /// The line of the plan under the cursor.
    pub fn selected(&self) -> Option<&Line> {
        self.lines.get(self.cursor().index).filter(|_| self.pane == Pane::Steps)
    }

    /// The step under the cursor.
    pub fn step<'a>(&self, ctx: &Ctx<'a>) -> Option<(&'a StepId, &'a StepState)> {
        let Line::Step { id, .. } = self.selected()? else { return None };
        self.state(ctx)?.open_steps.get_key_value(id)
    }

    /// The approval under the cursor, as it is published.
    pub fn gate(&self) -> Option<GateKey> {
        let Line::Approval(gate) = self.selected()? else { return None };
        Some(GateKey { workflow: self.workflow.clone()?, gate: gate.clone() })
    }

    /// An entry of the log by its place on screen: the newest first.
    pub fn entry<'a>(&self, place: usize, ctx: &Ctx<'a>) -> Option<&'a LogEntry> {
        let log = &self.state(ctx)?.log;
        log.get(log.len().checked_sub(place + 1)?)
    }

    pub fn move_cursor(&mut self, movement: Move, ctx: &Ctx<'_>, height: usize) {
        let total = self.total(self.pane, ctx);
        if let Some(cursor) = self.cursor_mut() {
            cursor.step(movement, total, height);
        }
    }

    /// Works out the lines anew; each cursor stays with what it was on.
    pub fn refresh(&mut self, ctx: &Ctx<'_>, height: usize) {
        let step = self.lines.get(self.cursors[0].index).cloned();
        let artifact = self.artifacts.get(self.cursors[1].index).cloned();
        (self.lines, self.artifacts) = match self.state(ctx) {
            Some(state) => (steps(state), state.artifacts.keys().cloned().collect()),
            None => (self.published(ctx).map(published).unwrap_or_default(), Vec::new()),
        };
        // What was published named no steps: among them the cursor begins anew.
        let anew = !matches!(step, Some(Line::Step { .. }));
        let first = self.state(ctx).filter(|_| anew).and_then(|state| self.urgent(state));
        let same = |line: &Line| match (line, step.as_ref()) {
            (Line::Step { id, .. }, Some(Line::Step { id: was, .. })) => id == was,
            (line, was) => Some(line) == was,
        };
        let place = first.or_else(|| self.lines.iter().position(same)).unwrap_or(self.cursors[0].index);
        self.cursors[0].put(place, self.lines.len(), height);
        let place = self.artifacts.iter().position(|key| Some(key) == artifact.as_ref());
        self.cursors[1].put(place.unwrap_or(self.cursors[1].index), self.artifacts.len(), height);
        self.follow_log(ctx, height);
    }

    /// Where the cursor begins: what waits for a person, or else what is being worked on.
    fn urgent(&self, state: &EngineState) -> Option<usize> {
        let rank = |step: &StepState| match step.status {
            StepStatus::Waiting if step.is_approval() => Some(0),
            StepStatus::Blocked => Some(1),
            StepStatus::InProgress => Some(2),
            StepStatus::Waiting | StepStatus::Done | StepStatus::Failed | StepStatus::Skipped => None,
        };
        let ranked = self.lines.iter().enumerate().filter_map(|(place, line)| {
            let Line::Step { id, .. } = line else { return None };
            Some((rank(state.open_steps.get(id)?)?, place))
        });
        ranked.min().map(|(_, place)| place)
    }

    /// What comes in above does not move what is read.
    fn follow_log(&mut self, ctx: &Ctx<'_>, height: usize) {
        let Some(state) = self.state(ctx) else { return };
        let kept = state.log.len();
        let all = state.log_dropped + u64::try_from(kept).unwrap_or(0);
        let came = usize::try_from(all.saturating_sub(self.logged)).unwrap_or(0);
        let cursor = &mut self.cursors[2];
        if cursor.index > 0 {
            cursor.index += came;
            cursor.offset += came;
        }
        cursor.settle(kept, height);
        self.logged = all;
    }

    /// Since when what is shown is not up to date, if so.
    pub fn old(&self, ctx: &Ctx<'_>) -> Option<Old> {
        let remote = self.remote(ctx)?;
        remote.failure()?;
        let published = self.published(ctx).and_then(|published| published.updated_at);
        Some(match remote.at() {
            Some(at) => Old::Told { at, changed: published.is_some_and(|published| published > at) },
            None => Old::Published(published),
        })
    }
}

/// Where what is shown comes from, while no worker answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Old {
    /// A worker told it then; `changed` when the goal published something since.
    Told { at: Timestamp, changed: bool },
    /// The goal published it then.
    Published(Option<Timestamp>),
}

fn steps(state: &EngineState) -> Vec<Line> {
    tree::tree(state).iter().map(|node| Line::Step { id: node.id.clone(), rails: node.rails(LEVELS) }).collect()
}

fn published(published: &Published) -> Vec<Line> {
    let approvals = published.gates.iter().filter(|gate| gate.is_step).map(|gate| Line::Approval(gate.id.clone()));
    approvals.chain(published.phases.iter().map(|phase| Line::Kind(phase.name.clone()))).collect()
}
