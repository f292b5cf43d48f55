//! Text by the columns it takes: measured by grapheme as the terminal shows it, never by characters.

use std::borrow::Cow;

use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// What stands where something was cut off.
pub const CUT: &str = "…";

/// Columns a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// At most `max` columns, with `…` at the end where it was cut.
pub fn cut(text: &str, max: usize) -> Cow<'_, str> {
    if width(text) <= max {
        return Cow::Borrowed(text);
    }
    if max == 0 {
        return Cow::Borrowed("");
    }
    let mut kept = head(text, max - 1).to_owned();
    kept.push_str(CUT);
    Cow::Owned(kept)
}

/// At most `max` columns, with `…` in the middle: the ends of an id tell more than its middle.
pub fn cut_middle(text: &str, max: usize) -> Cow<'_, str> {
    if width(text) <= max || max < 5 {
        return cut(text, max);
    }
    let tail_width = (max - 1) / 2;
    let start = head(text, max - 1 - tail_width);
    let tail = tail(text, tail_width);
    Cow::Owned(format!("{start}{CUT}{tail}"))
}

/// Exactly `columns` columns: cut or filled up with spaces.
pub fn fit(text: &str, columns: usize) -> String {
    let mut fitted = cut(text, columns).into_owned();
    let missing = columns.saturating_sub(width(&fitted));
    fitted.extend(std::iter::repeat_n(' ', missing));
    fitted
}

/// A styled line of at most `max` columns, with `…` where it was cut.
pub fn cut_line(line: Line<'_>, max: usize) -> Line<'_> {
    if line.width() <= max {
        return line;
    }
    let mut left = max;
    let mut spans = Vec::new();
    for span in line.spans {
        let wide = span.width();
        // One column stays free for the sign that something is missing.
        if wide < left {
            left -= wide;
            spans.push(span);
        } else {
            let kept = if left == 0 { String::new() } else { format!("{}{CUT}", head(&span.content, left - 1)) };
            spans.push(Span::styled(kept, span.style));
            break;
        }
    }
    Line { spans, style: line.style, alignment: line.alignment }
}

/// Lines of at most `columns` columns, broken between words where that goes, within words where it does not.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    text.split('\n').flat_map(|line| wrap_line(line, columns)).collect()
}

fn wrap_line(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_inclusive(' ') {
        // The space after a word may hang over the edge.
        let wide = width(word.trim_end());
        if used > 0 && used + wide > columns {
            lines.push(String::new());
            used = 0;
        }
        if wide <= columns {
            push(&mut lines, word);
            used += width(word);
            continue;
        }
        for grapheme in word.graphemes(true) {
            if used > 0 && used + width(grapheme) > columns {
                lines.push(String::new());
                used = 0;
            }
            push(&mut lines, grapheme);
            used += width(grapheme);
        }
    }
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines
}

fn push(lines: &mut [String], text: &str) {
    if let Some(line) = lines.last_mut() {
        line.push_str(text);
    }
}

/// The longest start of at most `max` columns.
pub fn head(text: &str, max: usize) -> &str {
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        used += width(grapheme);
        if used > max {
            return text.get(..at).unwrap_or_default();
        }
    }
    text
}

/// The longest end of at most `max` columns.
fn tail(text: &str, max: usize) -> &str {
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true).rev() {
        used += width(grapheme);
        if used > max {
            return text.get(at + grapheme.len()..).unwrap_or_default();
        }
    }
    text
}
