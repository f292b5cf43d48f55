//! Keeps a memo within its 2 KB by giving up the least useful first. What is always kept is what people and
//! the monitor act on: gates with digest and deadline, where a deployment and its rollback stand, until when
//! it is watched and paused. What is given up stays readable in history and queries.

use crate::contracts::gate::OpenGate;
use crate::contracts::phase::{Phase, PhaseStatus};
use crate::contracts::rollback::{StepReport, StepStatus};
use crate::contracts::temporal::memo::Published;
use crate::workflows::blocks::text::clip;

/// Each gives up a little more.
const TRIMS: [fn(&mut Published); 19] = [
    |memo| texts(memo, 100),
    |memo| memo.gates.iter_mut().for_each(|gate| failing(gate, 2)),
    |memo| keep_migrations(memo, 3),
    |memo| step_times(memo, |step| step.ended_at.is_some()),
    |memo| phase_times(memo, |phase| phase.status == PhaseStatus::Done),
    |memo| texts(memo, 40),
    |memo| memo.refused = None,
    |memo| phase_times(memo, |_| true),
    |memo| {
        memo.gates.iter_mut().for_each(|gate| failing(gate, 0));
        keep_migrations(memo, 0);
        if memo.rolling_back.is_some() {
            memo.rollback = None;
        }
    },
    |memo| reason(memo, 40),
    |memo| texts(memo, 16),
    |memo| memo.spec = None,
    |memo| memo.work.truncate(6),
    |memo| memo.reminders.truncate(1),
    |memo| {
        memo.phases.clear();
        memo.decided = None;
        memo.incident_id = None;
    },
    |memo| memo.rollback = None,
    |memo| memo.work.truncate(2),
    |memo| step_times(memo, |_| true),
    |memo| texts(memo, 0),
];

/// `memo`, small enough.
pub fn fit(mut memo: Published) -> Published {
    for trim in TRIMS {
        if size(&memo) <= Published::MAX_BYTES {
            break;
        }
        trim(&mut memo);
    }
    memo
}

/// Bytes of the memo in its wire form.
pub fn size(memo: &Published) -> usize {
    serde_json::to_vec(memo).map_or(0, |bytes| bytes.len())
}

/// Cuts everything that is prose.
fn texts(memo: &mut Published, most: usize) {
    let cut = |text: &mut String| *text = clip(text, most);
    cut(&mut memo.title);
    cut(&mut memo.started_by);
    for gate in &mut memo.gates {
        cut(&mut gate.title);
        cut(&mut gate.effect);
        cut(&mut gate.requested_by);
        if let Some(evidence) = &mut gate.evidence {
            cut(&mut evidence.subject);
            cut(&mut evidence.author);
            for check in &mut evidence.failing {
                cut(&mut check.title);
                cut(&mut check.detail);
            }
        }
    }
    if let Some(decided) = &mut memo.decided {
        decided.reason.iter_mut().for_each(cut);
        cut(&mut decided.actor.name);
    }
    if let Some(rollback) = &mut memo.rollback {
        rollback.why_not.iter_mut().for_each(cut);
    }
    if let Some(rolling_back) = &mut memo.rolling_back {
        // Why is the first thing that everybody asks: it is cut late, by itself.
        rolling_back.cause.reason = clip(&rolling_back.cause.reason, if most < 40 { most } else { REASON });
        cut(&mut rolling_back.cause.actor.name);
        for step in &mut rolling_back.steps {
            match &mut step.status {
                StepStatus::Pending | StepStatus::Running => {}
                StepStatus::Retrying { failure: text }
                | StepStatus::Done { detail: text }
                | StepStatus::Skipped { why: text } => cut(text),
            }
        }
    }
    if let Some(refused) = &mut memo.refused {
        cut(&mut refused.why);
    }
}

/// Longer than any trigger's reason.
const REASON: usize = 160;

fn reason(memo: &mut Published, most: usize) {
    if let Some(rolling_back) = &mut memo.rolling_back {
        rolling_back.cause.reason = clip(&rolling_back.cause.reason, most);
    }
}

fn failing(gate: &mut OpenGate, named: usize) {
    if let Some(evidence) = &mut gate.evidence {
        evidence.failing.truncate(named);
    }
}

fn keep_migrations(memo: &mut Published, named: usize) {
    if let Some(rollback) = &mut memo.rollback {
        rollback.migrations.truncate(named);
        rollback.migrations.iter_mut().for_each(|name| *name = clip(name, 40));
    }
}

/// When a step began matters least once it has ended.
fn step_times(memo: &mut Published, of: fn(&StepReport) -> bool) {
    for step in memo.rolling_back.iter_mut().flat_map(|rollback| &mut rollback.steps).filter(|step| of(step)) {
        step.started_at = None;
    }
}

fn phase_times(memo: &mut Published, of: fn(&Phase) -> bool) {
    for phase in memo.phases.iter_mut().filter(|phase| of(phase)) {
        phase.started_at = None;
        phase.ended_at = None;
    }
}
