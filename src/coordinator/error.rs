//! Every answer of the coordinator that is not a success: a status and an [`ErrorBody`], never a bare page.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::http::{ErrorBody, FieldProblem};

/// A failure on its way to the one who asked.
#[derive(Clone, Debug)]
pub struct ApiError {
    status: StatusCode,
    failure: Failure,
    problems: Vec<FieldProblem>,
}

impl ApiError {
    pub fn new(status: StatusCode, failure: Failure) -> Self {
        Self { status, failure, problems: Vec::new() }
    }

    /// Names everything that is wrong with the body.
    #[must_use]
    pub fn with(self, problems: Vec<FieldProblem>) -> Self {
        Self { problems, ..self }
    }

    /// The request itself is wrong; the hint says how it would be right.
    pub fn invalid(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, Failure::new(FailureKind::Invalid, message, hint))
    }

    /// Nobody we know asks.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        let hint = "Send `Authorization: Bearer TOKEN` with a token whose SHA-256 is in the coordinator's `people`.";
        Self::new(StatusCode::UNAUTHORIZED, Failure::new(FailureKind::Unauthenticated, message, hint))
    }

    /// Somebody we know asks for what they may not do.
    pub fn denied(message: impl Into<String>) -> Self {
        let hint = "Ask whoever keeps the coordinator's `people` to add the permission, or the tenant.";
        Self::new(StatusCode::FORBIDDEN, Failure::new(FailureKind::Denied, message, hint))
    }

    /// The answer did not come in time.
    pub fn timeout() -> Self {
        let failure = Failure::new(
            FailureKind::DeadlineExceeded,
            "The coordinator did not get an answer in time.",
            "Send the same request again: under the same id it has one effect.",
        );
        Self::new(StatusCode::GATEWAY_TIMEOUT, failure)
    }

    /// What Temporal told the gateway. When Temporal refuses *the coordinator*, the one who asked is not to blame:
    /// that is an outage of ours, never their 401 or 403.
    pub fn from_temporal(failure: Failure) -> Self {
        let status = match failure.kind {
            FailureKind::Unauthenticated | FailureKind::Denied => {
                let message = format!("Temporal refuses the coordinator: {}", failure.message);
                let hint = "Check the coordinator's Temporal credentials and namespace.";
                let failure = Failure::new(FailureKind::Unavailable, message, hint);
                return Self::new(StatusCode::SERVICE_UNAVAILABLE, failure);
            }
            FailureKind::NotFound => StatusCode::NOT_FOUND,
            FailureKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            FailureKind::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
            FailureKind::Conflict => StatusCode::CONFLICT,
            FailureKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            FailureKind::ReadOnly => StatusCode::FORBIDDEN,
            FailureKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, failure)
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.failure.fmt(f)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response =
            (self.status, Json(ErrorBody { error: self.failure, errors: self.problems })).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
