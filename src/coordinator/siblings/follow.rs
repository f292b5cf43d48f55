//! How far each sibling workflow is, and what comes next: take the step, begin it, await its end, tell of it.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::watch;

use crate::contracts::agent::AgentResponse;
use crate::contracts::clock::{Millis, UnixMillis};
use crate::contracts::engine::state::StepStatus;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::ids::{RequestId, WorkflowId};
use crate::contracts::mutation::{Start, Stop, Target};
use crate::coordinator::extract;
use crate::coordinator::senders::Sender;
use crate::coordinator::siblings::plan::Plan;
use crate::coordinator::siblings::{LEASE, Siblings, ending, now};
use crate::gateway::work::{Lease, Sent};
use crate::store::siblings::{Phase, Sibling};

/// How often it is looked for what is due.
const LOOK: Duration = Duration::from_millis(500);
/// How many are taken at once, and how many of these are looked after together: all must fit into their lease.
const BATCH: u32 = 32;
const TOGETHER: usize = 16;
/// Between two looks at one that runs, in milliseconds: a tenth of its age, within these.
const OFTEN: i64 = 250;
const SELDOM: i64 = 10_000;
/// Between two tries of what could not be done, in milliseconds; it doubles.
const FIRST_REST: i64 = 500;
const LONGEST_REST: i64 = 30_000;
/// How long it is known which were begun.
const KEPT: Millis = Millis::from_hours(30 * 24);
/// Between two times of forgetting.
const FORGETTING: Duration = Duration::from_hours(1);

/// What a look came to.
enum Next {
    /// It goes on: to be looked after again.
    Rest(Phase),
    /// Nothing is left to do.
    Done,
}

