//! The rows that are loaded, which of them are shown, in which order, and where the cursor is.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::console::ctx::Ctx;
use crate::console::cursor::Cursor;
use crate::console::effect::{Effect, Fetch, Interest};
use crate::console::field::TextField;
use crate::console::fuzzy::Fuzzy;
use crate::console::screen::{Beat, Focus};
use crate::contracts::clock::Timestamp;
use crate::contracts::failure::Failure;
use crate::contracts::ids::{Environment, RunId, WorkflowId};
use crate::contracts::workflow::{PageToken, Standing, WorkflowRow};

/// The screen.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// What the server has answered, in its order.
    pub rows: Vec<WorkflowRow>,
    /// Places in `rows` of what is shown, in the order in which it is shown.
    pub shown: Vec<u32>,
    /// New rows that wait while the person reads, the newest first.
    pub waiting: Vec<WorkflowRow>,
    pub cursor: Cursor,
    /// The run the cursor is on.
    pub selected: Option<RunId>,
    pub sort: Sort,
    pub filter: Option<TextField>,
    /// The visibility query that is asked.
    pub query: String,
    pub editing: Option<TextField>,
    /// Names that could complete what is typed in the query.
    pub candidates: Vec<&'static str>,
    pub focused: Focused,
    pub follow: bool,
    pub loaded: Loaded,
    /// Rows that changed a moment ago, and until when that shows.
    pub flashed: HashMap<RunId, Timestamp>,
}

/// Which text field has the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Focused {
    #[default]
    List,
    Filter,
    Query,
}

/// How much of the answer is here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    /// Some answer to the query has come.
    pub once: bool,
    pub next: Option<PageToken>,
    pub fetching: bool,
    /// Somebody has gone beyond the first page.
    pub later_pages: bool,
    /// Runs of the first page, as it was last.
    pub first_page: Vec<RunId>,
    pub failure: Option<Failure>,
}

/// What the list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sort {
    pub by: SortBy,
    pub reversed: bool,
}

/// A column to sort by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortBy {
    /// As the server answers: what runs first, the newest first.
    #[default]
    Server,
    Id,
    Type,
    Status,
    Phase,
    Deadline,
}

impl SortBy {
    const ALL: [Self; 6] = [Self::Server, Self::Id, Self::Type, Self::Status, Self::Phase, Self::Deadline];

    #[must_use]
    pub fn next(self) -> Self {
        let here = Self::ALL.iter().position(|by| *by == self).unwrap_or(0);
        Self::ALL.get((here + 1) % Self::ALL.len()).copied().unwrap_or_default()
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Server => "newest",
            Self::Id => "id",
            Self::Type => "type",
            Self::Status => "status",
            Self::Phase => "phase",
            Self::Deadline => "deadline",
        }
    }
}

/// The next page is fetched when the cursor comes this close to the end.
const AHEAD: usize = 60;

impl State {
    pub fn interests(&self, _ctx: &Ctx<'_>) -> Vec<Interest> {
        vec![Interest::Workflows { query: self.query.clone() }]
    }

    pub fn focus(&self) -> Focus {
        if self.focused == Focused::List { Focus::Keys } else { Focus::Text }
    }

    pub fn beat(&self, _ctx: &Ctx<'_>) -> Beat {
        if self.flashed.is_empty() { Beat::Minute } else { Beat::Frame }
    }

    pub fn subject(&self, _ctx: &Ctx<'_>) -> Option<WorkflowId> {
        self.row_at(self.cursor.index).map(|row| row.id.clone())
    }

    /// Lines of rows that fit under the header, beside the lines that fields take.
    pub fn list_height(ctx: &Ctx<'_>) -> usize {
        usize::from(ctx.body.height.saturating_sub(1))
    }

    pub fn row_at(&self, shown: usize) -> Option<&WorkflowRow> {
        self.rows.get(usize::try_from(*self.shown.get(shown)?).ok()?)
    }

    /// The row under the cursor is found at once, any other one after a look at all.
    pub fn find(&self, id: &WorkflowId) -> Option<&WorkflowRow> {
        let here = self.row_at(self.cursor.index).filter(|row| row.id == *id);
        here.or_else(|| self.rows.iter().find(|row| row.id == *id))
    }

    /// The rows answer the query before: this one has not been answered yet, or cannot be.
    pub fn is_of_before(&self) -> bool {
        !self.loaded.once && !self.rows.is_empty()
    }

    /// Somebody is reading: rows must not move under them.
    pub fn is_reading(&self) -> bool {
        !self.follow && (self.cursor.index > 0 || self.filter.is_some())
    }

