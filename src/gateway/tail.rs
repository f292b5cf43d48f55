//! The end of a history as it grows. A long poll that a proxy cuts is normal and resumed from its token; an outage
//! is told once and waited out; a run that continues as new is followed.

use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt};
use temporalio_client::grpc::WorkflowService as _;
use temporalio_common::protos::temporal::api::history::v1::HistoryEvent as Proto;
use temporalio_common::protos::temporal::api::workflowservice::v1::GetWorkflowExecutionHistoryRequest;
use tokio::time::sleep;

use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::ids::{RunId, WorkflowId};
use crate::contracts::link::Link;
use crate::contracts::workflow::HistoryBatch;
use crate::gateway::failure::Trouble;
use crate::gateway::history::events;
use crate::gateway::{Call, Gateway, describe, rows};

/// The server ends a long poll after about a minute.
const LONG_POLL: Duration = Duration::from_secs(70);
/// Between polls that fail while the link is up.
const PAUSE: Duration = Duration::from_millis(250);
/// This many failing polls in a row are no accident.
const FAILING: u32 = 8;
/// A history can only be read from its beginning, or from its end. Beyond this many known events it is cheaper to
/// look at its end once a second than to read the beginning again.
const FROM_THE_END: i64 = 4000;
const LOOK: Duration = Duration::from_secs(1);

impl Gateway {
    /// Events after `after_event`, oldest first, as they happen. A cut poll resumes by itself; a run that continues as
    /// new is followed. An outage is one `Err`, after which the stream goes on; it ends when the last run closes, or
    /// after an `Err` that waiting does not cure.
    pub fn tail(
        &self,
        id: &WorkflowId,
        run: Option<&RunId>,
        after_event: i64,
    ) -> BoxStream<'static, Result<HistoryBatch, Failure>> {
        let tail = Tail {
            gateway: self.clone(),
            id: id.clone(),
            run: run.cloned(),
            after: after_event,
            token: Vec::new(),
            failing: 0,
            told: false,
            ended: false,
        };
        stream::unfold(tail, |mut tail| async move { tail.next().await.map(|batch| (batch, tail)) }).boxed()
    }
}

struct Tail {
    gateway: Gateway,
    id: WorkflowId,
    /// None until it is known which run is the current one.
    run: Option<RunId>,
    /// The last event that was passed on.
    after: i64,
    token: Vec<u8>,
    /// Failing polls in a row.
    failing: u32,
    /// This outage has been told.
    told: bool,
    ended: bool,
}

impl Tail {
    async fn next(&mut self) -> Option<Result<HistoryBatch, Failure>> {
        while !self.ended {
            match self.step().await {
                Ok(batch) => {
                    (self.failing, self.told) = (0, false);
                    if let Some(batch) = batch {
                        return Some(Ok(batch));
                    }
                }
                Err(trouble) => {
                    if let Some(failure) = self.weigh(trouble).await {
                        return Some(Err(failure));
                    }
                }
            }
        }
        None
    }

    /// One poll. Nothing new is no batch.
    async fn step(&mut self) -> Result<Option<HistoryBatch>, Trouble> {
        let Some(run) = self.run.clone() else {
            let detail = self.gateway.describe_or_trouble(&self.id, None).await?;
            self.run = Some(detail.row.run_id);
            return Ok(None);
        };
        let events = if self.after > FROM_THE_END { self.look(&run).await? } else { self.poll(&run).await? };
        // How a run ended counts also where it is known already.
        let Some(last) = events.last() else { return Ok(None) };
        let after = self.after;
        self.after = after.max(last.event_id);
        if let Some(next) = events::successor(last) {
            (self.run, self.after, self.token, self.ended) = (Some(rows::run_id(&next)), 0, Vec::new(), false);
        } else if events::is_close(last) {
            self.ended = true;
        }
        let fresh: Vec<_> = events.into_iter().filter(|event| event.event_id > after).collect();
        if fresh.is_empty() {
            return Ok(None);
        }
        Ok(Some(HistoryBatch { run_id: run, events: fresh.into_iter().map(events::event).collect() }))
    }

    /// Waits at the end of the history for what comes next.
    async fn poll(&mut self, run: &RunId) -> Result<Vec<Proto>, Trouble> {
        let request = GetWorkflowExecutionHistoryRequest {
            namespace: self.gateway.namespace(),
            execution: Some(describe::execution(&self.id, Some(run))),
            next_page_token: self.token.clone(),
            wait_new_event: true,
            ..GetWorkflowExecutionHistoryRequest::default()
        };
        let what = format!("follow the history of {}", self.id);
        let answer = self
            .gateway
            .call(Call::waiting(&what, LONG_POLL), request, |mut client, request| async move {
                client.get_workflow_execution_history(request).await
            })
            .await?;
        // No token: the run is closed and this was its end.
        self.ended = answer.next_page_token.is_empty();
        self.token = answer.next_page_token;
        Ok(answer.history.unwrap_or_default().events)
    }

    /// Looks at the end of a long history, back to what is known.
    async fn look(&mut self, run: &RunId) -> Result<Vec<Proto>, Trouble> {
        sleep(LOOK).await;
        let (mut events, mut page) = (Vec::new(), None);
        loop {
            let (newest_first, next) = self.gateway.reverse_page(&self.id, Some(run), page).await?;
            let reached = newest_first.last().is_none_or(|oldest| oldest.event_id <= self.after);
            events.extend(newest_first);
            page = next;
            if reached || page.is_none() {
                events.reverse();
                return Ok(events);
            }
        }
    }

    /// What a failed poll means: nothing, an outage to tell once, or the end.
    async fn weigh(&mut self, trouble: Trouble) -> Option<Failure> {
        self.failing = self.failing.saturating_add(1);
        match trouble.failure().kind {
            FailureKind::DeadlineExceeded | FailureKind::Unavailable | FailureKind::Unauthenticated => {}
            // A token of a server that was restarted may mean nothing to it any more: begin again, skip what is known.
            FailureKind::Invalid | FailureKind::Internal if !self.token.is_empty() => self.token.clear(),
            FailureKind::NotFound
            | FailureKind::Denied
            | FailureKind::Conflict
            | FailureKind::Invalid
            | FailureKind::ReadOnly
            | FailureKind::Internal => {
                self.ended = true;
                return Some(trouble.into());
            }
        }
        let mut link = self.gateway.link();
        if matches!(&*link.borrow(), Link::Down { .. }) {
            if !self.told {
                self.told = true;
                return Some(trouble.into());
            }
            // However long it takes.
            if link.wait_for(Link::is_up).await.is_err() {
                self.ended = true;
            }
            return None;
        }
        sleep(PAUSE.saturating_mul(self.failing.min(FAILING))).await;
        if self.failing >= FAILING && !self.told {
            self.told = true;
            return Some(trouble.into());
        }
        None
    }
}
