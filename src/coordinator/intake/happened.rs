//! What happens to a goal beside answers that come in here: overdue work that failed, an override, an event, an
//! approval, an answer that went straight to Temporal. Where the coordinator decides, the goal itself keeps each until
//! its decision comes, and one list call finds the goals: nothing is lost with a coordinator, and any of them goes on.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::contracts::agent::AgentResponse;
use crate::contracts::engine::decision::Decision;
use crate::contracts::engine::fact::{Happening, Undecided};
use crate::contracts::engine::state::EngineState;
use crate::contracts::ids::WorkflowId;
use crate::coordinator::clock::now_millis;
use crate::coordinator::intake::decide::{Trouble, tell_troubles, within_turn};
use crate::coordinator::intake::{Intake, LEASE};
use crate::spec::decide::decide;
use crate::spec::facts::Fact;
use crate::spec::rules::Rules;

/// How often it is looked for.
const LOOK: Duration = Duration::from_secs(1);
/// Goals that are decided on at once.
const TOGETHER: usize = 8;
/// An answer of an agent is decided on where it comes in; after so many milliseconds whoever took it in is gone, or it
/// came another way.
const ITS_OWN: i64 = 5_000;
/// Between two tries on a goal that cannot be decided on.
const REST: Duration = Duration::from_secs(30);

impl Intake {
    /// Decides until told to stop.
    pub async fn decide_what_happened(self, mut stopping: watch::Receiver<bool>) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut resting: HashMap<WorkflowId, Instant> = HashMap::new();
        loop {
            tokio::select! {
                // A dropped sender means stop as well.
                _ = stopping.changed() => return,
                _ = look.tick() => {}
            }
            let goals = match self.0.gateway.undecided_goals().await {
                Ok(goals) => goals,
                Err(failure) => {
                    tracing::debug!(%failure, "nobody says what waits for a decision");
                    continue;
                }
            };
            resting.retain(|_, until| *until > Instant::now());
            let goals: Vec<WorkflowId> = goals.into_iter().filter(|goal| !resting.contains_key(goal)).collect();
            let decided = futures_util::stream::iter(goals).map(async |goal| {
                let went_well = self.decide_in_turn(&goal).await;
                (goal, went_well)
            });
            let failed: Vec<WorkflowId> = decided
                .buffer_unordered(TOGETHER)
                .filter_map(async |(goal, went_well)| (!went_well).then_some(goal))
                .collect()
                .await;
            resting.extend(failed.into_iter().map(|goal| (goal, Instant::now() + REST)));
        }
    }

    /// Whether nothing is the matter. When another one decides on this goal, it is theirs.
    async fn decide_in_turn(&self, workflow: &WorkflowId) -> bool {
        let turn = match self.0.store.begin_deciding(workflow, now_millis(), LEASE).await {
            Ok(Some(turn)) => turn,
            Ok(None) => return true,
            Err(error) => {
                tracing::warn!(%workflow, %error, "whose turn it is to decide is not known");
                return true;
            }
        };
        let decided = within_turn(self.decide_each(workflow)).await;
        if let Err(error) = self.0.store.end_deciding(turn).await {
            // The turn ends by itself.
            tracing::warn!(%workflow, %error, "the turn to decide could not be given up");
        }
        match decided {
            Ok(()) => true,
            Err(Trouble::Again(failure)) => {
                tracing::info!(%workflow, %failure, "what happened could not be decided on yet");
                true
            }
            Err(Trouble::Never(why)) => {
                tracing::warn!(%workflow, why, "what happened cannot be decided on");
                false
            }
        }
    }

    /// One after the other, each on the state that the decision before has led to.
    async fn decide_each(&self, workflow: &WorkflowId) -> Result<(), Trouble> {
        let mut last = None;
        loop {
            let state = self.0.gateway.goal_state(workflow).await?;
            let Some(next) = next(&state).filter(|next| last.as_ref() != Some(&next.id)) else { return Ok(()) };
            let Some(rules) = self.policy(workflow, &state).await? else { return Ok(()) };
            let decision = on(&state, next, &rules);
            self.apply(workflow, &decision.decision_id, json!(decision)).await?;
            tracing::info!(%workflow, decision = %decision.decision_id, actions = decision.actions.len(), "decided");
            last = Some(next.id.clone());
        }
    }
}

/// The oldest that nobody else has in hand.
fn next(state: &EngineState) -> Option<&Undecided> {
    let is_ours = |undecided: &&Undecided| match &undecided.happening {
        // Without a workflow's id it did not come in: it was said in the agent's place.
        Happening::Completed { response } if !response.workflow_id.is_empty() => {
            let age = now_millis().0.saturating_sub(undecided.at.0);
            !(0..ITS_OWN).contains(&age)
        }
        Happening::Completed { .. }
        | Happening::Event { .. }
        | Happening::Approved { .. }
        | Happening::Rejected { .. }
        | Happening::ChildCompleted { .. } => true,
    };
    state.undecided.iter().flatten().filter(|_| !state.status.is_over()).find(is_ours)
}

fn on(state: &EngineState, undecided: &Undecided, rules: &Rules) -> Decision {
    let happening = whole(state, &undecided.happening);
    let decided = decide(rules, state, &Fact::from(&happening), undecided.id.clone());
    tell_troubles(rules, &decided);
    decided.decision
}

/// With what was answered: it is in the step.
fn whole(state: &EngineState, happening: &Happening) -> Happening {
    match happening {
        Happening::Completed { response } => {
            let content = state.open_steps.get(&response.step_id).map(|step| step.content.clone());
            let response = AgentResponse { content: content.unwrap_or_default(), ..(**response).clone() };
            Happening::Completed { response: Box::new(response) }
        }
        Happening::Event { .. }
        | Happening::Approved { .. }
        | Happening::Rejected { .. }
        | Happening::ChildCompleted { .. } => happening.clone(),
    }
}
