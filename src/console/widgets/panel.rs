//! A part of a screen with a border and a title.

use ratatui::text::Line;
use ratatui::widgets::{Block, BorderType};

use crate::console::theme::Theme;
use crate::console::theme::role::Role;

/// A bordered block. `border` says what the border means: [`Role::Border`], [`Role::BorderFocused`] or
/// [`Role::Production`].
pub fn panel<'a>(title: impl Into<Line<'a>>, border: Role, theme: &Theme) -> Block<'a> {
    // Production is told by the line as well as by its colour.
    let kind = if border == Role::Production { BorderType::Thick } else { BorderType::Plain };
    let title = title.into();
    let block = Block::bordered().border_type(kind).border_style(theme.style(border));
    if title.spans.is_empty() { block } else { block.title(title) }
}
