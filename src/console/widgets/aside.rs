//! The selected thing in full, beside a list or below it: a title, facts whose values hang under themselves, and how much
//! more there is.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::widgets::text;

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Beside,
    Below,
}

impl Place {
    /// Beside the list in a body at least so wide, below it otherwise.
    pub fn of(width: u16, wide: u16) -> Self {
        if width >= wide { Self::Beside } else { Self::Below }
    }
}

/// Rows where it stands below.
const BELOW: u16 = 6;
/// Columns of a fact's name, the blank after it included.
pub const LABEL: usize = 11;

/// Rows that it takes from the list, its border included.
pub fn rows_below(place: Place) -> u16 {
    match place {
        Place::Beside => 0,
        Place::Below => BELOW + 1,
    }
}

/// The list's part of a body, and this one's.
pub fn split(place: Place, body: Rect) -> (Rect, Rect) {
    if place == Place::Below {
        let height = body.height.saturating_sub(BELOW + 1);
        return (Rect { height, ..body }, Rect { y: body.y + height, height: body.height - height, ..body });
    }
    let list = body.width * 11 / 20;
    let side = Rect { x: body.x + list + 1, width: body.width.saturating_sub(list + 1), ..body };
    (Rect { width: list, ..body }, side)
}

/// Draws it where [`split`] put it. `open` is the key that shows all of it.
pub fn draw(
    shown: Option<(String, String)>,
    open: &str,
    theme: &Theme,
    buffer: &mut Buffer,
    (place, area): (Place, Rect),
) {
    let border = theme.style(Role::Border);
    let wide = place == Place::Beside;
    if wide {
        for y in area.top()..area.bottom() {
            buffer.set_string(area.x, y, "│", border);
        }
    } else if area.height > 0 {
        buffer.set_string(area.x, area.y, "─".repeat(usize::from(area.width)), border);
    }
    let inner = if wide {
        Rect { x: area.x + 2, width: area.width.saturating_sub(2), ..area }
    } else {
        Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }
    };
    let Some((title, body)) = shown else { return };
    if inner.is_empty() {
        return;
    }
    let columns = usize::from(inner.width);
    buffer.set_stringn(inner.x, inner.y, text::cut(&title, columns), columns, theme.style(Role::TextStrong));
    // Only as much of a long text is looked at as can be seen.
    let lines: Vec<String> =
        body.lines().take(usize::from(inner.height)).flat_map(|line| hang(line, columns)).collect();
    let more = lines.len() > usize::from(inner.height - 1) || body.lines().count() > usize::from(inner.height);
    for (y, line) in (inner.y + 1..inner.bottom()).zip(&lines) {
        buffer.set_stringn(inner.x, y, line, columns, theme.style(Role::Text));
    }
    if more {
        let hint = format!(" {open} shows all ");
        let Ok(width) = u16::try_from(text::width(&hint)) else { return };
        let y = if wide { inner.bottom() - 1 } else { area.y };
        buffer.set_string(inner.right().saturating_sub(width), y, hint, theme.style(Role::Key));
    }
}

/// A line of text wrapped so that what follows stands below what it goes on with: a fact's value, or an indented line.
fn hang(line: &str, columns: usize) -> Vec<String> {
    let label = line.get(..LABEL).filter(|head| head.ends_with(' ') && !head.starts_with(' '));
    let indent = label.map_or_else(|| line.len() - line.trim_start().len(), str::len);
    let head = line.get(..indent).unwrap_or_default();
    let rest = text::wrap(line.get(indent..).unwrap_or_default(), columns.saturating_sub(indent).max(1));
    let blank = " ".repeat(indent);
    rest.into_iter().enumerate().map(|(nth, part)| format!("{}{part}", if nth == 0 { head } else { &blank })).collect()
}
