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

/// Writes one batch after the other.
pub(super) struct Batches {
    pool: AnyPool,
    /// Among the last that came in some were known: what is sent again seldom comes alone.
    is_again: bool,
}

impl Batches {
    pub(super) fn new(pool: AnyPool) -> Self {
        Self { pool, is_again: false }
    }

    /// All of it or nothing.
    pub(super) async fn write(&mut self, received: &[Receive], done: &[Done]) -> sqlx::Result<Outcomes> {
        let mut connection = self.pool.acquire().await?;
        let may_all_be_new = connection.backend_name() == SQLITE && done.is_empty() && !self.is_again;
        let (mut fresh, first) = match write(&mut connection, received, done, may_all_be_new).await {
            Ok(written) => written,
            Err(error) => {
                // A database that ends a transaction by itself, on a full disk, leaves the driver believing in it:
                // whatever came next would be written into one that nobody commits.
                connection.close_on_drop();
                return Err(error);
            }
        };
        // Of two with one key in this batch the first was inserted.
        let is_new: Vec<bool> = received.iter().map(|one| fresh.remove(&one.callback.key)).collect();
        if !received.is_empty() {
            self.is_again = is_new.contains(&false);
        }
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

/// The keys that were new, and of each that is done whether it was the first.
async fn write(
    connection: &mut AnyConnection,
    received: &[Receive],
    done: &[Done],
    may_all_be_new: bool,
) -> sqlx::Result<(HashSet<String>, Vec<bool>)> {
    // In one order everywhere: two coordinators that write the same answers would wait for each other.
    let mut in_order: Vec<&Receive> = received.iter().collect();
    in_order.sort_by(|a, b| a.callback.key.cmp(&b.callback.key));
    let parts: Vec<_> = chunks(&in_order).collect();
    if may_all_be_new {
        match insert_new(connection, &parts).await {
            Ok(()) => return Ok((received.iter().map(|one| one.callback.key.clone()).collect(), Vec::new())),
            // One was known, and nothing is written.
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {}
            Err(error) => return Err(error),
        }
    }
    let (mut fresh, mut first) = (HashSet::new(), Vec::new());
    if let ([chunk], []) = (&*parts, done) {
        // One statement needs no transaction around it.
        insert(connection, chunk, &mut fresh).await?;
    } else {
        let mut transaction = connection.begin().await?;
        for chunk in parts {
            insert(&mut transaction, chunk, &mut fresh).await?;
        }
        first = finish(&mut transaction, done).await?;
        transaction.commit().await?;
    }
    Ok((fresh, first))
}

/// Writes all of them, as if none were known. SQLite takes as long to name a row to us as to write it.
async fn insert_new(connection: &mut AnyConnection, parts: &[&[&Receive]]) -> sqlx::Result<()> {
    if let [chunk] = parts {
        insertion(connection, chunk, "").execute(connection).await?;
        return Ok(());
    }
    let mut transaction = connection.begin().await?;
    for chunk in parts {
        insertion(&transaction, chunk, "").execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

/// Those that were new are in `fresh` then.
async fn insert(connection: &mut AnyConnection, chunk: &[&Receive], fresh: &mut HashSet<String>) -> sqlx::Result<()> {
    let which = " ON CONFLICT (dedupe_key) DO NOTHING RETURNING dedupe_key";
    for row in insertion(connection, chunk, which).fetch_all(connection).await? {
        fresh.insert(row.try_get("dedupe_key")?);
    }
    Ok(())
}

fn insertion<'q>(connection: &AnyConnection, chunk: &[&Receive], ending: &str) -> Query<'q, Any, AnyArguments> {
    let sql = format!(
        "INSERT INTO callbacks (dedupe_key, workflow_id, step_id, attempt_id, sender, response, phase, due_at, tries, \
         received_at) VALUES {}{ending}",
        values(connection, chunk.len(), "(?, ?, ?, ?, ?, ?, 'received', ?, 1, ?)")
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
    insert
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

/// Says of each whether it was the first; then what it cost counts.
async fn finish(connection: &mut AnyConnection, done: &[Done]) -> sqlx::Result<Vec<bool>> {
    let mut once: Vec<&Settled> = Vec::with_capacity(done.len());
    let mut seen = HashSet::new();
    once.extend(done.iter().map(|one| &one.settled).filter(|settled| seen.insert(settled.key.as_str())));
    once.sort_by(|a, b| a.key.cmp(&b.key));
    let mut first = HashSet::new();
    for chunk in chunks(&once) {
        let sql = format!(
            "WITH told (told_key, told_answer, told_at) AS (VALUES {}) UPDATE callbacks SET phase = 'done', \
             answer = told_answer, response = '', done_at = told_at FROM told \
             WHERE dedupe_key = told_key AND phase <> 'done' RETURNING dedupe_key",
            values(connection, chunk.len(), "(?, ?, CAST(? AS BIGINT))")
        );
        let mut update = query(AssertSqlSafe(sql));
        for settled in chunk {
            update = update.bind(settled.key.as_str()).bind(settled.answer.as_str()).bind(settled.at.0);
        }
        for row in update.fetch_all(&mut *connection).await? {
            first.insert(row.try_get::<String, _>("dedupe_key")?);
        }
    }
    let is_first = |settled: &&&Settled| first.contains(&settled.key);
    let costs: Vec<&Cost> = once.iter().filter(is_first).filter_map(|settled| settled.cost.as_ref()).collect();
    for chunk in chunks(&costs) {
        usage::insert(connection, chunk).await?;
    }
    Ok(done.iter().map(|one| first.remove(&one.settled.key)).collect())
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
