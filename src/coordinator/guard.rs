//! What stands around every handler: a time limit, and the counters.

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::coordinator::error::ApiError;
use crate::coordinator::state::AppState;

/// Longer than any single wait below it: whoever holds a connection open without sending gives up here.
const LIMIT: Duration = Duration::from_secs(20);

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
    let response = next.run(request).await;
    let (status, took) = (response.status().as_u16(), started.elapsed());
    // A method is whatever a client writes; a label is not.
    let known = matches!(method.as_str(), "GET" | "POST" | "PUT" | "DELETE" | "HEAD" | "OPTIONS" | "PATCH");
    state.metrics().answered(&route, if known { method.as_str() } else { "other" }, status, took);
    tracing::debug!(%route, %method, status, took_ms = took.as_secs_f64() * 1000.0, "answered");
    response
}
