//! Answers that are told to further workflows: each one to each target once, whichever coordinator does it.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Connection as _, Row as _, query};

use crate::contracts::clock::{Millis, UnixMillis};
use crate::contracts::ids::WorkflowId;
use crate::store::callbacks::later;
use crate::store::{Store, StoreError};

/// One answer for one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    /// Of the answer.
    pub key: String,
    /// Name of the route that leads there.
    pub route: String,
    pub workflow_id: WorkflowId,
    /// What is to be signalled, as JSON. Empty once it is known what became of it.
    pub signal: String,
    /// What became of it.
    pub outcome: Option<String>,
    /// How often it was begun.
    pub tries: u32,
    pub received_at: UnixMillis,
    /// When Temporal first said that there is no such workflow.
    pub unknown_at: Option<UnixMillis>,
}

async fn keep(connection: &mut AnyConnection, all: &[Routed], due: i64) -> sqlx::Result<()> {
    let mut transaction = connection.begin().await?;
    for one in all {
        query(
            "INSERT INTO routed (dedupe_key, route, workflow_id, signal, outcome, due_at, tries, received_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (dedupe_key, route, workflow_id) DO NOTHING",
        )
        .bind(one.key.as_str())
        .bind(one.route.as_str())
        .bind(one.workflow_id.as_str())
        .bind(one.signal.as_str())
        .bind(one.outcome.as_deref())
        .bind(due)
        .bind(i64::from(one.tries))
        .bind(one.received_at.0)
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await
}

impl Store {
    /// Keeps to whom an answer is to be told: all of it or nothing. The caller has them for `lease`.
    pub async fn route(&self, all: &[Routed], now: UnixMillis, lease: Millis) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await?;
        let kept = keep(&mut connection, all, later(now, lease)).await;
        if kept.is_err() {
            // As in the writer: what the database ended by itself the driver may believe to go on.
            connection.close_on_drop();
        }
        Ok(kept?)
    }

    /// To whom an answer is told.
    pub async fn routes_of(&self, key: &str) -> Result<Vec<Routed>, StoreError> {
        const FIND: &str = "SELECT dedupe_key, route, workflow_id, signal, outcome, tries, received_at, unknown_at FROM routed \
            WHERE dedupe_key = $1 ORDER BY route, workflow_id";
        let rows = query(FIND).bind(key).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Takes up to `limit` of those that nobody has and of which it is not known what became.
    pub async fn take_due_routes(&self, now: UnixMillis, lease: Millis, limit: u32) -> Result<Vec<Routed>, StoreError> {
        // The condition stands twice, as for answers: another coordinator may have been faster.
        const TAKE: &str = "UPDATE routed SET due_at = $1, tries = tries + 1 WHERE (dedupe_key, route, workflow_id) IN \
            (SELECT dedupe_key, route, workflow_id FROM routed WHERE outcome IS NULL AND due_at <= $2 \
            ORDER BY due_at LIMIT $3) AND outcome IS NULL AND due_at <= $2 \
            RETURNING dedupe_key, route, workflow_id, signal, outcome, tries, received_at, unknown_at";
        let rows = query(TAKE).bind(later(now, lease)).bind(now.0).bind(i64::from(limit)).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// It is known what became of it: the first word stands.
    pub async fn routed(&self, one: &Routed, outcome: &str) -> Result<(), StoreError> {
        query(
            "UPDATE routed SET outcome = $1, signal = '' \
             WHERE dedupe_key = $2 AND route = $3 AND workflow_id = $4 AND outcome IS NULL",
        )
        .bind(outcome)
        .bind(one.key.as_str())
        .bind(one.route.as_str())
        .bind(one.workflow_id.as_str())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Lets it rest; it is due again then. `unknown_at` is kept with it.
    pub async fn rest_route(&self, one: &Routed, until: UnixMillis) -> Result<(), StoreError> {
        query(
            "UPDATE routed SET due_at = $1, unknown_at = $2 \
             WHERE dedupe_key = $3 AND route = $4 AND workflow_id = $5 AND outcome IS NULL",
        )
        .bind(until.0)
        .bind(one.unknown_at.map(|at| at.0))
        .bind(one.key.as_str())
        .bind(one.route.as_str())
        .bind(one.workflow_id.as_str())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Forgets those from before then of which it is known what became.
    pub async fn forget_routes_before(&self, then: UnixMillis) -> Result<(), StoreError> {
        query("DELETE FROM routed WHERE outcome IS NOT NULL AND received_at < $1")
            .bind(then.0)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

fn read(row: &AnyRow) -> sqlx::Result<Routed> {
    let text = |name: &str| row.try_get::<String, _>(name);
    Ok(Routed {
        key: text("dedupe_key")?,
        route: text("route")?,
        workflow_id: WorkflowId::new(text("workflow_id")?),
        signal: text("signal")?,
        outcome: row.try_get("outcome")?,
        tries: u32::try_from(row.try_get::<i64, _>("tries")?).unwrap_or(u32::MAX),
        received_at: UnixMillis(row.try_get("received_at")?),
        unknown_at: row.try_get::<Option<i64>, _>("unknown_at")?.map(UnixMillis),
    })
}
