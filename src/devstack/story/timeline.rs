//! What happened when, and what was measured: printed as it happens, and as JSON at the end.

use std::time::SystemTime;

use serde::Serialize;

use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::failure::Failure;

/// From the fault to its detection.
const DETECTION_GOAL: Millis = Millis::from_secs(120);
/// From the detection to the old version being verified.
const ROLLBACK_GOAL: Millis = Millis::from_secs(300);

/// The points of the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Beat {
    Started,
    Asked,
    GateOpen,
    Approved,
    Deployed,
    Healthy,
    Broken,
    Detected,
    Step,
    RolledBack,
    /// The public address was asked, and the old version answers.
    Confirmed,
}

impl Beat {
    fn title(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Asked => "asked for",
            Self::GateOpen => "gate open",
            Self::Approved => "approved",
            Self::Deployed => "deployed",
            Self::Healthy => "healthy",
            Self::Broken => "broken",
            Self::Detected => "detected",
            Self::Step => "  step",
            Self::RolledBack => "rolled back",
            Self::Confirmed => "confirmed",
        }
    }
}

/// One line.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub at: Timestamp,
    /// Since the beginning.
    pub after_ms: Millis,
    pub beat: Beat,
    pub detail: String,
}

/// The two times that count.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    pub fault_to_detection_ms: Option<Millis>,
    pub detection_to_verified_ms: Option<Millis>,
}

/// The story as it was.
#[derive(Debug)]
pub struct Timeline {
    began: Timestamp,
    entries: Vec<Entry>,
    pub measured: Measured,
    tell: fn(&str),
}

/// The same for machines.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report<'a> {
    pub rolled_back: bool,
    #[serde(flatten)]
    pub measured: Measured,
    pub detection_goal_ms: Millis,
    pub rollback_goal_ms: Millis,
    pub timeline: &'a [Entry],
    pub failure: Option<&'a Failure>,
}

impl Timeline {
    /// Begins now. Each line goes to `tell` as soon as it is known.
    pub fn begin(tell: fn(&str)) -> Self {
        Self { began: now(), entries: Vec::new(), measured: Measured::default(), tell }
    }

    /// Something that happens now.
    pub fn note(&mut self, beat: Beat, detail: String) -> Timestamp {
        let at = now();
        self.note_at(at, beat, detail);
        at
    }

    /// Something that happened when the workflow says.
    pub fn note_at(&mut self, at: Timestamp, beat: Beat, detail: String) {
        let entry = Entry { at, after_ms: at.since(self.began), beat, detail };
        (self.tell)(&format!("{:>8}  {:<12} {}", seconds(entry.after_ms), beat.title(), entry.detail));
        self.entries.push(entry);
    }

    /// The two times, each beside its goal.
    pub fn summary(&self) -> Vec<String> {
        let line = |what: &str, took: Option<Millis>, goal: Millis| {
            let took = took?;
            let verdict = if took <= goal { "within" } else { "over" };
            Some(format!("{what:<42} {:>8}   {verdict} the goal of {} min", seconds(took), goal.0 / 60_000))
        };
        [
            line("from fault to detection", self.measured.fault_to_detection_ms, DETECTION_GOAL),
            line("from detection to the old version verified", self.measured.detection_to_verified_ms, ROLLBACK_GOAL),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    pub fn report<'a>(&'a self, failure: Option<&'a Failure>) -> Report<'a> {
        Report {
            rolled_back: failure.is_none(),
            measured: self.measured,
            detection_goal_ms: DETECTION_GOAL,
            rollback_goal_ms: ROLLBACK_GOAL,
            timeline: &self.entries,
            failure,
        }
    }
}

fn seconds(duration: Millis) -> String {
    format!("{}.{} s", duration.0 / 1000, duration.0 % 1000 / 100)
}

fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}
