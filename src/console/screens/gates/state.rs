//! Which gate is selected, and what of it was seen.

use crate::console::ctx::Ctx;
use crate::console::cursor::Cursor;
use crate::console::effect::Interest;
use crate::console::field::TextField;
use crate::console::fuzzy::Fuzzy;
use crate::console::gates::{self, GateKey, GateView};
use crate::console::screen::{Beat, Focus};
use crate::contracts::ids::{EvidenceDigest, WorkflowId};

/// The screen.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub cursor: Cursor,
    pub selected: Option<GateKey>,
    /// A gate that was opened by name: it is shown even while the list does not have it yet.
    pub asked_for: Option<GateKey>,
    /// What the card showed when the cursor came to rest on the gate: a change since is said, not slipped in.
    pub seen: Option<Seen>,
    /// First line of the card on screen.
    pub scroll: usize,
    pub pane: Pane,
    pub filter: Option<TextField>,
    pub typing: Focus,
}

/// Which part has the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    #[default]
    List,
    Card,
}

/// What was shown of a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub key: GateKey,
    pub revision: u32,
    pub digest: Option<EvidenceDigest>,
    pub score: Option<u8>,
}

impl Seen {
    pub fn of(view: &GateView<'_>) -> Self {
        Self {
            key: view.key(),
            revision: view.revision(),
            digest: view.digest().cloned(),
            score: view.gate.and_then(|gate| gate.evidence.as_ref()).map(|evidence| evidence.score),
        }
    }

    /// What changed since, in words; nothing when it is the same gate with the same evidence.
    pub fn changed(&self, view: &GateView<'_>) -> Option<String> {
        let now = Self::of(view);
        if now == *self {
            return None;
        }
        let mut changes = Vec::new();
        if now.revision != self.revision {
            changes.push(format!("revision {} → {}", self.revision, now.revision));
        }
        if now.digest != self.digest {
            let short = |digest: &Option<EvidenceDigest>| {
                digest.as_ref().map_or_else(|| "none".to_owned(), EvidenceDigest::short)
            };
            changes.push(format!("evidence {} → {}", short(&self.digest), short(&now.digest)));
        }
        if now.score != self.score {
            let words = |score: Option<u8>| score.map_or_else(|| "none".to_owned(), |score| score.to_string());
            changes.push(format!("score {} → {}", words(self.score), words(now.score)));
        }
        Some(changes.join(", "))
    }
}

/// From this width on list and card stand side by side.
pub const SIDE_BY_SIDE: u16 = 110;

impl State {
    pub fn interests(&self, ctx: &Ctx<'_>) -> Vec<Interest> {
        let Some(view) = self.view(ctx) else { return Vec::new() };
        let mut wanted = vec![Interest::Workflow(view.row.id.clone())];
        if let Some(digest) = view.digest() {
            wanted.push(Interest::Evidence { workflow: view.row.id.clone(), digest: digest.clone() });
        }
        wanted
    }

    pub fn focus(&self) -> Focus {
        self.typing
    }

    /// Deadlines within ten minutes are shown to the second.
    pub fn beat(&self, ctx: &Ctx<'_>) -> Beat {
        let near = |view: &GateView<'_>| view.counts_seconds(ctx.now);
        if self.shown(ctx).iter().any(near) { Beat::Second } else { Beat::Minute }
    }

    pub fn subject(&self, _ctx: &Ctx<'_>) -> Option<WorkflowId> {
        self.selected.as_ref().map(|key| key.workflow.clone())
    }

    /// Gates that the filter lets through.
    pub fn shown<'a>(&self, ctx: &Ctx<'a>) -> Vec<GateView<'a>> {
        let mut open = ctx.world.overview.value().map(gates::open).unwrap_or_default();
        if let Some(asked_for) = self.asked_for.as_ref().and_then(|key| gates::find(ctx, key))
            && open.iter().all(|view| view.key() != asked_for.key())
        {
            open.push(asked_for);
            gates::sort(&mut open);
        }
        if let Some(filter) = self.filter.as_ref().map(TextField::text).filter(|text| !text.trim().is_empty()) {
            let mut fuzzy = Fuzzy::new(&filter);
            open.retain(|view| fuzzy.score(&format!("{} {}", view.title(), view.row.id)).is_some());
        }
        open
    }

    /// The gate under the cursor, as it is now.
    pub fn view<'a>(&self, ctx: &Ctx<'a>) -> Option<GateView<'a>> {
        gates::find(ctx, self.selected.as_ref()?)
    }

    /// What changed about the selected gate since it was shown.
    pub fn changed(&self, ctx: &Ctx<'_>) -> Option<String> {
        let (seen, view) = (self.seen.as_ref()?, self.view(ctx)?);
        if seen.key == view.key() { seen.changed(&view) } else { None }
    }

    /// Lines of the list that fit.
    pub fn list_height(ctx: &Ctx<'_>) -> usize {
        let (list, _) = split(ctx.body.width, ctx.body.height);
        usize::from(list.saturating_sub(1))
    }

    /// Puts the cursor back on its gate after gates came or went.
    pub fn settle(&mut self, ctx: &Ctx<'_>) {
        let shown = self.shown(ctx);
        let found = self.selected.as_ref().and_then(|key| shown.iter().position(|view| view.key() == *key));
        self.cursor.put(found.unwrap_or(self.cursor.index), shown.len(), Self::list_height(ctx));
        self.select(shown.get(self.cursor.index).map(GateView::key), ctx);
    }

    /// Makes another gate the selected one. The same one stays as it was seen.
    pub fn select(&mut self, key: Option<GateKey>, ctx: &Ctx<'_>) {
        if self.selected != key {
            self.scroll = 0;
            self.seen = None;
            self.selected = key;
            self.asked_for = None;
        }
        if self.seen.is_none() {
            self.seen = self.view(ctx).as_ref().map(Seen::of);
        }
    }
}

/// Heights of list and card: the same, side by side; one above the other where it is narrow.
pub fn split(width: u16, height: u16) -> (u16, u16) {
    if width >= SIDE_BY_SIDE {
        return (height, height);
    }
    let list = (height / 3).clamp(3, 8);
    (list, height.saturating_sub(list))
}
