//! A list of labels and values, the labels in one column, long values wrapped under themselves.

use ratatui::text::{Line, Span};

use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::widgets::text;

/// One label and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Field<'a> {
    pub label: &'a str,
    pub value: String,
    pub role: Role,
}

impl<'a> Field<'a> {
    pub fn new(label: &'a str, value: impl Into<String>, role: Role) -> Self {
        Self { label, value: value.into(), role }
    }
}

/// The card as lines of at most `columns` columns.
pub fn card<'a>(fields: &[Field<'a>], columns: u16, theme: &Theme) -> Vec<Line<'a>> {
    let columns = usize::from(columns);
    let labels = fields.iter().map(|field| text::width(field.label)).max().unwrap_or(0).min(columns / 2);
    let mut lines = Vec::new();
    for field in fields {
        let room = columns.saturating_sub(labels + 2);
        for (nth, part) in text::wrap(&field.value, room).into_iter().enumerate() {
            let label = if nth == 0 { text::fit(field.label, labels) } else { " ".repeat(labels) };
            lines.push(Line::from(vec![
                Span::styled(label, theme.style(Role::TextMuted)),
                Span::raw("  "),
                Span::styled(part, theme.style(field.role)),
            ]));
        }
    }
    lines
}
