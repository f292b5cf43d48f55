//! What happened to a workflow between two looks, as lines: pure, so that following is only looking and printing.

use serde::Serialize;

use crate::cli::words;
use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::decision::DecisionRecord;
use crate::contracts::gate::OpenGate;
use crate::contracts::health::{HealthReport, Sample, TriggerStatus};
use crate::contracts::phase::{Phase, PhaseStatus};
use crate::contracts::rollback::{RollbackProgress, RollbackStep, StepReport, StepStatus};
use crate::contracts::temporal::memo::Published;
use crate::contracts::workflow::{HeldUp, PendingActivity, WorkflowDetail};

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    Status,
    Phase,
    Gate,
    Decision,
    Stage,
    Sample,
    Trigger,
    Rollback,
    /// An activity that is tried again.
    Retry,
    /// It stands still for want of a worker, or goes on.
    Waits,
    /// A message that was not obeyed.
    Refused,
    Incident,
    /// A step of a goal.
    Step,
    /// What the work of a goal left behind.
    Artifact,
    /// An entry of a goal's log.
    Log,
    /// About the server rather than the workflow.
    Link,
}

impl What {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Phase => "phase",
            Self::Gate => "gate",
            Self::Decision => "decision",
            Self::Stage => "stage",
            Self::Sample => "health",
            Self::Trigger => "trigger",
            Self::Rollback => "rollback",
            Self::Retry => "retry",
            Self::Waits => "waits",
            Self::Refused => "refused",
            Self::Incident => "incident",
            Self::Step => "step",
            Self::Artifact => "artifact",
            Self::Log => "log",
            Self::Link => "link",
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// When it happened, as the workflow says; when it was seen where that is unknown.
    pub at: Timestamp,
    pub what: What,
    pub text: String,
}

impl Change {
    /// Something about the server, now.
    pub fn link(text: String) -> Self {
        Self { at: words::now(), what: What::Link, text }
    }
}

/// What holds it up now, when it did not a look ago, or the other way round.
pub fn held_up(before: Option<HeldUp>, after: Option<HeldUp>, now: Timestamp) -> Option<Change> {
    let text = match (before, after) {
        (None, Some(held_up)) => waits(held_up),
        (Some(_), None) => "a worker has it again".to_owned(),
        (None, None) | (Some(_), Some(_)) => return None,
    };
    Some(Change { at: now, what: What::Waits, text })
}

/// `no look for 40 s: the monitor's worker is gone or stuck, ...`
pub fn waits(held_up: HeldUp) -> String {
    let (what, late) = held_up.what();
    format!("{what} for {}: {}", late.words(), held_up.so())
}

/// Everything that is different, in the order of its importance. The first look reports where things stand.
pub fn between(before: Option<&WorkflowDetail>, after: &WorkflowDetail, now: Timestamp) -> Vec<Change> {
    let mut seen = Seen { now, published_at: None, changes: Vec::new() };
    let nothing = Published::default();
    let memo = |detail: Option<&WorkflowDetail>| detail.and_then(|detail| detail.row.published.as_deref().cloned());
    let (was, is) = (memo(before).unwrap_or_else(|| nothing.clone()), memo(Some(after)).unwrap_or(nothing));
    seen.published_at = is.updated_at;
    seen.phases(&was.phases, &is.phases);
    seen.gates(&was.gates, &is.gates);
    seen.decided(was.decided.as_ref(), is.decided.as_ref());
    seen.stage(&was, &is);
    seen.health(before.and_then(|detail| detail.health.as_deref()), after.health.as_deref());
    seen.rollback(was.rolling_back.as_ref(), is.rolling_back.as_ref());
    seen.retries(before.map_or(&[], |detail| &detail.activities), &after.activities);
    if let Some(refused) = is.refused.filter(|refused| was.refused.as_ref() != Some(refused)) {
        seen.add(Some(refused.at), What::Refused, format!("{} was not obeyed: {}", refused.name, refused.why));
    }
    if let Some(incident) = is.incident_id.filter(|incident| was.incident_id.as_ref() != Some(incident)) {
        seen.add(seen.published_at, What::Incident, incident_words(&incident, is.rolling_back.as_ref()));
    }
    let status = after.row.status;
    if before.map(|detail| detail.row.status) != Some(status) {
        seen.add(after.row.closed_at, What::Status, status.as_str().to_owned());
    }
    seen.changes
}

/// Changes found so far.
struct Seen {
    now: Timestamp,
    /// When the workflow last said how it stands: what it says without a time is as old as that.
    published_at: Option<Timestamp>,
    changes: Vec<Change>,
}

