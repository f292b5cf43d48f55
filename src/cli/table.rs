//! Aligned columns, by the width that a terminal shows.

use unicode_width::UnicodeWidthStr;

/// Rows of cells under a heading.
#[derive(Clone, Debug)]
pub struct Table<const N: usize> {
    heading: [&'static str; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub fn new(heading: [&'static str; N]) -> Self {
        Self { heading, rows: Vec::new() }
    }

    pub fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }

    /// Two spaces between columns, nothing after the last.
    pub fn lines(&self) -> Vec<String> {
        let mut widths = self.heading.map(UnicodeWidthStr::width);
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        let heading = join(self.heading, widths);
        std::iter::once(heading)
            .chain(self.rows.iter().map(|row| join(row.each_ref().map(String::as_str), widths)))
            .collect()
    }
}

fn join<const N: usize>(cells: [&str; N], widths: [usize; N]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.into_iter().zip(widths) {
        line.push_str(cell);
        line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width()) + 2));
    }
    line.trim_end().to_owned()
}

/// `label  value`, labels aligned.
pub fn fields(fields: &[(&str, String)]) -> Vec<String> {
    let widest = fields.iter().map(|(label, _)| label.width()).max().unwrap_or(0);
    let line = |(label, value): &(&str, String)| {
        let gap = " ".repeat(widest - label.width() + 2);
        format!("  {label}{gap}{value}").trim_end().to_owned()
    };
    fields.iter().map(line).collect()
}
