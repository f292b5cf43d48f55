//! The trigger that is about to roll a deployment back.

use crate::contracts::clock::Timestamp;
use crate::contracts::health::{HealthReport, TriggerState, TriggerStatus};

/// A trigger on its way to rolling back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Countdown<'a> {
    pub trigger: &'a TriggerState,
    pub count: u32,
    pub of: u32,
    pub fires_at: Timestamp,
}

impl<'a> Countdown<'a> {
    /// The trigger that fires first if nothing gets better; none while none fails, or before the first look.
    pub fn of(report: &'a HealthReport) -> Option<Self> {
        let looked_at = report.samples.last()?.at;
        let failing = report.triggers.iter().filter_map(|state| match state.status {
            TriggerStatus::Failing { count, of, fires_in_ms } => {
                Some(Self { trigger: state, count, of, fires_at: looked_at.plus(fires_in_ms) })
            }
            TriggerStatus::Unknown | TriggerStatus::Ok | TriggerStatus::Fired => None,
        });
        failing.min_by_key(|countdown| countdown.fires_at)
    }
}
