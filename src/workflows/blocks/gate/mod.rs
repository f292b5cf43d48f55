//! The gate: a point where a workflow waits for a person. A pure state machine, and the only judge of what may
//! happen to a gate: unopened → open ⇄ collecting → closed, and closed is for good.

pub mod changes;

use crate::contracts::actor::{Actor, Via};
use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::decision::{Decide, DecideReply, DecisionRecord, Refusal, RefusalCode, Verdict};
use crate::contracts::evidence::{EvidencePackage, EvidenceSummary};
use crate::contracts::gate::{OnDeadline, OpenGate};
use crate::contracts::ids::{DecisionId, EvidenceDigest, GateId};
use crate::workflows::blocks::text::clip;

/// Where a gate stands.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Its evidence has not been collected yet.
    Unopened,
    /// It waits for a person.
    Open,
    /// A person asked for more evidence; it is being collected. The clock keeps running.
    Collecting,
    /// Decided, by a person or by the deadline. Absorbing.
    Closed(DecisionRecord),
    /// The workflow ended without a decision. Absorbing.
    Withdrawn,
}

/// Evidence as it was shown at one revision.
#[derive(Clone, Debug)]
struct Shown {
    digest: EvidenceDigest,
    package: EvidencePackage,
}

/// A production gate: it is approved by a person who saw its evidence, or not at all.
#[derive(Clone, Debug)]
pub struct Gate {
    id: GateId,
    title: String,
    state: State,
    opened_at: Option<Timestamp>,
    deadline: Option<Timestamp>,
    revision: u32,
    /// The newest last: what is shown, and a few earlier ones to say what changed.
    shown: Vec<Shown>,
    decisions: Vec<DecisionRecord>,
}

impl Gate {
    /// How many revisions of the evidence are kept for comparison.
    const REVISIONS: usize = 4;
    /// The longest a gate may stay open: search attributes and timers have an end.
    const LONGEST: Millis = Millis::from_hours(24 * 366);

    pub fn new(id: GateId, title: &str) -> Self {
        Self {
            id,
            title: title.to_owned(),
            state: State::Unopened,
            opened_at: None,
            deadline: None,
            revision: 0,
            shown: Vec::new(),
            decisions: Vec::new(),
        }
    }

    /// Shows `package` and waits for a person. The clock starts at the first opening and is not wound up again.
    pub fn open(&mut self, now: Timestamp, window: Millis, package: EvidencePackage) {
        if !matches!(self.state, State::Unopened | State::Collecting) {
            return;
        }
        self.opened_at.get_or_insert(now);
        self.deadline.get_or_insert(now.plus(window.min(Self::LONGEST)));
        self.revision += 1;
        if self.shown.len() == Self::REVISIONS {
            self.shown.remove(0);
        }
        self.shown.push(Shown { digest: package.digest(), package });
        self.state = State::Open;
    }

    /// The evidence could not be collected again: what was shown before stands.
    pub fn reopen_unchanged(&mut self) {
        if self.state == State::Collecting {
            self.state = State::Open;
        }
    }

    /// Whether `decide` could be applied: `Ok(None)` when it is new, the earlier record when it is a repetition.
    /// `now` is absent where the SDK gives no clock (an update's validator); the handler checks again with one.
    pub fn check(&self, decide: &Decide, now: Option<Timestamp>) -> Result<Option<&DecisionRecord>, Refusal> {
        let same =
            |record: &&DecisionRecord| record.decision_id == decide.decision_id && record.actor.via != Via::Deadline;
        if let Some(record) = self.decisions.iter().find(same) {
            return Ok(Some(record));
        }
        if decide.decision_id.is_empty() {
            return Err(Refusal::new(RefusalCode::Malformed, "A decision needs an id: give `decisionId`."));
        }
        if decide.gate != self.id {
            let why = format!("This workflow has no gate {}; it has {}.", clip(decide.gate.as_str(), 80), self.id);
            return Err(Refusal::new(RefusalCode::NotOpen, why));
        }
        self.check_open(decide.verdict)?;
        if let (Some(now), Some(deadline)) = (now, self.deadline)
            && now >= deadline
        {
            return Err(passed(deadline));
        }
        self.check_verdict(decide)?;
        Ok(None)
    }

    /// Applies `decide`, or says that it was applied before, or why it cannot be.
    pub fn decide(&mut self, decide: &Decide, now: Timestamp) -> Result<DecideReply, Refusal> {
        if let Some(record) = self.check(decide, Some(now))? {
            return Ok(DecideReply { record: record.clone(), repeated: true });
        }
        let record = DecisionRecord {
            decision_id: decide.decision_id.clone(),
            gate: self.id.clone(),
            verdict: decide.verdict,
            actor: decide.actor.clone(),
            reason: decide.reason.clone(),
            evidence: decide.evidence.clone(),
            at: now,
        };
        self.decisions.push(record.clone());
        self.state = match decide.verdict {
            Verdict::Approve | Verdict::Reject => State::Closed(record.clone()),
            Verdict::RequestEvidence => State::Collecting,
        };
        Ok(DecideReply { record, repeated: false })
    }

    /// The deadline is over: a gate that nobody decided is rejected, never approved.
    pub fn expire(&mut self, now: Timestamp) {
        if !matches!(self.state, State::Open | State::Collecting) {
            return;
        }
        let waited = self.opened_at.map_or(Millis(0), |opened| now.since(opened));
        let record = DecisionRecord {
            decision_id: DecisionId::from("deadline"),
            gate: self.id.clone(),
            verdict: Verdict::Reject,
            actor: Actor::new("deadline", Via::Deadline),
            reason: Some(format!("Nobody decided within {}.", span(waited))),
            evidence: self.digest().cloned(),
            at: now,
        };
        self.decisions.push(record.clone());
        self.state = State::Closed(record);
    }

