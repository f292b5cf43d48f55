//! One transaction of the writer: answers that came in, and answers that are done. Each is told apart from those that
//! were known before.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AnyPool, AssertSqlSafe, Connection as _, Row as _, query};

use crate::store::callbacks::{Callback, Settled, later, read};
use crate::store::usage::{self, Cost};
use crate::store::writer::{Done, Receive};

/// What the driver calls it.
const SQLITE: &str = "SQLite";
/// Rows of one statement. Few sizes, so that the database knows its statements again; each once at most makes any batch.
const SIZES: [usize; 8] = [128, 64, 32, 16, 8, 4, 2, 1];

/// What became of an answer that came in.
pub(super) enum Came {
    New,
    Known(Callback),
    /// It was known, and is gone again.
    Gone,
}

/// What became of each, in their order.
pub(super) type Outcomes = (Vec<Came>, Vec<bool>);

/// How a statement says which rows it changed. SQLite takes as long to name a row as to write it; while nobody sends
/// anything again their number says it, too: all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Returning {
    Count,
    Keys,
}

impl Returning {
    fn clause(self) -> &'static str {
        match self {
            Self::Count => "",
            Self::Keys => " RETURNING dedupe_key",
        }
    }

    /// Runs a statement that is about these keys. Whether it is known which rows it changed; their keys are in `changed`
    /// then.
    async fn run<'a>(
        self,
        connection: &mut AnyConnection,
        statement: Query<'_, Any, AnyArguments>,
        keys: impl ExactSizeIterator<Item = &'a String>,
        changed: &mut HashSet<String>,
    ) -> sqlx::Result<bool> {
        match self {
            Self::Count => {
                let (rows, all) = (statement.execute(connection).await?.rows_affected(), keys.len());
                let is_all = usize::try_from(rows) == Ok(all);
                if is_all {
                    changed.extend(keys.cloned());
                }
                Ok(is_all || all == 1)
            }
            Self::Keys => {
                for row in statement.fetch_all(connection).await? {
                    changed.insert(row.try_get("dedupe_key")?);
                }
                Ok(true)
            }
        }
    }
}

/// Writes one batch after the other.
pub(super) struct Batches {
    pool: AnyPool,
    /// The last one held something that was known: what is sent again seldom comes alone.
    is_again: bool,
}

/// Keys that were new, and keys that are done now.
type Changed = (HashSet<String>, HashSet<String>);

impl Batches {
    pub(super) fn new(pool: AnyPool) -> Self {
        Self { pool, is_again: false }
    }

    /// All of it or nothing.
    pub(super) async fn write(&mut self, received: &[Receive], done: &[Done]) -> sqlx::Result<Outcomes> {
        let mut connection = self.pool.acquire().await?;
        let may_count = connection.backend_name() == SQLITE && !self.is_again;
        let counted =
            if may_count { write_all(&mut connection, Returning::Count, received, done).await? } else { None };
        let (mut fresh, mut finished) = match counted {
            Some(changed) => changed,
            None => write_all(&mut connection, Returning::Keys, received, done).await?.unwrap_or_default(),
        };
        // Of two with one key in this batch the first was inserted.
        let is_new: Vec<bool> = received.iter().map(|one| fresh.remove(&one.callback.key)).collect();
        let first: Vec<bool> = done.iter().map(|one| finished.remove(&one.settled.key)).collect();
        self.is_again = is_new.iter().chain(&first).any(|changed| !changed);
        let known = received.iter().zip(&is_new).filter(|(_, is_new)| !**is_new);
        let known: Vec<&str> = known.map(|(one, _)| one.callback.key.as_str()).collect();
        let mut found = HashMap::new();
        for chunk in chunks(&known) {
            // Those that are new are kept by now, and somebody's to handle.
            if let Err(error) = find(&mut connection, chunk, &mut found).await {
                tracing::warn!(%error, "the store does not say what it knows of answers that came again");
            }
        }
        let came = received.iter().zip(is_new).map(|(one, is_new)| match found.get(&one.callback.key) {
            _ if is_new => Came::New,
            Some(known) => Came::Known(known.clone()),
            None => Came::Gone,
        });
        Ok((came.collect(), first))
    }
}

/// None, and nothing is written, where the number of what changed does not say which.
async fn write_all(
    connection: &mut AnyConnection,
    returning: Returning,
    received: &[Receive],
    done: &[Done],
) -> sqlx::Result<Option<Changed>> {
    // In one order everywhere: two coordinators that write the same answers would wait for each other.
    let mut in_order: Vec<&Receive> = received.iter().collect();
    in_order.sort_by(|a, b| a.callback.key.cmp(&b.callback.key));
    let parts: Vec<_> = chunks(&in_order).collect();
    let (mut fresh, mut finished) = (HashSet::new(), HashSet::new());
    if let ([chunk], []) = (&*parts, done)
        && (returning == Returning::Keys || chunk.len() == 1)
    {
        // One statement needs no transaction around it.
        insert(connection, returning, chunk, &mut fresh).await?;
        return Ok(Some((fresh, finished)));
    }
    let mut transaction = connection.begin().await?;
    let mut is_known_which = true;
    for chunk in parts {
        is_known_which = is_known_which && insert(&mut transaction, returning, chunk, &mut fresh).await?;
    }
    if is_known_which && finish(&mut transaction, returning, done, &mut finished).await? {
        transaction.commit().await?;
        return Ok(Some((fresh, finished)));
    }
    transaction.rollback().await?;
    Ok(None)
}

