//! Budgets of goals. What answers cost is the store's, so it is here that a budget is seen to be used up: from then on the
//! goal's work is given to nobody, and the goal is told once. It holds its work back by itself until a person gives more.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::contracts::clock::UnixMillis;
use crate::contracts::engine::budget::{Budget, BudgetLevel};
use crate::contracts::ids::WorkflowId;
use crate::contracts::roster::Spent;
use crate::contracts::text;
use crate::coordinator::dispatcher::run::UNCLEAR;
use crate::coordinator::metrics::Metrics;
use crate::gateway::Gateway;
use crate::gateway::work::{Sent, WaitingGoal};
use crate::store::usage::Total;
use crate::store::{Store, StoreError};

/// How long it is believed what a goal has cost: while there is much to do, it is looked often.
const BELIEVED: Duration = Duration::from_millis(500);

/// What a goal is to be told, under the round of its budget.
type News = (WorkflowId, u32, BudgetLevel);

/// Goals that are told, and since when.
#[derive(Default)]
pub(super) struct Budgets {
    /// When it may be told again: the list is some hundred milliseconds old.
    told: BTreeMap<News, Instant>,
    under_way: JoinSet<()>,
    known: BTreeMap<WorkflowId, Known>,
}

/// What a goal had cost when it was asked.
#[derive(Clone, Copy)]
struct Known {
    at: Instant,
    /// What it is counted from.
    since: UnixMillis,
    total: Total,
}

/// Who tells them.
pub(super) struct Teller {
    pub(super) gateway: Gateway,
    pub(super) metrics: Metrics,
}

impl Budgets {
    /// Which of these goals are given nothing now. While nobody knows what they cost, it is all that have a budget.
    pub(super) async fn spent(
        &mut self,
        goals: &[WaitingGoal],
        store: &Store,
        teller: impl Fn() -> Teller,
    ) -> BTreeSet<WorkflowId> {
        let limited: Vec<(&WorkflowId, &Budget)> =
            goals.iter().filter_map(|goal| Some((&goal.workflow, goal.budget.as_ref()?))).collect();
        if limited.is_empty() {
            return BTreeSet::new();
        }
        let spent = match self.totals(&limited, store).await {
            Ok(totals) => totals,
            Err(error) => {
                tracing::warn!(%error, "goals with a budget wait: nobody knows what they cost");
                return limited.into_iter().map(|(workflow, _)| workflow.clone()).collect();
            }
        };
        while self.under_way.try_join_next().is_some() {}
        let now = Instant::now();
        self.told.retain(|_, until| *until > now);
        let mut held = BTreeSet::new();
        for (workflow, budget) in limited {
            let total = spent.get(workflow).copied().unwrap_or_default();
            let Some(level) = standing(budget, total).level() else { continue };
            if level == BudgetLevel::Spent {
                held.insert(workflow.clone());
            }
            let news = (workflow.clone(), budget.round, level);
            if budget.reached < Some(level) && !self.told.contains_key(&news) {
                self.told.insert(news.clone(), now + UNCLEAR);
                self.under_way.spawn(teller().tell(news));
            }
        }
        held
    }

    /// A call for this goal is over: what it has cost is asked anew.
    pub(super) fn call_ended(&mut self, workflow: &WorkflowId) {
        self.known.remove(workflow);
    }

    async fn totals(
        &mut self,
        goals: &[(&WorkflowId, &Budget)],
        store: &Store,
    ) -> Result<BTreeMap<WorkflowId, Total>, StoreError> {
        let now = Instant::now();
        self.known.retain(|_, known| now.duration_since(known.at) < BELIEVED);
        let is_known = |id: &WorkflowId, since| self.known.get(id).is_some_and(|known| known.since == since);
        let asked: Vec<_> = goals.iter().copied().filter(|(id, budget)| !is_known(id, budget.since)).collect();
        if !asked.is_empty() {
            let spent = totals(&asked, store).await?;
            for (id, budget) in asked {
                let total = spent.get(id).copied().unwrap_or_default();
                self.known.insert(id.clone(), Known { at: now, since: budget.since, total });
            }
        }
        Ok(self.known.iter().map(|(id, known)| (id.clone(), known.total)).collect())
    }
}

impl Teller {
    async fn tell(self, (workflow, round, level): News) {
        match self.gateway.report_budget(&workflow, round, level).await {
            Ok(Sent::Done(reply)) if reply.repeated => {}
            Ok(Sent::Done(_)) => {
                self.metrics.budget_reached(level);
                tracing::warn!(%workflow, round, level = level.as_str(), "the budget of a goal is used");
            }
            Ok(Sent::Refused(why)) => {
                tracing::info!(%workflow, round, why = %text::line(&why), "a goal does not hear of its budget");
            }
            // It is given nothing in the meantime, and told again.
            Ok(Sent::InDoubt) => tracing::info!(%workflow, round, "whether a goal knows of its budget is in doubt"),
            Err(failure) => tracing::warn!(%workflow, round, %failure, "a goal could not be told of its budget"),
        }
    }
}

