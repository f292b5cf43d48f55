//! Where the parts of the frame are, in plain numbers: `update` keeps scroll offsets from it and `view` draws by it, so
//! they cannot disagree.
//!
//! ```text
//! header    profile, links, clock
//! tabs      screens, counts, [PRODUCTION]
//! alert     only while something is wrong
//! ┌ body ┐  the screen
//! guide     only in the demo
//! hints     keys                         what happened last
//! ```

use crate::console::ctx::Size;

/// Below this the frame does not fit and says so.
pub const LEAST: Size = Size { width: 60, height: 15 };

/// Rows of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    pub width: u16,
    pub header: u16,
    pub tabs: u16,
    pub alert: Option<u16>,
    /// First row and height of the bordered body.
    pub body: (u16, u16),
    pub guide: Option<u16>,
    pub hints: u16,
}

/// Which of the optional lines there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    pub alert: bool,
    pub guide: bool,
}

impl Layout {
    /// `None` when the terminal is too small.
    pub fn of(size: Size, extras: Extras) -> Option<Self> {
        if size.width < LEAST.width || size.height < LEAST.height {
            return None;
        }
        let top = 2 + u16::from(extras.alert);
        let bottom = 1 + u16::from(extras.guide);
        Some(Self {
            width: size.width,
            header: 0,
            tabs: 1,
            alert: extras.alert.then_some(2),
            body: (top, size.height - top - bottom),
            guide: extras.guide.then_some(size.height - 2),
            hints: size.height - 1,
        })
    }

    /// Cells inside the body's border.
    pub fn inside(&self) -> Size {
        Size { width: self.width.saturating_sub(2), height: self.body.1.saturating_sub(2) }
    }
}