    /// Works out anew what is shown, and puts the cursor back on its row.
    pub fn arrange(&mut self, ctx: &Ctx<'_>) {
        let all = 0..u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        self.shown = self.matching(all, ctx);
        self.sort_shown();
        self.settle(ctx);
    }

    /// The filter grew: only what it let through before can still match.
    pub fn narrow(&mut self, ctx: &Ctx<'_>) {
        let before = std::mem::take(&mut self.shown);
        self.shown = self.matching(before.into_iter(), ctx);
        self.settle(ctx);
    }

    fn matching(&self, candidates: impl Iterator<Item = u32>, ctx: &Ctx<'_>) -> Vec<u32> {
        let Some(pattern) = self.filter.as_ref().map(TextField::text).filter(|text| !text.trim().is_empty()) else {
            return candidates.collect();
        };
        let mut fuzzy = Fuzzy::new(&pattern);
        let mut words = String::new();
        let matches = |at: &u32| {
            let Some(row) = usize::try_from(*at).ok().and_then(|at| self.rows.get(at)) else { return false };
            haystack(row, ctx.world.standing(row), &mut words);
            fuzzy.score(&words).is_some()
        };
        candidates.filter(matches).collect()
    }

    fn sort_shown(&mut self) {
        let rows = &self.rows;
        let row = |at: &u32| usize::try_from(*at).ok().and_then(|at| rows.get(at));
        let by = self.sort.by;
        if by != SortBy::Server {
            self.shown.sort_by(|a, b| match (row(a), row(b)) {
                (Some(a), Some(b)) => compare(by, a, b),
                (None, _) | (_, None) => Ordering::Equal,
            });
        }
        if self.sort.reversed {
            self.shown.reverse();
        }
    }

    /// Puts the cursor back on its row, or where it was when the row is gone.
    pub fn settle(&mut self, ctx: &Ctx<'_>) {
        let height = Self::list_height(ctx);
        let here = |at: usize| self.row_at(at).map(|row| &row.run_id) == self.selected.as_ref();
        let found = if self.selected.is_none() || here(self.cursor.index) {
            None
        } else {
            (0..self.shown.len()).find(|at| here(*at))
        };
        let index = if self.follow { 0 } else { found.unwrap_or(self.cursor.index) };
        self.cursor.put(index, self.shown.len(), height);
        self.remember();
    }

    /// The cursor was moved: what it is on now is what it stays on.
    pub fn remember(&mut self) {
        self.selected = self.row_at(self.cursor.index).map(|row| row.run_id.clone());
    }

    /// Fetches the next page when the cursor comes near the end.
    pub fn more(&mut self) -> Vec<Effect> {
        let near = self.cursor.index + AHEAD >= self.shown.len();
        match &self.loaded.next {
            Some(after) if near && !self.loaded.fetching && self.filter.is_none() => {
                self.loaded.fetching = true;
                vec![Effect::Fetch(Fetch::MoreWorkflows { query: self.query.clone(), after: after.clone() })]
            }
            Some(_) | None => Vec::new(),
        }
    }
}

/// Everything of a row that a filter looks at: the words on screen, and Temporal's own.
fn haystack(row: &WorkflowRow, standing: Standing, words: &mut String) {
    words.clear();
    let title = row.published.as_ref().map(|published| published.title.as_str()).unwrap_or_default();
    let environment = row.environment.as_ref().map(Environment::as_str).unwrap_or_default();
    let parts = [
        row.id.as_str(),
        row.workflow_type.as_str(),
        row.status.as_str(),
        row.phase.as_deref().unwrap_or_default(),
        environment,
        standing.health().unwrap_or_default(),
        title,
    ];
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        words.push_str(part);
        words.push(' ');
    }
}

fn compare(by: SortBy, a: &WorkflowRow, b: &WorkflowRow) -> Ordering {
    let ordering = match by {
        SortBy::Server => Ordering::Equal,
        SortBy::Id => a.id.cmp(&b.id),
        SortBy::Type => a.workflow_type.cmp(&b.workflow_type),
        SortBy::Status => a.status.as_str().cmp(b.status.as_str()),
        SortBy::Phase => a.phase.cmp(&b.phase),
        SortBy::Deadline => {
            let key = |row: &WorkflowRow| (row.gate_deadline.is_none(), row.gate_deadline);
            key(a).cmp(&key(b))
        }
    };
    // Equal rows keep the server's order: the newest first.
    ordering
}
