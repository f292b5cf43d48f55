//! Times and counts as people read them.

use crate::contracts::clock::{Millis, Timestamp};

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

/// `4 min 30 s`: two units, the biggest first.
pub fn duration(millis: Millis) -> String {
    let seconds = millis.0 / 1000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes, seconds % 60) {
        (0, 0, 0, 0) if millis.0 > 0 => format!("{} ms", millis.0),
        (0, 0, 0, seconds) => format!("{seconds} s"),
        (0, 0, minutes, 0) => format!("{minutes} min"),
        (0, 0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (0, hours, 0, _) => format!("{hours} h"),
        (0, hours, minutes, _) => format!("{hours} h {minutes} min"),
        (days, 0, _, _) => format!("{days} d"),
        (days, hours, _, _) => format!("{days} d {hours} h"),
    }
}

/// `in 4 min`, `4 min ago`.
pub fn relative(now: Timestamp, at: Timestamp) -> String {
    if at >= now { format!("in {}", duration(at.since(now))) } else { format!("{} ago", duration(now.since(at))) }
}

/// The value, or a dash.
pub fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
