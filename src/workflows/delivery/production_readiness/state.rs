//! The state of one readiness run: its gate, its evidence, what it publishes. Pure.

use crate::contracts::actor::Actor;
use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::decision::{Decide, DecideReply, DecisionRecord, Refusal, Verdict};
use crate::contracts::delivery::{Authority, EvidenceView, ReadinessInput, ReadinessOutput, ThenDeploy};
use crate::contracts::evidence::{self, Check, EvidencePackage};
use crate::contracts::gate::OpenGate;
use crate::contracts::ids::{CommitSha, Environment, GateId, ServiceName, Version, WorkflowId};
use crate::contracts::phase::PhaseStatus;
use crate::contracts::temporal::activities::{ReadinessReport, Subject};
use crate::contracts::temporal::args::Args;
use crate::contracts::temporal::memo::Published;
use crate::contracts::temporal::names;
use crate::workflows::blocks::authority::{self, Channel};
use crate::workflows::blocks::gate::{Gate, State};
use crate::workflows::blocks::phases::Phases;
use crate::workflows::blocks::publish::{Face, Publisher, Upserts};
use crate::workflows::blocks::refused::RefusedLog;
use crate::workflows::blocks::text::clip;
use crate::workflows::delivery::production_deployment::messages;

/// The phases of readiness, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Validate,
    Collect,
    Report,
    Approval,
}

