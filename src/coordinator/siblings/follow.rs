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
use crate::coordinator::backoff;
use crate::coordinator::clock::now_millis;
use crate::coordinator::dispatcher::board::Fate;
use crate::coordinator::extract;
use crate::coordinator::senders::Sender;
use crate::coordinator::siblings::plan::Plan;
use crate::coordinator::siblings::{LEASE, Siblings, ending};
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
    /// The step was not to be had, and nothing is left to do.
    Refused,
}

/// Whether its goal heard of an end before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    First,
    Before,
}

/// Whether a step is still an attempt's.
enum Wanted {
    Yes,
    No,
    /// The goal is open, and no worker answers for it.
    Unclear,
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
                    let then = now_millis().minus(KEPT);
                    if let Err(error) = self.0.store.forget_siblings_before(then).await {
                        tracing::warn!(%error, "the store does not forget sibling workflows");
                    }
                }
            }
        }
    }

    async fn look_after_due(&self) {
        loop {
            let due = match self.0.store.take_due_siblings(now_millis(), LEASE, BATCH).await {
                Ok(due) => due,
                Err(error) => {
                    tracing::warn!(%error, "the store does not say which sibling workflows are due");
                    return;
                }
            };
            let full = u32::try_from(due.len()).is_ok_and(|found| found == BATCH);
            let look = async |sibling| {
                self.look_after(&sibling).await;
            };
            futures_util::stream::iter(due).for_each_concurrent(TOGETHER, look).await;
            if !full {
                return;
            }
        }
    }

    /// Remembers what is to be begun and begins it; says what became of the step. Fails when it was not even remembered.
    pub async fn begin(&self, plan: &Plan) -> Result<Fate, Failure> {
        let kept = serde_json::to_string(plan).map_err(|error| {
            Failure::new(FailureKind::Internal, format!("The sibling workflow cannot be kept: {error}."), "")
        })?;
        let sibling = self.0.store.want_sibling(&plan.request.attempt_id, &kept, now_millis(), LEASE).await?;
        Ok(self.look_after(&sibling).await)
    }

    /// One step further, by whoever has it.
    async fn look_after(&self, sibling: &Sibling) -> Fate {
        let attempt = &sibling.attempt_id;
        let next = match serde_json::from_str::<Plan>(&sibling.plan) {
            Ok(plan) => match sibling.phase {
                Phase::Wanted => self.take(&plan, sibling).await,
                Phase::Begun => self.await_end(&plan).await,
            },
            Err(error) => {
                // Only somebody who writes into the database by hand makes it unreadable.
                tracing::error!(%attempt, %error, "a sibling workflow in the store cannot be read");
                Ok(Next::Done)
            }
        };
        let (kept, fate) = match next {
            Ok(Next::Done) => (self.0.store.sibling_done(attempt).await, Fate::Taken),
            Ok(Next::Refused) => (self.0.store.sibling_done(attempt).await, Fate::Refused),
            Ok(Next::Rest(phase)) => {
                let rest = (now_millis().0.saturating_sub(sibling.wanted_at.0) / 10).clamp(OFTEN, SELDOM);
                (self.0.store.rest_sibling(attempt, phase, UnixMillis(now_millis().0 + rest)).await, Fate::Taken)
            }
            Err(failure) => {
                tracing::warn!(%attempt, %failure, "a sibling workflow waits");
                let until = now_millis().plus(rest_after(&failure, sibling.tries));
                (self.0.store.rest_sibling(attempt, sibling.phase, until).await, Fate::Unclear)
            }
        };
        if let Err(error) = kept {
            // It is due again when its lease ends; done twice, it has one effect.
            tracing::warn!(%error, %attempt, "how far a sibling workflow is was not kept");
        }
        fate
    }

    /// Takes the step, without a limit: the workflow's own end is the limit. Then begins the workflow.
    async fn take(&self, plan: &Plan, sibling: &Sibling) -> Result<Next, Failure> {
        let request = &plan.request;
        let goal = extract::workflow_id(request.workflow_id.as_str());
        let lease = Lease {
            step_id: request.step_id.clone(),
            attempt_id: request.attempt_id.clone(),
            agent: request.agent.clone(),
            child: plan.wrong.is_none().then(|| plan.child.clone()),
            ..Lease::default()
        };
        // Whoever was here before may have begun it, and not have known.
        let is_first = sibling.tries == 1;
        match self.0.gateway.lease_step(&goal, &lease).await? {
            Sent::Done(_) if is_first => self.start(plan).await,
            // The goal answers the same message with what it said then, which may be long ago.
            Sent::Done(_) => match self.is_wanted(plan).await? {
                Wanted::Yes => self.start(plan).await,
                Wanted::No => self.take_back(plan).await,
                Wanted::Unclear => Err(unanswered(&goal)),
            },
            Sent::Refused(why) => {
                tracing::info!(%goal, step = %request.step_id, why, "the step is somebody else's");
                if is_first { Ok(Next::Refused) } else { self.take_back(plan).await }
            }
            Sent::InDoubt => Err(unanswered(&goal)),
        }
    }

    async fn start(&self, plan: &Plan) -> Result<Next, Failure> {
        let agent = plan.request.agent.as_str();
        if let Some(why) = &plan.wrong {
            return self.cannot_begin(plan, why, why).await;
        }
        match self.0.gateway.start_once(&start(plan), plan.limit.map(Millis::as_duration)).await {
            Ok(()) => {
                self.0.board.dispatched(agent);
                self.0.metrics.dispatched(agent);
                tracing::info!(child = %plan.child, step = %plan.request.step_id, agent, "a sibling workflow was begun");
                Ok(Next::Rest(Phase::Begun))
            }
            Err(failure) => match failure.kind {
                FailureKind::Conflict | FailureKind::Invalid => {
                    self.cannot_begin(plan, &failure.message, &failure.to_string()).await
                }
                FailureKind::Unauthenticated | FailureKind::Denied => {
                    // Somebody must mend it; until then the step is this attempt's.
                    self.0.board.troubled(agent, &failure.to_string());
                    Err(failure)
                }
                FailureKind::ReadOnly
                | FailureKind::NotFound
                | FailureKind::Unavailable
                | FailureKind::DeadlineExceeded
                | FailureKind::Internal => Err(failure),
            },
        }
    }

    /// The step fails with why.
    async fn cannot_begin(&self, plan: &Plan, in_short: &str, why: &str) -> Result<Next, Failure> {
        if self.tell(plan, plan.request.failed(why)).await? == Told::First {
            self.0.board.broke(&plan.request.agent, in_short, None);
        }
        Ok(Next::Done)
    }

    async fn await_end(&self, plan: &Plan) -> Result<Next, Failure> {
        let child = extract::workflow_id(plan.child.as_str());
        let answer = match self.0.gateway.ending(&child).await {
            Ok(None) => {
                return match self.is_wanted(plan).await? {
                    Wanted::Yes | Wanted::Unclear => Ok(Next::Rest(Phase::Begun)),
                    Wanted::No => self.let_go(plan).await,
                };
            }
            Ok(Some(end)) => ending::answer(plan, end),
            Err(failure) if failure.kind == FailureKind::NotFound => {
                plan.request.failed(&format!("{child} is gone, and nobody knows how it ended."))
            }
            Err(failure) => return Err(failure),
        };
        // Counted when it is told: what cannot be told yet is gone through again.
        if self.tell(plan, answer.clone()).await? == Told::First {
            self.0.board.answered(&plan.request.agent, &answer);
            self.0.metrics.agent_answered(&plan.request.agent, answer.status);
        }
        Ok(Next::Done)
    }

    /// Whether the step is still this attempt's. A goal that has ended may say so in its last state, or may not: one
    /// that was terminated never knew.
    async fn is_wanted(&self, plan: &Plan) -> Result<Wanted, Failure> {
        let request = &plan.request;
        let goal = extract::workflow_id(request.workflow_id.as_str());
        match self.0.gateway.describe(&goal, None).await {
            Ok(detail) if detail.row.status.is_open() => {}
            Ok(_) => return Ok(Wanted::No),
            Err(failure) if failure.kind == FailureKind::NotFound => return Ok(Wanted::No),
            Err(failure) => return Err(failure),
        }
        let Ok(state) = self.0.gateway.goal_state(&goal).await else { return Ok(Wanted::Unclear) };
        let step = state.open_steps.get(&request.step_id);
        let has_it = step.is_some_and(|step| {
            step.status == StepStatus::InProgress && step.attempt_id.as_ref() == Some(&request.attempt_id)
        });
        Ok(if has_it && !state.status.is_over() { Wanted::Yes } else { Wanted::No })
    }

    /// The step was lost before it was known whether the workflow was begun. Where there is one of that id, beginning it
    /// once more tells whose it is: ours is let go, and somebody else's left alone.
    async fn take_back(&self, plan: &Plan) -> Result<Next, Failure> {
        if plan.wrong.is_none() && self.is_there(plan).await? {
            match self.0.gateway.start_once(&start(plan), plan.limit.map(Millis::as_duration)).await {
                Ok(()) => return self.let_go(plan).await,
                Err(failure) if failure.kind == FailureKind::Conflict => {}
                Err(failure) => return Err(failure),
            }
        }
        tracing::info!(child = %plan.child, "a sibling workflow is not begun: nobody waits for it any more");
        Ok(Next::Refused)
    }

    async fn is_there(&self, plan: &Plan) -> Result<bool, Failure> {
        match self.0.gateway.describe(&extract::workflow_id(plan.child.as_str()), None).await {
            Ok(_) => Ok(true),
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

    /// Hands it to the intake: kept there, it reaches its goal. What Temporal does not take, it never will: then the step
    /// fails, with why.
    async fn tell(&self, plan: &Plan, answer: AgentResponse) -> Result<Told, Failure> {
        let metrics = answer.metrics;
        match self.hand_in(plan, answer).await {
            Err(failure) if failure.kind == FailureKind::Invalid => {
                tracing::warn!(child = %plan.child, %failure, "the end of a sibling workflow cannot be told as it is");
                let why = format!("The end of {} cannot be told to the goal: {failure}", plan.child);
                self.hand_in(plan, AgentResponse { metrics, ..plan.request.failed(&why) }).await
            }
            told => told,
        }
    }

    async fn hand_in(&self, plan: &Plan, answer: AgentResponse) -> Result<Told, Failure> {
        let sender = Sender::coordinator(plan.request.agent.as_str());
        match self.0.intake.accept_ending(answer, &plan.request.kind, &plan.child, &sender).await {
            Ok(told) => {
                let outcome = told.receipt.outcome.as_str();
                tracing::info!(child = %plan.child, outcome, "the end of a sibling workflow was handed in");
                Ok(if told.repeated { Told::Before } else { Told::First })
            }
            // The goal is gone.
            Err(failure) if failure.kind == FailureKind::NotFound => Ok(Told::First),
            Err(failure) => Err(failure),
        }
    }
}

fn unanswered(goal: &WorkflowId) -> Failure {
    let why = format!("No worker answers for {goal}.");
    Failure::new(FailureKind::Unavailable, why, "It is tried again by itself.")
}

/// How long what failed rests: what a person must mend, for long.
fn rest_after(failure: &Failure, tries: u32) -> Millis {
    match failure.kind {
        FailureKind::Unauthenticated | FailureKind::Denied | FailureKind::ReadOnly => backoff::LONGEST.into(),
        FailureKind::NotFound
        | FailureKind::Conflict
        | FailureKind::Invalid
        | FailureKind::Unavailable
        | FailureKind::DeadlineExceeded
        | FailureKind::Internal => backoff::of_kept(tries),
    }
}

fn start(plan: &Plan) -> Start {
    Start {
        target: target(plan),
        workflow_type: plan.workflow_type.clone(),
        task_queue: plan.task_queue.clone(),
        input: vec![plan.input.clone()],
    }
}

/// The workflow, and the id under which it is begun and cancelled once.
fn target(plan: &Plan) -> Target {
    let workflow_id: WorkflowId = extract::workflow_id(plan.child.as_str());
    Target { workflow_id, request_id: RequestId::new(plan.request.attempt_id.as_str()) }
}
