//! The cursor of the first screen and what it is on.

use crate::console::ctx::Ctx;
use crate::console::cursor::Cursor;
use crate::console::effect::Interest;
use crate::console::event::Overview;
use crate::console::gates::{self, GateKey, GateView};
use crate::console::screen::{Beat, Focus};
use crate::contracts::decision::Verdict;
use crate::contracts::ids::WorkflowId;
use crate::contracts::workflow::WorkflowRow;

/// The screen. What it shows is the world's; its own is only where the person is.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub cursor: Cursor,
    /// What the cursor is on: it stays there when rows come and go above it.
    pub selected: Option<Key>,
}

/// What a row is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    Gate(GateKey),
    Live(WorkflowId),
    Troubled(WorkflowId),
}

/// A row that can be selected.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    Gate(GateView<'a>),
    Live(&'a WorkflowRow),
    Troubled(&'a WorkflowRow),
}

impl Item<'_> {
    pub fn key(&self) -> Key {
        match self {
            Self::Gate(gate) => Key::Gate(gate.key()),
            Self::Live(row) => Key::Live(row.id.clone()),
            Self::Troubled(row) => Key::Troubled(row.id.clone()),
        }
    }

    pub fn row(&self) -> &WorkflowRow {
        match self {
            Self::Gate(gate) => gate.row,
            Self::Live(row) | Self::Troubled(row) => row,
        }
    }
}

/// Everything on this screen, in its order.
pub fn items(overview: &Overview) -> Vec<Item<'_>> {
    let gates = gates::open(overview).into_iter().map(Item::Gate);
    gates.chain(overview.live.iter().map(Item::Live)).chain(overview.troubled.iter().map(Item::Troubled)).collect()
}

/// How many live deployments are looked at each second for their sparklines.
const CHARTED: usize = 6;

impl State {
    pub fn interests(&self, ctx: &Ctx<'_>) -> Vec<Interest> {
        let live = ctx.world.overview.value().map(|overview| overview.live.as_slice()).unwrap_or_default();
        let gate = self.gate(ctx).map(|gate| gate.row);
        live.iter().take(CHARTED).chain(gate).map(|row| Interest::Workflow(row.id.clone())).collect()
    }

    pub fn focus(&self) -> Focus {
        Focus::Keys
    }

    /// Seconds are shown where a deadline is near and while a deployment is watched.
    pub fn beat(&self, ctx: &Ctx<'_>) -> Beat {
        let Some(overview) = ctx.world.overview.value() else { return Beat::Minute };
        let near = |gate: &GateView<'_>| gate.counts_seconds(ctx.now);
        if !overview.live.is_empty() || gates::open(overview).iter().any(near) { Beat::Second } else { Beat::Minute }
    }

    pub fn subject(&self, _ctx: &Ctx<'_>) -> Option<WorkflowId> {
        match self.selected.as_ref()? {
            Key::Gate(key) => Some(key.workflow.clone()),
            Key::Live(id) | Key::Troubled(id) => Some(id.clone()),
        }
    }

    /// The gate under the cursor.
    pub fn gate<'a>(&self, ctx: &Ctx<'a>) -> Option<GateView<'a>> {
        match self.selected.as_ref()? {
            Key::Gate(key) => gates::find(ctx, key),
            Key::Live(_) | Key::Troubled(_) => None,
        }
    }

    /// The gate that a verdict means here: the one under the cursor, or the only one that can be decided so. Whoever is on
    /// a gate means that one and no other, also when it has closed under the cursor.
    pub fn meant<'a>(&self, ctx: &Ctx<'a>, verdict: Verdict) -> Result<GateView<'a>, String> {
        if let Some(Key::Gate(_)) = &self.selected {
            let gate = self.gate(ctx).ok_or("This gate is not open any more.")?;
            return gates::may(ctx, &gate, verdict).map(|()| gate);
        }
        let overview = ctx.world.overview.value().ok_or("Which gates are open is not known yet.")?;
        let open = gates::open(overview);
        let known = open.iter().filter_map(|gate| gates::find(ctx, &gate.key()));
        let (may, not): (Vec<_>, Vec<_>) =
            known.map(|gate| (gate, gates::may(ctx, &gate, verdict))).partition(|(_, may)| may.is_ok());
        match (may.as_slice(), not.as_slice()) {
            ([(only, _)], _) => Ok(*only),
            ([], [(_, Err(why))]) => Err(why.clone()),
            ([], []) => Err("No gate waits for anybody.".to_owned()),
            (gates, others) => Err(format!("{} gates are open: select one first.", gates.len() + others.len())),
        }
    }

    /// Puts the cursor back on what it was on, after rows came or went.
    pub fn settle(&mut self, ctx: &Ctx<'_>) {
        let Some(overview) = ctx.world.overview.value() else { return };
        let items = items(overview);
        let height = usize::from(ctx.body.height);
        let found = self.selected.as_ref().and_then(|key| items.iter().position(|item| item.key() == *key));
        self.cursor.put(found.unwrap_or(self.cursor.index), items.len(), height);
        self.selected = items.get(self.cursor.index).map(Item::key);
    }
}
