//! A table that formats only the rows on screen, measures by display width, and gives up columns before it gives up
//! legibility.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::widgets::text;

/// How wide a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    Fixed(u16),
    /// At least `min`, and a share of what is left, up to `most`.
    Flex {
        min: u16,
        share: u16,
        most: u16,
    },
}

/// Which way a column leans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lean {
    Left,
    Right,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub title: &'static str,
    pub width: Width,
    pub lean: Lean,
    /// Columns with a higher number are given up first where there is no room; those with 0 never.
    pub spare: u8,
}

impl Column {
    pub const fn fixed(title: &'static str, width: u16) -> Self {
        Self { title, width: Width::Fixed(width), lean: Lean::Left, spare: 0 }
    }

    pub const fn flex(title: &'static str, min: u16, share: u16) -> Self {
        Self { title, width: Width::Flex { min, share, most: u16::MAX }, lean: Lean::Left, spare: 0 }
    }

    /// Wider than this it only keeps what belongs together apart.
    #[must_use]
    pub const fn at_most(self, most: u16) -> Self {
        let width = match self.width {
            Width::Flex { min, share, .. } => Width::Flex { min, share, most },
            Width::Fixed(width) => Width::Fixed(width),
        };
        Self { width, ..self }
    }

    #[must_use]
    pub const fn spare(self, spare: u8) -> Self {
        Self { spare, ..self }
    }

    #[must_use]
    pub const fn right(self) -> Self {
        Self { lean: Lean::Right, ..self }
    }
}

/// One row, formatted: a line for each column of the table, also for those that are not shown.
#[derive(Clone, Debug, Default)]
pub struct Row<'a> {
    pub cells: Vec<Line<'a>>,
    /// A style below the whole row: it just changed, or it is old.
    pub role: Option<Role>,
}

/// What of a list is on screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    pub total: usize,
    /// Index of the first row on screen.
    pub offset: usize,
    pub cursor: Option<usize>,
}

/// Draws a header and as many rows as fit, asking `row` for each of those and no other.
pub fn render<'a>(
    columns: &[Column],
    window: Window,
    theme: &Theme,
    target: (&mut Buffer, Rect),
    mut row: impl FnMut(usize) -> Row<'a>,
) {
    let (buffer, area) = target;
    if area.is_empty() {
        return;
    }
    let places = places(columns, area.width.saturating_sub(1));
    let header = columns.iter().map(|column| Line::styled(column.title, theme.style(Role::TextMuted))).collect();
    draw_row(columns, &places, header, buffer, line_of(area, 0));
    let last = window.total.min(window.offset.saturating_add(usize::from(area.height - 1)));
    for (line, index) in (1..).zip(window.offset..last) {
        let place = line_of(area, line);
        let formatted = row(index);
        draw_row(columns, &places, formatted.cells, buffer, place);
        if let Some(role) = formatted.role {
            buffer.set_style(place, theme.style(role));
        }
        if window.cursor == Some(index) {
            // Not the whole row: each move of the cursor would then write two of them.
            let key = places.first().copied().flatten().map_or(0, |(_, width)| width.min(BAR));
            let bar = Rect { width: place.width.min(1 + key), ..place };
            buffer.set_style(bar, theme.style(Role::Selection));
            buffer.set_string(place.x, place.y, "▸", Style::default());
        }
    }
}

/// How much of the first column is marked, at most, where the cursor is.
const BAR: u16 = 32;

fn line_of(area: Rect, line: u16) -> Rect {
    Rect { y: area.y + line, height: 1, ..area }
}

fn draw_row(columns: &[Column], places: &[Option<(u16, u16)>], cells: Vec<Line<'_>>, buffer: &mut Buffer, area: Rect) {
    for ((column, place), cell) in columns.iter().zip(places).zip(cells) {
        let Some((x, width)) = *place else { continue };
        let cell = text::cut_line(cell, usize::from(width));
        let wide = u16::try_from(cell.width()).unwrap_or(width).min(width);
        let indent = match column.lean {
            Lean::Left => 0,
            Lean::Right => width - wide,
        };
        // The first column of the table is the cursor's.
        buffer.set_line(area.x + 1 + x + indent, area.y, &cell, wide);
    }
}

/// Where each column begins and how wide it is; `None` for those given up.
pub fn places(columns: &[Column], available: u16) -> Vec<Option<(u16, u16)>> {
    let mut shown: Vec<bool> = columns.iter().map(|_| true).collect();
    while least(columns, &shown) > available {
        let spare = columns.iter().zip(&shown).enumerate().filter(|(_, (column, shown))| **shown && column.spare > 0);
        let Some((victim, _)) = spare.max_by_key(|(_, (column, _))| column.spare) else { break };
        if let Some(shown) = shown.get_mut(victim) {
            *shown = false;
        }
    }
    let widths = widths(columns, &shown, available);
    let mut x = 0;
    let place = |(width, shown): (u16, bool)| {
        if !shown || x >= available {
            return None;
        }
        let at = x;
        let width = width.min(available - at);
        x = x.saturating_add(width + GAP);
        Some((at, width))
    };
    widths.into_iter().zip(shown).map(place).collect()
}

/// How wide each column that is shown becomes. What those that are wide enough leave goes to the others.
fn widths(columns: &[Column], shown: &[bool], available: u16) -> Vec<u16> {
    let mut widths: Vec<u16> = columns.iter().map(|column| min(*column)).collect();
    let mut left = available.saturating_sub(least(columns, shown));
    loop {
        let grows = |at: usize, width: u16| {
            shown.get(at) == Some(&true) && columns.get(at).is_some_and(|column| width < most(*column))
        };
        let growing: Vec<usize> =
            (0..widths.len()).filter(|at| widths.get(*at).is_some_and(|width| grows(*at, *width))).collect();
        let shares: u16 = growing.iter().filter_map(|at| columns.get(*at)).map(|column| share(*column)).sum();
        let mut given = 0;
        for at in growing {
            let (Some(column), Some(width)) = (columns.get(at), widths.get_mut(at)) else { continue };
            let extra = u32::from(left) * u32::from(share(*column)) / u32::from(shares.max(1));
            let extra = u16::try_from(extra).unwrap_or(left).min(most(*column) - *width);
            *width += extra;
            given += extra;
        }
        left -= given;
        if given == 0 {
            return widths;
        }
    }
}

const GAP: u16 = 2;

fn min(column: Column) -> u16 {
    match column.width {
        Width::Fixed(width) => width,
        Width::Flex { min, .. } => min,
    }
}

fn most(column: Column) -> u16 {
    match column.width {
        Width::Fixed(width) => width,
        Width::Flex { most, .. } => most,
    }
}

fn share(column: Column) -> u16 {
    match column.width {
        Width::Fixed(_) => 0,
        Width::Flex { share, .. } => share,
    }
}

fn least(columns: &[Column], shown: &[bool]) -> u16 {
    let widths = columns.iter().zip(shown).filter(|(_, shown)| **shown).map(|(column, _)| min(*column) + GAP);
    widths.sum::<u16>().saturating_sub(GAP)
}
