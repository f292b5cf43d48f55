//! Work that must not be cut off when the one who asked hangs up: it runs in a task of its own.

use std::future::Future;

use axum::http::StatusCode;

use crate::contracts::failure::{Failure, FailureKind};
use crate::coordinator::error::ApiError;

/// Runs it to its end, whether or not anybody still waits for the answer. It is begun at once: what waits for it is small
/// then, and is moved about for every request.
pub fn finish<T: Send + 'static>(
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> impl Future<Output = Result<T, ApiError>> + Send {
    let work = tokio::spawn(work);
    async move {
        match work.await {
            Ok(result) => result.map_err(ApiError::from_temporal),
            Err(broken) => {
                tracing::error!(%broken, "a task did not finish");
                let failure = Failure::new(
                    FailureKind::Internal,
                    "The coordinator failed in the middle of this request.",
                    "Send the same request again: under the same id it has one effect.",
                );
                Err(ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, failure))
            }
        }
    }
}
