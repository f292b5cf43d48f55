//! Group commit: answers that wait to be written are written in one transaction, while others gather for the next. A
//! commit waits for the disk; this way many wait for it once. Nobody is told anything before the commit. What nobody
//! waits for gathers for a moment, and is in nobody's way.

use sqlx::{AnyConnection, AnyPool};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Duration, Instant, timeout_at};

use crate::contracts::clock::{Millis, UnixMillis};
use crate::store::StoreError;
use crate::store::batch::{Batches, Came, Outcomes};
use crate::store::callbacks::{Callback, NewCallback, Phase, Received, Settled};
use crate::store::checkpoint;

/// Writes in one transaction: enough for the disk's part in each to be small, and few enough that of many senders some
/// are heard while what others sent is written.
const MOST: usize = 128;
/// Writes that wait; whoever brings more waits as well.
const WAITING: usize = 1024;
/// How long what nobody waits for gathers: less than whoever sends an answer again takes between two looks.
const GATHERING: Duration = Duration::from_millis(20);

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

/// Writes until nobody can bring anything more. SQLite has a connection for checkpoints as well.
pub(super) fn start(pool: AnyPool, checkpoints: Option<AnyConnection>) -> mpsc::Sender<Write> {
    let (bring, brought) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let checkpoints = checkpoints.map(|connection| tokio::spawn(checkpoint::keep_short(connection)));
        write(pool, brought).await;
        if let Some(checkpoints) = checkpoints {
            checkpoints.abort();
        }
    });
    bring
}

async fn write(pool: AnyPool, mut brought: mpsc::Receiver<Write>) {
    let (mut batch, mut gathered, mut until) = (Vec::new(), Vec::new(), None);
    let mut batches = Batches::new(pool);
    loop {
        let more = brought.recv_many(&mut batch, MOST);
        let open = match until {
            Some(until) => timeout_at(until, more).await.map_or(true, |came| came > 0),
            None => more.await > 0,
        };
        gathered.extend(batch.extract_if(.., |write| !write.is_waited_for()));
        commit(&mut batches, std::mem::take(&mut batch)).await;
        until = until.or_else(|| (!gathered.is_empty()).then(|| Instant::now() + GATHERING));
        let is_time = until.is_some_and(|until| until <= Instant::now());
        let is_asked_for = gathered.iter().any(Write::is_flush);
        if is_time || is_asked_for || gathered.len() >= MOST || !open {
            until = None;
            commit(&mut batches, std::mem::take(&mut gathered)).await;
        }
        if !open {
            return;
        }
    }
}

async fn commit(batches: &mut Batches, batch: Vec<Write>) {
    let (mut received, mut done, mut flushes) = (Vec::new(), Vec::new(), Vec::new());
    for write in batch {
        match write {
            Write::Receive(one) => received.push(one),
            Write::Done(one) => done.push(one),
            Write::Flush(told) => flushes.push(told),
        }
    }
    commit_all(batches, received, done).await;
    for told in flushes {
        // Whoever asked may be gone.
        let _ = told.send(());
    }
}

async fn commit_all(batches: &mut Batches, received: Vec<Receive>, done: Vec<Done>) {
    if received.is_empty() && done.is_empty() {
        return;
    }
    let alone = received.len() + done.len() == 1;
    match batches.write(&received, &done).await {
        Ok(outcomes) => tell(received, done, outcomes),
        // What the database refuses of one must not harm the others.
        Err(sqlx::Error::Database(_)) if !alone => {
            for one in received {
                let outcome = batches.write(std::slice::from_ref(&one), &[]).await;
                tell_of(vec![one], Vec::new(), outcome);
            }
            for one in done {
                let outcome = batches.write(&[], std::slice::from_ref(&one)).await;
                tell_of(Vec::new(), vec![one], outcome);
            }
        }
        Err(error) => tell_of(received, done, Err(error)),
    }
}

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
