//! What agents used: tokens and money, of each answer.

use std::collections::BTreeMap;

use sqlx::{AnyConnection, AssertSqlSafe, Row as _, query};

use crate::contracts::agent::AgentMetrics;
use crate::contracts::clock::UnixMillis;
use crate::contracts::ids::{AttemptId, GoalId, StepId, WorkflowId};
use crate::store::batch::values;
use crate::store::{Store, StoreError};

/// What all answers to one workflow cost together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    pub tokens: u64,
    /// Millionths of a US dollar.
    pub cost_micros: u64,
}

/// What one answer says it cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    /// What makes two the same.
    pub key: String,
    pub goal_id: GoalId,
    pub workflow_id: WorkflowId,
    pub step_id: StepId,
    pub attempt_id: AttemptId,
    pub agent_role: String,
    pub metrics: AgentMetrics,
    pub at: UnixMillis,
}

/// Workflows of one statement.
const TOGETHER: usize = 64;

/// What these answers say they cost.
pub(super) async fn insert(connection: &mut AnyConnection, costs: &[&Cost]) -> sqlx::Result<()> {
    let sql = format!(
        "INSERT INTO usage (dedupe_key, goal_id, workflow_id, step_id, attempt_id, agent_role, prompt_tokens, \
         completion_tokens, cost_micros, at) VALUES {} ON CONFLICT (dedupe_key) DO NOTHING",
        values(connection, costs.len(), "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
    );
    let mut insert = query(AssertSqlSafe(sql));
    for cost in costs {
        let tokens = cost.metrics.tokens.unwrap_or_default();
        insert = insert
            .bind(cost.key.as_str())
            .bind(cost.goal_id.as_str())
            .bind(cost.workflow_id.as_str())
            .bind(cost.step_id.as_str())
            .bind(cost.attempt_id.as_str())
            .bind(cost.agent_role.as_str())
            .bind(number(tokens.prompt))
            .bind(number(tokens.completion))
            .bind(number(cost.metrics.cost_micros()))
            .bind(cost.at.0);
    }
    insert.execute(connection).await?;
    Ok(())
}

impl Store {
    /// Keeps what was spent on something that is no answer. Kept again under its key it counts once.
    pub async fn spend(&self, cost: &Cost) -> Result<(), StoreError> {
        insert(&mut *self.pool.acquire().await?, &[cost]).await?;
        Ok(())
    }

    /// What workflows have cost since a time of each; those are left out that have cost nothing. What gathers here is
    /// written first: the next work must not be given out as if the last had been for nothing. What another coordinator
    /// has in hand counts when it is done, within moments; what a crash cut off, when it is resumed.
    pub async fn spent(&self, since: &[(WorkflowId, UnixMillis)]) -> Result<BTreeMap<WorkflowId, Total>, StoreError> {
        self.flush().await?;
        let mut spent = BTreeMap::new();
        for workflows in since.chunks(TOGETHER) {
            let each: Vec<String> =
                (1..=workflows.len()).map(|n| format!("(workflow_id = ${} AND at >= ${})", 2 * n - 1, 2 * n)).collect();
            let sql = format!(
                "SELECT workflow_id, CAST(sum(prompt_tokens + completion_tokens) AS BIGINT) AS tokens, \
                 CAST(sum(cost_micros) AS BIGINT) AS cost FROM usage WHERE {} GROUP BY workflow_id",
                each.join(" OR ")
            );
            let mut select = query(AssertSqlSafe(sql));
            for (workflow, since) in workflows {
                select = select.bind(workflow.as_str()).bind(since.0);
            }
            for row in select.fetch_all(&self.pool).await? {
                let total = Total { tokens: count(row.try_get("tokens")?), cost_micros: count(row.try_get("cost")?) };
                spent.insert(WorkflowId::new(row.try_get::<String, _>("workflow_id")?), total);
            }
        }
        Ok(spent)
    }
}

/// A sum of what is never negative.
fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

fn number(count: u64) -> i64 {
    // A sum of a billion of these still fits.
    i64::try_from(count).unwrap_or(i64::MAX).min(1_000_000_000)
}
