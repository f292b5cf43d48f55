//! The worker's one listener: `/healthz`, `/readyz`, `/metrics`.

use std::future::Future;
use std::sync::Arc;

use anyhow::Context;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;

use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::http::ErrorBody;
use crate::gateway::Gateway;
use crate::worker::metrics::Metrics;
use crate::worker::status::{Status, WorkerState};

/// What the listener tells about.
#[derive(Clone)]
pub struct Monitored {
    pub status: Arc<Status>,
    pub metrics: Arc<Metrics>,
    /// Asks Temporal: a worker whose server has gone still believes that it polls.
    pub gateway: Gateway,
}

/// Answer of `GET /readyz`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Readiness {
    ready: bool,
    workers: Vec<WorkerState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temporal: Option<Failure>,
}

/// Serves until `shutdown` resolves.
pub async fn serve(
    listener: TcpListener,
    monitored: Monitored,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .fallback(nothing)
        .with_state(monitored);
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await.context("the worker's listener stopped")
}

async fn readyz(State(monitored): State<Monitored>) -> (StatusCode, Json<Readiness>) {
    let workers = monitored.status.now();
    let polling = workers.iter().all(|state| matches!(state, WorkerState::Polling { .. }));
    let temporal = if polling { monitored.gateway.server_info().await.err() } else { None };
    let ready = polling && temporal.is_none();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, workers, temporal }))
}

async fn metrics(State(monitored): State<Monitored>) -> Response {
    match monitored.metrics.text(&monitored.status).await {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            let failure = Failure::new(FailureKind::Internal, format!("The counters cannot be written: {error}."), "");
            (StatusCode::INTERNAL_SERVER_ERROR, Json(ErrorBody::from(failure))).into_response()
        }
    }
}

async fn nothing() -> Response {
    let failure = Failure::new(FailureKind::NotFound, "There is nothing here.", "Try /healthz, /readyz or /metrics.");
    (StatusCode::NOT_FOUND, Json(ErrorBody::from(failure))).into_response()
}
