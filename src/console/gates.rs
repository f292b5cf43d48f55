//! Open gates, wherever they are shown: each gate with its workflow, the truth about it, and whether it can be decided.

use crate::console::ctx::Ctx;
use crate::console::event::Overview;
use crate::contracts::clock::Timestamp;
use crate::contracts::gate::{OnDeadline, OpenGate};
use crate::contracts::ids::{EvidenceDigest, GateId, WorkflowId};
use crate::contracts::workflow::WorkflowRow;

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

    pub fn digest(&self) -> Option<&'a EvidenceDigest> {
        self.gate.and_then(OpenGate::digest)
    }

    pub fn is_production(&self) -> bool {
        self.row.environment.as_ref().is_some_and(crate::contracts::ids::Environment::is_production)
    }

    /// What happens when nobody decides, in a word.
    pub fn then(&self) -> &'static str {
        match self.gate.filter(|gate| gate.deadline.is_some()).map(|gate| gate.then) {
            Some(OnDeadline::Reject) => "rejected",
            Some(OnDeadline::Escalate) => "escalated",
            Some(OnDeadline::ApproveWithWarning) => "approved, with a warning",
            None => "waits",
        }
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

/// What is known best of one gate: from the workflow itself where it was described, else from the list.
pub fn find<'a>(ctx: &Ctx<'a>, key: &GateKey) -> Option<GateView<'a>> {
    let world = ctx.world;
    let overview = &world.overview;
    let listed = || {
        let row = overview.value()?.gates.iter().find(|row| row.id == key.workflow)?;
        of_row(row).find(|gate| *gate.id == key.gate)
    };
    let detail = world.details.get(&key.workflow);
    match detail.and_then(|detail| Some((detail.at()?, detail.value()?))) {
        // The list lags behind the workflow; it wins only when it was read later.
        Some((at, described)) if overview.at().is_none_or(|listed| listed <= at) => {
            of_row(&described.row).find(|gate| *gate.id == key.gate)
        }
        Some((_, described)) => {
            let truth = of_row(&described.row).find(|gate| *gate.id == key.gate);
            truth.or_else(listed)
        }
        None => listed(),
    }
}

/// Why nobody can approve it now, if so.
pub fn may_approve(ctx: &Ctx<'_>, view: &GateView<'_>) -> Result<(), String> {
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
pub fn may_decide(ctx: &Ctx<'_>, view: &GateView<'_>) -> Result<(), String> {
    ctx.may_write()?;
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