impl Seen {
    fn add(&mut self, at: Option<Timestamp>, what: What, text: String) {
        self.changes.push(Change { at: at.unwrap_or(self.now), what, text });
    }

    fn phases(&mut self, was: &[Phase], is: &[Phase]) {
        for phase in is {
            let before = was.iter().find(|old| old.name == phase.name).map_or(PhaseStatus::Pending, |old| old.status);
            if before != phase.status {
                let at = phase.ended_at.or(phase.started_at);
                self.add(at, What::Phase, format!("{} {}", phase.name, phase_word(phase.status)));
            }
        }
    }

    fn gates(&mut self, was: &[OpenGate], is: &[OpenGate]) {
        for gate in is {
            match was.iter().find(|old| old.id == gate.id) {
                None => {
                    let deadline =
                        gate.deadline.map_or_else(String::new, |deadline| format!(", until {}", words::date(deadline)));
                    self.add(Some(gate.opened_at), What::Gate, format!("{} waits for a decision{deadline}", gate.id));
                }
                Some(old) if old.revision != gate.revision => {
                    self.add(
                        self.published_at,
                        What::Gate,
                        format!("{} asks again at revision {}", gate.id, gate.revision),
                    );
                }
                Some(_) => {}
            }
        }
        for gate in was.iter().filter(|gate| !is.iter().any(|new| new.id == gate.id)) {
            self.add(self.published_at, What::Gate, format!("{} is closed", gate.id));
        }
    }

    fn decided(&mut self, was: Option<&DecisionRecord>, is: Option<&DecisionRecord>) {
        if let Some(record) = is.filter(|_| was != is) {
            self.add(Some(record.at), What::Decision, decision(record));
        }
    }

    fn stage(&mut self, was: &Published, is: &Published) {
        let Some(deployment) = &is.deployment else { return };
        if was.deployment.as_ref().map(|old| old.stage) != Some(deployment.stage) {
            let text = format!("{} {} {}", deployment.service, deployment.version, deployment.stage.as_str());
            self.add(self.published_at, What::Stage, text);
        }
    }

    fn health(&mut self, was: Option<&HealthReport>, is: Option<&HealthReport>) {
        let Some(is) = is else { return };
        let same = was.filter(|was| was.started_at == is.started_at);
        let last = same.map_or(0, |was| was.taken);
        // The first look shows the newest sample only; the rest is the past.
        let from = if same.is_some() { last } else { is.taken.saturating_sub(1) };
        for sample in is.samples.iter().filter(|sample| sample.seq > from) {
            self.add(Some(sample.at), What::Sample, measured(sample));
        }
        for state in &is.triggers {
            let before = same.and_then(|was| was.triggers.iter().find(|old| old.trigger == state.trigger));
            let title = state.trigger.title();
            match &state.status {
                TriggerStatus::Fired if before.is_none_or(|old| old.status != TriggerStatus::Fired) => {
                    self.add(None, What::Trigger, format!("{title} fired: {} (limit {})", state.now, state.limit));
                }
                TriggerStatus::Failing { count, of, fires_in_ms }
                    if before.map(|old| &old.status) != Some(&state.status) =>
                {
                    let then = match is.overdue(self.now) {
                        Some(_) => "nothing rolls back by itself while nobody looks".to_owned(),
                        None => format!("rolls back in {}", fires_in_ms.words()),
                    };
                    let text = format!("{title} {} (limit {}), {count} of {of}; {then}", state.now, state.limit);
                    self.add(None, What::Trigger, text);
                }
                TriggerStatus::Ok if before.is_some_and(|old| matches!(old.status, TriggerStatus::Failing { .. })) => {
                    self.add(None, What::Trigger, format!("{title} is fine again"));
                }
                TriggerStatus::Unknown | TriggerStatus::Ok | TriggerStatus::Fired | TriggerStatus::Failing { .. } => {}
            }
        }
    }

    fn rollback(&mut self, was: Option<&RollbackProgress>, is: Option<&RollbackProgress>) {
        let Some(is) = is else { return };
        if was.is_none() {
            let actor = &is.cause.actor.name;
            let by = if actor.is_empty() { String::new() } else { format!(" by {actor}") };
            self.add(Some(is.cause.at), What::Rollback, format!("asked for{by}: {}", is.cause.reason));
        }
        for step in &is.steps {
            let before = was.and_then(|was| was.steps.iter().find(|old| old.step == step.step));
            if before.map_or(&StepStatus::Pending, |old| &old.status) != &step.status {
                self.add(step.ended_at.or(step.started_at), What::Rollback, rollback_step(step));
            }
        }
        if let Some(at) = is.verified_at.filter(|_| was.and_then(|was| was.verified_at).is_none()) {
            let took = at.since(is.cause.at).words();
            self.add(Some(at), What::Rollback, format!("verified: the previous version serves again, after {took}"));
        }
    }

