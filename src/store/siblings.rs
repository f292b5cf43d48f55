//! Workflows that do the work of a step: which were begun, and how far each is.

use sqlx::any::AnyRow;
use sqlx::{Row as _, query};

use crate::contracts::clock::{Millis, UnixMillis};
use crate::contracts::ids::AttemptId;
use crate::store::callbacks::later;
use crate::store::{Store, StoreError};

/// How far one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It is to be begun; nobody has been told.
    Wanted,
    /// It was begun, and its end is awaited.
    Begun,
}

impl Phase {
    fn as_str(self) -> &'static str {
        match self {
            Self::Wanted => "wanted",
            Self::Begun => "begun",
        }
    }

    fn read(word: &str) -> Self {
        match word {
            "begun" => Self::Begun,
            // Those that are done are never read.
            _ => Self::Wanted,
        }
    }
}

/// One of which something is left to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sibling {
    /// The attempt of the step that it is.
    pub attempt_id: AttemptId,
    /// What it takes, as JSON.
    pub plan: String,
    pub phase: Phase,
    /// How often it was looked after.
    pub tries: u32,
    pub wanted_at: UnixMillis,
}

impl Store {
    /// Remembers one before anything is done for it. The caller has it for `lease`.
    pub async fn want_sibling(
        &self,
        attempt: &AttemptId,
        plan: &str,
        now: UnixMillis,
        lease: Millis,
    ) -> Result<Sibling, StoreError> {
        query("INSERT INTO siblings (attempt_id, plan, phase, due_at, wanted_at) VALUES ($1, $2, 'wanted', $3, $4)")
            .bind(attempt.as_str())
            .bind(plan)
            .bind(later(now, lease))
            .bind(now.0)
            .execute(&self.pool)
            .await?;
        let (attempt_id, plan) = (attempt.clone(), plan.to_owned());
        Ok(Sibling { attempt_id, plan, phase: Phase::Wanted, tries: 1, wanted_at: now })
    }

    /// Takes up to `limit` that nobody has and of which something is left to do.
    pub async fn take_due_siblings(
        &self,
        now: UnixMillis,
        lease: Millis,
        limit: u32,
    ) -> Result<Vec<Sibling>, StoreError> {
        // The condition stands twice, as for answers: another coordinator may have been faster.
        const TAKE: &str = "UPDATE siblings SET due_at = $1, tries = tries + 1 WHERE attempt_id IN \
            (SELECT attempt_id FROM siblings WHERE phase <> 'done' AND due_at <= $2 ORDER BY due_at LIMIT $3) \
            AND phase <> 'done' AND due_at <= $2 RETURNING attempt_id, plan, phase, tries, wanted_at";
        let rows = query(TAKE).bind(later(now, lease)).bind(now.0).bind(i64::from(limit)).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// This far it is by now, and is to be looked after again then.
    pub async fn rest_sibling(&self, attempt: &AttemptId, phase: Phase, until: UnixMillis) -> Result<(), StoreError> {
        query("UPDATE siblings SET phase = $1, due_at = $2 WHERE attempt_id = $3 AND phase <> 'done'")
            .bind(phase.as_str())
            .bind(until.0)
            .bind(attempt.as_str())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Nothing is left to do.
    pub async fn sibling_done(&self, attempt: &AttemptId) -> Result<(), StoreError> {
        query("UPDATE siblings SET phase = 'done', plan = '' WHERE attempt_id = $1")
            .bind(attempt.as_str())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Forgets those from before then of which nothing is left to do.
    pub async fn forget_siblings_before(&self, then: UnixMillis) -> Result<(), StoreError> {
        query("DELETE FROM siblings WHERE phase = 'done' AND wanted_at < $1").bind(then.0).execute(&self.pool).await?;
        Ok(())
    }
}

fn read(row: &AnyRow) -> sqlx::Result<Sibling> {
    Ok(Sibling {
        attempt_id: AttemptId::new(row.try_get::<String, _>("attempt_id")?),
        plan: row.try_get("plan")?,
        phase: Phase::read(&row.try_get::<String, _>("phase")?),
        tries: u32::try_from(row.try_get::<i64, _>("tries")?).unwrap_or(u32::MAX),
        wanted_at: UnixMillis(row.try_get("wanted_at")?),
    })
}
