//! Work that was asked for twice and waits twice: the earlier step is enough.

use serde_json::Value;

use crate::contracts::engine::state::{EngineState, StepState, StepStatus};
use crate::spec::Withdrawal;

/// Waiting steps of the kind and with the payload of an earlier one that waits as well.
pub fn duplicates(state: &EngineState) -> Vec<Withdrawal> {
    let mut steps = state.in_order();
    steps.retain(|(_, step)| step.status == StepStatus::Waiting && is_whole(&step.payload));
    let same = |one: &StepState, other: &StepState| one.kind == other.kind && one.payload == other.payload;
    let earlier = |at: usize| steps[..at].iter().find(|(_, first)| same(first, steps[at].1));
    let withdrawn = (0..steps.len()).filter_map(|at| {
        let (first, _) = earlier(at)?;
        Some(Withdrawal { step: steps[at].0.clone(), reason: format!("{first} is the same, and waits already.") })
    });
    withdrawn.collect()
}

/// Of what is too large only the size is kept: two of one size need not be the same.
fn is_whole(payload: &Value) -> bool {
    payload.get("omittedBytes").is_none()
}
