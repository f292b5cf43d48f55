//! How things look: roles are meanings, a theme file gives each a style, the terminal's abilities limit it.
//! The only place where colours are named.

pub mod charset;
pub mod colour;
pub mod depth;
pub mod load;
pub mod role;
pub mod sign;

use ratatui::style::Style;

use crate::console::theme::role::Role;

/// A style for every role, as deep as the terminal can show. The default has none: everything is plain text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Theme {
    pub name: String,
    styles: [Style; Role::COUNT],
}

impl Theme {
    pub fn style(&self, role: Role) -> Style {
        // A role's number is its place in `Role::ALL`, so it is always there.
        self.styles.get(role as usize).copied().unwrap_or_default()
    }
}