    /// The workflow ends without a decision.
    pub fn withdraw(&mut self) {
        if matches!(self.state, State::Unopened | State::Open | State::Collecting) {
            self.state = State::Withdrawn;
        }
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    pub fn id(&self) -> &GateId {
        &self.id
    }

    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// Digest of the evidence that is shown.
    pub fn digest(&self) -> Option<&EvidenceDigest> {
        self.shown.last().map(|shown| &shown.digest)
    }

    pub fn package(&self) -> Option<&EvidencePackage> {
        self.shown.last().map(|shown| &shown.package)
    }

    /// Every decision that took effect, oldest first.
    pub fn decisions(&self) -> &[DecisionRecord] {
        &self.decisions
    }

    /// As the memo shows it; `None` while nobody is asked. A gate whose evidence is being collected again is
    /// still shown: it can be rejected, and its clock runs.
    pub fn published(&self) -> Option<OpenGate> {
        if !matches!(self.state, State::Open | State::Collecting) {
            return None;
        }
        Some(OpenGate {
            id: self.id.clone(),
            title: self.title.clone(),
            opened_at: self.opened_at?,
            deadline: self.deadline,
            then: OnDeadline::Reject,
            revision: self.revision,
            requested_by: String::new(),
            effect: String::new(),
            needs_proof: false,
            evidence: self.package().map(EvidenceSummary::of),
            is_step: false,
        })
    }

    fn check_open(&self, verdict: Verdict) -> Result<(), Refusal> {
        match &self.state {
            State::Open => Ok(()),
            // Rejecting needs no evidence, so it need not wait for it.
            State::Collecting if verdict == Verdict::Reject => Ok(()),
            State::Collecting => Err(Refusal::new(
                RefusalCode::NotOpen,
                "More evidence was asked for and is being collected. The gate opens again when it is there.",
            )),
            State::Unopened => Err(Refusal::new(
                RefusalCode::NotOpen,
                "The gate is not open yet: its evidence is being collected. Wait until it opens.",
            )),
            State::Withdrawn => Err(Refusal::new(
                RefusalCode::NotOpen,
                "The gate is closed: its workflow ended without a decision. Start it again.",
            )),
            State::Closed(record) if record.actor.via == Via::Deadline => Err(passed(record.at)),
            State::Closed(record) => Err(Refusal::new(RefusalCode::AlreadyDecided, already(record))),
        }
    }

    fn check_verdict(&self, decide: &Decide) -> Result<(), Refusal> {
        match decide.verdict {
            Verdict::Approve => self.check_approval(decide.evidence.as_ref()),
            Verdict::Reject | Verdict::RequestEvidence => {
                if decide.reason.as_deref().is_none_or(|reason| reason.trim().is_empty()) {
                    let why = "Say why: a rejection and a request for evidence need a reason.";
                    return Err(Refusal::new(RefusalCode::ReasonRequired, why));
                }
                Ok(())
            }
        }
    }

    fn check_approval(&self, seen: Option<&EvidenceDigest>) -> Result<(), Refusal> {
        let Some(current) = self.shown.last() else {
            return Err(Refusal::new(
                RefusalCode::NotOpen,
                "There is no evidence to approve yet. Wait until it is there.",
            ));
        };
        if seen != Some(&current.digest) {
            return Err(self.stale(seen, current));
        }
        let failing: Vec<&str> = current.package.failing_critical().map(|check| check.title.as_str()).collect();
        if failing.is_empty() {
            return Ok(());
        }
        Err(Refusal::new(
            RefusalCode::CriticalCheckFailing,
            format!(
                "Nobody can approve while a critical check fails: {}. Get it to pass, then ask for more evidence.",
                clip(&failing.join(", "), 200)
            ),
        ))
    }

    fn stale(&self, seen: Option<&EvidenceDigest>, current: &Shown) -> Refusal {
        let now = format!("The evidence is {} at revision {}", current.digest.short(), self.revision);
        let message = match seen {
            None => {
                format!("An approval names the evidence that was seen; this one names none. {now}. Look at it first.")
            }
            Some(seen) => match self.shown.iter().rev().find(|shown| shown.digest == *seen) {
                Some(before) => format!(
                    "The evidence changed since it was shown: {}. {now}. Look at it again.",
                    changes::between(&before.package, &current.package)
                ),
                None => {
                    format!("This gate does not show evidence {}. {now}. Look at it again.", clip(&seen.short(), 20))
                }
            },
        };
        Refusal::new(RefusalCode::StaleEvidence, message)
    }
}

fn already(record: &DecisionRecord) -> String {
    let (what, who) = (record.verdict.done(), clip(record.who(), 80));
    format!("Already {what} by {who} at {}. Open the gate to see why.", record.at)
}

fn passed(deadline: Timestamp) -> Refusal {
    Refusal::new(
        RefusalCode::DeadlinePassed,
        format!("The deadline passed at {deadline}: the gate is rejected. Start readiness again to be asked again."),
    )
}

/// A time as people say it: `72 h`, `90 s`, `250 ms`.
fn span(millis: Millis) -> String {
    match millis.0 {
        ms if ms >= 2 * 3_600_000 => format!("{} h", ms / 3_600_000),
        ms if ms >= 2 * 60_000 => format!("{} min", ms / 60_000),
        ms if ms >= 2_000 => format!("{} s", ms / 1_000),
        ms => format!("{ms} ms"),
    }
}

#[cfg(test)]
mod tests;
