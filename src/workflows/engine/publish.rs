//! What a goal tells the world without being asked: search attributes and the memo.

use std::collections::BTreeSet;

use temporalio_common::search_attributes::{SearchAttributeKey, SearchAttributeUpdate};

use crate::contracts::actor::Actor;
use crate::contracts::clock::{Timestamp, UnixMillis};
use crate::contracts::decision::{DecisionRecord, Verdict};
use crate::contracts::delivery::RefusedMessage;
use crate::contracts::engine::decision::APPROVAL;
use crate::contracts::engine::input::EngineInput;
use crate::contracts::engine::spec::SpecPin;
use crate::contracts::engine::state::{EngineState, LogEntry, StepState, StepStatus};
use crate::contracts::gate::{OnDeadline, OpenGate};
use crate::contracts::ids::{DecisionId, GateId, SpecHash, SpecName, StepId};
use crate::contracts::phase::{Phase, PhaseStatus};
use crate::contracts::temporal::memo::{Published, Reminder, WaitingStep};
use crate::contracts::temporal::names::{DECISION, attribute};
use crate::workflows::blocks::publish::{self, Publisher, Upserts};
use crate::workflows::blocks::text::clip;

const GOAL_ID: SearchAttributeKey<String> = SearchAttributeKey::keyword(attribute::GOAL_ID);
const STATUS: SearchAttributeKey<String> = SearchAttributeKey::keyword(attribute::STATUS);
const REPO: SearchAttributeKey<String> = SearchAttributeKey::keyword(attribute::REPO);
const BRANCH: SearchAttributeKey<String> = SearchAttributeKey::keyword(attribute::BRANCH);
const TENANT: SearchAttributeKey<String> = SearchAttributeKey::keyword(attribute::TENANT);
const PR_NUMBER: SearchAttributeKey<i64> = SearchAttributeKey::int(attribute::PR_NUMBER);
const WAITING_WORK: SearchAttributeKey<Vec<String>> = SearchAttributeKey::keyword_list(attribute::WAITING_WORK);
const SPEC: SearchAttributeKey<Vec<String>> = SearchAttributeKey::keyword_list(attribute::SPEC);

/// Kinds of work that the memo names: the newest, so that it stays small.
const PHASES: usize = 12;
/// Open approvals that the memo names: the oldest.
const APPROVALS: usize = 6;
/// Steps that the memo offers to agents: the most urgent, then the oldest.
const OFFERED: usize = 12;
/// Reminders of one memo.
const REMINDED: usize = 3;
/// Characters of an attribute: visibility indexes no novels.
const WORD: usize = 200;

/// What was told, so that only news is.
pub(super) struct Face {
    publisher: Publisher,
    attributes: Attributes,
    repo: Option<String>,
    branch: Option<String>,
    tenant: Option<String>,
    /// The spec that it is pinned to, as far as that is published.
    pub(super) pin: Option<SpecPin>,
    /// The latest signal that was not obeyed.
    pub(super) refused: Option<RefusedMessage>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Attributes {
    goal_id: Option<String>,
    status: Option<String>,
    repo: Option<String>,
    branch: Option<String>,
    tenant: Option<String>,
    pull_request: Option<i64>,
    spec: Vec<String>,
    /// None before it was ever told: the run before may have left something.
    waiting: Option<Vec<String>>,
}

impl Face {
    pub(super) fn of(input: &EngineInput) -> Self {
        let EngineInput { repo, branch, tenant, .. } = input.clone();
        let (publisher, attributes) = (Publisher::default(), Attributes::default());
        Self { publisher, attributes, repo, branch, tenant, pin: None, refused: None }
    }

    /// What to send so that the world sees this state.
    pub(super) fn next(&mut self, state: &EngineState, now: Timestamp, reminders: Vec<Reminder>) -> Upserts {
        let attributes = self.attributes_of(state, &reminders);
        let title = if state.goal.description.is_empty() { state.goal_id.as_str() } else { &state.goal.description };
        let memo = Published {
            title: title.to_owned(),
            phases: phases(state),
            gates: approvals(state),
            decided: decided(state),
            work: waiting(state).into_iter().take(OFFERED).map(offered).collect(),
            reminders,
            refused: self.refused.clone(),
            decider: state.decider,
            spec: self.pin.as_ref().map(shown),
            budget: state.budget.clone(),
            ..Published::default()
        };
        let phase = state.status.as_str().to_lowercase().replace('_', "-");
        let face = publish::Face { memo, phase, environment: None, health: None };
        let mut upserts = self.publisher.next(face, now);
        upserts.attributes.extend(attributes.updates(&self.attributes));
        self.attributes = attributes;
        upserts
    }