/// Whether it is known which were new; these are in `fresh` then.
async fn insert(
    connection: &mut AnyConnection,
    returning: Returning,
    chunk: &[&Receive],
    fresh: &mut HashSet<String>,
) -> sqlx::Result<bool> {
    let sql = format!(
        "INSERT INTO callbacks (dedupe_key, workflow_id, step_id, attempt_id, sender, response, phase, due_at, tries, \
         received_at) VALUES {} ON CONFLICT (dedupe_key) DO NOTHING{}",
        values(connection, chunk.len(), "(?, ?, ?, ?, ?, ?, 'received', ?, 1, ?)"),
        returning.clause()
    );
    let mut insert = query(AssertSqlSafe(sql));
    for one in chunk {
        let callback = &one.callback;
        insert = insert
            .bind(callback.key.as_str())
            .bind(callback.workflow_id.as_str())
            .bind(callback.step_id.as_str())
            .bind(callback.attempt_id.as_str())
            .bind(callback.sender.as_str())
            .bind(callback.response.as_str())
            .bind(later(one.now, one.lease))
            .bind(one.now.0);
    }
    returning.run(connection, insert, chunk.iter().map(|one| &one.callback.key), fresh).await
}

async fn find(
    connection: &mut AnyConnection,
    keys: &[&str],
    found: &mut HashMap<String, Callback>,
) -> sqlx::Result<()> {
    let sql = format!(
        "SELECT dedupe_key, workflow_id, step_id, attempt_id, sender, response, phase, answer, tries, received_at \
         FROM callbacks WHERE dedupe_key IN ({})",
        values(connection, keys.len(), "?")
    );
    let mut find = query(AssertSqlSafe(sql));
    for key in keys {
        find = find.bind(*key);
    }
    for row in find.fetch_all(connection).await? {
        let callback = read(&row)?;
        found.insert(callback.key.clone(), callback);
    }
    Ok(())
}

/// Whether it is known which are done by this; these are in `finished` then, and what they cost counts.
async fn finish(
    connection: &mut AnyConnection,
    returning: Returning,
    done: &[Done],
    finished: &mut HashSet<String>,
) -> sqlx::Result<bool> {
    let mut once: Vec<&Settled> = Vec::with_capacity(done.len());
    let mut seen = HashSet::new();
    once.extend(done.iter().map(|one| &one.settled).filter(|settled| seen.insert(settled.key.as_str())));
    once.sort_by(|a, b| a.key.cmp(&b.key));
    for chunk in chunks(&once) {
        let sql = format!(
            "WITH told (told_key, told_answer, told_at) AS (VALUES {}) UPDATE callbacks SET phase = 'done', \
             answer = told_answer, response = '', done_at = told_at FROM told \
             WHERE dedupe_key = told_key AND phase <> 'done'{}",
            values(connection, chunk.len(), "(?, ?, CAST(? AS BIGINT))"),
            returning.clause()
        );
        let mut update = query(AssertSqlSafe(sql));
        for settled in chunk {
            update = update.bind(settled.key.as_str()).bind(settled.answer.as_str()).bind(settled.at.0);
        }
        let keys = chunk.iter().map(|settled| &settled.key);
        if !returning.run(connection, update, keys, finished).await? {
            return Ok(false);
        }
    }
    let costs: Vec<&Cost> = once
        .iter()
        .filter(|settled| finished.contains(&settled.key))
        .filter_map(|settled| settled.cost.as_ref())
        .collect();
    for chunk in chunks(&costs) {
        usage::insert(connection, chunk).await?;
    }
    Ok(true)
}

/// The whole in parts of a few sizes.
pub(super) fn chunks<T>(mut rest: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| *size <= rest.len())?;
        let (chunk, more) = rest.split_at(size);
        rest = more;
        Some(chunk)
    })
}

/// `row` as often as there are rows. PostgreSQL wants its question marks numbered, `($1, $2), ($3, $4)`; SQLite takes a
/// number for a name, and looks each name up among all of them.
pub(super) fn values(connection: &AnyConnection, rows: usize, row: &str) -> String {
    let all = vec![row; rows].join(", ");
    if connection.backend_name() == SQLITE {
        return all;
    }
    let (mut text, mut parts) = (String::with_capacity(all.len() * 2), all.split('?'));
    text.push_str(parts.next().unwrap_or_default());
    for (part, number) in parts.zip(1..) {
        // Writing to a string cannot fail.
        let _ = write!(text, "${number}{part}");
    }
    text
}
