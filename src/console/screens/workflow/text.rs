//! The selected thing in full, as text to read.

use std::fmt::Write as _;

use crate::console::chronicle::{self, Group};
use crate::console::ctx::Ctx;
use crate::console::gates;
use crate::console::screens::workflow::state::{Item, State};
use crate::console::widgets::time;
use crate::contracts::clock::Timestamp;
use crate::contracts::phase::Phase;
use crate::contracts::workflow::{HistoryEvent, PendingActivity, PendingActivityState};

/// Columns of a fact's name, the blank after it included.
pub const LABEL: usize = 11;

/// Title and text of an item; none when it is gone.
pub fn of(item: &Item, state: &State, ctx: &Ctx<'_>) -> Option<(String, String)> {
    let detail = state.detail(ctx)?;
    match item {
        Item::Phase(name) => {
            let phase = detail.row.published.as_ref()?.phases.iter().find(|phase| phase.name == *name)?;
            Some((format!("phase {name}"), of_phase(phase, state, ctx.now)))
        }
        Item::Gate(id) => {
            let gate = gates::of_row(&detail.row).find(|gate| gate.id == id)?;
            Some((gate.title().to_owned(), of_gate(&gate, ctx.now)))
        }
        Item::Activity(id) => {
            let activity = detail.activities.iter().find(|activity| activity.activity_id == *id)?;
            Some((activity.activity_type.clone(), of_activity(activity, ctx.now)))
        }
        Item::Child(id) => {
            let child = detail.children.iter().find(|child| child.id == *id)?;
            Some((id.to_string(), format!("type  {}\nrun   {}\nIt is still open.", child.workflow_type, child.run_id)))
        }
        Item::Happened(id) => {
            let group = state.chronicle.group(*id)?;
            Some((group.name(), of_group(group)))
        }
    }
}

/// Facts, one a line; the text is bounded by what a memo and a description hold.
#[derive(Default)]
struct Facts(String);

impl Facts {
    fn line(&mut self, line: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(line);
    }

    fn fact(&mut self, name: &str, value: impl std::fmt::Display) {
        self.line(&format!("{name:<10} {value}"));
    }

    fn moment(&mut self, name: &str, at: Option<Timestamp>, now: Timestamp) {
        if let Some(at) = at {
            self.fact(name, format!("{} ({} ago)", time::date(at), time::age(now, at)));
        }
    }
}

fn of_phase(phase: &Phase, state: &State, now: Timestamp) -> String {
    let mut facts = Facts::default();
    facts.moment("started", phase.started_at, now);
    facts.moment("ended", phase.ended_at, now);
    let Some(from) = phase.started_at else {
        facts.line("It has not begun.");
        return facts.0;
    };
    facts.fact("took", time::took(phase.ended_at.unwrap_or(now).since(from)));
    let within =
        |group: &&Group| group.began().is_some_and(|at| at >= from && phase.ended_at.is_none_or(|end| at < end));
    for group in state.chronicle.groups().filter(within) {
        let failure = group.failure().map(|failure| format!(": {failure}")).unwrap_or_default();
        let at = group.began().map(time::second).unwrap_or_default();
        facts.line(&format!("{at}  {} {}{failure}", group.name(), group.last_word()));
    }
    facts.0
}

fn of_gate(gate: &gates::GateView<'_>, now: Timestamp) -> String {
    let mut facts = Facts::default();
    let Some(open) = gate.gate else {
        facts.line("The workflow publishes no card for this gate.");
        return facts.0;
    };
    facts.moment("opened", Some(open.opened_at), now);
    if let Some(deadline) = open.deadline {
        facts.fact(
            "deadline",
            format!("{}, {}; then {}", time::until(now, deadline), time::date(deadline), gate.then()),
        );
    }
    if !open.requested_by.is_empty() {
        facts.fact("asked by", &open.requested_by);
    }
    if !open.effect.is_empty() {
        facts.fact("approve →", &open.effect);
    }
    if let Some(evidence) = &open.evidence {
        for check in &evidence.failing {
            let critical = if check.critical { " (critical)" } else { "" };
            facts.fact("✗", format!("{}: {}{critical}", check.title, check.detail));
        }
        facts.fact("score", format!("{}/100, {} passed, {} failed", evidence.score, evidence.passed, evidence.failed));
        facts.fact("commit", format!("{}  {}  by {}", evidence.commit.short(), evidence.subject, evidence.author));
        facts.fact(
            "evidence",
            format!("{} collected {} ago", evidence.digest.short(), time::age(now, evidence.collected_at)),
        );
    }
    facts.0
}

fn of_activity(activity: &PendingActivity, now: Timestamp) -> String {
    let mut facts = Facts::default();
    let of = if activity.maximum_attempts == 0 { String::new() } else { format!(" of {}", activity.maximum_attempts) };
    facts.fact("state", standing(activity, now));
    facts.fact("attempt", format!("{}{of}", activity.attempt));
    facts.moment("scheduled", activity.scheduled_at, now);
    facts.moment("started", activity.last_started_at, now);
    facts.moment("heartbeat", activity.last_heartbeat_at, now);
    if let Some(worker) = &activity.last_worker {
        facts.fact("worker", worker);
    }
    if let Some(failure) = &activity.last_failure {
        facts.line("last failure");
        facts.line(&format!("  {}", failure.replace('\n', "\n  ")));
    }
    facts.0
}

/// Where a pending activity stands, in words: `next attempt in 8s`, `runs for 12s`.
pub fn standing(activity: &PendingActivity, now: Timestamp) -> String {
    match activity.state {
        PendingActivityState::Started => match activity.last_started_at {
            Some(at) => format!("runs for {}", time::age(now, at)),
            None => "runs".to_owned(),
        },
        PendingActivityState::Scheduled => match activity.next_attempt_at.filter(|at| *at > now) {
            Some(at) => format!("next attempt {}", time::until(now, at)),
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

fn of_group(group: &Group) -> String {
    let events: Vec<String> = group.events.iter().rev().map(of_event).collect();
    events.join("\n")
}

fn of_event(event: &HistoryEvent) -> String {
    let at = event.at.map(time::date).unwrap_or_default();
    let mut text = format!("{}  {at}  event {}", chronicle::word(&event.event_type), event.id);
    if let Some(attempt) = event.attempt {
        // Writing to a string cannot fail.
        let _ = write!(text, "  attempt {attempt}");
    }
    if let Some(failure) = &event.failure {
        let _ = write!(text, "\n  {}", failure.replace('\n', "\n  "));
    }
    for payload in &event.payloads {
        let _ = write!(
            text,
            "\n  {} ({} bytes)\n    {}",
            payload.name,
            payload.bytes,
            payload.text.replace('\n', "\n    ")
        );
    }
    text
}
