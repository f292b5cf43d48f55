//! A line over time, with what it is held against drawn in: the baseline, the limit, the moment of the deploy. What
//! was not measured is a gap; two looks far apart are not joined.
//!
//! ```text
//!  8┤            ⡠⠒⠉      the value axis begins at zero
//!  4┤┄┄┄┄┄┄┄┄⡠⠔⠊┄┄ limit
//!  0┤⣀⣀⣀⠤⠤⠒⠉⠈⠈⠈⠈⠈ base
//!   14:00:12    14:03:24
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::widgets::{text, time};
use crate::contracts::clock::{Millis, Timestamp};

/// One look: a moment and what was measured then, if anything was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub at: Timestamp,
    pub value: Option<f64>,
}

/// A moment with a word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub at: Timestamp,
    pub word: &'static str,
}

/// What a chart shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart<'a> {
    /// Oldest first.
    pub points: &'a [Point],
    pub from: Timestamp,
    pub to: Timestamp,
    pub baseline: Option<f64>,
    pub limit: Option<f64>,
    /// Moments that explain the line: the deploy, the rollback. Oldest first.
    pub marks: &'a [Mark],
    /// Points further apart than this are not joined.
    pub gap: Millis,
}

/// Draws the chart: value axis left, time axis below. Too small an area stays empty rather than wrong.
pub fn render(chart: &Chart<'_>, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let top = top(chart);
    let labels = [top, top / 2.0, 0.0].map(label);
    let axis = labels.iter().map(|label| text::width(label)).max().unwrap_or(0);
    let Ok(axis) = u16::try_from(axis) else { return };
    if area.width < axis + 8 || area.height < 3 {
        return;
    }
    // The names of the levels stand beside the plot, where no line crosses them.
    let names = if area.width >= axis + 30 { NAMES } else { 0 };
    let plot = Rect { x: area.x + axis + 1, y: area.y, width: area.width - axis - 1 - names, height: area.height - 1 };
    draw_axis(&labels, plot, axis, theme, buffer);
    let scale = Scale { from: chart.from, to: chart.to, top, plot };
    draw_times(chart, &scale, theme, buffer);
    draw_level(
        chart.baseline,
        Level { sign: "·", name: "base", named: names > 0, role: Role::ChartBaseline },
        &scale,
        (theme, buffer),
    );
    draw_level(
        chart.limit,
        Level { sign: "┄", name: "limit", named: names > 0, role: Role::ChartLimit },
        &scale,
        (theme, buffer),
    );
    draw_line(chart, &scale, theme, buffer);
}

/// Columns right of the plot, for the names of the levels.
const NAMES: u16 = 6;

/// Where values and moments are on screen.
struct Scale {
    from: Timestamp,
    to: Timestamp,
    top: f64,
    plot: Rect,
}

impl Scale {
    /// Dots of a braille cell: two across, four down.
    fn dots(&self) -> (usize, usize) {
        (usize::from(self.plot.width) * 2, usize::from(self.plot.height) * 4)
    }

    /// Column of dots of a moment; `None` outside the chart.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of minutes")]
    fn x(&self, at: Timestamp) -> Option<usize> {
        if at < self.from || at > self.to {
            return None;
        }
        let whole = self.to.since(self.from).0.max(1) as f64;
        Some(position(at.since(self.from).0 as f64 / whole, self.dots().0))
    }

    /// Row of dots of a value, counted from above.
    fn y(&self, value: f64) -> usize {
        let rows = self.dots().1;
        rows - 1 - position(value / self.top, rows)
    }
}

/// Which of `dots` a share between 0 and 1 falls on.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a screen's dots, clamped to them"
)]
fn position(share: f64, dots: usize) -> usize {
    let last = dots.saturating_sub(1);
    if share.is_nan() { 0 } else { ((share.clamp(0.0, 1.0) * last as f64).round() as usize).min(last) }
}

/// The smallest round number above everything that is drawn.
fn top(chart: &Chart<'_>) -> f64 {
    let measured = chart.points.iter().filter_map(|point| point.value).fold(0.0_f64, f64::max);
    let highest = [chart.baseline, chart.limit].into_iter().flatten().fold(measured, f64::max) * 1.05;
    if !highest.is_finite() || highest <= 0.0 {
        return 1.0;
    }
    let unit = 10_f64.powf(highest.log10().floor());
    [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0]
        .into_iter()
        .map(|step| step * unit)
        .find(|step| *step >= highest)
        .unwrap_or(highest)
}

/// A value of the axis, as short as it can be said.
pub fn label(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude >= 10_000.0 {
        format!("{}k", short(value / 1000.0, 1))
    } else if magnitude >= 100.0 {
        short(value, 0)
    } else if magnitude >= 1.0 || magnitude == 0.0 {
        short(value, 1)
    } else {
        short(value, 3)
    }
}