    fn retries(&mut self, was: &[PendingActivity], is: &[PendingActivity]) {
        for activity in is.iter().filter(|activity| activity.attempt > 1) {
            let before = was.iter().find(|old| old.activity_id == activity.activity_id).map_or(1, |old| old.attempt);
            if before != activity.attempt {
                let why = activity.last_failure.as_deref().unwrap_or("unknown");
                let text = format!("{} attempt {}: {why}", activity.activity_type, activity.attempt);
                self.add(None, What::Retry, text);
            }
        }
    }
}

pub fn phase_word(status: PhaseStatus) -> &'static str {
    match status {
        PhaseStatus::Pending => "pending",
        PhaseStatus::Running => "running",
        PhaseStatus::Waiting => "waits for a person",
        PhaseStatus::Done => "done",
        PhaseStatus::Failed => "failed",
        PhaseStatus::Paused => "paused",
        PhaseStatus::RollingBack => "rolling back",
        PhaseStatus::RolledBack => "rolled back",
        PhaseStatus::Skipped => "skipped",
    }
}

/// `approved by mira: looks good`.
pub fn decision(record: &DecisionRecord) -> String {
    let reason = record.reason.as_deref().map_or_else(String::new, |reason| format!(": {reason}"));
    format!("{} {} by {}{reason}", record.gate, record.verdict.done(), record.who())
}

/// It is opened early, for others to learn of it; its record is what the last step writes.
fn incident_words(incident: &str, rolling: Option<&RollbackProgress>) -> String {
    let documented =
        |report: &StepReport| report.step == RollbackStep::Document && matches!(report.status, StepStatus::Done { .. });
    let is_recorded = rolling.is_some_and(|rolling| rolling.steps.iter().any(documented));
    format!("{} as {incident}", if is_recorded { "recorded" } else { "opened" })
}

/// `3/6 deploy previous version: done, v41 serves`.
pub fn rollback_step(report: &StepReport) -> String {
    let number = RollbackStep::ALL.iter().position(|step| *step == report.step).map_or(0, |at| at + 1);
    let status = match &report.status {
        StepStatus::Pending => "pending".to_owned(),
        StepStatus::Running => "running".to_owned(),
        StepStatus::Retrying { failure } => format!("failed, tried again: {failure}"),
        StepStatus::Done { detail } if detail.is_empty() => "done".to_owned(),
        StepStatus::Done { detail } => format!("done, {detail}"),
        StepStatus::Skipped { why } => format!("nothing to do, {why}"),
    };
    format!("{number}/{} {}: {status}", RollbackStep::ALL.len(), report.step.title())
}

/// `ok`, `failing 1 of 2`, `FIRED`: where a trigger stands, or stood when the next look is late. One that has fired stays so.
pub fn trigger(status: &TriggerStatus, late: Option<Millis>) -> String {
    let was = if late.is_some() { "was " } else { "" };
    match status {
        TriggerStatus::Unknown => "not yet".to_owned(),
        TriggerStatus::Ok => format!("{was}ok"),
        TriggerStatus::Failing { count, of, .. } => format!("{was}failing {count} of {of}"),
        TriggerStatus::Fired => "FIRED".to_owned(),
    }
}

/// `endpoint ok  errors 0.3 %  p50 12 ms  p95 40 ms  p99 80 ms  120 requests  database ok`.
pub fn measured(sample: &Sample) -> String {
    let mut parts = vec![if sample.healthy { "endpoint ok" } else { "endpoint fails" }.to_owned()];
    if let Some(rate) = sample.error_rate {
        parts.push(format!("errors {:.1} %", rate * 100.0));
    }
    for (name, value) in [("p50", sample.p50_ms), ("p95", sample.p95_ms), ("p99", sample.p99_ms)] {
        if let Some(value) = value {
            parts.push(format!("{name} {value:.0} ms"));
        }
    }
    parts.push(format!("{} requests", sample.requests));
    match sample.database_ok {
        Some(true) => parts.push("database ok".to_owned()),
        Some(false) => parts.push("database lost".to_owned()),
        None => {}
    }
    parts.join("  ")
}
