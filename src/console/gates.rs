//! Open gates, wherever they are shown: each gate with its workflow, the truth about it, and whether it can be decided.

use crate::console::ctx::Ctx;
use crate::console::event::Overview;
use crate::console::widgets::time;
use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::decision::Verdict;
use crate::contracts::gate::OpenGate;
use crate::contracts::ids::{EvidenceDigest, GateId, WorkflowId};
use crate::contracts::workflow::WorkflowRow;

/// A deadline this close is worth a word.
const SOON: Millis = Millis::from_secs(15 * 60);

/// Which gate: of which workflow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GateKey {
    pub workflow: WorkflowId,
    pub gate: GateId,
}

/// A gate and the row of its workflow.
#[derive(Clone, Copy, Debug)]
pub struct GateView<'a> {
    pub row: &'a WorkflowRow,
    pub id: &'a GateId,
    /// Absent when the workflow names the gate but publishes nothing about it.
    pub gate: Option<&'a OpenGate>,
}

impl<'a> GateView<'a> {
    pub fn key(&self) -> GateKey {
        GateKey { workflow: self.row.id.clone(), gate: self.id.clone() }
    }

    pub fn title(&self) -> &'a str {
        self.gate.map(|gate| gate.title.as_str()).filter(|title| !title.is_empty()).unwrap_or(self.id.as_str())
    }

    pub fn deadline(&self) -> Option<Timestamp> {
        self.gate.map_or(self.row.gate_deadline, |gate| gate.deadline)
    }

    /// Whether its deadline is so close that it is worth a word, or has passed.
    pub fn is_soon(&self, now: Timestamp) -> bool {
        self.deadline().is_some_and(|deadline| deadline.since(now) < SOON)
    }

    /// Whether its deadline is shown to the second.
    pub fn counts_seconds(&self, now: Timestamp) -> bool {
        self.deadline().is_some_and(|deadline| deadline.since(now) < time::TO_THE_SECOND)
    }

    /// Grows when the gate asks anew; 0 when the workflow publishes nothing about it.
    pub fn revision(&self) -> u32 {
        self.gate.map_or(0, |gate| gate.revision)
    }

    pub fn digest(&self) -> Option<&'a EvidenceDigest> {
        self.gate.and_then(OpenGate::digest)
    }

    /// An approval of a goal: decided by other messages than a gate.
    pub fn is_step(&self) -> bool {
        self.gate.is_some_and(|gate| gate.is_step)
    }

    pub fn is_production(&self) -> bool {
        self.row.environment.as_ref().is_some_and(crate::contracts::ids::Environment::is_production)
    }

    /// What happens when nobody decides, in a word.
    pub fn then(&self) -> &'static str {
        self.gate.filter(|gate| gate.deadline.is_some()).map_or("waits", |gate| gate.then.outcome())
    }
}

/// Every open gate of the overview, sorted.
pub fn open(overview: &Overview) -> Vec<GateView<'_>> {
    let mut gates: Vec<GateView<'_>> = overview.gates.iter().flat_map(of_row).collect();
    sort(&mut gates);
    gates
}

/// Earliest deadline first; those without one last.
pub fn sort(gates: &mut [GateView<'_>]) {
    gates.sort_by(|a, b| {
        let by = |gate: &GateView<'_>| (gate.deadline().is_none(), gate.deadline());
        by(a).cmp(&by(b)).then_with(|| a.key().cmp(&b.key()))
    });
}

/// The open gates of one workflow: what it publishes, or at least their names.
pub fn of_row(row: &WorkflowRow) -> impl Iterator<Item = GateView<'_>> {
    let published = row.published.as_deref().map(|published| published.gates.as_slice()).unwrap_or_default();
    let named = row.gates.iter().filter(|id| published.iter().all(|gate| gate.id != **id));
    let named = named.map(move |id| GateView { row, id, gate: None });
    published.iter().map(move |gate| GateView { row, id: &gate.id, gate: Some(gate) }).chain(named)
}

/// What is known best of one gate: from its workflow where that was described, from the list where that is newer.
pub fn find<'a>(ctx: &Ctx<'a>, key: &GateKey) -> Option<GateView<'a>> {
    let world = ctx.world;
    let (listed_at, overview) = (world.overview.at(), world.overview.value());
    let listed = overview.and_then(|overview| {
        let row = overview.gates.iter().find(|row| row.id == key.workflow)?;
        of_row(row).find(|gate| *gate.id == key.gate)
    });
    let detail = world.detail(&key.workflow);
    let Some((described_at, description)) = detail.at().zip(detail.value()) else { return listed };
    let described = of_row(&description.row).find(|gate| *gate.id == key.gate);
    if listed_at.is_none_or(|listed_at| listed_at <= described_at) {
        return described;
    }
    // The index behind the list lags: although asked later it may know less, and then it knows a lower revision.
    match (listed, described) {
        (Some(listed), Some(described)) if listed.revision() < described.revision() => Some(described),
        (Some(listed), _) => Some(listed),
        (None, described) => described,
    }
}

/// Why it cannot be decided so from here, if so.
pub fn may(ctx: &Ctx<'_>, view: &GateView<'_>, verdict: Verdict) -> Result<(), String> {
    match verdict {
        Verdict::Approve => may_approve(ctx, view),
        Verdict::RequestEvidence if view.is_step() => {
            Err("A goal collects no evidence for its approvals: approve, or reject with what is missing.".to_owned())
        }
        Verdict::Reject | Verdict::RequestEvidence => may_decide(ctx, view),
    }
}

/// Why nobody can approve it now, if so.
fn may_approve(ctx: &Ctx<'_>, view: &GateView<'_>) -> Result<(), String> {
    may_decide(ctx, view)?;
    let evidence = view.gate.and_then(|gate| gate.evidence.as_ref());
    if let Some(evidence) = evidence.filter(|evidence| evidence.critical_failing > 0) {
        let what = evidence.failing.iter().find(|check| check.critical).map(|check| check.title.as_str());
        return Err(format!(
            "Nobody can approve this: {} critical {} ({}).",
            evidence.critical_failing,
            if evidence.critical_failing == 1 { "check fails" } else { "checks fail" },
            what.unwrap_or("open the card to see them"),
        ));
    }
    Ok(())
}

/// Why nobody can decide it from here, if so.
fn may_decide(ctx: &Ctx<'_>, view: &GateView<'_>) -> Result<(), String> {
    ctx.may_write()?;
    // One in doubt may be decided again: the workflow knows which came first.
    if let Some(decided) = ctx.world.how_decided(view).filter(|decided| !decided.in_doubt) {
        return Err(format!("This gate was decided a moment ago: {}.", decided.said()));
    }
    if view.gate.is_none() {
        return Err(
            "This workflow publishes no card for the gate: it can only be decided where it was made.".to_owned()
        );
    }
    if view.gate.is_some_and(|gate| gate.needs_proof) && !ctx.profile.coordinator {
        return Err("This gate asks for the coordinator's proof, and no coordinator is configured.".to_owned());
    }
    if view.deadline().is_some_and(|deadline| deadline < ctx.now) {
        return Err("The deadline has passed: what was to happen then is happening.".to_owned());
    }
    Ok(())
}
