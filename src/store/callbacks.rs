//! Answers of agents and the phases of their handling: received, signalled, done (H11).

use sqlx::any::AnyRow;
use sqlx::{Row as _, query, query_scalar};
use tokio::sync::oneshot;

use crate::contracts::clock::{Millis, UnixMillis};
use crate::contracts::ids::{AttemptId, StepId, WorkflowId};
use crate::store::usage::Cost;
use crate::store::writer::{Done, Receive, Write};
use crate::store::{Store, StoreError};

/// How far an answer's handling is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It is kept; nobody has been told.
    Received,
    /// Its workflow has it.
    Signalled,
    /// Nothing is left to do: the answer stands.
    Done,
}

impl Phase {
    fn read(word: &str) -> Self {
        match word {
            "done" => Self::Done,
            "signalled" => Self::Signalled,
            // The table takes no other word.
            _ => Self::Received,
        }
    }
}

/// An answer that came in.
#[derive(Clone, Debug, PartialEq)]
pub struct NewCallback {
    /// What makes two answers the same.
    pub key: String,
    pub workflow_id: WorkflowId,
    pub step_id: StepId,
    pub attempt_id: AttemptId,
    /// Who sent it.
    pub sender: String,
    /// What is to be signalled, as JSON.
    pub response: String,
}

/// An answer as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    pub key: String,
    pub workflow_id: WorkflowId,
    pub step_id: StepId,
    pub attempt_id: AttemptId,
    pub sender: String,
    /// Empty once it is done.
    pub response: String,
    pub phase: Phase,
    /// What everybody who sends it is told, as JSON: once it is done. Before, what that is meant to be.
    pub answer: Option<String>,
    /// How often it was begun.
    pub tries: u32,
    pub received_at: UnixMillis,
}

/// An answer of which nothing is left to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    pub key: String,
    /// What everybody who sends it is told, as JSON.
    pub answer: String,
    /// None of an answer that does not say.
    pub cost: Option<Cost>,
    pub at: UnixMillis,
}

/// What became of an answer that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// It is the caller's to handle, until its time is over.
    New(Callback),
    /// It was there already.
    Known(Callback),
}

const FIND: &str = "SELECT dedupe_key, workflow_id, step_id, attempt_id, sender, response, phase, answer, tries, \
    received_at FROM callbacks WHERE dedupe_key = $1";

/// The condition stands twice: on PostgreSQL the inner one may have been true before another coordinator was faster.
const TAKE_DUE: &str = "UPDATE callbacks SET due_at = $1, tries = tries + 1 WHERE dedupe_key IN \
    (SELECT dedupe_key FROM callbacks WHERE phase <> 'done' AND due_at <= $2 ORDER BY due_at LIMIT $3) \
    AND phase <> 'done' AND due_at <= $2 RETURNING dedupe_key, workflow_id, step_id, attempt_id, sender, response, \
    phase, answer, tries, received_at";

const TAKE_OVER: &str = "UPDATE callbacks SET due_at = $1, tries = tries + 1 WHERE dedupe_key = $2 \
    AND phase <> 'done' AND due_at <= $3 RETURNING dedupe_key, workflow_id, step_id, attempt_id, sender, response, \
    phase, answer, tries, received_at";

impl Store {
    /// Keeps an answer unless its key is known. A new one belongs to the caller for `lease`.
    pub async fn receive(&self, callback: NewCallback, now: UnixMillis, lease: Millis) -> Result<Received, StoreError> {
        let (reply, told) = oneshot::channel();
        self.write(Write::Receive(Receive { callback, now, lease, reply })).await?;
        told.await.map_err(|_| closed())?
    }

    /// The answer of this key, if it is known.
    pub async fn callback(&self, key: &str) -> Result<Option<Callback>, StoreError> {
        let row = query(FIND).bind(key).fetch_optional(&self.pool).await?;
        Ok(row.as_ref().map(read).transpose()?)
    }

    async fn write(&self, write: Write) -> Result<(), StoreError> {
        self.writer.send(write).await.map_err(|_| closed())
    }

    /// Takes an answer that whoever had it has left alone for too long; none when somebody has it.
    pub async fn take_over(&self, key: &str, now: UnixMillis, lease: Millis) -> Result<Option<Callback>, StoreError> {
        let row = query(TAKE_OVER).bind(later(now, lease)).bind(key).bind(now.0).fetch_optional(&self.pool).await?;
        Ok(row.as_ref().map(read).transpose()?)
    }

