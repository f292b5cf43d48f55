//! Draws a text being read: line numbers, fold signs, what was found.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::console::reader::{Fold, Reader, Shown};
use crate::console::screen::Focus;
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::widgets::text;

/// Draws the reader, with its line to find something on top of it while that is used.
pub fn render(reader: &Reader, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    if area.is_empty() {
        return;
    }
    heading(reader, theme, frame, Rect { height: 1, ..area });
    let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let digits = reader.len().to_string().len();
    let wanted = reader.wanted();
    let buffer = frame.buffer_mut();
    for (y, place) in (body.top()..body.bottom()).zip(reader.cursor.offset..) {
        let Some(shown) = reader.line(place) else { break };
        let line = text::cut_line(formatted(shown, digits, wanted.as_deref(), theme), usize::from(body.width));
        buffer.set_line(body.x, y, &line, body.width);
        if place == reader.cursor.index {
            buffer.set_style(Rect { y, height: 1, ..body }, theme.style(Role::Selection));
        }
    }
}

fn heading(reader: &Reader, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let title = Span::styled(reader.title.clone(), theme.style(Role::TextStrong));
    let place = format!("  line {} of {}", reader.cursor.index + 1, reader.total());
    let line = Line::from(vec![title, Span::styled(place, theme.style(Role::TextMuted))]);
    let used = u16::try_from(line.width()).unwrap_or(area.width);
    frame.buffer_mut().set_line(area.x, area.y, &text::cut_line(line, usize::from(area.width)), area.width);
    let Some(find) = &reader.find else { return };
    let x = area.x + used.saturating_add(3).min(area.width);
    frame.buffer_mut().set_stringn(
        x,
        area.y,
        "find ",
        usize::from(area.right().saturating_sub(x)),
        theme.style(Role::TextMuted),
    );
    let field = Rect { x: x + 5, width: area.right().saturating_sub(x + 5), ..area };
    if field.width > 0 {
        let role = if reader.focus == Focus::Text { Role::Input } else { Role::Match };
        find.view(theme.style(role), frame, field);
    }
}

fn formatted<'a>(shown: Shown<'a>, digits: usize, wanted: Option<&str>, theme: &Theme) -> Line<'a> {
    let muted = theme.style(Role::TextMuted);
    let sign = match shown.fold {
        Fold::Nothing => " ",
        Fold::Open => "▾",
        Fold::Folded(_) => "▸",
    };
    let mut line = Line::from(Span::styled(format!("{:>digits$} {sign} ", shown.number + 1), muted));
    for (part, found) in parts(shown.text, wanted) {
        line.push_span(Span::styled(part, theme.style(if found { Role::Match } else { Role::Text })));
    }
    if let Fold::Folded(count) = shown.fold {
        line.push_span(Span::styled(format!(" … {count} lines"), muted));
    }
    line
}

/// A line cut where what is wanted begins and ends. Tabs are shown as the blanks they stand for.
fn parts<'a>(line: &'a str, wanted: Option<&str>) -> Vec<(std::borrow::Cow<'a, str>, bool)> {
    let plain = |text: &'a str| std::borrow::Cow::from(text.replace('\t', "    "));
    let lower = line.to_lowercase();
    // Lower case may be longer or shorter in bytes: then nothing is marked rather than the wrong thing.
    let Some(wanted) = wanted.filter(|_| lower.len() == line.len()) else { return vec![(plain(line), false)] };
    let mut parts = Vec::new();
    let mut from = 0;
    for (at, found) in lower.match_indices(wanted) {
        let (Some(before), Some(hit)) = (line.get(from..at), line.get(at..at + found.len())) else { continue };
        parts.push((plain(before), false));
        parts.push((plain(hit), true));
        from = at + found.len();
    }
    parts.push((plain(line.get(from..).unwrap_or_default()), false));
    parts
}
