//! Reminders of agents: each is brought once, by whichever coordinator.

use sqlx::{Row as _, query};

use crate::contracts::clock::{Millis, UnixMillis};
use crate::store::callbacks::later;
use crate::store::{Store, StoreError};

/// Who brings a reminder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bringing {
    /// The caller, who has it for itself for a while.
    Mine,
    /// Somebody else, for now.
    Others,
    /// Nobody any more: it has been brought.
    Brought,
}

impl Store {
    /// Whether the caller is to bring this reminder, and has it for as long as `lease`.
    pub async fn begin_reminding(&self, key: &str, now: UnixMillis, lease: Millis) -> Result<Bringing, StoreError> {
        let begun = query(
            "INSERT INTO reminders (reminder_key, until_at) VALUES ($1, $2) ON CONFLICT (reminder_key) \
             DO UPDATE SET until_at = excluded.until_at WHERE reminders.brought_at IS NULL AND reminders.until_at <= $3",
        )
        .bind(key)
        .bind(later(now, lease))
        .bind(now.0)
        .execute(&self.pool)
        .await?;
        if begun.rows_affected() == 1 {
            return Ok(Bringing::Mine);
        }
        let known = query("SELECT brought_at FROM reminders WHERE reminder_key = $1").bind(key);
        let known = known.fetch_optional(&self.pool).await?;
        let brought = known.map(|row| row.try_get::<Option<i64>, _>("brought_at")).transpose()?.flatten();
        Ok(if brought.is_some() { Bringing::Brought } else { Bringing::Others })
    }

    /// It has been brought.
    pub async fn reminded(&self, key: &str, now: UnixMillis) -> Result<(), StoreError> {
        query("UPDATE reminders SET brought_at = $1 WHERE reminder_key = $2")
            .bind(now.0)
            .bind(key)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Forgets those that nobody has had in hand since then, brought or not: one that still stands in its goal is tried
    /// again and again.
    pub async fn forget_reminders_before(&self, then: UnixMillis) -> Result<(), StoreError> {
        query("DELETE FROM reminders WHERE until_at < $1").bind(then.0).execute(&self.pool).await?;
        Ok(())
    }
}
