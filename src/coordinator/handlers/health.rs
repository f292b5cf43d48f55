//! `GET /v1/deployments/{id}/health`: live samples as server-sent events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::stream::{self, Stream};
use serde::Serialize;
use tokio::sync::watch;

use crate::contracts::clock::Timestamp;
use crate::contracts::health::HealthReport;
use crate::contracts::http::{HealthBoard, HealthEnd, HealthGap};
use crate::coordinator::auth::Caller;
use crate::coordinator::error::ApiError;
use crate::coordinator::extract::Target;
use crate::coordinator::metrics::Listening;
use crate::coordinator::state::AppState;
use crate::coordinator::stream::{Look, Snapshot};

/// How long a new listener may wait for the first look.
const FIRST_LOOK: Duration = Duration::from_secs(5);
/// Proxies and dead links are noticed by a comment this often.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Live health of a deployment, as server-sent events: `sample` (id = sequence number), `board` (rules, baseline and
/// triggers, whenever they change), `gap` (samples that are no longer known), `stale` (Temporal does not answer) and
/// `end`. Resumes after `Last-Event-ID`.
#[utoipa::path(
    get,
    path = "/v1/deployments/{id}/health",
    params(
        ("id" = String, Path, description = "Workflow id of the deployment."),
        ("Last-Event-ID" = Option<u64>, Header, description = "Sequence number of the last sample that arrived."),
    ),
    responses(
        (status = 200, content_type = "text/event-stream", body = String),
        (status = 401, body = crate::contracts::http::ErrorBody),
        (status = 403, body = crate::contracts::http::ErrorBody),
        (status = 404, body = crate::contracts::http::ErrorBody),
        (status = 409, description = "It is no deployment, and what to ask instead.", body = crate::contracts::http::ErrorBody),
        (status = 422, body = crate::contracts::http::ErrorBody),
        (status = 503, body = crate::contracts::http::ErrorBody),
    ),
    security(("token" = [])),
)]
pub async fn stream_health(
    _caller: Caller,
    State(state): State<AppState>,
    Target(deployment): Target,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let resume = last_event_id(&headers)?;
    let mut snapshots = state.streams().subscribe(&deployment);
    let looked = snapshots.wait_for(|snapshot| snapshot.look != Look::Pending);
    let first = match tokio::time::timeout(FIRST_LOOK, looked).await {
        Ok(Ok(snapshot)) => snapshot.clone(),
        Ok(Err(_)) | Err(_) => return Err(ApiError::timeout()),
    };
    if let Look::Failed(failure) = first.look {
        return Err(ApiError::from_temporal(failure));
    }
    snapshots.mark_changed();
    let listener = Listener {
        snapshots,
        stopping: state.stopping(),
        cursor: Cursor { last: resume, ..Cursor::default() },
        ready: VecDeque::new(),
        over: false,
        _counted: state.metrics().listening(),
    };
    Ok(Sse::new(stream::unfold(listener, Listener::next)).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}

fn last_event_id(headers: &HeaderMap) -> Result<u64, ApiError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(0) };
    let parsed = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    parsed.ok_or_else(|| {
        let message = "`Last-Event-ID` is not the sequence number of a sample.";
        ApiError::invalid(message, "Send the id of the last `sample` that arrived, or leave it out.")
    })
}

/// One open stream.
struct Listener {
    snapshots: watch::Receiver<Snapshot>,
    stopping: watch::Receiver<bool>,
    cursor: Cursor,
    ready: VecDeque<Event>,
    over: bool,
    _counted: Listening,
}

impl Listener {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some((Ok(event), self));
            }
            if self.over {
                return None;
            }
            let changed = tokio::select! {
                changed = self.snapshots.changed() => changed.is_ok(),
                // The coordinator stops: the stream just breaks off, and the listener resumes elsewhere.
                _ = self.stopping.wait_for(|stopping| *stopping) => false,
            };
            if !changed {
                return None;
            }
            let snapshot = self.snapshots.borrow_and_update().clone();
            self.over = matches!(snapshot.look, Look::Ended(_));
            self.ready.extend(self.cursor.events(&snapshot));
        }
    }
}

/// What one listener has been told.
#[derive(Clone, Debug, Default)]
struct Cursor {
    /// Sequence number of the last sample.
    last: u64,
    /// Which monitoring it belongs to; a rollback starts another one that counts from 1 again.
    monitoring: Option<Timestamp>,
    board: Option<HealthBoard>,
    stale: bool,
}

impl Cursor {
    fn events(&mut self, snapshot: &Snapshot) -> Vec<Event> {
        let mut events = Vec::new();
        if let Some(report) = &snapshot.report {
            self.report(report, &mut events);
        }
        match &snapshot.look {
            Look::Pending => {}
            Look::Seen => self.stale = false,
            Look::Failed(failure) => {
                if !std::mem::replace(&mut self.stale, true) {
                    events.extend(event("stale", failure));
                }
            }
            Look::Ended(why) => events.extend(event("end", &HealthEnd { why: why.clone() })),
        }
        events
    }

    fn report(&mut self, report: &Arc<HealthReport>, events: &mut Vec<Event>) {
        // Another monitoring, or an id from one that we never saw.
        if self.monitoring.is_some_and(|known| report.started_at != Some(known)) || self.last > report.taken {
            self.last = 0;
        }
        self.monitoring = report.started_at;
        let board = HealthBoard::of(report);
        if self.board.as_ref() != Some(&board) {
            events.extend(event("board", &board));
            self.board = Some(board);
        }
        if let Some(oldest) = report.samples.first().map(|sample| sample.seq)
            && self.last > 0
            && oldest > self.last + 1
        {
            events.extend(event("gap", &HealthGap { from: self.last + 1, to: oldest - 1 }));
        }
        for sample in report.samples.iter().filter(|sample| sample.seq > self.last) {
            events.extend(event("sample", sample).map(|event| event.id(sample.seq.to_string())));
        }
        self.last = report.samples.last().map_or(self.last, |sample| sample.seq.max(self.last));
    }
}

/// An event, or nothing where its data has no JSON form (a number that is not one): the next sample follows anyway.
fn event(name: &str, data: &impl Serialize) -> Option<Event> {
    Event::default().event(name).json_data(data).ok()
}
