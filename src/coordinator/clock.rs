//! What time it is, for whatever is written down with its time. Waiting goes by the runtime's own clock.

use crate::contracts::clock::{Timestamp, UnixMillis};

pub fn now() -> Timestamp {
    Timestamp(chrono::Utc::now())
}

/// The same as the store keeps it.
pub fn now_millis() -> UnixMillis {
    now().into()
}
