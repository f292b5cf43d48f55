//! A bar of how much of something is done.

use ratatui::text::Span;

use crate::console::theme::Theme;
use crate::console::theme::role::Role;

/// `▕██████░░░░░░▏`, `columns` wide, filled to `share` (0 to 1). It is full only when it is done, and empty only
/// before it begins.
pub fn meter(share: f64, columns: u16, role: Role, theme: &Theme) -> Vec<Span<'static>> {
    let inner = usize::from(columns.saturating_sub(2));
    let full = filled(share, inner);
    vec![
        Span::styled("▕", theme.style(Role::TextMuted)),
        Span::styled("█".repeat(full), theme.style(role)),
        Span::styled("░".repeat(inner - full), theme.style(Role::ChartGrid)),
        Span::styled("▏", theme.style(Role::TextMuted)),
    ]
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a screen's columns, clamped to them"
)]
fn filled(share: f64, inner: usize) -> usize {
    if share >= 1.0 {
        inner
    } else if share <= 0.0 || share.is_nan() || inner == 0 {
        0
    } else {
        ((share * inner as f64).round() as usize).clamp(1, inner.saturating_sub(1).max(1))
    }
}
