//! What happened last, at the right end of the hint line.

use ratatui::text::{Line, Span};

use crate::console::effect::Level;
use crate::console::messages::Messages;
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::theme::sign::Sign;
use crate::console::widgets::text;
use crate::contracts::clock::Timestamp;

/// The messages that show, in one line of at most `columns`.
pub fn line(messages: &Messages, now: Timestamp, columns: usize, theme: &Theme) -> Line<'static> {
    let mut spans = Vec::new();
    for message in messages.shown(now) {
        let (sign, role) = match message.note.level {
            Level::Info => ("", Role::TextStrong),
            Level::Done => (Sign::Ok.glyph(), Role::StatusOk),
            Level::Warning => (Sign::Warning.glyph(), Role::StatusWarning),
            Level::Error => (Sign::Failed.glyph(), Role::StatusFailed),
        };
        if !spans.is_empty() {
            spans.push(Span::raw("   "));
        }
        let gap = if sign.is_empty() { "" } else { " " };
        spans.push(Span::styled(format!("{sign}{gap}{}", message.note.text), theme.style(role)));
    }
    text::cut_line(Line::from(spans), columns)
}
