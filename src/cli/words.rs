//! Times and counts as people read them.

use crate::contracts::clock::Timestamp;

pub fn now() -> Timestamp {
    Timestamp(chrono::Utc::now())
}

/// `14:02:09Z`.
pub fn clock(at: Timestamp) -> String {
    at.0.format("%H:%M:%SZ").to_string()
}

/// `2026-11-20 14:02:09Z`.
pub fn date(at: Timestamp) -> String {
    at.0.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// `in 4 min`, `4 min ago`.
pub fn relative(now: Timestamp, at: Timestamp) -> String {
    if at >= now { format!("in {}", at.since(now).words()) } else { format!("{} ago", now.since(at).words()) }
}

/// The value, or a dash.
pub fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
