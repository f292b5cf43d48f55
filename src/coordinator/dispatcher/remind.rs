//! Reminders. When a step is overdue, or a person nudges, the goal counts it and publishes who is to be told; here an
//! agent that is a web service is told, once for each reminder, whichever coordinator does it and however often one is
//! killed. An agent that somebody waits for with an open call needs no reminder: whoever waits hears of it when the goal
//! takes the step back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::agents::Outcome;
use crate::contracts::agent::AgentRequest;
use crate::contracts::clock::Millis;
use crate::contracts::engine::state::StepStatus;
use crate::contracts::failure::Failure;
use crate::contracts::ids::{StepId, WorkflowId};
use crate::contracts::temporal::memo::Reminder;
use crate::coordinator::clock::now_millis;
use crate::coordinator::dispatcher::board::Board;
use crate::coordinator::dispatcher::follow::Followed;
use crate::coordinator::dispatcher::work::{Work, original};
use crate::coordinator::intake::Intake;
use crate::coordinator::metrics::Metrics;
use crate::coordinator::senders::Sender;
use crate::gateway::Gateway;
use crate::gateway::work::WaitingGoal;
use crate::store::Store;
use crate::store::reminders::Bringing;

/// How long whoever brings a reminder has it for themselves: longer than bringing takes. One that could not be brought
/// is tried again then.
const LEASE: Millis = Millis::from_secs(30);
/// How long the coordinator that has the call is left to it: later it is gone.
const ITS_OWN: Duration = Duration::from_secs(10);
/// Reminders under way at once; the others wait for the next look.
const TOGETHER: usize = 16;

/// One reminder of one goal.
type Known = (WorkflowId, Reminder);

/// Reminders that were seen, and those under way.
#[derive(Default)]
pub(super) struct Reminding {
    seen: BTreeMap<Known, Next>,
    /// Each says whether it is brought by now.
    under_way: JoinSet<(Known, bool)>,
}

/// What is still to come of a reminder.
#[derive(Clone, Copy)]
enum Next {
    /// It may be brought then.
    At(Instant),
    /// It has been brought: as long as it stands there nobody need ask again.
    Nothing,
}

/// What it takes to bring one.
pub(super) struct Bringer {
    pub(super) gateway: Gateway,
    pub(super) store: Store,
    pub(super) board: Arc<Board>,
    pub(super) metrics: Metrics,
    pub(super) intake: Intake,
    pub(super) followed: Arc<Followed>,
}

/// What became of a try.
enum Tried {
    /// This, by us.
    Here(&'static str),
    /// It is somebody else's; whether they have brought it.
    Elsewhere(bool),
}

/// The agent did not hear it: it is tried again.
const IN_VAIN: &str = "in-vain";

impl Reminding {
    /// Begins to bring what is to be brought.
    pub(super) fn bring(&mut self, goals: &[WaitingGoal], board: &Board, bringer: impl Fn() -> Bringer) {
        while let Some(ended) = self.under_way.try_join_next() {
            if let Ok((known, true)) = ended {
                self.seen.insert(known, Next::Nothing);
            }
        }
        let now = Instant::now();
        let mut seen = BTreeMap::new();
        for goal in goals {
            for reminder in &goal.reminders {
                let known = (goal.workflow.clone(), reminder.clone());
                let has_call = board.answers_later(&reminder.attempt_id).is_some();
                let next = self.seen.get(&known).copied();
                let next = next.unwrap_or(Next::At(if has_call { now } else { now + ITS_OWN }));
                let is_due = matches!(next, Next::At(at) if at <= now);
                if !is_due || self.under_way.len() >= TOGETHER {
                    seen.insert(known, next);
                    continue;
                }
                self.under_way.spawn(bringer().bring(known.clone()));
                seen.insert(known, Next::At(now + Duration::from_millis(LEASE.0)));
            }
        }
        self.seen = seen;
    }
}

impl Bringer {
    /// Says whether it is brought by now, by whomever.
    async fn bring(self, known: Known) -> (Known, bool) {
        let (workflow, reminder) = &known;
        let Reminder { id: step, agent, number, .. } = reminder;
        let is_brought = match self.try_to(workflow, reminder).await {
            Ok(Tried::Elsewhere(is_brought)) => is_brought,
            Ok(Tried::Here(outcome)) => {
                self.metrics.reminded(agent, outcome);
                tracing::info!(%workflow, %step, agent, number, outcome, "reminder");
                outcome != IN_VAIN
            }
            Err(failure) => {
                self.metrics.reminded(agent, "failed");
                tracing::warn!(%workflow, %step, agent, %failure, "an agent could not be reminded");
                false
            }
        };
        (known, is_brought)
    }

    async fn try_to(&self, workflow: &WorkflowId, reminder: &Reminder) -> Result<Tried, Failure> {
        let key = json!([workflow, reminder.id, reminder.attempt_id, reminder.number]).to_string();
        match self.store.begin_reminding(&key, now_millis(), LEASE).await? {
            Bringing::Mine => {}
            Bringing::Others => return Ok(Tried::Elsewhere(false)),
            Bringing::Brought => return Ok(Tried::Elsewhere(true)),
        }
        let outcome = match self.board.answers_later(&reminder.attempt_id) {
            // Somebody waits for its answer.
            Some(false) => "waited-for",
            Some(true) | None => match self.tell(workflow, reminder).await? {
                Some(outcome) => outcome,
                None => return Ok(Tried::Here(IN_VAIN)),
            },
        };
        self.store.reminded(&key, now_millis()).await?;
        Ok(Tried::Here(outcome))
    }

    /// None when the agent did not hear it: it is tried again.
    async fn tell(&self, workflow: &WorkflowId, reminder: &Reminder) -> Result<Option<&'static str>, Failure> {
        let state = self.gateway.goal_state(workflow).await?;
        let id: StepId = original(&reminder.id);
        let step = state.open_steps.get(&id).filter(|step| step.status == StepStatus::InProgress);
        let Some(step) = step.filter(|step| step.attempt_id.as_ref() == Some(&reminder.attempt_id)) else {
            return Ok(Some("too-late"));
        };
        let work = Work {
            place: &(workflow.clone(), reminder.id.clone()),
            goal_id: &state.goal_id,
            goal: &state.goal,
            step,
            attempt_id: &reminder.attempt_id,
            agent: &reminder.agent,
        };
        let request = AgentRequest {
            reminder: reminder.number,
            callback_url: self.followed.limits.callback_url.as_ref().map(ToString::to_string),
            ..work.request()
        };
        Ok(match self.followed.fleet.remind(&reminder.agent, request).await {
            None => Some("nobody-to-tell"),
            Some(Outcome::Accepted) => Some("told"),
            Some(Outcome::Answered(response)) => {
                self.intake.accept((*response).clone(), &Sender::coordinator(&reminder.agent)).await?;
                self.board.called_back(&response);
                Some("answered")
            }
            Some(Outcome::Busy { why, .. } | Outcome::Broken { why, .. }) => {
                tracing::info!(%workflow, agent = reminder.agent, why, "an agent did not hear a reminder");
                None
            }
        })
    }
}
