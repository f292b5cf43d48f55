//! For whoever runs the coordinator: alive, ready, counters.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::http::{ErrorBody, Readiness};
use crate::contracts::link::Link;
use crate::coordinator::clock::now;
use crate::coordinator::error::ApiError;
use crate::coordinator::state::AppState;

/// The process is alive.
#[utoipa::path(get, path = "/healthz", responses((status = 200, body = String)))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// The coordinator can do its work: Temporal and its own database answer.
#[utoipa::path(
    get,
    path = "/readyz",
    responses((status = 200, body = Readiness), (status = 503, body = ErrorBody))
)]
pub async fn readyz(State(state): State<AppState>) -> Result<Json<Readiness>, ApiError> {
    let unready = |failure| Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, failure));
    if *state.stopping().borrow() {
        return unready(Failure::new(FailureKind::Unavailable, "The coordinator is stopping.", ""));
    }
    if let Err(error) = state.store().ping().await {
        return unready(error.into());
    }
    match state.gateway().link().borrow().clone() {
        Link::Up { since } => Ok(Json(Readiness { ready: true, since, at: now(), queue: state.queue() })),
        Link::Connecting { .. } => unready(Failure::new(
            FailureKind::Unavailable,
            "Temporal has not answered yet.",
            "Wait, or check its address.",
        )),
        Link::Down { failure, .. } => Err(ApiError::from_temporal(failure)),
    }
}

/// Counters in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", responses((status = 200, content_type = "text/plain", body = String)))]
pub async fn metrics(State(state): State<AppState>) -> Result<Response, ApiError> {
    // That the store does not answer `/readyz` says; the other counters are wanted then all the more.
    if let Ok(kept) = state.store().open_callbacks().await {
        state.metrics().kept(kept);
    }
    let text = state.metrics().text(state.streams().pollers(), &state.board().load().agents).map_err(|error| {
        let failure = Failure::new(FailureKind::Internal, format!("The counters cannot be written: {error}."), "");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, failure)
    })?;
    Ok(([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response())
}