    /// Takes up to `limit` answers that nobody has and that are not done: what a crash or an outage left behind.
    pub async fn take_due(&self, now: UnixMillis, lease: Millis, limit: u32) -> Result<Vec<Callback>, StoreError> {
        let rows =
            query(TAKE_DUE).bind(later(now, lease)).bind(now.0).bind(i64::from(limit)).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// How many answers are not done.
    pub async fn open_callbacks(&self) -> Result<i64, StoreError> {
        Ok(query_scalar("SELECT count(*) FROM callbacks WHERE phase <> 'done'").fetch_one(&self.pool).await?)
    }

    /// Nobody has anything in hand: all that is not done is due.
    pub(super) async fn release(&self) -> Result<(), StoreError> {
        query("UPDATE callbacks SET due_at = 0 WHERE phase <> 'done'").execute(&self.pool).await?;
        query("UPDATE routed SET due_at = 0 WHERE outcome IS NULL").execute(&self.pool).await?;
        query("UPDATE siblings SET due_at = 0 WHERE phase <> 'done'").execute(&self.pool).await?;
        query("DELETE FROM deciding").execute(&self.pool).await?;
        Ok(())
    }

    /// Its workflow has it.
    pub async fn signalled(&self, key: &str, now: UnixMillis) -> Result<(), StoreError> {
        query(
            "UPDATE callbacks SET phase = 'signalled', signalled_at = $1 WHERE dedupe_key = $2 AND phase = 'received'",
        )
        .bind(now.0)
        .bind(key)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Its workflow has it, and this is what everybody will be told once the rest is done, too.
    pub async fn planned(&self, key: &str, answer: &str, now: UnixMillis) -> Result<(), StoreError> {
        query(
            "UPDATE callbacks SET phase = 'signalled', answer = $1, signalled_at = COALESCE(signalled_at, $2) \
             WHERE dedupe_key = $3 AND phase <> 'done'",
        )
        .bind(answer)
        .bind(now.0)
        .bind(key)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Nothing is left to do. The answer that stands is the first one: returned, whoever wrote it. What it cost counts
    /// from now on, once.
    pub async fn done(&self, settled: Settled) -> Result<String, StoreError> {
        let (reply, told) = oneshot::channel();
        let (key, answer) = (settled.key.clone(), settled.answer.clone());
        self.write(Write::Done(Done { settled, reply: Some(reply) })).await?;
        if told.await.map_err(|_| closed())?? {
            return Ok(answer);
        }
        let first = self.callback(&key).await?.and_then(|callback| callback.answer);
        Ok(first.unwrap_or(answer))
    }

    /// The same, written a moment later with others: for what a crash before that would only have asked its workflow for
    /// again.
    pub async fn done_soon(&self, settled: Settled) -> Result<(), StoreError> {
        self.write(Write::Done(Done { settled, reply: None })).await
    }

    /// Writes what gathers now: whoever stops leaves nothing for a crash to lose. It is logged what could not be written.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let (reply, told) = oneshot::channel();
        self.write(Write::Flush(reply)).await?;
        told.await.map_err(|_| closed())
    }

    /// Lets it rest; it is due again then.
    pub async fn rest(&self, key: &str, until: UnixMillis) -> Result<(), StoreError> {
        query("UPDATE callbacks SET due_at = $1 WHERE dedupe_key = $2 AND phase <> 'done'")
            .bind(until.0)
            .bind(key)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Nothing came of it and nothing will: as if it had never been sent.
    pub async fn forget(&self, key: &str) -> Result<(), StoreError> {
        query("DELETE FROM callbacks WHERE dedupe_key = $1 AND phase = 'received'")
            .bind(key)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Forgets what was done before then; says how many. What it cost is kept.
    pub async fn forget_done_before(&self, then: UnixMillis) -> Result<u64, StoreError> {
        let gone = query("DELETE FROM callbacks WHERE phase = 'done' AND done_at < $1")
            .bind(then.0)
            .execute(&self.pool)
            .await?;
        Ok(gone.rows_affected())
    }
}

/// The writer is gone: the process ends.
fn closed() -> StoreError {
    StoreError::from(sqlx::Error::PoolClosed)
}

pub(super) fn later(now: UnixMillis, by: Millis) -> i64 {
    now.plus(by).0
}

pub(super) fn read(row: &AnyRow) -> sqlx::Result<Callback> {
    let text = |name: &str| row.try_get::<String, _>(name);
    Ok(Callback {
        key: text("dedupe_key")?,
        workflow_id: WorkflowId::new(text("workflow_id")?),
        step_id: StepId::new(text("step_id")?),
        attempt_id: AttemptId::new(text("attempt_id")?),
        sender: text("sender")?,
        response: text("response")?,
        phase: Phase::read(&text("phase")?),
        answer: row.try_get("answer")?,
        tries: u32::try_from(row.try_get::<i64, _>("tries")?).unwrap_or(u32::MAX),
        received_at: UnixMillis(row.try_get("received_at")?),
    })
}
