//! A series in one line of text.

const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// The last `columns` values as bars between zero and `top`. What was not measured is a blank, not a zero.
pub fn sparkline(values: &[Option<f64>], columns: usize, top: f64) -> String {
    let from = values.len().saturating_sub(columns);
    let shown = values.get(from..).unwrap_or_default();
    let blanks = columns.saturating_sub(shown.len());
    let bars = shown.iter().map(|value| value.map_or(" ", |value| bar(value, top)));
    std::iter::repeat_n(" ", blanks).chain(bars).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of eight bars, clamped to them")]
fn bar(value: f64, top: f64) -> &'static str {
    let share = if top > 0.0 { (value / top).clamp(0.0, 1.0) } else { 0.0 };
    let step = (share * 7.0).round() as usize;
    BARS.get(step).copied().unwrap_or("▁")
}
