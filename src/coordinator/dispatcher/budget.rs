//! Budgets of goals. What answers cost is the store's, so it is here that a budget is seen to be used up: from then on the
//! goal's work is given to nobody, and the goal is told once. It holds its work back by itself until a person gives more.

use std::collections::{BTreeMap, BTreeSet};

use tokio::task::JoinSet;
use tokio::time::Instant;

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

/// What a goal is to be told, under the round of its budget.
type News = (WorkflowId, u32, BudgetLevel);

/// Goals that are told, and since when.
#[derive(Default)]
pub(super) struct Budgets {
    /// When it may be told again: the list is some hundred milliseconds old.
    told: BTreeMap<News, Instant>,
    under_way: JoinSet<()>,
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
        let spent = match totals(&limited, store).await {
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
pub fn standing(budget: &Budget, total: Total) -> Spent {
    #[expect(clippy::cast_precision_loss, reason = "nine billion dollars are counted to the millionth")]
    let usd = total.cost_micros as f64 / 1e6;
    Spent { usd, tokens: total.tokens, budget_usd: budget.usd, budget_tokens: budget.tokens }
}

/// What goals have cost; those are left out that have cost nothing.
pub async fn totals(
    goals: &[(&WorkflowId, &Budget)],
    store: &Store,
) -> Result<BTreeMap<WorkflowId, Total>, StoreError> {
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
