//! Group commit: answers that wait to be written are written in one transaction, while others gather for the next. A
//! commit waits for the disk; this way many wait for it once. Nobody is told anything before the commit. What nobody
//! waits for gathers for a moment, and is in nobody's way.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, Connection as _, Row as _, query};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Duration, Instant, timeout_at};

use crate::contracts::clock::{Millis, UnixMillis};
use crate::store::StoreError;
use crate::store::callbacks::{Callback, NewCallback, Phase, Received, Settled, later, read};
use crate::store::usage::{self, Cost};

/// Writes in one transaction.
const MOST: usize = 256;
/// Writes that wait; whoever brings more waits as well.
const WAITING: usize = 1024;
/// How long what nobody waits for gathers: less than whoever sends an answer again takes between two looks.
const GATHERING: Duration = Duration::from_millis(20);
/// What the driver calls it.
const SQLITE: &str = "SQLite";
/// Rows of one statement. Few sizes, so that the database knows its statements again; each once at most makes any batch.
const SIZES: [usize; 9] = [256, 128, 64, 32, 16, 8, 4, 2, 1];

/// Something to write, and who is to be told.
pub(super) enum Write {
    Receive(Receive),
    Done(Done),
    /// Everything that was brought before is to be written now; whoever asks is told when it was tried.
    Flush(oneshot::Sender<()>),
}

/// An answer that came in.
pub(super) struct Receive {
    pub callback: NewCallback,
    pub now: UnixMillis,
    pub lease: Millis,
    pub reply: oneshot::Sender<Result<Received, StoreError>>,
}

/// An answer of which nothing is left to do.
pub(super) struct Done {
    pub settled: Settled,
    /// Whether this was the first to say so; none where nobody waits for it.
    pub reply: Option<oneshot::Sender<Result<bool, StoreError>>>,
}

impl Write {
    fn is_waited_for(&self) -> bool {
        match self {
            Self::Receive(_) => true,
            Self::Done(done) => done.reply.is_some(),
            // It gathers behind what it is about.
            Self::Flush(_) => false,
        }
    }

    fn is_flush(&self) -> bool {
        match self {
            Self::Flush(_) => true,
            Self::Receive(_) | Self::Done(_) => false,
        }
    }
}

/// Writes until nobody can bring anything more.
pub(super) fn start(pool: AnyPool) -> mpsc::Sender<Write> {
    let (bring, brought) = mpsc::channel(WAITING);
    tokio::spawn(write(pool, brought));
    bring
}

async fn write(pool: AnyPool, mut brought: mpsc::Receiver<Write>) {
    let (mut batch, mut gathered, mut until) = (Vec::new(), Vec::new(), None);
    loop {
        let more = brought.recv_many(&mut batch, MOST);
        let open = match until {
            Some(until) => timeout_at(until, more).await.map_or(true, |came| came > 0),
            None => more.await > 0,
        };
        gathered.extend(batch.extract_if(.., |write| !write.is_waited_for()));
        commit(&pool, std::mem::take(&mut batch)).await;
        until = until.or_else(|| (!gathered.is_empty()).then(|| Instant::now() + GATHERING));
        let is_time = until.is_some_and(|until| until <= Instant::now());
        let is_asked_for = gathered.iter().any(Write::is_flush);
        if is_time || is_asked_for || gathered.len() >= MOST || !open {
            until = None;
            commit(&pool, std::mem::take(&mut gathered)).await;
        }
        if !open {
            return;
        }
    }
}

async fn commit(pool: &AnyPool, batch: Vec<Write>) {
    let (mut received, mut done, mut flushes) = (Vec::new(), Vec::new(), Vec::new());
    for write in batch {
        match write {
            Write::Receive(one) => received.push(one),
            Write::Done(one) => done.push(one),
            Write::Flush(told) => flushes.push(told),
        }
    }
    commit_all(pool, received, done).await;
    for told in flushes {
        // Whoever asked may be gone.
        let _ = told.send(());
    }
}

