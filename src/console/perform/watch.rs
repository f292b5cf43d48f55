//! Watchers: each keeps one thing fresh for as long as it is on screen, quickly while it changes and more slowly while it
//! does not, and not at all while there is no link.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep};

use crate::console::effect::{Generation, Interest};
use crate::console::event::{Answer, Event};
use crate::console::outbox::{Outbox, now};
use crate::console::perform::desk::PAGE;
use crate::console::perform::overview::Looks;
use crate::console::perform::unanswered::{Pending, Unanswered};
use crate::console::world::Upstream;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::ids::{RunId, WorkflowId};
use crate::contracts::link::Link;
use crate::contracts::workflow::HistoryPage;
use crate::gateway::Gateway;
use crate::gateway::coordinator::Coordinator;

/// One watcher.
pub struct Watcher {
    pub gateway: Gateway,
    pub coordinator: Option<Coordinator>,
    pub queue: String,
    pub generation: Generation,
    /// Held until its first answer by what the screen shows.
    pub first: Option<Pending>,
    pub unanswered: Unanswered,
    /// Counts the wishes for a look now: one that comes while a look is under way is not lost.
    pub refresh: Receiver<u64>,
    pub outbox: Outbox,
}

/// Between looks while something changes.
const QUICK: Duration = Duration::from_secs(2);
/// Between looks after nothing has changed for a while.
const SLOW: Duration = Duration::from_secs(5);
/// Between counts of a list whose first page stays as it is.
const COUNT: Duration = Duration::from_secs(20);
/// Between looks at a live deployment.
const LIVE: Duration = Duration::from_secs(1);

/// The pause between looks: it grows while nothing changes.
struct Pace(Duration);

impl Pace {
    fn after(&mut self, changed: bool) -> Duration {
        self.0 = if changed { QUICK } else { (self.0 * 3 / 2).min(SLOW) };
        self.0
    }
}

impl Watcher {
    /// Runs until it is aborted: when nobody wants it any more.
    pub async fn run(mut self, interest: Interest) {
        match interest {
            Interest::Overview => self.overview().await,
            Interest::Workflows { query } => self.workflows(&query).await,
            Interest::Workflow(id) => self.workflow(&id).await,
            Interest::Goal(id) => self.goal(&id).await,
            Interest::Agents => self.agents().await,
            Interest::Evidence { workflow, .. } => self.evidence(&workflow).await,
            Interest::History { workflow, run, .. } => self.history(&workflow, run.as_ref()).await,
        }
    }

    async fn overview(&mut self) {
        let mut looks = Looks::default();
        let mut pace = Pace(QUICK);
        let mut before = None;
        loop {
            self.linked().await;
            self.unanswered.none().await;
            let result = looks.look(&self.gateway, &self.queue).await;
            let changed = self.news(&mut before, result, Answer::Overview);
            self.pause(pace.after(changed)).await;
        }
    }

    async fn workflows(&mut self, query: &str) {
        let mut pace = Pace(QUICK);
        let (mut before, mut counts, mut counted) = (None, None, None);
        loop {
            self.linked().await;
            let result = self.gateway.list(query, None, PAGE).await;
            let changed =
                self.news(&mut before, result, |result| Answer::Workflows { query: query.to_owned(), result });
            // Counting costs the server more than listing; but what changes beyond the first page changes the counts alone.
            if changed || counted.is_none_or(|at: Instant| at.elapsed() >= COUNT) {
                let result = self.gateway.count(query).await;
                counted = Some(Instant::now());
                self.news(&mut counts, result, |result| Answer::Counts { query: query.to_owned(), result });
            }
            self.pause(pace.after(changed)).await;
        }
    }

    async fn workflow(&mut self, id: &WorkflowId) {
        let mut pace = Pace(QUICK);
        let mut before = None;
        loop {
            self.linked().await;
            let result = self.gateway.describe(id, None).await;
            let live = result.as_ref().is_ok_and(|detail| detail.row.is_watched());
            let answer = |result: Result<_, _>| Answer::Workflow { id: id.clone(), result: result.map(Box::new) };
            let changed = self.news(&mut before, result, answer);
            self.pause(if live { LIVE } else { pace.after(changed) }).await;
        }
    }

    /// The workflow each time; its steps, which a worker has to tell, when its history has grown, or nobody told them.
    async fn goal(&mut self, id: &WorkflowId) {
        let mut pace = Pace(QUICK);
        let (mut before, mut told) = (None, None);
        loop {
            self.linked().await;
            let result = self.gateway.describe(id, None).await;
            let grown = result.as_ref().ok().map(|detail| {
                let row = &detail.row;
                (row.run_id.clone(), row.history_length, row.status)
            });
            let answer = |result: Result<_, _>| Answer::Workflow { id: id.clone(), result: result.map(Box::new) };
            let changed = self.news(&mut before, result, answer);
            if grown.is_some() && grown != told {
                let result = self.gateway.goal(id).await;
                told = grown.filter(|_| result.is_ok());
                self.answer(Answer::Goal { id: id.clone(), result: result.map(Box::new) });
            }
            self.pause(pace.after(changed)).await;
        }
    }

    /// Without a coordinator there is nobody to ask, and the screen says so.
    async fn agents(&mut self) {
        let Some(coordinator) = self.coordinator.clone() else { return };
        loop {
            let result = coordinator.agents().await;
            self.answer(Answer::Agents(result));
            self.pause(QUICK).await;
        }
    }

