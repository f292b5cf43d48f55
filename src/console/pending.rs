//! What the server is about to run, runs, or tries again, in words.

use crate::console::widgets::time;
use crate::contracts::clock::Timestamp;
use crate::contracts::workflow::{PendingActivity, PendingActivityState};

/// Where it stands: `due in 8s`, `runs for 12s`.
pub fn standing(activity: &PendingActivity, now: Timestamp) -> String {
    match activity.state {
        PendingActivityState::Started => match activity.last_started_at {
            Some(at) => format!("runs for {}", time::age(now, at)),
            None => "runs".to_owned(),
        },
        PendingActivityState::Scheduled => match activity.next_attempt_at.filter(|at| *at > now) {
            Some(at) => format!("due {}", time::until(now, at)),
            None => match activity.scheduled_at {
                Some(at) => format!("waits for a worker, scheduled {} ago", time::age(now, at)),
                None => "waits for a worker".to_owned(),
            },
        },
        PendingActivityState::CancelRequested => "asked to stop".to_owned(),
        PendingActivityState::Paused => "paused".to_owned(),
        PendingActivityState::Unknown => "in a state this version does not know".to_owned(),
    }
}
