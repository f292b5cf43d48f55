//! The story: a release is approved, deployed, breaks, is found out and rolled back, and the old version serves again.
//!
//! It acts as a person and a customer would: through the operator, the coordinator and the public address. It must not
//! touch what worker and workflows own, or it would prove nothing.

pub mod bystanders;
pub mod cast;
pub mod customer;
pub mod person;
pub mod timeline;

use std::time::Duration;

use crate::contracts::clock::Timestamp;
use crate::contracts::decision::{Outcome, Verdict};
use crate::contracts::delivery::DeploymentStage;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::gate::OpenGate;
use crate::contracts::rollback::{RollbackProgress, StepStatus};
use crate::contracts::temporal::memo::Published;
use crate::contracts::workflow::WorkflowDetail;
use crate::devstack::service::fault::Fault;
use crate::devstack::story::cast::Cast;
use crate::devstack::story::customer::Customer;
use crate::devstack::story::person::{Person, Say, Wait};
use crate::devstack::story::timeline::{Beat, Timeline};

/// Good looks at the new version before it is broken: a fault at the first would prove less.
const HEALTHY_LOOKS: usize = 3;

/// Tells the whole story. The timeline has everything up to where it ended, however it ended.
pub async fn tell(person: &Person, cast: &Cast, patience: Duration, timeline: &mut Timeline) -> Result<(), Failure> {
    let mut teller = Teller { person, cast, customer: Customer::of(&cast.service)?, patience, timeline };
    teller.opening().await?;
    let gate = teller.gate().await?;
    teller.approval(&gate).await?;
    teller.deployment().await?;
    let broken_at = teller.fault().await?;
    teller.detection(broken_at).await?;
    teller.rollback().await?;
    teller.ending().await
}

struct Teller<'a> {
    person: &'a Person,
    cast: &'a Cast,
    customer: Customer,
    patience: Duration,
    timeline: &'a mut Timeline,
}