    /// Evidence under one digest does not change: it is read once.
    async fn evidence(&mut self, id: &WorkflowId) {
        loop {
            self.linked().await;
            let result = self.gateway.evidence(id).await;
            let done = result.is_ok();
            self.answer(Answer::Evidence { workflow: id.clone(), result: result.map(|found| found.map(Box::new)) });
            if done {
                return;
            }
            self.pause(SLOW).await;
        }
    }

    /// The newest page, then everything that follows it.
    async fn history(&mut self, id: &WorkflowId, run: Option<&RunId>) {
        loop {
            self.linked().await;
            match self.newest(id, run).await {
                Ok((run, page)) => {
                    let newest = page.events.iter().map(|event| event.id).max().unwrap_or(0);
                    self.answer(Answer::History { workflow: id.clone(), result: Ok(page) });
                    break self.tail(id, run, newest).await;
                }
                Err(failure) => self.answer(Answer::History { workflow: id.clone(), result: Err(failure) }),
            }
            self.pause(QUICK).await;
        }
    }

    /// The newest page, and of which run it is: one that continues as new in between must not be followed from there.
    async fn newest(&self, id: &WorkflowId, run: Option<&RunId>) -> Result<(RunId, HistoryPage), Failure> {
        let run = match run {
            Some(run) => run.clone(),
            None => self.gateway.describe(id, None).await?.row.run_id,
        };
        let page = self.gateway.history(id, Some(&run), None).await?;
        Ok((run, page))
    }

    /// A wish for a look now asks anew: the poll that is under way may have died without a word, or been refused.
    async fn tail(&mut self, id: &WorkflowId, run: RunId, newest: i64) {
        let (mut run, mut newest) = (run, newest);
        loop {
            let mut tail = self.gateway.tail(id, Some(&run), newest);
            loop {
                let result = tokio::select! {
                    Some(result) = tail.next() => result,
                    // It fails when nobody can wish any more, and then this ends in a moment too.
                    wished = self.refresh.changed() => match wished {
                        Ok(()) => break,
                        Err(_) => return,
                    },
                };
                if let Ok(batch) = &result {
                    run = batch.run_id.clone();
                    newest = batch.events.iter().map(|event| event.id).max().unwrap_or(newest);
                }
                self.answer(Answer::Tail { workflow: id.clone(), result });
            }
        }
    }

    /// Tells an answer, or that it is the same as before. Says whether it is news.
    fn news<T: Clone + PartialEq>(
        &mut self,
        before: &mut Option<T>,
        result: Result<T, Failure>,
        answer: impl FnOnce(Result<T, Failure>) -> Answer,
    ) -> bool {
        let changed = result.as_ref().ok() != before.as_ref();
        if result.is_ok() && !changed {
            self.outbox.send(Event::Same { generation: self.generation });
        } else {
            *before = result.as_ref().ok().cloned();
            self.answer(answer(result));
        }
        changed
    }

    fn answer(&mut self, answer: Answer) {
        self.first = None;
        self.outbox.send(Event::Answer { generation: self.generation, answer: Box::new(answer) });
    }

    /// Waits until there is a link: calls without one only fail, and the frame says so already.
    async fn linked(&self) {
        let mut link = self.gateway.link();
        // An error means that the gateway is gone, and with it this watcher, in a moment.
        let _ = link.wait_for(Link::is_up).await;
    }

    async fn pause(&mut self, pause: Duration) {
        paused(pause, &mut self.refresh).await;
    }
}

/// Waits, but not when a look is wished for.
async fn paused(pause: Duration, refresh: &mut Receiver<u64>) {
    tokio::select! {
        () = sleep(pause) => {}
        // It fails when nobody can wish any more, and then this ends in a moment too.
        Ok(()) = refresh.changed() => {}
    }
}

/// Tells how the link to Temporal stands, now and whenever it changes.
pub async fn link(gateway: Gateway, outbox: Outbox) {
    let mut link = gateway.link();
    loop {
        let standing = link.borrow_and_update().clone();
        outbox.send(Event::Link { upstream: Upstream::Temporal, link: standing });
        if link.changed().await.is_err() {
            return;
        }
    }
}

/// Asks the coordinator how it is, for as long as the console runs.
pub async fn coordinator(coordinator: Coordinator, mut refresh: Receiver<u64>, outbox: Outbox) {
    let mut standing = Link::Connecting { attempt: 1, since: now() };
    loop {
        let next = match (coordinator.ready().await, &standing) {
            (Ok(_), Link::Up { .. }) => standing.clone(),
            (Ok(_), _) => Link::Up { since: now() },
            (Err(failure), before) => down(failure, before),
        };
        if next != standing {
            outbox.send(Event::Link { upstream: Upstream::Coordinator, link: next.clone() });
            standing = next;
        }
        paused(SLOW, &mut refresh).await;
    }
}

fn down(failure: Failure, before: &Link) -> Link {
    let (since, attempt) = match before {
        Link::Down { since, attempt, .. } => (*since, attempt.saturating_add(1)),
        Link::Connecting { .. } | Link::Up { .. } => (now(), 1),
    };
    // What it says for itself is long; what matters beside its name is short.
    let message = match failure.kind {
        FailureKind::Unavailable => "unreachable".to_owned(),
        FailureKind::DeadlineExceeded => "no answer".to_owned(),
        FailureKind::Unauthenticated
        | FailureKind::Denied
        | FailureKind::NotFound
        | FailureKind::Conflict
        | FailureKind::Invalid
        | FailureKind::ReadOnly
        | FailureKind::Internal => failure.message,
    };
    Link::Down { failure: Failure { message, ..failure }, since, retry_at: now().plus(SLOW.into()), attempt }
}