impl Step {
    const NAMES: [&'static str; 4] = ["validate", "collect", "report", "approval"];

    fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// How the run stands as a whole: the search attribute `phase`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Collecting,
    AwaitingApproval,
    Approved,
    Rejected,
    Cancelled,
    Failed,
}

impl Standing {
    fn as_str(self) -> &'static str {
        match self {
            Self::Collecting => "collecting-evidence",
            Self::AwaitingApproval => "awaiting-approval",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

pub(super) struct Readiness {
    workflow_id: WorkflowId,
    service: ServiceName,
    commit: CommitSha,
    environment: Environment,
    requested_by: String,
    authority: Authority,
    then_deploy: Option<ThenDeploy>,
    gate: Gate,
    phases: Phases,
    standing: Standing,
    report: Option<ReadinessReport>,
    refused: RefusedLog,
    signals: u64,
    publisher: Publisher,
}

/// Reads the input and holds it together.
pub(super) fn read_input(args: &Args) -> Result<ReadinessInput, String> {
    let input: ReadinessInput = args.read(&[])?;
    if input.service.is_empty() || input.commit_sha.is_empty() {
        return Err("`service` and `commitSha` must be given".to_owned());
    }
    if let Some(then) = &input.then_deploy {
        if then.input.commit_sha != input.commit_sha || then.input.service != input.service {
            return Err("`thenDeploy` must deploy the service and the commit that are approved".to_owned());
        }
        if then.workflow_id.is_empty() {
            return Err("`thenDeploy` needs a `workflowId`".to_owned());
        }
        messages::check(&then.input).map_err(|why| format!("`thenDeploy.input`: {why}"))?;
    }
    Ok(input)
}

impl Readiness {
    pub(super) fn new(workflow_id: &str, input: Option<&ReadinessInput>) -> Self {
        let then_deploy = input.and_then(|input| input.then_deploy.clone());
        Self {
            workflow_id: WorkflowId::from(workflow_id),
            service: input.map(|input| input.service.clone()).unwrap_or_default(),
            commit: input.map(|input| input.commit_sha.clone()).unwrap_or_default(),
            environment: then_deploy
                .as_ref()
                .map_or_else(Environment::production, |then| then.input.environment.clone()),
            requested_by: input.map(|input| input.requested_by.clone()).unwrap_or_default(),
            authority: input.map(|input| input.authority.clone()).unwrap_or_default(),
            then_deploy,
            gate: Gate::new(GateId::from(names::gate::PRODUCTION_APPROVAL), "production approval"),
            phases: Phases::new(&Step::NAMES),
            standing: Standing::Collecting,
            report: None,
            refused: RefusedLog::default(),
            signals: 0,
            publisher: Publisher::default(),
        }
    }

    /// Whether `decide` could be applied, and whether who sends it may.
    pub(super) fn check(&self, decide: &Decide, channel: Channel, now: Option<Timestamp>) -> Result<(), Refusal> {
        // A repetition changes nothing, so it needs no authority again.
        if self.gate.check(decide, now)?.is_none() {
            authority::check(&self.authority, &self.workflow_id, decide, channel)?;
        }
        Ok(())
    }

    pub(super) fn decide(&mut self, decide: &Decide, channel: Channel, now: Timestamp) -> Result<DecideReply, Refusal> {
        self.check(decide, channel, Some(now))?;
        let via = authority::via(&self.authority, &self.workflow_id, decide);
        let decide = Decide { actor: Actor::new(decide.actor.name.as_str(), via), ..decide.clone() };
        let reply = self.gate.decide(&decide, now)?;
        self.settle(now);
        Ok(reply)
    }

    /// Shows the evidence and asks for a decision, or asks again.
    pub(super) fn open(&mut self, package: EvidencePackage, now: Timestamp, window: Millis) {
        self.gate.open(now, window, package);
        self.settle(now);
    }

    /// The evidence could not be collected again.
    pub(super) fn reopen_unchanged(&mut self, now: Timestamp, why: &str) {
        let why = format!("The evidence could not be collected again: {why}. What was shown before stands.");
        self.refuse(now, names::signal::REQUEST_MORE_EVIDENCE, &why);
        self.phases.end_active(PhaseStatus::Failed, now);
        self.gate.reopen_unchanged();
        self.settle(now);
    }

    pub(super) fn expire(&mut self, now: Timestamp) {
        self.gate.expire(now);
        self.settle(now);
    }

    /// The run ends without an answer.
    pub(super) fn end(&mut self, standing: Standing, now: Timestamp) {
        self.gate.withdraw();
        self.phases.end_active(PhaseStatus::Failed, now);
        self.standing = standing;
    }

    pub(super) fn begin(&mut self, step: Step, now: Timestamp) {
        self.phases.set(step.name(), PhaseStatus::Running, now);
    }

    pub(super) fn finish(&mut self, step: Step, status: PhaseStatus, now: Timestamp) {
        self.phases.set(step.name(), status, now);
    }

    pub(super) fn report(&mut self, report: Option<ReadinessReport>) {
        self.report = report;
    }

    pub(super) fn refuse(&mut self, now: Timestamp, name: &str, why: &str) {
        self.refused.note(now, name, why);
    }

    /// The id of a signal whose sender gives none.
    pub(super) fn next_signal_id(&mut self) -> String {
        self.signals += 1;
        format!("signal-{}", self.signals)
    }

    /// What the checks look at.
    pub(super) fn subject(&self) -> Subject {
        Subject { service: self.service.clone(), commit: self.commit.clone(), environment: self.environment.clone() }
    }

    /// The deployment to start: of the very commit that was looked at, however short its name was in the input.
    pub(super) fn then_deploy(&self) -> Option<ThenDeploy> {
        let mut then = self.then_deploy.clone()?;
        if let Some(package) = self.gate.package() {
            then.input.commit_sha = package.commit.clone();
        }
        Some(then)
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self.gate.state(), State::Closed(_) | State::Withdrawn)
    }

    pub(super) fn is_open(&self) -> bool {
        *self.gate.state() == State::Open
    }

    pub(super) fn checks(&self) -> &[Check] {
        self.gate.package().map_or(&[], |package| &package.checks)
    }

    pub(super) fn score(&self) -> u8 {
        self.report.as_ref().map_or_else(|| evidence::score(self.checks()), |report| report.score)
    }

    pub(super) fn view(&self) -> EvidenceView {
        EvidenceView {
            revision: self.gate.revision(),
            package: self.gate.package().cloned(),
            decisions: self.gate.decisions().to_vec(),
            refused: self.refused.all(),
        }
    }

    pub(super) fn output(&self, record: &DecisionRecord) -> ReadinessOutput {
        let approved = record.verdict == Verdict::Approve;
        ReadinessOutput {
            approved,
            readiness_score: self.score(),
            gate_results: self.checks().to_vec(),
            approved_by: approved.then(|| record.actor.name.clone()),
            approved_at: approved.then_some(record.at),
            rejection_reason: if approved { None } else { record.reason.clone() },
        }
    }

    pub(super) fn publish(&mut self, now: Timestamp) -> Upserts {
        let memo = Published {
            title: self.title(),
            started_by: self.requested_by.clone(),
            service: Some(self.service.clone()),
            environment: Some(self.environment.clone()),
            phases: self.phases.all(),
            gates: self.open_gate().into_iter().collect(),
            decided: self.gate.decisions().last().cloned(),
            rollback: self.gate.package().map(|package| package.rollback.clone()),
            refused: self.refused.newest().cloned(),
            ..Published::default()
        };
        let face = Face {
            memo,
            phase: self.standing.as_str().to_owned(),
            environment: Some(self.environment.clone()),
            health: None,
        };
        self.publisher.next(face, now)
    }

    /// Brings standing and strip in line with the gate.
    fn settle(&mut self, now: Timestamp) {
        let approval = Step::Approval.name();
        match self.gate.state() {
            State::Unopened | State::Withdrawn => {}
            State::Open => {
                self.standing = Standing::AwaitingApproval;
                self.phases.set(approval, PhaseStatus::Waiting, now);
            }
            State::Collecting => self.standing = Standing::Collecting,
            State::Closed(record) if record.verdict == Verdict::Approve => {
                self.standing = Standing::Approved;
                self.phases.set(approval, PhaseStatus::Done, now);
            }
            State::Closed(_) => {
                self.standing = Standing::Rejected;
                self.phases.end_active(PhaseStatus::Failed, now);
                self.phases.set(approval, PhaseStatus::Failed, now);
            }
        }
    }

    fn version(&self) -> Option<&Version> {
        self.gate.package().map(|package| &package.version).filter(|version| !version.is_empty())
    }

    fn title(&self) -> String {
        let release = self.version().map_or_else(|| self.commit.short(), Version::as_str);
        format!("{} {} → {}", clip(self.service.as_str(), 60), clip(release, 40), clip(self.environment.as_str(), 40))
    }

    fn open_gate(&self) -> Option<OpenGate> {
        self.gate.published().map(|gate| OpenGate {
            requested_by: self.requested_by.clone(),
            effect: self.effect(),
            needs_proof: !self.authority.deciders.is_empty(),
            ..gate
        })
    }

    /// What approving does, in words.
    fn effect(&self) -> String {
        let Some(then) = &self.then_deploy else {
            return "records the approval and deploys nothing".to_owned();
        };
        let release = self.version().map_or_else(|| self.commit.short(), Version::as_str);
        let seconds = then.input.monitor.duration_ms.0 / 1000;
        let watched = if seconds >= 120 { format!("{} min", seconds / 60) } else { format!("{seconds} s") };
        format!("deploys {} to {}, watched {watched}", clip(release, 40), clip(self.environment.as_str(), 40))
    }
}
