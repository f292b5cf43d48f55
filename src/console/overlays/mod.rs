//! What lies over a screen: each a folder or a file of its own, on a stack. The topmost has the keys.

pub mod confirm;
pub mod help;
pub mod palette;
pub mod toast;
pub mod too_small;
pub mod whichkey;

use ratatui::layout::Rect;

use crate::console::screen::{Context, Focus};
use crate::contracts::ids::WorkflowId;

/// One of them.
#[derive(Clone, Debug)]
pub enum Overlay {
    Help(help::state::State),
    Palette(palette::state::State),
    Confirm(Box<confirm::state::State>),
}

impl Overlay {
    pub fn context(&self) -> Context {
        match self {
            Self::Help(_) => Context::Help,
            Self::Palette(_) => Context::Palette,
            Self::Confirm(_) => Context::Confirm,
        }
    }

    /// The workflow that it asks about, if it does.
    pub fn subject(&self) -> Option<&WorkflowId> {
        match self {
            Self::Help(_) | Self::Palette(_) => None,
            Self::Confirm(state) => state.question.mutation.workflow(),
        }
    }

    pub fn focus(&self) -> Focus {
        match self {
            Self::Help(state) => state.focus(),
            Self::Palette(_) => Focus::Text,
            Self::Confirm(state) => state.focus(),
        }
    }
}

/// How wide a box over the body is. Where there is not much room it takes all of it: a frame within a frame within a
/// frame is hard to read.
pub fn width(body: Rect, most: u16) -> u16 {
    if body.width < 100 { body.width } else { body.width.saturating_sub(4).min(most) }
}