impl Teller<'_> {
    async fn opening(&mut self) -> Result<(), Failure> {
        self.customer.is_served_by(self.cast.old_release()?).await?;
        let old = self.cast.old_release()?;
        self.timeline
            .note(Beat::Started, format!("{} {} serves, commit {}", self.cast.name(), old.version, old.commit.short()));
        let decider = self.person.public_key().await?;
        self.person.ask_for(self.cast, &decider).await?;
        self.timeline.note(
            Beat::Asked,
            format!("{} is asked for: {}", self.cast.new_release()?.version, self.cast.readiness_id()),
        );
        Ok(())
    }

    async fn gate(&mut self) -> Result<OpenGate, Failure> {
        let id = self.cast.readiness_id();
        let wait = self.wait("its gate opened");
        let gate = self.person.until(&id, wait, |detail| published(detail)?.gates.first().cloned()).await?;
        let evidence = gate.evidence.as_ref().map_or_else(
            || "without evidence".to_owned(),
            |shown| {
                format!(
                    "score {}: {} checks passed, {} failed, evidence {}",
                    shown.score,
                    shown.passed,
                    shown.failed,
                    shown.digest.short()
                )
            },
        );
        self.timeline.note(Beat::GateOpen, format!("{}: {evidence}", gate.title));
        Ok(gate)
    }

    async fn approval(&mut self, gate: &OpenGate) -> Result<(), Failure> {
        let say = Say { verdict: Verdict::Approve, reason: None, within: self.patience };
        let outcome = self.person.decide(&self.cast.readiness_id(), gate, say).await?;
        match outcome {
            Outcome::Applied { record } | Outcome::Repeated { record } => {
                self.timeline.note(Beat::Approved, format!("by {}, through the coordinator", record.actor.name));
                Ok(())
            }
            Outcome::Refused { refusal } => Err(Failure::new(
                FailureKind::Conflict,
                format!("The approval was refused: {}.", refusal.message),
                "Look at the gate's checks.",
            )),
            Outcome::InDoubt { decision_id } => Err(Failure::new(
                FailureKind::Unavailable,
                format!("No worker has confirmed decision {decision_id}."),
                "Look at the worker's log.",
            )),
        }
    }

    async fn deployment(&mut self) -> Result<(), Failure> {
        let (id, new) = (self.cast.deployment_id(), self.cast.new_release()?.clone());
        let is_live = |detail: &WorkflowDetail| {
            let deployment = published(detail)?.deployment.as_ref()?;
            (deployment.stage == DeploymentStage::Monitoring).then_some(())
        };
        self.person.until(&id, self.wait("the new version was live"), is_live).await?;
        self.customer.is_served_by(&new).await?;
        self.timeline.note(Beat::Deployed, format!("{} answers through the public address", new.version));
        let is_healthy = |detail: &WorkflowDetail| {
            let report = detail.health.as_ref()?;
            let looks = report.samples.iter().rev().take(HEALTHY_LOOKS);
            let good = looks.filter(|sample| sample.healthy && sample.requests > 0).count();
            let last = report.samples.last()?;
            (good == HEALTHY_LOOKS).then_some((last.requests, last.error_rate, last.p95_ms))
        };
        let (requests, errors, p95) = self.person.until(&id, self.wait("it was healthy"), is_healthy).await?;
        let (errors, p95) = (errors.unwrap_or_default() * 100.0, p95.unwrap_or_default());
        let detail = format!("{requests} requests a look, {errors:.1} % errors, p95 {p95:.0} ms");
        self.timeline.note(Beat::Healthy, detail);
        Ok(())
    }

    async fn fault(&mut self) -> Result<Timestamp, Failure> {
        let fault = Fault::Errors;
        let broken = self.customer.set_fault(fault).await?;
        let at = self
            .timeline
            .note(Beat::Broken, format!("fault `{fault}` in {}: one request in five fails", broken.version));
        Ok(at)
    }

    async fn detection(&mut self, broken_at: Timestamp) -> Result<(), Failure> {
        let rolling = |detail: &WorkflowDetail| published(detail)?.rolling_back.clone();
        let progress =
            self.person.until(&self.cast.deployment_id(), self.wait("the fault was detected"), rolling).await?;
        let cause = &progress.cause;
        if cause.trigger.is_none() {
            let message = format!("The rollback was asked for by {}, not by a trigger.", cause.actor.name);
            return Err(Failure::new(FailureKind::Conflict, message, "Tell the story without pressing anything."));
        }
        self.timeline.note_at(cause.at, Beat::Detected, cause.reason.clone());
        self.timeline.measured.fault_to_detection_ms = Some(cause.at.since(broken_at));
        Ok(())
    }

    async fn rollback(&mut self) -> Result<(), Failure> {
        let done = |detail: &WorkflowDetail| {
            let progress = published(detail)?.rolling_back.clone()?;
            progress.completed_at.map(|at| (at, progress))
        };
        let wait = self.wait("the rollback was complete");
        let (at, progress) = self.person.until(&self.cast.deployment_id(), wait, done).await?;
        for (end, text) in steps(&progress) {
            self.timeline.note_at(end, Beat::Step, text);
        }
        let verified_at = progress.verified_at.ok_or_else(|| {
            Failure::new(FailureKind::Internal, "The rollback ended without verifying anything.", "This is a bug.")
        })?;
        self.timeline.measured.detection_to_verified_ms = Some(verified_at.since(progress.cause.at));
        self.timeline.note_at(at, Beat::RolledBack, "all six steps are done".to_owned());
        Ok(())
    }

    /// The last word is the customers': version and commit through the public address, and orders that are taken.
    async fn ending(&mut self) -> Result<(), Failure> {
        let old = self.cast.old_release()?;
        let asked = self.customer.is_served_by_again(old).await?;
        let detail = format!(
            "{} {} answers {asked} of {asked} requests, commit {}",
            self.cast.name(),
            old.version,
            old.commit.short()
        );
        self.timeline.note(Beat::Confirmed, detail);
        Ok(())
    }

    fn wait<'w>(&self, what: &'w str) -> Wait<'w> {
        Wait { what, within: self.patience }
    }
}

fn steps(progress: &RollbackProgress) -> impl Iterator<Item = (Timestamp, String)> {
    progress.steps.iter().enumerate().filter_map(|(index, report)| {
        let detail = match &report.status {
            StepStatus::Done { detail } => detail.as_str(),
            StepStatus::Skipped { why } => why.as_str(),
            StepStatus::Pending | StepStatus::Running | StepStatus::Retrying { .. } => return None,
        };
        Some((report.ended_at?, format!("{} {}: {detail}", index + 1, report.step.title())))
    })
}

fn published(detail: &WorkflowDetail) -> Option<&Published> {
    detail.row.published.as_deref()
}