async fn commit_all(pool: &AnyPool, received: Vec<Receive>, done: Vec<Done>) {
    if received.is_empty() && done.is_empty() {
        return;
    }
    let alone = received.len() + done.len() == 1;
    match together(pool, &received, &done).await {
        Ok(outcomes) => tell(received, done, outcomes),
        // What the database refuses of one must not harm the others.
        Err(sqlx::Error::Database(_)) if !alone => {
            for one in received {
                let outcome = together(pool, std::slice::from_ref(&one), &[]).await;
                tell_of(vec![one], Vec::new(), outcome);
            }
            for one in done {
                let outcome = together(pool, &[], std::slice::from_ref(&one)).await;
                tell_of(Vec::new(), vec![one], outcome);
            }
        }
        Err(error) => tell_of(received, done, Err(error)),
    }
}

/// What became of an answer that came in.
enum Came {
    New,
    Known(Callback),
    /// It was known, and is gone again.
    Gone,
}

/// What became of each, in their order.
type Outcomes = (Vec<Came>, Vec<bool>);

fn tell_of(received: Vec<Receive>, done: Vec<Done>, outcomes: sqlx::Result<Outcomes>) {
    match outcomes {
        Ok(outcomes) => tell(received, done, outcomes),
        Err(error) => {
            let error = StoreError::from(error);
            // Whoever asked may be gone.
            for one in received {
                let _ = one.reply.send(Err(error.clone()));
            }
            for one in done {
                if let Some(reply) = one.reply {
                    let _ = reply.send(Err(error.clone()));
                } else {
                    tracing::warn!(key = one.settled.key, %error, "an answer that is done will be gone through again");
                }
            }
        }
    }
}

fn tell(received: Vec<Receive>, done: Vec<Done>, outcomes: Outcomes) {
    for (Receive { callback, now, reply, .. }, came) in received.into_iter().zip(outcomes.0) {
        let _ = reply.send(match came {
            Came::New => Ok(Received::New(begun(callback, now))),
            Came::Known(known) => Ok(Received::Known(known)),
            Came::Gone => Err(StoreError::from(sqlx::Error::RowNotFound)),
        });
    }
    for (reply, first) in done.into_iter().map(|one| one.reply).zip(outcomes.1) {
        let _ = reply.map(|reply| reply.send(Ok(first)));
    }
}

async fn together(pool: &AnyPool, received: &[Receive], done: &[Done]) -> sqlx::Result<Outcomes> {
    let mut connection = pool.acquire().await?;
    // In one order everywhere: two coordinators that write the same answers would wait for each other.
    let mut in_order: Vec<&Receive> = received.iter().collect();
    in_order.sort_by(|a, b| a.callback.key.cmp(&b.callback.key));
    let parts: Vec<_> = chunks(&in_order).collect();
    let (mut fresh, mut first) = (HashSet::new(), Vec::new());
    if let ([chunk], []) = (&*parts, done) {
        // One statement needs no transaction around it.
        insert(&mut connection, chunk, &mut fresh).await?;
    } else {
        let mut transaction = connection.begin().await?;
        for chunk in parts {
            insert(&mut transaction, chunk, &mut fresh).await?;
        }
        first = finish(&mut transaction, done).await?;
        transaction.commit().await?;
    }
    // Of two with one key in this batch the first was inserted.
    let is_new: Vec<bool> = received.iter().map(|one| fresh.remove(&one.callback.key)).collect();
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

fn begun(callback: NewCallback, now: UnixMillis) -> Callback {
    let NewCallback { key, workflow_id, step_id, attempt_id, sender, response } = callback;
    Callback {
        key,
        workflow_id,
        step_id,
        attempt_id,
        sender,
        response,
        phase: Phase::Received,
        answer: None,
        tries: 1,
        received_at: now,
    }
}

async fn insert(connection: &mut AnyConnection, chunk: &[&Receive], fresh: &mut HashSet<String>) -> sqlx::Result<()> {
    let sql = format!(
        "INSERT INTO callbacks (dedupe_key, workflow_id, step_id, attempt_id, sender, response, phase, due_at, tries, \
         received_at) VALUES {} ON CONFLICT (dedupe_key) DO NOTHING RETURNING dedupe_key",
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
    for row in insert.fetch_all(connection).await? {
        fresh.insert(row.try_get("dedupe_key")?);
    }
    Ok(())
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
