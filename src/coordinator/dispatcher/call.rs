//! One step: leased, given to an agent, to its alternates when it cannot do it, and the answer brought to the goal.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::agents::Outcome;
use crate::contracts::agent::{AgentMetrics, AgentRequest, AgentResponse, AgentStatus};
use crate::contracts::clock::Millis;
use crate::contracts::engine::output::LeaseReply;
use crate::contracts::engine::state::{StepState, StepStatus};
use crate::contracts::failure::FailureKind;
use crate::contracts::ids::AttemptId;
use crate::contracts::text;
use crate::coordinator::clock::now;
use crate::coordinator::dispatcher::board::{Board, Fate, Place, Slot, Taking};
use crate::coordinator::dispatcher::follow::Followed;
use crate::coordinator::dispatcher::stopped;
use crate::coordinator::dispatcher::work::Work;
use crate::coordinator::intake::Intake;
use crate::coordinator::metrics::Metrics;
use crate::coordinator::senders::Sender;
use crate::gateway::Gateway;
use crate::gateway::work::{Lease, Sent};
use crate::store::Store;
use crate::store::usage::Cost;

/// How much longer than its agent may take a lease lasts: the answer must reach the goal.
const GRACE: Duration = Duration::from_secs(15);
/// How often a lease is asked for that no worker answers.
const ASKED: u32 = 4;
/// Between two tries to reach a goal.
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// How often a goal is asked whether an answer that comes by callback has come to somebody else.
const ASKING: Duration = Duration::from_secs(5);
const LONGEST_ASKING: Duration = Duration::from_mins(1);
/// Attempts of one step after which a pause of an agent counts as a failure: it must end.
const MOST_ATTEMPTS: u32 = 8;

/// A call that is over.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) place: Place,
    pub(super) fate: Fate,
}

/// What a call needs.
pub(super) struct Caller {
    pub(super) gateway: Gateway,
    pub(super) board: Arc<Board>,
    pub(super) metrics: Metrics,
    pub(super) intake: Intake,
    pub(super) store: Store,
    pub(super) followed: Arc<Followed>,
    pub(super) stopping: watch::Receiver<bool>,
}

/// An attempt that has its lease.
struct Attempt {
    agent: String,
    leased: LeaseReply,
    id: AttemptId,
    /// When the lease ends.
    until: Instant,
}

/// What an attempt that brought no answer leaves behind.
struct Trouble {
    why: String,
    /// The agent is well and asks for a pause.
    is_busy: bool,
}

impl Caller {
    /// Does all of it. The slot is held until the step is somebody else's.
    pub(super) async fn run(self, agent: String, taking: Taking, slot: Slot) -> Ended {
        let place = taking.place.clone();
        let fate = self.take(agent, &taking, &slot).await;
        drop(slot);
        Ended { place, fate }
    }

    async fn take(&self, agent: String, taking: &Taking, slot: &Slot) -> Fate {
        let first = match self.lease(&agent, &taking.attempt, None, taking).await {
            Ok(first) => first,
            Err(fate) => return fate,
        };
        let alternates = self.followed.fleet.agent(&agent).map(|agent| agent.alternates.clone());
        let mut alternates: VecDeque<String> = alternates.unwrap_or_default().into();
        let mut attempt = first;
        slot.leased(attempt.leased.step.updated_at.timestamp());
        let mut troubles: Vec<String> = Vec::new();
        loop {
            let Some(trouble) = self.attempt(&attempt, taking, slot).await else { return Fate::Taken };
            troubles.push(format!("{}: {}", attempt.agent, trouble.why));
            let next = loop {
                let Some(name) = alternates.pop_front() else { break None };
                if self.followed.fleet.agent(&name).is_some_and(|agent| self.board.has_room(agent)) {
                    break Some(name);
                }
            };
            let Some(next) = next else {
                let may_wait = trouble.is_busy && attempt.leased.step.attempts < MOST_ATTEMPTS;
                if may_wait {
                    self.give_back(&attempt, taking, &troubles.join(" ")).await;
                } else {
                    self.fail(&attempt, taking, &troubles.join(" ")).await;
                }
                return Fate::Taken;
            };
            let id = AttemptId::new(format!("attempt-{}", uuid::Uuid::new_v4()));
            slot.hand_over(&next, id.clone());
            match self.lease(&next, &id, Some(attempt.id.clone()), taking).await {
                Ok(taken_over) => {
                    attempt = taken_over;
                    slot.leased(attempt.leased.step.updated_at.timestamp());
                }
                // Somebody else has it by now, or will when the lease ends.
                Err(_) => return Fate::Taken,
            }
        }
    }

