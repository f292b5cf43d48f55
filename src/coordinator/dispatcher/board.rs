//! What every agent does and has done, as this coordinator counts it: the source of `GET /v1/agents`, of the metrics,
//! and of what [`crate::coordinator::dispatcher::plan`] may still give out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{NaiveDate, Utc};
use futures_util::FutureExt as _;
use tokio::sync::Notify;

use crate::config::agents::Agent;
use crate::contracts::agent::{AgentMetrics, AgentResponse, AgentStatus};
use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::ids::{AttemptId, StepId, WorkKind, WorkflowId};
use crate::contracts::roster::{AgentCall, AgentReport, AgentRoster, AgentTrouble, HeldBack, Spent, WaitingWork};
use crate::coordinator::backoff;
use crate::coordinator::clock::now;

/// How long an agent rests that broke twice in a row; twice as long each time it breaks again.
const REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_mins(1);

/// A step of a workflow.
pub type Place = (WorkflowId, StepId);

/// Shared by the loop, the calls and the handlers.
#[derive(Debug, Default)]
pub struct Board {
    inner: Mutex<Inner>,
    /// Room was made, or something changed: worth another look.
    pub changed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    agents: Arc<Vec<Agent>>,
    calls: BTreeMap<Place, Call>,
    tallies: BTreeMap<String, Tally>,
    waiting: Vec<WaitingWork>,
    held: Vec<Held>,
    looked_at: Option<Timestamp>,
    look_trouble: Option<String>,
    file_trouble: Option<String>,
}

/// A call under way.
#[derive(Clone, Debug)]
struct Call {
    agent: String,
    told: AgentCall,
    /// Its answer has come, by another way than this call.
    settled: Arc<Notify>,
    /// When the goal gave the step to this attempt, by the goal's clock.
    leased_at: Option<Timestamp>,
    /// The step has been offered to others since.
    lost: Arc<Notify>,
}

/// What one agent has done.
#[derive(Clone, Debug, Default)]
struct Tally {
    dispatched: u64,
    ok: u64,
    partial: u64,
    fail: u64,
    broken: u64,
    /// In a row.
    breaks: u32,
    tokens: u64,
    cost_usd: f64,
    today: (NaiveDate, f64, u64),
    resting_until: Option<Timestamp>,
    last_trouble: Option<AgentTrouble>,
}

/// How much is under way.
#[derive(Clone, Debug, Default)]
pub struct Load {
    pub all: usize,
    pub agents: BTreeMap<String, usize>,
    pub tenants: BTreeMap<String, usize>,
    /// Those of each tenant whose answer comes by callback.
    pub called_back: BTreeMap<String, usize>,
    /// Agents that are offered nothing now: they rest, or their budget is used up.
    pub away: Vec<String>,
    /// Steps that a call of this coordinator has.
    pub taken: Vec<Place>,
}

/// A limit that holds work back, and the goals whose work it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub told: HeldBack,
    pub goals: BTreeSet<WorkflowId>,
}

/// What is about to be done, and for whom.
#[derive(Clone, Debug)]
pub struct Taking {
    pub place: Place,
    pub attempt: AttemptId,
    pub kind: WorkKind,
    pub tenant: String,
}

/// What became of a step, as far as taking it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Taken,
    /// It is somebody else's, or there is nothing to be had.
    Refused,
    /// Nobody answered.
    Unclear,
}

/// A call's place among the others; given up however the call ends.
#[derive(Debug)]
pub struct Slot {
    board: Arc<Board>,
    place: Place,
    settled: Arc<Notify>,
    lost: Arc<Notify>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.board.lock().calls.remove(&self.place);
        self.board.changed.notify_one();
    }
}

impl Slot {
    /// Another agent goes on with it, under another attempt.
    pub fn hand_over(&self, agent: &str, attempt: AttemptId) {
        // What was lost before is not lost by the next one.
        let _ = self.lost.notified().now_or_never();
        if let Some(call) = self.board.lock().calls.get_mut(&self.place) {
            agent.clone_into(&mut call.agent);
            call.told.attempt_id = attempt;
            call.leased_at = None;
            call.told.since = now();
            call.told.called_back = false;
        }
    }

    /// The goal has given the step to the attempt, at this time of its clock.
    pub fn leased(&self, at: Option<Timestamp>) {
        if let Some(call) = self.board.lock().calls.get_mut(&self.place) {
            call.leased_at = at;
        }
    }

    /// Returns when the goal offers the step to others: it was overdue, or a person took it back.
    pub async fn lost(&self) {
        self.lost.notified().await;
    }

    /// Returns when an answer came by callback.
    pub async fn settled(&self) {
        self.settled.notified().await;
    }

