//! Instants and durations as they travel.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An instant in UTC; RFC 3339 on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = DateTime)]
pub struct Timestamp(pub DateTime<Utc>);

impl Timestamp {
    /// The time from `earlier` to this; zero when it is not earlier.
    pub fn since(self, earlier: Self) -> Millis {
        Millis(u64::try_from((self.0 - earlier.0).num_milliseconds()).unwrap_or(0))
    }

    /// This much later, or the end of time when that does not fit.
    #[must_use]
    pub fn plus(self, millis: Millis) -> Self {
        let later = millis.as_delta().and_then(|delta| self.0.checked_add_signed(delta));
        Self(later.unwrap_or(DateTime::<Utc>::MAX_UTC))
    }

    /// This much earlier, or the beginning of time when that does not fit.
    #[must_use]
    pub fn minus(self, millis: Millis) -> Self {
        let earlier = millis.as_delta().and_then(|delta| self.0.checked_sub_signed(delta));
        Self(earlier.unwrap_or(DateTime::<Utc>::MIN_UTC))
    }

    /// Milliseconds since 1970, for formats that want a number.
    pub fn unix_millis(self) -> i64 {
        self.0.timestamp_millis()
    }

    /// The reverse of [`Self::unix_millis`].
    pub fn from_unix_millis(millis: i64) -> Option<Self> {
        DateTime::<Utc>::from_timestamp_millis(millis).map(Self)
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%dT%H:%M:%S%.3fZ"))
    }
}

impl From<std::time::SystemTime> for Timestamp {
    fn from(time: std::time::SystemTime) -> Self {
        Self(time.into())
    }
}

/// An instant as the seeds' engine writes it: a number, milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = i64)]
pub struct UnixMillis(pub i64);

impl From<Timestamp> for UnixMillis {
    fn from(at: Timestamp) -> Self {
        Self(at.unix_millis())
    }
}

impl UnixMillis {
    /// The same instant for people; none for a number no calendar has.
    pub fn timestamp(self) -> Option<Timestamp> {
        Timestamp::from_unix_millis(self.0)
    }

    /// So much later; what no number holds is the last instant there is.
    #[must_use]
    pub fn plus(self, duration: Millis) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.0).unwrap_or(i64::MAX)))
    }

    /// So much earlier.
    #[must_use]
    pub fn minus(self, duration: Millis) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.0).unwrap_or(i64::MAX)))
    }
}

/// A duration in whole milliseconds: the unit of every duration on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = u64)]
pub struct Millis(pub u64);

impl Millis {
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    pub const fn from_hours(hours: u64) -> Self {
        Self::from_secs(hours.saturating_mul(3600))
    }

    pub const fn as_duration(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// In a sentence: `4 min 30 s`, two units, the biggest first.
    pub fn words(self) -> String {
        let seconds = self.0 / 1000;
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
        match (days, hours, minutes, seconds % 60) {
            (0, 0, 0, 0) if self.0 > 0 => format!("{} ms", self.0),
            (0, 0, 0, seconds) => format!("{seconds} s"),
            (0, 0, minutes, 0) => format!("{minutes} min"),
            (0, 0, minutes, seconds) => format!("{minutes} min {seconds} s"),
            (0, hours, 0, _) => format!("{hours} h"),
            (0, hours, minutes, _) => format!("{hours} h {minutes} min"),
            (days, 0, _, _) => format!("{days} d"),
            (days, hours, _, _) => format!("{days} d {hours} h"),
        }
    }

    fn as_delta(self) -> Option<TimeDelta> {
        i64::try_from(self.0).ok().and_then(TimeDelta::try_milliseconds)
    }
}

impl From<Duration> for Millis {
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }
}