    /// Leases the step for an agent, before anybody is called.
    async fn lease(
        &self,
        agent: &str,
        id: &AttemptId,
        replaces: Option<AttemptId>,
        taking: &Taking,
    ) -> Result<Attempt, Fate> {
        let limit = self.followed.fleet.agent(agent).map_or(Duration::ZERO, |agent| agent.time_limit);
        let (workflow, step) = &taking.place;
        let Millis(lease_ms) = (limit + GRACE).into();
        let lease = Lease {
            step_id: step.clone(),
            attempt_id: id.clone(),
            agent: agent.to_owned(),
            lease_ms: Some(lease_ms),
            replaces,
            child: None,
        };
        for _ in 0..ASKED {
            let until = Instant::now() + limit + GRACE;
            match self.gateway.lease_step(workflow, &lease).await {
                Ok(Sent::Done(leased)) => {
                    self.board.dispatched(agent);
                    self.metrics.dispatched(agent);
                    tracing::info!(%workflow, %step, kind = %taking.kind, agent, attempt = %id, "dispatched");
                    return Ok(Attempt { agent: agent.to_owned(), leased, id: id.clone(), until });
                }
                Ok(Sent::Refused(why)) => {
                    tracing::debug!(%workflow, %step, agent, why = %text::line(&why), "the step was not to be had");
                    return Err(Fate::Refused);
                }
                // The same again has no second effect.
                Ok(Sent::InDoubt) => {}
                Err(failure) => {
                    tracing::debug!(%workflow, %step, %failure, "the step could not be leased");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        tracing::warn!(%workflow, %step, agent, "no worker answers for this step");
        Err(Fate::Unclear)
    }

    /// Calls the agent and brings its answer home. None when the step is settled, or somebody else's.
    async fn attempt(&self, attempt: &Attempt, taking: &Taking, slot: &Slot) -> Option<Trouble> {
        let agent = attempt.agent.as_str();
        let request = self.request(attempt, taking);
        let outcome = tokio::select! {
            outcome = self.followed.fleet.call(agent, request) => outcome,
            () = slot.lost() => {
                self.metrics.agent_broke(agent, "overdue");
                tracing::info!(agent, attempt = %attempt.id, "the step was taken from an agent");
                return None;
            }
            () = stopped(self.stopping.clone()) => {
                self.give_back(attempt, taking, "The coordinator that had it stopped.").await;
                return None;
            }
        };
        match outcome {
            Outcome::Answered(response) => {
                self.board.answered(agent, &response);
                self.metrics.agent_answered(agent, response.status);
                let goes_on = response.status == AgentStatus::Partial;
                self.bring(&response, attempt).await;
                if goes_on {
                    self.called_back(attempt, taking, slot).await;
                }
                None
            }
            Outcome::Accepted => {
                self.called_back(attempt, taking, slot).await;
                None
            }
            Outcome::Busy { after, why } => {
                self.board.asked_for_rest(agent, after, &why);
                self.metrics.agent_broke(agent, "busy");
                tracing::info!(agent, %why, "an agent asks for a pause");
                Some(Trouble { why, is_busy: true })
            }
            Outcome::Broken { why, metrics } => {
                self.board.broke(agent, &why, metrics.as_ref());
                self.metrics.agent_broke(agent, "broken");
                let (workflow, step) = &taking.place;
                tracing::warn!(%workflow, %step, agent, %why, "an agent could not do its work");
                if let Some(metrics) = &metrics {
                    self.keep_cost(attempt, taking, metrics).await;
                }
                Some(Trouble { why: format!("{why}."), is_busy: false })
            }
        }
    }

    fn request(&self, attempt: &Attempt, taking: &Taking) -> AgentRequest {
        let LeaseReply { goal_id, goal, step, .. } = &attempt.leased;
        let work = Work { place: &taking.place, goal_id, goal, step, attempt_id: &attempt.id, agent: &attempt.agent };
        AgentRequest {
            callback_url: self.followed.limits.callback_url.as_ref().map(ToString::to_string),
            ..work.request()
        }
    }

    /// What a model said in vain has cost as much: it counts against the budget of the goal. An attempt is one call.
    async fn keep_cost(&self, attempt: &Attempt, taking: &Taking, metrics: &AgentMetrics) {
        let request = self.request(attempt, taking);
        let cost = Cost {
            key: format!("broken:{}", attempt.id),
            goal_id: request.goal_id,
            workflow_id: request.workflow_id,
            step_id: request.step_id,
            attempt_id: request.attempt_id,
            agent_role: request.agent,
            metrics: *metrics,
            at: now().into(),
        };
        self.metrics.used(&attempt.agent, metrics);
        for _ in 0..ASKED {
            let Err(error) = self.store.spend(&cost).await else { return };
            tracing::warn!(agent = attempt.agent, attempt = %attempt.id, %error, "what an attempt cost is not kept yet");
            tokio::time::sleep(PAUSE).await;
        }
        tracing::error!(agent = attempt.agent, attempt = %attempt.id, "what an attempt cost is lost");
    }

    /// Its answer comes by callback: the place is held until the step is settled, or the lease ends.
    async fn called_back(&self, attempt: &Attempt, taking: &Taking, slot: &Slot) {
        slot.called_back();
        tokio::select! {
            () = slot.settled() => {}
            () = slot.lost() => self.metrics.agent_broke(&attempt.agent, "overdue"),
            () = self.is_lost(attempt, taking) => {}
            () = tokio::time::sleep_until(attempt.until) => {
                self.board.broke(&attempt.agent, "It took the work, and no answer came in time.", None);
                self.metrics.agent_broke(&attempt.agent, "silent");
            }
            // The agent goes on, and answers to whichever coordinator is there then.
            () = stopped(self.stopping.clone()) => {}
        }
    }

    /// Returns when the step is this attempt's no more: its answer came to another coordinator, or somebody decided.
    async fn is_lost(&self, attempt: &Attempt, taking: &Taking) {
        let (workflow, step) = &taking.place;
        let mut pause = ASKING;
        loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_ASKING);
            // Without a worker nobody knows; the lease ends in any case.
            let Ok(state) = self.gateway.goal(workflow).await else { continue };
            let is_ours = |step: &StepState| {
                step.status == StepStatus::InProgress && step.attempt_id.as_ref() == Some(&attempt.id)
            };
            if state.open_steps.get(step).is_some_and(|step| !is_ours(step)) {
                return;
            }
        }
    }

    /// Says in the agents' place that the work was not done, and why.
    async fn fail(&self, attempt: &Attempt, taking: &Taking, why: &str) {
        self.bring(&self.request(attempt, taking).failed(why), attempt).await;
    }

    /// Hands an answer to the intake, again and again while the lease lasts: kept there it reaches its goal.
    async fn bring(&self, response: &AgentResponse, attempt: &Attempt) {
        let (workflow, step) = (&response.workflow_id, &response.step_id);
        let sender = Sender::coordinator(attempt.agent.as_str());
        let mut pause = PAUSE;
        loop {
            match self.intake.accept(response.clone(), &sender).await {
                Ok(answer) => {
                    let outcome = answer.receipt.outcome.as_str();
                    tracing::info!(%workflow, %step, agent = %attempt.agent, outcome, "an answer was handed in");
                    return;
                }
                Err(failure) if failure.kind == FailureKind::NotFound => {
                    tracing::warn!(%workflow, %step, %failure, "nobody wants this answer");
                    return;
                }
                Err(failure) => tracing::warn!(%workflow, %step, %failure, "an answer could not be handed in yet"),
            }
            if Instant::now() >= attempt.until {
                tracing::error!(%workflow, %step, "an answer could not be handed in while its lease lasted");
                return;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The step is offered again.
    async fn give_back(&self, attempt: &Attempt, taking: &Taking, why: &str) {
        let (workflow, step) = &taking.place;
        match self.gateway.requeue_step(workflow, step, &attempt.id, why).await {
            Ok(Sent::Done(_) | Sent::Refused(_)) => {}
            // Then the lease ends by itself.
            Ok(Sent::InDoubt) => tracing::info!(%workflow, %step, "whether the step was given back is in doubt"),
            Err(failure) => tracing::info!(%workflow, %step, %failure, "the step could not be given back"),
        }
    }
}
