//! What the demo's small HTTP servers share: reading JSON bodies, refusing in words, serving until told to end.
//!
//! It must not know what they serve.

use std::future::Future;
use std::time::Duration;

use anyhow::Context as _;
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::text;

/// How long open requests may take to finish once told to end: less than the patience of who ends us.
const DRAIN: Duration = Duration::from_secs(3);

/// An answer that is not a success: a status, and a [`Failure`] as JSON.
#[derive(Clone, Debug)]
pub struct Refusal {
    status: StatusCode,
    failure: Failure,
}

impl Refusal {
    /// What was sent is readable and wrong.
    pub fn invalid(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, failure: Failure::new(FailureKind::Invalid, message, hint) }
    }

    /// There is no such thing, now.
    pub fn not_found(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, failure: Failure::new(FailureKind::NotFound, message, hint) }
    }

    /// What is asked needs something that does not answer.
    pub fn unavailable(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, failure: Failure::new(FailureKind::Unavailable, message, hint) }
    }

    /// Something went wrong here.
    pub fn internal(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, failure: Failure::new(FailureKind::Internal, message, hint) }
    }

    /// A body that does not say what it should: 400 when it is no JSON at all, 422 when it is other JSON.
    fn unreadable(error: &serde_json::Error, example: &str) -> Self {
        let (status, what) = match error.classify() {
            Category::Data => (StatusCode::UNPROCESSABLE_ENTITY, "says something else than it should"),
            Category::Syntax | Category::Eof | Category::Io => (StatusCode::BAD_REQUEST, "is no JSON"),
        };
        // The error may quote the body.
        let error = error.to_string();
        let message = format!("The body {what}: {}.", text::line(&error));
        Self { status, failure: Failure::new(FailureKind::Invalid, message, format!("Send {example}.")) }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(self.failure)).into_response()
    }
}

/// Reads a JSON body, whatever content type `curl` gave it. `example` is what a right one looks like.
pub fn read<T: DeserializeOwned>(body: &[u8], example: &str) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::unreadable(&error, example))
}

/// When to end, for several who have to.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Ends when `reason` resolves.
    pub fn when(reason: impl Future<Output = ()> + Send + 'static) -> Self {
        let (tell, told) = watch::channel(false);
        tokio::spawn(async move {
            reason.await;
            // Whoever had to end has ended already when nobody listens.
            let _ = tell.send(true);
        });
        Self(told)
    }

    /// Resolves when it is time to end.
    pub async fn told(mut self) {
        // That nobody can tell any more means the same.
        let _ = self.0.wait_for(|told| *told).await;
    }
}

/// Serves until told to end, then lets open requests finish.
pub async fn serve(listener: TcpListener, routes: Router, stop: Stop) -> anyhow::Result<()> {
    let listener = listener.tap_io(|stream| {
        // Without it a small answer may wait for the acknowledgement of the one before.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection is gone already");
        }
    });
    let serving = axum::serve(listener, routes).with_graceful_shutdown(stop.clone().told()).into_future();
    let late = async {
        stop.told().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        ended = serving => ended.context("the server stopped serving"),
        () = late => {
            tracing::warn!("some requests did not finish in time");
            Ok(())
        }
    }
}
