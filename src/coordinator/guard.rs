//! What stands around every handler: a time limit, the counters, and that whoever sends is heard out.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt as _};
use tokio::sync::oneshot;

use crate::coordinator::error::ApiError;
use crate::coordinator::state::AppState;

/// Longer than any single wait below it: whoever holds a connection open without sending gives up here.
const LIMIT: Duration = Duration::from_secs(20);
/// A body of so many bytes arrives with its head.
const SMALL: u64 = 4 * 1024;
/// How much of a body that nobody reads is listened to, and for how long.
const MOST: usize = 16 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers 504 instead of nothing. What a handler sends to Temporal runs in a task of its own and is not cut off.
pub async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::timeout().into_response(),
    }
}

/// Counts and logs each answer under its route's pattern.
pub async fn measured(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = route.unwrap_or_else(|| "unknown".to_owned());
    let response = next.run(heard_out(request)).await;
    let (status, took) = (response.status().as_u16(), started.elapsed());
    // A method is whatever a client writes; a label is not.
    let known = matches!(method.as_str(), "GET" | "POST" | "PUT" | "DELETE" | "HEAD" | "OPTIONS" | "PATCH");
    state.metrics().answered(&route, if known { method.as_str() } else { "other" }, status, took);
    tracing::debug!(%route, %method, status, took_ms = took.as_secs_f64() * 1000.0, "answered");
    response
}

/// Who is refused before all was read still sends: a connection closed then takes the answer with it. What nobody reads
/// of a body is taken from the wire for a while, beside the answer.
fn heard_out(request: Request) -> Request {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let (head, body) = request.into_parts();
    if length.is_some_and(|length| length <= SMALL) || axum::body::HttpBody::is_end_stream(&body) {
        return Request::from_parts(head, body);
    }
    let (give_back, rest) = oneshot::channel();
    tokio::spawn(async move {
        if let Ok(rest) = rest.await {
            // A client that is slower than this may lose its answer.
            let _ = tokio::time::timeout(PATIENCE, listen(rest)).await;
        }
    });
    let read = Read { body: Some(body.into_data_stream()), give_back: Some(give_back) };
    Request::from_parts(head, Body::from_stream(read))
}

async fn listen(mut rest: BodyDataStream) {
    let mut left = MOST;
    while let Some(Ok(part)) = rest.next().await {
        let Some(still) = left.checked_sub(part.len()) else { return };
        left = still;
    }
}

/// A body as a handler reads it; what is left of it is given back.
struct Read {
    /// None once it is read to its end.
    body: Option<BodyDataStream>,
    give_back: Option<oneshot::Sender<BodyDataStream>>,
}

impl Stream for Read {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let part = body.poll_next_unpin(context);
        if let Poll::Ready(None | Some(Err(_))) = part {
            self.body = None;
        }
        part
    }
}

impl Drop for Read {
    fn drop(&mut self) {
        if let (Some(rest), Some(give_back)) = (self.body.take(), self.give_back.take()) {
            // Nobody listens any more when the coordinator stops.
            let _ = give_back.send(rest);
        }
    }
}
