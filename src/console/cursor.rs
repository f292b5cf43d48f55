//! A cursor in a list that scrolls: which line it is on and which line is the first on screen.

use crate::console::action::Action;

/// Where the cursor is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    pub index: usize,
    /// The first line on screen.
    pub offset: usize,
}

/// How a list is moved through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    Down,
    Up,
    Top,
    Bottom,
    PageDown,
    PageUp,
}

impl Move {
    /// The move an action asks for, if it asks for one.
    pub fn of(action: Action) -> Option<Self> {
        [
            (Action::CursorDown, Self::Down),
            (Action::CursorUp, Self::Up),
            (Action::CursorTop, Self::Top),
            (Action::CursorBottom, Self::Bottom),
            (Action::PageDown, Self::PageDown),
            (Action::PageUp, Self::PageUp),
        ]
        .into_iter()
        .find_map(|(known, movement)| (known == action).then_some(movement))
    }
}

impl Cursor {
    /// Moves, in a list of `total` lines of which `height` fit.
    pub fn step(&mut self, movement: Move, total: usize, height: usize) {
        let last = total.saturating_sub(1);
        let page = height.saturating_sub(1).max(1);
        self.index = match movement {
            Move::Down => self.index.saturating_add(1).min(last),
            Move::Up => self.index.saturating_sub(1),
            Move::Top => 0,
            Move::Bottom => last,
            Move::PageDown => self.index.saturating_add(page).min(last),
            Move::PageUp => self.index.saturating_sub(page),
        };
        self.settle(total, height);
    }

    /// Puts the cursor on a line, scrolling no further than it has to.
    pub fn put(&mut self, index: usize, total: usize, height: usize) {
        self.index = index;
        self.settle(total, height);
    }

    /// Keeps cursor and window inside the list.
    pub fn settle(&mut self, total: usize, height: usize) {
        let height = height.max(1);
        self.index = self.index.min(total.saturating_sub(1));
        if self.index < self.offset {
            self.offset = self.index;
        } else if self.index >= self.offset + height {
            self.offset = self.index + 1 - height;
        }
        // No empty lines at the end while there are lines above.
        self.offset = self.offset.min(total.saturating_sub(height));
    }
}
