//! The selected thing in full, as text to read.

use crate::console::chronicle::Group;
use crate::console::ctx::Ctx;
use crate::console::event_text;
use crate::console::gate_facts;
use crate::console::gates;
use crate::console::pending;
use crate::console::screens::workflow::state::{Item, State};
use crate::console::widgets::time;
use crate::contracts::clock::Timestamp;
use crate::contracts::phase::Phase;
use crate::contracts::workflow::{PendingActivity, WorkflowRow};

/// Title and text of an item; none when it is gone.
pub fn of(item: &Item, state: &State, ctx: &Ctx<'_>) -> Option<(String, String)> {
    let detail = state.detail(ctx)?;
    match item {
        Item::Phase(name) => {
            let phase = detail.row.published.as_ref()?.phases.iter().find(|phase| phase.name == *name)?;
            Some((format!("phase {name}"), of_phase(phase, &detail.row, state, ctx.now)))
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
            Some((group.name(), event_text::group(group)))
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

fn of_phase(phase: &Phase, of: &WorkflowRow, state: &State, now: Timestamp) -> String {
    let mut facts = Facts::default();
    facts.moment("started", phase.started_at, now);
    facts.moment("ended", phase.ended_at, now);
    let Some(from) = phase.started_at else {
        let is_open = of.status.is_open();
        facts.line(if is_open { "It has not begun." } else { "It never began: the workflow ended before it." });
        return facts.0;
    };
    facts.fact("took", time::took(phase.ended_at.or(of.closed_at).unwrap_or(now).since(from)));
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
    facts.fact("asked", gate_facts::asked(open, now));
    if let Some(deadline) = gate_facts::deadline(gate, now) {
        facts.fact("deadline", deadline);
    }
    facts.fact("approve →", gate_facts::effect(open));
    if let Some(evidence) = &open.evidence {
        for check in &evidence.failing {
            facts.fact("✗", gate_facts::failing(check));
        }
        facts.fact("score", gate_facts::score(evidence));
        facts.fact("commit", gate_facts::commit(evidence));
        facts.fact("version", gate_facts::version(evidence));
        facts.fact("evidence", gate_facts::collected(evidence, now));
    }
    facts.0
}

fn of_activity(activity: &PendingActivity, now: Timestamp) -> String {
    let mut facts = Facts::default();
    let of = if activity.maximum_attempts == 0 { String::new() } else { format!(" of {}", activity.maximum_attempts) };
    facts.fact("state", pending::standing(activity, now));
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