    fn attributes_of(&self, state: &EngineState, reminders: &[Reminder]) -> Attributes {
        let note = |key: &str| state.artifacts.get(key).and_then(|value| value.as_str()).map(str::to_owned);
        let word = |text: Option<String>| text.filter(|text| !text.is_empty()).map(|text| clip(&text, WORD));
        // The latest pull request: its number is what its artifact is called.
        let number = |key: &String| key.strip_prefix("PR:").and_then(|number| number.parse().ok());
        Attributes {
            goal_id: word(Some(state.goal_id.as_str().to_owned())),
            status: Some(state.status.as_str().to_owned()),
            repo: word(self.repo.clone()),
            branch: word(note("branch").or_else(|| self.branch.clone())),
            tenant: word(self.tenant.clone()),
            pull_request: state.artifacts.keys().filter_map(number).max(),
            waiting: Some(kinds(state, reminders)),
            spec: state.spec.iter().map(|pin| clip(pin.name.as_str(), WORD)).collect(),
        }
    }
}

impl Attributes {
    fn updates(&self, before: &Self) -> Vec<SearchAttributeUpdate> {
        let keywords = [
            (GOAL_ID, &self.goal_id, &before.goal_id),
            (STATUS, &self.status, &before.status),
            (REPO, &self.repo, &before.repo),
            (BRANCH, &self.branch, &before.branch),
            (TENANT, &self.tenant, &before.tenant),
        ];
        let changed = keywords.into_iter().filter(|(_, is, was)| is != was);
        let mut updates: Vec<_> =
            changed.filter_map(|(key, is, _)| is.clone().map(|value| key.value_set(value))).collect();
        if let Some(number) = self.pull_request.filter(|_| self.pull_request != before.pull_request) {
            updates.push(PR_NUMBER.value_set(number));
        }
        if let Some(kinds) = self.waiting.clone().filter(|_| self.waiting != before.waiting) {
            updates.push(WAITING_WORK.value_set(kinds));
        }
        if self.spec != before.spec {
            updates.push(SPEC.value_set(self.spec.clone()));
        }
        updates
    }
}

fn shown(pin: &SpecPin) -> SpecPin {
    SpecPin {
        name: SpecName::new(clip(pin.name.as_str(), 40)),
        version: clip(&pin.version, 20),
        hash: SpecHash::new(pin.short_hash()),
    }
}

/// Steps that an agent could take, the most urgent first, then the oldest. Approvals are people's.
fn waiting(state: &EngineState) -> Vec<(&StepId, &StepState)> {
    let mut steps = state.in_order();
    let is_over = state.status.is_over();
    steps.retain(|(_, step)| !is_over && step.status == StepStatus::Waiting && step.kind.as_str() != APPROVAL);
    steps.sort_by_key(|(_, step)| (step.priority(), step.order));
    steps
}

fn offered((id, step): (&StepId, &StepState)) -> WaitingStep {
    WaitingStep {
        id: id.clone(),
        kind: step.kind.clone(),
        priority: step.priority(),
        since: step.updated_at,
        passed_over: step.passed_over.clone(),
    }
}

/// Reminders that are to be brought to agents, as many as have room: the newest, for the others have been.
pub(super) fn reminders(state: &EngineState) -> Vec<Reminder> {
    let reminder = |(id, step): (&StepId, &StepState)| {
        let has_it = step.status == StepStatus::InProgress && step.reminded_at.is_some();
        let (agent, attempt_id) = (step.agent.clone()?, step.attempt_id.clone()?);
        let (id, kind) = (id.clone(), step.kind.clone());
        has_it.then_some(Reminder { id, kind, agent, attempt_id, number: step.reminders })
    };
    let mut steps: Vec<_> = state.in_order().into_iter().filter(|_| !state.status.is_over()).collect();
    steps.sort_by_key(|(_, step)| std::cmp::Reverse(step.reminded_at));
    steps.into_iter().filter_map(reminder).take(REMINDED).collect()
}

/// Kinds of the steps that the memo tells of: who finds a goal by one of them finds the step. And what waits for a
/// decision of the coordinator.
fn kinds(state: &EngineState, reminders: &[Reminder]) -> Vec<String> {
    let offered = waiting(state).into_iter().take(OFFERED).map(|(_, step)| &step.kind);
    let all = offered.chain(reminders.iter().map(|reminder| &reminder.kind));
    let mut kinds: BTreeSet<String> = all.map(|kind| clip(kind.as_str(), WORD)).collect();
    let is_undecided = state.undecided.as_ref().is_some_and(|waiting| !waiting.is_empty());
    kinds.extend((is_undecided && !state.status.is_over()).then(|| DECISION.to_owned()));
    kinds.into_iter().collect()
}

/// The latest step of every kind, in the order in which they were requested.
fn phases(state: &EngineState) -> Vec<Phase> {
    let latest = state
        .in_order()
        .into_iter()
        .filter(|(id, step)| state.latest(step.kind.as_str()).is_some_and(|(latest, _)| latest == *id));
    let phases: Vec<Phase> = latest.map(|(_, step)| phase(step)).collect();
    phases[phases.len().saturating_sub(PHASES)..].to_vec()
}

/// What waits for a person. Who may write to the workflow may decide it: nothing in production hangs on it.
fn approvals(state: &EngineState) -> Vec<OpenGate> {
    let open = state.in_order().into_iter().filter(|(_, step)| step.kind.as_str() == APPROVAL && step.status.is_open());
    open.filter(|_| !state.status.is_over()).filter_map(|(id, step)| approval(id, step)).take(APPROVALS).collect()
}

fn approval(id: &StepId, step: &StepState) -> Option<OpenGate> {
    let title = step.payload.get("title").and_then(|title| title.as_str()).unwrap_or(id.as_str());
    Some(OpenGate {
        id: GateId::new(id.as_str()),
        title: clip(title, WORD),
        opened_at: step.requested_at.timestamp()?,
        deadline: None,
        then: OnDeadline::default(),
        revision: 1,
        requested_by: step.after.first().map(|step| clip(step.as_str(), WORD)).unwrap_or_default(),
        effect: String::new(),
        needs_proof: false,
        evidence: None,
        is_step: true,
    })
}

/// How the latest approval was decided, so that the next person sees who was first.
fn decided(state: &EngineState) -> Option<DecisionRecord> {
    let verdict = |entry: &LogEntry| match entry.event.as_str() {
        "APPROVED" => Some(Verdict::Approve),
        "REJECTED" => Some(Verdict::Reject),
        _ => None,
    };
    let (entry, verdict) = state.log.iter().rev().find_map(|entry| Some((entry, verdict(entry)?)))?;
    let step = entry.data.get("stepId")?.as_str()?;
    let by: Actor = entry.data.get("by").and_then(|by| serde_json::from_value(by.clone()).ok()).unwrap_or_default();
    Some(DecisionRecord {
        decision_id: DecisionId::new(format!("dec-{step}")),
        gate: GateId::new(step),
        verdict,
        actor: by,
        reason: entry.data.get("reason").and_then(|reason| reason.as_str()).map(str::to_owned),
        evidence: None,
        at: entry.at.timestamp()?,
    })
}

fn phase(step: &StepState) -> Phase {
    let at = |millis: UnixMillis| millis.timestamp();
    Phase {
        name: clip(&step.kind.as_str().to_lowercase().replace('_', "-"), 40),
        status: match step.status {
            StepStatus::Waiting | StepStatus::Blocked if step.kind.as_str() == APPROVAL => PhaseStatus::Waiting,
            StepStatus::Waiting => PhaseStatus::Pending,
            StepStatus::InProgress => PhaseStatus::Running,
            StepStatus::Blocked => PhaseStatus::Waiting,
            StepStatus::Done => PhaseStatus::Done,
            StepStatus::Failed => PhaseStatus::Failed,
            StepStatus::Skipped => PhaseStatus::Skipped,
        },
        started_at: at(step.requested_at),
        ended_at: (!step.status.is_open()).then(|| at(step.updated_at)).flatten(),
    }
}
