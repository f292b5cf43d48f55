//! Which agent the person looks at.

use crate::console::ctx::Ctx;
use crate::console::cursor::Cursor;
use crate::console::effect::Interest;
use crate::console::reader::Reader;
use crate::console::screen::{Beat, Focus};
use crate::contracts::ids::WorkflowId;
use crate::contracts::roster::{AgentReport, AgentRoster};

/// The screen.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub cursor: Cursor,
    /// The agent under it, by name: others may come and go.
    name: Option<String>,
    /// The selected agent in full.
    pub reader: Option<Reader>,
}

impl State {
    pub fn interests(&self, ctx: &Ctx<'_>) -> Vec<Interest> {
        ctx.profile.coordinator.then_some(Interest::Agents).into_iter().collect()
    }

    pub fn focus(&self) -> Focus {
        self.reader.as_ref().map_or(Focus::Keys, |reader| reader.focus)
    }

    pub fn beat(&self, _ctx: &Ctx<'_>) -> Beat {
        Beat::Minute
    }

    /// The goal that the selected agent works on, when it is one.
    pub fn subject(&self, ctx: &Ctx<'_>) -> Option<WorkflowId> {
        Some(self.selected(ctx)?.calls.first()?.workflow_id.clone())
    }

    pub fn roster<'a>(&self, ctx: &Ctx<'a>) -> Option<&'a AgentRoster> {
        ctx.world.agents.value()
    }

    pub fn agents<'a>(&self, ctx: &Ctx<'a>) -> &'a [AgentReport] {
        self.roster(ctx).map(|roster| roster.agents.as_slice()).unwrap_or_default()
    }

    pub fn selected<'a>(&self, ctx: &Ctx<'a>) -> Option<&'a AgentReport> {
        self.agents(ctx).get(self.cursor.index)
    }

    /// Remembers whom the cursor is on.
    pub fn keep(&mut self, ctx: &Ctx<'_>) {
        self.name = self.selected(ctx).map(|agent| agent.name.clone());
    }

    /// Puts the cursor back on its agent.
    pub fn refresh(&mut self, ctx: &Ctx<'_>, height: usize) {
        let agents = self.agents(ctx);
        let place = agents.iter().position(|agent| Some(&agent.name) == self.name.as_ref());
        self.cursor.put(place.unwrap_or(self.cursor.index), agents.len(), height);
        self.keep(ctx);
    }
}