    /// The agent has the work and answers later.
    pub fn called_back(&self) {
        if let Some(call) = self.board.lock().calls.get_mut(&self.place) {
            call.told.called_back = true;
        }
    }
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These are the agents from now on.
    pub fn follow(&self, agents: Arc<Vec<Agent>>) {
        let mut inner = self.lock();
        inner.agents = agents;
        inner.file_trouble = None;
        drop(inner);
        self.changed.notify_one();
    }

    /// Why a newer file is not followed.
    pub fn not_followed(&self, why: String) {
        self.lock().file_trouble = Some(why);
    }

    pub fn agents(&self) -> Arc<Vec<Agent>> {
        Arc::clone(&self.lock().agents)
    }

    /// Takes a place for a call of this agent.
    pub fn begin(self: &Arc<Self>, agent: &str, taking: &Taking) -> Slot {
        let (workflow_id, step_id) = taking.place.clone();
        let told = AgentCall {
            workflow_id,
            step_id,
            attempt_id: taking.attempt.clone(),
            kind: taking.kind.clone(),
            tenant: taking.tenant.clone(),
            since: now(),
            called_back: false,
        };
        let (settled, lost) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let call = Call {
            agent: agent.to_owned(),
            told,
            settled: Arc::clone(&settled),
            leased_at: None,
            lost: Arc::clone(&lost),
        };
        self.lock().calls.insert(taking.place.clone(), call);
        Slot { board: Arc::clone(self), place: taking.place.clone(), settled, lost }
    }

    /// A step is on offer since then: whoever had it before has lost it.
    pub fn offered(&self, place: &Place, since: Timestamp) {
        let inner = self.lock();
        if let Some(call) = inner.calls.get(place).filter(|call| call.leased_at.is_some_and(|at| at < since)) {
            call.lost.notify_one();
        }
    }

    /// Whether a call of this coordinator has the attempt, and if so, whether its agent answers later.
    pub fn answers_later(&self, attempt: &AttemptId) -> Option<bool> {
        let inner = self.lock();
        let call = inner.calls.values().find(|call| call.told.attempt_id == *attempt)?;
        Some(call.told.called_back)
    }

    /// A call has really begun: the step is leased.
    pub fn dispatched(&self, agent: &str) {
        self.lock().tallies.entry(agent.to_owned()).or_default().dispatched += 1;
    }

    /// An agent answered.
    pub fn answered(&self, agent: &str, response: &AgentResponse) {
        let mut inner = self.lock();
        let tally = inner.tallies.entry(agent.to_owned()).or_default();
        tally.breaks = 0;
        tally.resting_until = None;
        match response.status {
            AgentStatus::Ok => tally.ok += 1,
            AgentStatus::Partial => tally.partial += 1,
            AgentStatus::Fail => tally.fail += 1,
        }
        tally.spend(response.metrics.as_ref());
    }

    /// Whether a call of this coordinator waits for the answer of this attempt.
    pub fn waits_for(&self, attempt: &AttemptId) -> bool {
        self.lock().calls.values().any(|call| call.told.attempt_id == *attempt)
    }

    /// An answer came by callback. One of a call of this coordinator counts, and settles it.
    pub fn called_back(&self, response: &AgentResponse) {
        let call = self.lock().calls.values().find(|call| call.told.attempt_id == response.attempt_id).cloned();
        let Some(call) = call else { return };
        self.answered(&call.agent, response);
        if response.status != AgentStatus::Partial {
            call.settled.notify_one();
        }
    }

    /// A call brought no answer.
    pub fn broke(&self, agent: &str, why: &str, metrics: Option<&AgentMetrics>) {
        let mut inner = self.lock();
        let tally = inner.tallies.entry(agent.to_owned()).or_default();
        tally.broken += 1;
        tally.breaks += 1;
        tally.spend(metrics);
        tally.last_trouble = Some(AgentTrouble { at: now(), why: why.to_owned() });
        if tally.breaks > 1 {
            let rest = backoff::doubling(tally.breaks - 1, REST, LONGEST_REST);
            tally.resting_until = Some(now().plus(rest.into()));
        }
    }

    /// Something is in its way that a person must mend. It is tried again, so it counts as no call.
    pub fn troubled(&self, agent: &str, why: &str) {
        let mut inner = self.lock();
        let tally = inner.tallies.entry(agent.to_owned()).or_default();
        tally.last_trouble = Some(AgentTrouble { at: now(), why: why.to_owned() });
    }

    /// An agent asked for a pause.
    pub fn asked_for_rest(&self, agent: &str, rest: Duration, why: &str) {
        let mut inner = self.lock();
        let tally = inner.tallies.entry(agent.to_owned()).or_default();
        tally.last_trouble = Some(AgentTrouble { at: now(), why: why.to_owned() });
        tally.resting_until = Some(now().plus(rest.min(LONGEST_REST).into()));
    }

