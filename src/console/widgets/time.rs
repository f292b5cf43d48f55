//! Instants and durations as people read them: ages in one unit, deadlines in two, clocks in UTC.

use crate::contracts::clock::{Millis, Timestamp};

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// What is shorter is told in minutes and seconds, by [`fine`].
pub const TO_THE_SECOND: Millis = Millis::from_secs(10 * 60);

/// How long ago, in the largest unit that says enough: `7s`, `4m`, `26h`, `3d`.
pub fn age(now: Timestamp, at: Timestamp) -> String {
    coarse(now.since(at))
}

/// How long ago, for columns of ages: `<1m`, then 1, 2, 5, 10, 20 and 30 minutes, from an hour on as [`age`]. It is as
/// exact as `1h` is, and a list of ages that turned each minute would never be still.
pub fn about(now: Timestamp, at: Timestamp) -> String {
    const STEPS: [u64; 6] = [30, 20, 10, 5, 2, 1];
    let past = now.since(at);
    if past.0 >= HOUR {
        return coarse(past);
    }
    let step = STEPS.into_iter().find(|step| past.0 >= step * MINUTE);
    step.map_or_else(|| "<1m".to_owned(), |step| format!("{step}m"))
}

/// A duration in one unit: `7s`, `4m`, `26h`, `3d`.
pub fn coarse(duration: Millis) -> String {
    match duration.0 {
        ms if ms < MINUTE => format!("{}s", ms / SECOND),
        ms if ms < HOUR => format!("{}m", ms / MINUTE),
        ms if ms < 2 * DAY => format!("{}h", ms / HOUR),
        ms => format!("{}d", ms / DAY),
    }
}

/// A duration in at most two units: `45s`, `12m`, `9m 30s` below ten minutes, `71h 56m`, `12d 4h` from 100 hours.
pub fn fine(duration: Millis) -> String {
    let two = |major: u64, minor: u64, units: (&str, &str)| {
        if minor == 0 { format!("{major}{}", units.0) } else { format!("{major}{} {minor}{}", units.0, units.1) }
    };
    match duration.0 {
        ms if ms < MINUTE => format!("{}s", ms / SECOND),
        ms if ms < TO_THE_SECOND.0 => two(ms / MINUTE, ms % MINUTE / SECOND, ("m", "s")),
        ms if ms < HOUR => format!("{}m", ms / MINUTE),
        ms if ms < 100 * HOUR => two(ms / HOUR, ms % HOUR / MINUTE, ("h", "m")),
        ms => two(ms / DAY, ms % DAY / HOUR, ("d", "h")),
    }
}

/// A deadline: `in 71h 56m`, or `overdue 2h` once it has passed.
pub fn until(now: Timestamp, deadline: Timestamp) -> String {
    if deadline < now {
        format!("overdue {}", coarse(now.since(deadline)))
    } else {
        format!("in {}", fine(deadline.since(now)))
    }
}

/// How long something took: `410ms`, `2.1s`, `3m 12s`.
pub fn took(duration: Millis) -> String {
    match duration.0 {
        ms if ms < SECOND => format!("{ms}ms"),
        ms if ms < MINUTE => format!("{}.{}s", ms / SECOND, ms % SECOND / 100),
        _ => fine(duration),
    }
}

/// A stopwatch: `03:12`, `1:03:12`.
pub fn clock(duration: Millis) -> String {
    let seconds = duration.0 / SECOND;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours == 0 { format!("{minutes:02}:{seconds:02}") } else { format!("{hours}:{minutes:02}:{seconds:02}") }
}

/// What is left until a moment, as a stopwatch that counts up to it: it shows 00:01 until the moment is there.
pub fn countdown(now: Timestamp, until: Timestamp) -> String {
    clock(Millis(until.since(now).0.div_ceil(SECOND) * SECOND))
}

/// `14:03:51`, in UTC.
pub fn second(at: Timestamp) -> String {
    at.0.format("%H:%M:%S").to_string()
}

/// `14:02Z`.
pub fn minute(at: Timestamp) -> String {
    at.0.format("%H:%MZ").to_string()
}

/// `2026-11-21 14:03:51Z`.
pub fn date(at: Timestamp) -> String {
    at.0.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// The time of day where that is enough, the date with it where it is not: on another day than `now`.
pub fn when(now: Timestamp, at: Timestamp) -> String {
    if now.0.date_naive() == at.0.date_naive() { second(at) } else { at.0.format("%m-%d %H:%M").to_string() }
}
