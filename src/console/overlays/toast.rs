//! What happened last: at the right end of the hint line, or above it, whole, when it is too long for that.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::console::effect::Level;
use crate::console::messages::{Message, Messages};
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::theme::sign::Sign;
use crate::console::widgets::text;
use crate::contracts::clock::Timestamp;

/// Lines that may cover the screen.
const MOST_LINES: usize = 5;

/// The messages that show, in one line: both, or the one that matters more. Nothing when that one alone takes more than
/// `columns`: then [`view`] shows them.
pub fn line(messages: &Messages, now: Timestamp, columns: usize, theme: &Theme) -> Option<Line<'static>> {
    let mut line = Line::default();
    for message in messages.shown(now) {
        let (sign, role) = dress(message);
        let words = Span::styled(words(sign, message), theme.style(role));
        let gap = if line.spans.is_empty() { "" } else { "   " };
        if line.width() + gap.len() + words.width() > columns {
            return Some(line).filter(|line| !line.spans.is_empty());
        }
        line.push_span(Span::raw(gap));
        line.push_span(words);
    }
    Some(line)
}

/// The same over the last lines of `area`, broken between words: an error that is cut tells nothing.
pub fn view(messages: &Messages, now: Timestamp, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let columns = usize::from(area.width.saturating_sub(2));
    let mut lines = Vec::new();
    for message in messages.shown(now) {
        let (sign, role) = dress(message);
        let style = theme.style(role);
        lines.extend(text::wrap(&words(sign, message), columns).into_iter().map(|line| Line::styled(line, style)));
    }
    lines.truncate(MOST_LINES.min(area.height.into()));
    let height = u16::try_from(lines.len()).unwrap_or(area.height);
    let area = Rect { y: area.bottom().saturating_sub(height), height, ..area };
    for (y, line) in (area.top()..area.bottom()).zip(&lines) {
        let blank = Line::styled(" ".repeat(area.width.into()), theme.style(Role::Background));
        frame.buffer_mut().set_line(area.x, y, &blank, area.width);
        frame.buffer_mut().set_line(area.x + 1, y, line, area.width.saturating_sub(1));
    }
}

fn dress(message: &Message) -> (&'static str, Role) {
    match message.note.level {
        Level::Info => ("", Role::TextStrong),
        Level::Done => (Sign::Ok.glyph(), Role::StatusOk),
        Level::Warning => (Sign::Warning.glyph(), Role::StatusWarning),
        Level::Passing | Level::Error => (Sign::Failed.glyph(), Role::StatusFailed),
    }
}

fn words(sign: &str, message: &Message) -> String {
    let gap = if sign.is_empty() { "" } else { " " };
    format!("{sign}{gap}{}", message.note.text)
}