    /// What was seen of the work that waits, and what of it is held back.
    pub fn looked(&self, seen: Result<(Vec<WaitingWork>, Vec<Held>), String>) {
        let mut inner = self.lock();
        match seen {
            Ok((waiting, held)) => {
                (inner.waiting, inner.held) = (waiting, held);
                inner.looked_at = Some(now());
                inner.look_trouble = None;
            }
            Err(why) => inner.look_trouble = Some(why),
        }
    }

    pub fn load(&self) -> Load {
        let inner = self.lock();
        let mut load = Load { all: inner.calls.len(), ..Load::default() };
        for (place, call) in &inner.calls {
            *load.agents.entry(call.agent.clone()).or_default() += 1;
            *load.tenants.entry(call.told.tenant.clone()).or_default() += 1;
            *load.called_back.entry(call.told.tenant.clone()).or_default() += usize::from(call.told.called_back);
            load.taken.push(place.clone());
        }
        for agent in inner.agents.iter() {
            let tally = inner.tallies.get(&agent.name);
            let rests = tally.and_then(|tally| tally.resting_until).is_some_and(|until| until > now());
            if rests || spent(agent, tally).is_used_up() {
                load.away.push(agent.name.clone());
            }
        }
        load
    }

    /// Whether an agent could begin one more call.
    pub fn has_room(&self, agent: &Agent) -> bool {
        let load = self.load();
        !load.away.contains(&agent.name) && load.agents.get(&agent.name).copied().unwrap_or(0) < agent.concurrency
    }

    /// When the first of the resting agents is back.
    pub fn back_in(&self) -> Option<Duration> {
        let inner = self.lock();
        let until =
            inner.tallies.values().filter_map(|tally| tally.resting_until).filter(|until| *until > now()).min()?;
        let Millis(millis) = until.since(now());
        Some(Duration::from_millis(millis))
    }

    /// What held the work of this goal back when it was last looked.
    pub fn held_back(&self, goal: &WorkflowId) -> Option<HeldBack> {
        self.lock().held.iter().find(|held| held.goals.contains(goal)).map(|held| held.told.clone())
    }

    pub fn roster(&self) -> AgentRoster {
        let inner = self.lock();
        let agents = inner.agents.iter().map(|agent| report(&inner, agent)).collect();
        let trouble = inner.file_trouble.clone().or_else(|| inner.look_trouble.clone());
        let held_back = inner.held.iter().map(|held| held.told.clone()).collect();
        let (waiting, looked_at) = (inner.waiting.clone(), inner.looked_at);
        AgentRoster { agents, waiting, held_back, looked_at, trouble, at: now() }
    }
}

fn report(inner: &Inner, agent: &Agent) -> AgentReport {
    let tally = inner.tallies.get(&agent.name).cloned().unwrap_or_default();
    let mut calls: Vec<AgentCall> =
        inner.calls.values().filter(|call| call.agent == agent.name).map(|call| call.told.clone()).collect();
    calls.sort_by_key(|call| call.since);
    AgentReport {
        name: agent.name.clone(),
        adapter: agent.adapter_name().to_owned(),
        kinds: agent.kinds.clone(),
        alternates: agent.alternates.clone(),
        priority: agent.priority,
        concurrency: agent.concurrency,
        calls,
        dispatched: tally.dispatched,
        ok: tally.ok,
        partial: tally.partial,
        fail: tally.fail,
        broken: tally.broken,
        tokens: Some(tally.tokens),
        cost_usd: Some(tally.cost_usd),
        today: Some(spent(agent, Some(&tally))),
        resting_until: tally.resting_until.filter(|until| *until > now()),
        last_trouble: tally.last_trouble,
    }
}

fn spent(agent: &Agent, tally: Option<&Tally>) -> Spent {
    let today = tally.map(|tally| tally.today).filter(|(day, ..)| *day == Utc::now().date_naive());
    let (_, usd, tokens) = today.unwrap_or_default();
    Spent { usd, tokens, budget_usd: agent.budget.usd, budget_tokens: agent.budget.tokens }
}

impl Tally {
    fn spend(&mut self, metrics: Option<&AgentMetrics>) {
        let Some(metrics) = metrics else { return };
        let tokens = metrics.tokens.map_or(0, |tokens| tokens.prompt.saturating_add(tokens.completion));
        // An agent's own word: it can neither earn money nor break the sum.
        let usd = metrics.cost_usd.filter(|usd| usd.is_finite() && *usd > 0.0).unwrap_or(0.0);
        let day = Utc::now().date_naive();
        if self.today.0 != day {
            self.today = (day, 0.0, 0);
        }
        self.today.1 += usd;
        self.today.2 = self.today.2.saturating_add(tokens);
        self.cost_usd += usd;
        self.tokens = self.tokens.saturating_add(tokens);
    }
}
