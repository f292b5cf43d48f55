//! Which workflow is shown, the lines of its list, and which of them the person looks at.

use crate::console::chronicle::{Chronicle, Outcome};
use crate::console::ctx::Ctx;
use crate::console::cursor::{Cursor, Move};
use crate::console::effect::Interest;
use crate::console::gates::{self, GateView};
use crate::console::reader::Reader;
use crate::console::remote::Remote;
use crate::console::screen::{Beat, Focus, ScreenId};
use crate::contracts::ids::{GateId, WorkflowId};
use crate::contracts::workflow::{EventKind, PendingActivity, WorkflowDetail};

/// The screen.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub workflow: Option<WorkflowId>,
    /// The newest events, for the timeline.
    pub chronicle: Chronicle,
    pub lines: Vec<Line>,
    pub cursor: Cursor,
    /// The selected thing in full.
    pub reader: Option<Reader>,
}

/// One line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A heading, and how many follow.
    Head(Section, usize),
    Item(Item),
}

/// A part of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Phases,
    Gates,
    Activities,
    Children,
    Timeline,
}

/// Something that can be selected, by what names it whatever else changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Phase(String),
    Gate(GateId),
    Activity(String),
    Child(WorkflowId),
    /// A group of the history.
    Happened(i64),
}

impl Section {
    pub fn title(self) -> &'static str {
        match self {
            Self::Phases => "PHASES",
            Self::Gates => "OPEN GATES",
            Self::Activities => "PENDING ACTIVITIES",
            Self::Children => "CHILDREN",
            Self::Timeline => "TIMELINE",
        }
    }
}

impl State {
    pub fn interests(&self, _ctx: &Ctx<'_>) -> Vec<Interest> {
        let of = |id: &WorkflowId| {
            let history = Interest::History { workflow: id.clone(), run: None, on: ScreenId::Workflow };
            [Interest::Workflow(id.clone()), history]
        };
        self.workflow.iter().flat_map(of).collect()
    }

    pub fn focus(&self) -> Focus {
        self.reader.as_ref().map_or(Focus::Keys, |reader| reader.focus)
    }

    /// Attempts and ages count by themselves while something is under way.
    pub fn beat(&self, ctx: &Ctx<'_>) -> Beat {
        let waits = self.detail(ctx).is_some_and(|detail| !detail.activities.is_empty());
        if waits { Beat::Second } else { Beat::Minute }
    }

    pub fn subject(&self, _ctx: &Ctx<'_>) -> Option<WorkflowId> {
        self.workflow.clone()
    }

    pub fn remote<'a>(&self, ctx: &Ctx<'a>) -> Option<&'a Remote<WorkflowDetail>> {
        self.workflow.as_ref().map(|id| ctx.world.detail(id))
    }

    pub fn detail<'a>(&self, ctx: &Ctx<'a>) -> Option<&'a WorkflowDetail> {
        self.remote(ctx)?.value()
    }

    pub fn selected(&self) -> Option<&Item> {
        match self.lines.get(self.cursor.index)? {
            Line::Item(item) => Some(item),
            Line::Head(..) => None,
        }
    }

    /// The gate a key means: the selected one, or the only one.
    pub fn gate<'a>(&self, ctx: &Ctx<'a>) -> Result<GateView<'a>, String> {
        let nothing = || "No gate of this workflow is open.".to_owned();
        let mut open = gates::of_row(&self.detail(ctx).ok_or_else(nothing)?.row);
        if let Some(Item::Gate(id)) = self.selected() {
            return open.find(|gate| gate.id == id).ok_or_else(nothing);
        }
        match (open.next(), open.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err(nothing()),
            (Some(_), Some(_)) => Err("More than one gate is open: select one first.".to_owned()),
        }
    }

    /// Moves to the next line that can be selected.
    pub fn step(&mut self, movement: Move, height: usize) {
        self.cursor.step(movement, self.lines.len(), height);
        let down = matches!(movement, Move::Down | Move::PageDown | Move::Top);
        if self.selected().is_some() {
            return;
        }
        let is_item = |line: &Line| matches!(line, Line::Item(_));
        let after = || self.lines.iter().skip(self.cursor.index).position(is_item).map(|n| self.cursor.index + n);
        let before = || self.lines.iter().take(self.cursor.index).rposition(is_item);
        let place = if down { after().or_else(before) } else { before().or_else(after) };
        if let Some(place) = place {
            self.cursor.put(place, self.lines.len(), height);
        }
        if before_first(&self.lines, self.cursor.index) {
            self.cursor.offset = 0;
        }
    }

    /// Works out the lines anew; the cursor stays with what it was on.
    pub fn refresh(&mut self, ctx: &Ctx<'_>, height: usize) {
        let selected = self.selected().cloned();
        self.lines = self.detail(ctx).map(|detail| lines(detail, &self.chronicle)).unwrap_or_default();
        let same = |item: &Item| self.lines.iter().position(|line| *line == Line::Item(item.clone()));
        let place = selected.as_ref().and_then(same).unwrap_or(self.cursor.index);
        self.cursor.put(place, self.lines.len(), height);
        if self.selected().is_none() {
            self.step(Move::Down, height);
        }
    }
}

/// Nothing but headings stands above.
fn before_first(lines: &[Line], index: usize) -> bool {
    lines.iter().take(index).all(|line| matches!(line, Line::Head(..)))
}

fn lines(detail: &WorkflowDetail, chronicle: &Chronicle) -> Vec<Line> {
    let published = detail.row.published.as_deref();
    let phases = published.map(|published| published.phases.as_slice()).unwrap_or_default();
    let mut lines = Vec::new();
    let mut section = |section: Section, items: Vec<Item>| {
        if !items.is_empty() {
            lines.push(Line::Head(section, items.len()));
            lines.extend(items.into_iter().map(Line::Item));
        }
    };
    // What waits for somebody or keeps failing comes before what merely is.
    section(Section::Gates, gates::of_row(&detail.row).map(|gate| Item::Gate(gate.id.clone())).collect());
    section(
        Section::Activities,
        activities(detail).map(|activity| Item::Activity(activity.activity_id.clone())).collect(),
    );
    section(Section::Phases, phases.iter().map(|phase| Item::Phase(phase.name.clone())).collect());
    section(Section::Children, detail.children.iter().map(|child| Item::Child(child.id.clone())).collect());
    let happened = chronicle.groups().filter(|group| {
        let noise = matches!(group.kind, EventKind::WorkflowTask | EventKind::SearchAttributes);
        !noise || group.outcome() == Outcome::Failed
    });
    section(Section::Timeline, happened.map(|group| Item::Happened(group.id)).collect());
    lines
}

/// Those that were tried most often first.
fn activities(detail: &WorkflowDetail) -> impl Iterator<Item = &PendingActivity> {
    let mut all: Vec<&PendingActivity> = detail.activities.iter().collect();
    all.sort_by_key(|activity| std::cmp::Reverse(activity.attempt));
    all.into_iter()
}