/// What a goal has cost, beside what it may.
fn standing(budget: &Budget, total: Total) -> Spent {
    #[expect(clippy::cast_precision_loss, reason = "nine billion dollars are counted to the millionth")]
    let usd = total.cost_micros as f64 / 1e6;
    Spent { usd, tokens: total.tokens, budget_usd: budget.usd, budget_tokens: budget.tokens }
}

/// What a goal has cost since it began, beside what it may have cost by now: its budget counts from when a person gave
/// more, on top of what was spent by then.
pub async fn in_all(goal: &WorkflowId, budget: &Budget, store: &Store) -> Result<Spent, StoreError> {
    let since = async |since: UnixMillis| {
        let counted = Budget { since, ..Budget::default() };
        let spent = totals(&[(goal, &counted)], store).await?;
        Ok::<_, StoreError>(spent.get(goal).copied().unwrap_or_default())
    };
    let round = since(budget.since).await?;
    let Some(begun) = budget.begun else { return Ok(standing(budget, round)) };
    let all = since(begun).await?;
    let before = Total {
        tokens: all.tokens.saturating_sub(round.tokens),
        cost_micros: all.cost_micros.saturating_sub(round.cost_micros),
    };
    let before = standing(budget, before);
    let mut spent = standing(budget, all);
    spent.budget_usd = budget.usd.map(|usd| usd + before.usd);
    spent.budget_tokens = budget.tokens.map(|tokens| tokens.saturating_add(before.tokens));
    Ok(spent)
}

/// What goals have cost; those are left out that have cost nothing.
async fn totals(goals: &[(&WorkflowId, &Budget)], store: &Store) -> Result<BTreeMap<WorkflowId, Total>, StoreError> {
    // Answers are kept under the id as whoever answered wrote it: as it is, or as lists show it, safe to print.
    let written = |id: &WorkflowId| -> BTreeSet<WorkflowId> {
        [id.clone(), WorkflowId::new(text::original(id.as_str()))].into_iter().collect()
    };
    let since: Vec<_> =
        goals.iter().flat_map(|(id, budget)| written(id).into_iter().map(|id| (id, budget.since))).collect();
    let spent = store.spent(&since).await?;
    let total = |id: &WorkflowId| {
        let parts = written(id).into_iter().filter_map(|id| spent.get(&id).copied());
        parts.reduce(|one, other| Total {
            tokens: one.tokens.saturating_add(other.tokens),
            cost_micros: one.cost_micros.saturating_add(other.cost_micros),
        })
    };
    Ok(goals.iter().filter_map(|(id, _)| Some(((*id).clone(), total(id)?))).collect())
}

#[cfg(test)]
mod tests {
    use super::{BELIEVED, Budgets};
    use crate::config::settings;
    use crate::contracts::agent::{AgentMetrics, Tokens};
    use crate::contracts::clock::UnixMillis;
    use crate::contracts::engine::budget::Budget;
    use crate::contracts::ids::WorkflowId;
    use crate::store::Store;
    use crate::store::usage::Cost;

    async fn spend(store: &Store, key: &str) {
        let metrics = AgentMetrics { tokens: Some(Tokens { prompt: 1, completion: 0 }), cost_usd: None };
        let cost = Cost {
            key: key.to_owned(),
            goal_id: "g".into(),
            workflow_id: "w".into(),
            step_id: "s".into(),
            attempt_id: "a".into(),
            agent_role: "a".to_owned(),
            metrics,
            at: UnixMillis(10),
        };
        // Twice: it counts once.
        store.spend(&cost).await.unwrap();
        store.spend(&cost).await.unwrap();
    }

    #[tokio::test]
    async fn what_a_goal_has_cost_is_believed_for_a_moment_or_until_a_call_for_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&settings::Store::Sqlite(folder.path().join("db"))).await.unwrap();
        let (workflow, mut budgets) = (WorkflowId::from("w"), Budgets::default());
        let tokens = async |budgets: &mut Budgets, since: i64| {
            let budget = Budget { since: UnixMillis(since), ..Budget::default() };
            let totals = budgets.totals(&[(&workflow, &budget)], &store).await.unwrap();
            totals[&workflow].tokens
        };
        assert_eq!(tokens(&mut budgets, 0).await, 0);
        spend(&store, "one").await;
        assert_eq!(tokens(&mut budgets, 0).await, 0, "it was asked a moment ago");
        budgets.call_ended(&workflow);
        assert_eq!(tokens(&mut budgets, 0).await, 1);
        assert_eq!(tokens(&mut budgets, 11).await, 0, "counted from another time it is another sum");
        assert_eq!(tokens(&mut budgets, 0).await, 1);
        spend(&store, "two").await;
        let known = budgets.known.get_mut(&workflow).unwrap();
        known.at = known.at.checked_sub(BELIEVED).unwrap();
        assert_eq!(tokens(&mut budgets, 0).await, 2, "others may have spent meanwhile");
    }
}