impl Siblings {
    /// Looks after all of them until told to stop.
    pub async fn follow(self, mut stopping: watch::Receiver<bool>) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut forget = tokio::time::interval(FORGETTING);
        loop {
            tokio::select! {
                // A dropped sender means stop as well.
                _ = stopping.changed() => return,
                _ = look.tick() => self.look_after_due().await,
                _ = forget.tick() => {
                    let then = UnixMillis(now().0.saturating_sub(i64::try_from(KEPT.0).unwrap_or(i64::MAX)));
                    if let Err(error) = self.0.store.forget_siblings_before(then).await {
                        tracing::warn!(%error, "the store does not forget sibling workflows");
                    }
                }
            }
        }
    }

    async fn look_after_due(&self) {
        loop {
            let due = match self.0.store.take_due_siblings(now(), LEASE, BATCH).await {
                Ok(due) => due,
                Err(error) => {
                    tracing::warn!(%error, "the store does not say which sibling workflows are due");
                    return;
                }
            };
            let full = u32::try_from(due.len()).is_ok_and(|found| found == BATCH);
            let look = async |sibling| self.look_after(&sibling).await;
            futures_util::stream::iter(due).for_each_concurrent(TOGETHER, look).await;
            if !full {
                return;
            }
        }
    }

    /// Remembers what is to be begun and begins it. Fails when it was not even remembered.
    pub async fn begin(&self, plan: &Plan) -> Result<(), Failure> {
        let kept = serde_json::to_string(plan).map_err(|error| {
            Failure::new(FailureKind::Internal, format!("The sibling workflow cannot be kept: {error}."), "")
        })?;
        let sibling = self.0.store.want_sibling(&plan.request.attempt_id, &kept, now(), LEASE).await?;
        self.look_after(&sibling).await;
        Ok(())
    }

    /// One step further, by whoever has it.
    async fn look_after(&self, sibling: &Sibling) {
        let attempt = &sibling.attempt_id;
        let next = match serde_json::from_str::<Plan>(&sibling.plan) {
            Ok(plan) => match sibling.phase {
                Phase::Wanted => self.take(&plan).await,
                Phase::Begun => self.await_end(&plan).await,
            },
            Err(error) => {
                // Only somebody who writes into the database by hand makes it unreadable.
                tracing::error!(%attempt, %error, "a sibling workflow in the store cannot be read");
                Ok(Next::Done)
            }
        };
        let kept = match next {
            Ok(Next::Done) => self.0.store.sibling_done(attempt).await,
            Ok(Next::Rest(phase)) => {
                let rest = (now().0.saturating_sub(sibling.wanted_at.0) / 10).clamp(OFTEN, SELDOM);
                self.0.store.rest_sibling(attempt, phase, UnixMillis(now().0 + rest)).await
            }
            Err(failure) => {
                tracing::warn!(%attempt, %failure, "a sibling workflow waits");
                let rest = FIRST_REST.saturating_mul(1 << sibling.tries.saturating_sub(1).min(10)).min(LONGEST_REST);
                self.0.store.rest_sibling(attempt, sibling.phase, UnixMillis(now().0 + rest)).await
            }
        };
        if let Err(error) = kept {
            // It is due again when its lease ends; done twice, it has one effect.
            tracing::warn!(%error, %attempt, "how far a sibling workflow is was not kept");
        }
    }

    /// Takes the step, without a limit: the workflow's own end is the limit. Then begins the workflow.
    async fn take(&self, plan: &Plan) -> Result<Next, Failure> {
        let request = &plan.request;
        let goal = extract::workflow_id(request.workflow_id.as_str());
        let lease = Lease {
            step_id: request.step_id.clone(),
            attempt_id: request.attempt_id.clone(),
            agent: request.agent.clone(),
            child: plan.wrong.is_none().then(|| plan.child.clone()),
            ..Lease::default()
        };
        match self.0.gateway.lease_step(&goal, &lease).await? {
            Sent::Done(_) => self.start(plan).await,
            Sent::Refused(why) => {
                tracing::info!(%goal, step = %request.step_id, why, "the step is somebody else's");
                Ok(Next::Done)
            }
            Sent::InDoubt => {
                let why = format!("No worker answers for {goal}.");
                Err(Failure::new(FailureKind::Unavailable, why, "It is tried again by itself."))
            }
        }
    }

    async fn start(&self, plan: &Plan) -> Result<Next, Failure> {
        let agent = plan.request.agent.as_str();
        if let Some(why) = &plan.wrong {
            self.0.board.broke(agent, why, None);
            return self.tell(plan, ending::failed(&plan.request, why)).await;
        }
        let start = Start {
            target: target(plan),
            workflow_type: plan.workflow_type.clone(),
            task_queue: plan.task_queue.clone(),
            input: vec![plan.input.clone()],
        };
        let limit = plan.limit.map(Millis::as_duration);
        match self.0.gateway.start_once(&start, limit).await {
            Ok(()) => {
                self.0.board.dispatched(agent);
                self.0.metrics.dispatched(agent);
                tracing::info!(child = %plan.child, step = %plan.request.step_id, agent, "a sibling workflow was begun");
                Ok(Next::Rest(Phase::Begun))
            }
            Err(failure) => match failure.kind {
                FailureKind::Conflict | FailureKind::Invalid => {
                    self.0.board.broke(agent, &failure.message, None);
                    self.tell(plan, ending::failed(&plan.request, &failure.to_string())).await
                }
                FailureKind::Unauthenticated
                | FailureKind::Denied
                | FailureKind::ReadOnly
                | FailureKind::NotFound
                | FailureKind::Unavailable
                | FailureKind::DeadlineExceeded
                | FailureKind::Internal => Err(failure),
            },
        }
    }

    async fn await_end(&self, plan: &Plan) -> Result<Next, Failure> {
        let child = extract::workflow_id(plan.child.as_str());
        let answer = match self.0.gateway.ending(&child).await {
            Ok(None) if self.is_wanted(plan).await? => return Ok(Next::Rest(Phase::Begun)),
            Ok(None) => return self.let_go(plan).await,
            Ok(Some(end)) => ending::answer(plan, end),
            Err(failure) if failure.kind == FailureKind::NotFound => {
                ending::failed(&plan.request, &format!("{child} is gone, and nobody knows how it ended."))
            }
            Err(failure) => return Err(failure),
        };
        self.0.board.answered(&plan.request.agent, &answer);
        self.0.metrics.agent_answered(&plan.request.agent, answer.status);
        self.tell(plan, answer).await
    }

    /// Whether the step is still this attempt's. Where no worker knows, the goal's own end tells.
    async fn is_wanted(&self, plan: &Plan) -> Result<bool, Failure> {
        let request = &plan.request;
        let goal = extract::workflow_id(request.workflow_id.as_str());
        if let Ok(state) = self.0.gateway.goal_state(&goal).await {
            let step = state.open_steps.get(&request.step_id);
            let has_it = step.is_some_and(|step| {
                step.status == StepStatus::InProgress && step.attempt_id.as_ref() == Some(&request.attempt_id)
            });
            return Ok(has_it && !state.status.is_over());
        }
        match self.0.gateway.describe(&goal, None).await {
            Ok(detail) => Ok(detail.row.status.is_open()),
            Err(failure) if failure.kind == FailureKind::NotFound => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Nobody waits for its end any more.
    async fn let_go(&self, plan: &Plan) -> Result<Next, Failure> {
        tracing::info!(child = %plan.child, cancel = plan.cancel, "nobody waits for a sibling workflow any more");
        if plan.cancel {
            let reason =
                format!("{} of {} does not wait for it any more.", plan.request.step_id, plan.request.workflow_id);
            self.0.gateway.cancel_once(&Stop { target: target(plan), run_id: None, reason }).await?;
        }
        Ok(Next::Done)
    }

    /// Hands it to the intake: kept there, it reaches its goal.
    async fn tell(&self, plan: &Plan, answer: AgentResponse) -> Result<Next, Failure> {
        let sender = Sender::coordinator(plan.request.agent.as_str());
        match self.0.intake.accept_ending(answer, &plan.request.kind, &plan.child, &sender).await {
            Ok(told) => {
                let outcome = told.receipt.outcome.as_str();
                tracing::info!(child = %plan.child, outcome, "the end of a sibling workflow was handed in");
                Ok(Next::Done)
            }
            // The goal is gone.
            Err(failure) if failure.kind == FailureKind::NotFound => Ok(Next::Done),
            Err(failure) => Err(failure),
        }
    }
}

/// The workflow, and the id under which it is begun and cancelled once.
fn target(plan: &Plan) -> Target {
    let workflow_id: WorkflowId = extract::workflow_id(plan.child.as_str());
    Target { workflow_id, request_id: RequestId::new(plan.request.attempt_id.as_str()) }
}
