//! Everything the console knows. `update` changes it, `view` draws it, nobody else touches it.

use crate::console::alert::Told;
use crate::console::ctx::{Ctx, Profile, Size};
use crate::console::guide::Guide;
use crate::console::layout::{Extras, Layout};
use crate::console::look::Look;
use crate::console::messages::Messages;
use crate::console::overlays::Overlay;
use crate::console::screen::{Context, Focus, Place, ScreenId};
use crate::console::sent::Sent;
use crate::console::stage::Stage;
use crate::console::typing::Typing;
use crate::console::watched::Watched;
use crate::console::world::World;
use crate::contracts::clock::Timestamp;

/// The console.
#[derive(Clone, Debug)]
pub struct Model {
    pub now: Timestamp,
    /// How many events there were: what happens in one of them has a number that no other has.
    pub turn: u64,
    pub size: Size,
    pub profile: Profile,
    pub look: Look,
    pub world: World,
    pub place: Place,
    /// Where Esc goes back to, the last one on top.
    pub trail: Vec<Place>,
    pub stage: Stage,
    pub overlays: Vec<Overlay>,
    pub messages: Messages,
    pub typing: Typing,
    pub watched: Watched,
    pub sent: Sent,
    pub told: Told,
    pub guide: Option<Guide>,
}

/// What a console is started with.
#[derive(Clone, Debug)]
pub struct Start {
    pub now: Timestamp,
    pub size: Size,
    pub profile: Profile,
    pub look: Look,
    pub guide: Option<Guide>,
}

/// What screens may look at. Field by field, so that the others can be changed meanwhile.
macro_rules! ctx {
    ($model:ident, $body:expr) => {
        Ctx {
            now: $model.now,
            turn: $model.turn,
            world: &$model.world,
            profile: &$model.profile,
            keymap: &$model.look.keymap,
            body: $body,
        }
    };
}

impl Model {
    pub fn new(start: Start) -> Self {
        Self {
            now: start.now,
            turn: 0,
            size: start.size,
            profile: start.profile,
            look: start.look,
            world: World::default(),
            place: Place::Now,
            trail: Vec::new(),
            stage: Stage::default(),
            overlays: Vec::new(),
            messages: Messages::default(),
            typing: Typing::default(),
            watched: Watched::default(),
            sent: Sent::default(),
            told: Told::default(),
            guide: start.guide,
        }
    }

    pub fn screen(&self) -> ScreenId {
        self.place.screen()
    }

    /// Where the frame's parts are; `None` when the terminal is too small.
    pub fn layout(&self) -> Option<Layout> {
        let extras = Extras { alert: self.has_alert(), guide: self.guide.is_some() };
        Layout::of(self.size, extras)
    }

    pub fn body(&self) -> Size {
        self.layout().map(|layout| layout.inside()).unwrap_or_default()
    }

    pub fn ctx(&self) -> Ctx<'_> {
        ctx!(self, self.body())
    }

    /// The screens, to change, and what they may look at: two halves of one model.
    pub fn halves(&mut self) -> (&mut Stage, Ctx<'_>) {
        let (stage, _, ctx) = self.parts();
        (stage, ctx)
    }

    /// The overlays, to change, and what they may look at.
    pub fn over(&mut self) -> (&mut Vec<Overlay>, Ctx<'_>) {
        let (_, overlays, ctx) = self.parts();
        (overlays, ctx)
    }

    fn parts(&mut self) -> (&mut Stage, &mut Vec<Overlay>, Ctx<'_>) {
        let body = self.body();
        let ctx = ctx!(self, body);
        (&mut self.stage, &mut self.overlays, ctx)
    }

    /// Whether keys type or act.
    pub fn focus(&self) -> Focus {
        self.overlays.last().map_or_else(|| self.stage.focus(self.screen()), Overlay::focus)
    }

    /// Where keys are looked up.
    pub fn context(&self) -> Context {
        match (self.focus(), self.overlays.last()) {
            (Focus::Text, Some(Overlay::Palette(_))) => Context::Palette,
            (Focus::Text, _) => Context::Text,
            (Focus::Keys, Some(overlay)) => overlay.context(),
            (Focus::Keys, None) => self.screen().context(),
        }
    }
}
