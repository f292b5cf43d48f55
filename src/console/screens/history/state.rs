//! Which history is shown, how much of it is known, which of it is let through, and where the person reads.

use std::collections::BTreeSet;

use crate::console::chronicle::{Chronicle, Group, Outcome};
use crate::console::ctx::Ctx;
use crate::console::cursor::Cursor;
use crate::console::effect::Interest;
use crate::console::field::TextField;
use crate::console::reader::Reader;
use crate::console::screen::{Beat, Focus, ScreenId};
use crate::contracts::failure::Failure;
use crate::contracts::ids::WorkflowId;
use crate::contracts::workflow::EventKind;

/// The screen.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub workflow: Option<WorkflowId>,
    pub chronicle: Chronicle,
    pub known: Known,
    pub kinds: Kinds,
    pub find: Option<TextField>,
    pub finding: Focus,
    /// Groups whose events are shown one by one.
    pub open: BTreeSet<i64>,
    /// Stay at the newest.
    pub follow: bool,
    pub cursor: Cursor,
    /// What is on screen, newest first. Kept, because it is asked for with every frame and changes seldom.
    pub lines: Vec<Line>,
    /// Lines above the window that came while the person was reading.
    pub unseen: usize,
    /// An event in full.
    pub reader: Option<Reader>,
}

/// What became of asking for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Known {
    /// Nothing has come yet.
    #[default]
    Waiting,
    /// As of now, and what follows comes by itself.
    Live,
    /// An older page is on its way.
    Fetching,
    /// What is shown may be old.
    Failed(Failure),
}

/// Which kinds of events are let through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kinds {
    /// Everything but workflow tasks that went well: they say only that the worker lives.
    #[default]
    Work,
    Only(EventKind),
    Everything,
}

/// One line on screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    Group(i64),
    /// Why it failed, under it.
    Failure(i64),
    /// One of its events, by its place in the group.
    Event(i64, usize),
}

impl Line {
    pub fn group(self) -> i64 {
        match self {
            Self::Group(id) | Self::Failure(id) | Self::Event(id, _) => id,
        }
    }
}

impl Kinds {
    const CYCLE: [Self; 10] = [
        Self::Work,
        Self::Only(EventKind::Activity),
        Self::Only(EventKind::Signal),
        Self::Only(EventKind::Update),
        Self::Only(EventKind::Timer),
        Self::Only(EventKind::Child),
        Self::Only(EventKind::Workflow),
        Self::Only(EventKind::SearchAttributes),
        Self::Only(EventKind::WorkflowTask),
        Self::Everything,
    ];

    #[must_use]
    pub fn next(self) -> Self {
        let here = Self::CYCLE.iter().position(|known| *known == self).unwrap_or(0);
        Self::CYCLE.get((here + 1) % Self::CYCLE.len()).copied().unwrap_or_default()
    }

    pub fn lets_through(self, group: &Group) -> bool {
        match self {
            Self::Work => {
                let own = matches!(group.kind, EventKind::WorkflowTask | EventKind::SearchAttributes);
                !own || group.outcome() == Outcome::Failed
            }
            Self::Only(kind) => group.kind == kind,
            Self::Everything => true,
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Self::Work => "all but tasks and memo",
            Self::Only(EventKind::Activity) => "activities",
            Self::Only(EventKind::Signal) => "signals",
            Self::Only(EventKind::Update) => "updates",
            Self::Only(EventKind::Timer) => "timers",
            Self::Only(EventKind::Child) => "children",
            Self::Only(EventKind::Workflow) => "the workflow itself",
            Self::Only(EventKind::SearchAttributes) => "attributes and memo",
            Self::Only(EventKind::WorkflowTask) => "workflow tasks",
            Self::Only(EventKind::Marker) => "markers",
            Self::Only(EventKind::Other) => "other events",
            Self::Everything => "everything",
        }
    }
}

impl State {
    pub fn interests(&self, _ctx: &Ctx<'_>) -> Vec<Interest> {
        let of = |id: &WorkflowId| Interest::History { workflow: id.clone(), run: None, on: ScreenId::History };
        self.workflow.iter().map(of).collect()
    }

    pub fn focus(&self) -> Focus {
        self.reader.as_ref().map_or(self.finding, |reader| reader.focus)
    }

    pub fn beat(&self, _ctx: &Ctx<'_>) -> Beat {
        Beat::Minute
    }

    pub fn subject(&self, _ctx: &Ctx<'_>) -> Option<WorkflowId> {
        self.workflow.clone()
    }

    /// What is typed to be found, in lower case.
    pub fn wanted(&self) -> Option<String> {
        let wanted = self.find.as_ref()?.text().trim().to_lowercase();
        (!wanted.is_empty()).then_some(wanted)
    }

    /// The line under the cursor.
    pub fn selected(&self) -> Option<Line> {
        self.lines.get(self.cursor.index).copied()
    }

    /// Works out the lines anew and keeps the cursor on what it was on. New lines above do not move what is read.
    pub fn refresh(&mut self, height: usize) {
        let anchor = self.selected();
        let above = self.cursor.index.saturating_sub(self.cursor.offset);
        let wanted = self.wanted();
        let mut lines = Vec::with_capacity(self.lines.len() + 16);
        for group in self.chronicle.groups() {
            if self.kinds.lets_through(group) && wanted.as_ref().is_none_or(|wanted| group.holds(wanted)) {
                push(&mut lines, group, self.open.contains(&group.id));
            }
        }
        self.lines = lines;
        let place = anchor.filter(|_| !self.follow).map_or(0, |anchor| place(&self.lines, anchor));
        self.cursor.offset = place.saturating_sub(above);
        self.cursor.put(place, self.lines.len(), height);
        if self.cursor.offset == 0 {
            self.unseen = 0;
        }
    }
}

fn push(lines: &mut Vec<Line>, group: &Group, open: bool) {
    lines.push(Line::Group(group.id));
    if group.outcome() == Outcome::Failed && group.failure().is_some() {
        lines.push(Line::Failure(group.id));
    }
    if open {
        lines.extend((0..group.events.len()).map(|event| Line::Event(group.id, event)));
    }
}

/// Where a line is now; where it would be, when it is not there any more.
fn place(lines: &[Line], anchor: Line) -> usize {
    // Newest first: ids fall.
    let start = lines.partition_point(|line| line.group() > anchor.group());
    let same = lines.get(start..).unwrap_or_default().iter().take_while(|line| line.group() == anchor.group());
    start + same.into_iter().position(|line| *line == anchor).unwrap_or(0)
}