/// At most so many decimals, none that say nothing.
fn short(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn draw_axis(labels: &[String; 3], plot: Rect, width: u16, theme: &Theme, buffer: &mut Buffer) {
    let rows = [plot.y, plot.y + plot.height / 2, plot.bottom() - 1];
    for y in plot.top()..plot.bottom() {
        buffer.set_string(plot.x - 1, y, "│", theme.style(Role::ChartGrid));
    }
    for (nth, (label, y)) in labels.iter().zip(rows).enumerate() {
        // Of two rows only the ends are labelled.
        if nth == 1 && plot.height < 4 {
            continue;
        }
        let indent = usize::from(width).saturating_sub(text::width(label));
        let text = format!("{}{label}", " ".repeat(indent));
        buffer.set_string(plot.x - 1 - width, y, text, theme.style(Role::TextMuted));
        buffer.set_string(plot.x - 1, y, "┤", theme.style(Role::ChartGrid));
    }
}

/// The time axis, and the marks through the whole height of the plot.
fn draw_times(chart: &Chart<'_>, scale: &Scale, theme: &Theme, buffer: &mut Buffer) {
    let plot = scale.plot;
    let (first, last) = (time::second(chart.from), time::second(chart.to));
    let width = usize::from(plot.width);
    let mut word = |at: usize, text: &str, role: Role| {
        if let Ok(x) = u16::try_from(at) {
            buffer.set_string(plot.x + x, plot.bottom(), text, theme.style(role));
        }
    };
    word(0, text::head(&first, width), Role::TextMuted);
    // From the right, because the latest mark tells most; a word never runs into another.
    let mut free = width;
    for mark in chart.marks.iter().rev() {
        let Some(column) = scale.x(mark.at).map(|x| x / 2) else { continue };
        let Some(start) = free.checked_sub(mark.word.len()).map(|latest| column.min(latest)) else { continue };
        let start = start.max(first.len() + 1);
        if start + mark.word.len() <= free {
            word(start, mark.word, Role::ChartMark);
            free = start.saturating_sub(1);
        }
    }
    let taken = chart.marks.iter().rev().find_map(|mark| scale.x(mark.at).map(|x| x / 2 + mark.word.len() + 1));
    if let Some(at) = width.checked_sub(last.len()).filter(|at| *at > first.len().max(taken.unwrap_or(0))) {
        word(at, &last, Role::TextMuted);
    }
    for mark in chart.marks {
        let Some(x) = scale.x(mark.at).and_then(|x| u16::try_from(x / 2).ok()) else { continue };
        for row in plot.top()..plot.bottom() {
            buffer.set_string(plot.x + x, row, "┊", theme.style(Role::ChartMark));
        }
    }
}

/// How a level is drawn.
#[derive(Clone, Copy)]
struct Level {
    sign: &'static str,
    name: &'static str,
    named: bool,
    role: Role,
}

fn draw_level(value: Option<f64>, level: Level, scale: &Scale, (theme, buffer): (&Theme, &mut Buffer)) {
    let Some(value) = value else { return };
    let plot = scale.plot;
    let Ok(row) = u16::try_from(scale.y(value) / 4) else { return };
    let style = theme.style(level.role);
    for x in plot.left()..plot.right() {
        buffer.set_string(x, plot.y + row, level.sign, style);
    }
    if level.named {
        buffer.set_string(plot.right() + 1, plot.y + row, level.name, style);
    }
}

/// The line itself, over everything else. Where it is above the limit it looks like what it is.
fn draw_line(chart: &Chart<'_>, scale: &Scale, theme: &Theme, buffer: &mut Buffer) {
    let (columns, rows) = scale.dots();
    let mut cells = vec![0_u32; usize::from(scale.plot.width) * usize::from(scale.plot.height)];
    let width = usize::from(scale.plot.width);
    let mut dot = |x: usize, y: usize| {
        if x < columns
            && y < rows
            && let Some(cell) = cells.get_mut(y / 4 * width + x / 2)
        {
            *cell |= bit(x % 2, y % 4);
        }
    };
    let mut before: Option<(Timestamp, usize, usize)> = None;
    for point in chart.points {
        let here = point.value.zip(scale.x(point.at)).map(|(value, x)| (point.at, x, scale.y(value)));
        match (before, here) {
            (Some((then, x0, y0)), Some((at, x1, y1))) if at.since(then) <= chart.gap => {
                segment((x0, y0), (x1, y1), &mut dot);
            }
            (_, Some((_, x, y))) => dot(x, y),
            (_, None) => {}
        }
        before = here;
    }
    let limit = chart.limit.map(|limit| scale.y(limit) / 4);
    for (index, bits) in cells.into_iter().enumerate().filter(|(_, bits)| *bits != 0) {
        let (column, row) = (index % width, index / width);
        let (Ok(x), Ok(y)) = (u16::try_from(column), u16::try_from(row)) else { continue };
        let above = limit.is_some_and(|limit| row < limit);
        let role = if above { Role::StatusFailed } else { Role::ChartLine };
        if let (Some(cell), Some(sign)) =
            (buffer.cell_mut((scale.plot.x + x, scale.plot.y + y)), char::from_u32(0x2800 + bits))
        {
            cell.set_char(sign).set_style(theme.style(role));
        }
    }
}

/// Every dot between two, one in each column at least, without holes on the way up or down.
fn segment(from: (usize, usize), to: (usize, usize), dot: &mut impl FnMut(usize, usize)) {
    let across = to.0.saturating_sub(from.0);
    let mut last = from.1;
    for step in 0..=across {
        // Rounded integer interpolation; points are in order of time, so `across` never goes backwards.
        let y =
            if across == 0 { to.1 } else { (from.1 * (across - step) * 2 + to.1 * step * 2 + across) / (across * 2) };
        for between in last.min(y)..=last.max(y) {
            dot(from.0 + step, between);
        }
        last = y;
    }
}

/// The bit of a braille cell at a place in it.
fn bit(x: usize, y: usize) -> u32 {
    const BITS: [[u32; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
    BITS.get(x).and_then(|column| column.get(y)).copied().unwrap_or(0)
}
