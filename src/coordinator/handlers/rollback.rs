//! `POST /v1/workflows/{id}/rollback`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::config::settings::Permission;
use crate::contracts::actor::{Actor, Via};
use crate::contracts::http::{ErrorBody, RollbackBody, RollbackOutcome};
use crate::contracts::rollback::RollbackRequest;
use crate::coordinator::auth::Caller;
use crate::coordinator::clock::now;
use crate::coordinator::error::ApiError;
use crate::coordinator::extract::{Body, Target, require_id};
use crate::coordinator::openapi::Refusals;
use crate::coordinator::state::AppState;
use crate::coordinator::task;

/// Asks for the rollback of a deployment. However often, there is one.
#[utoipa::path(
    post,
    path = "/v1/workflows/{id}/rollback",
    params(Target),
    request_body = RollbackBody,
    responses(
        (status = 200, description = "The workflow has it.", body = RollbackOutcome),
        (status = 202, description = "Held durably until a worker acts on it.", body = RollbackOutcome),
        (status = 409, body = ErrorBody),
        Refusals,
    ),
    security(("token" = [])),
)]
pub async fn roll_back(
    caller: Caller,
    State(state): State<AppState>,
    Target(workflow): Target,
    Body(body): Body<RollbackBody>,
) -> Result<(StatusCode, Json<RollbackOutcome>), ApiError> {
    caller.must(Permission::Rollback)?;
    require_id("`requestId`", body.request_id.as_str())?;
    let outcome = task::finish(async move {
        let actor = Actor::new(caller.name(), Via::Coordinator);
        let asked_at = Some(now());
        let request = RollbackRequest { request_id: body.request_id, reason: body.reason, actor, asked_at };
        let outcome = state.gateway().rollback(&workflow, &request).await;
        let word = match &outcome {
            Ok(RollbackOutcome::Accepted { .. }) => "accepted",
            Ok(RollbackOutcome::InDoubt { .. }) => "in-doubt",
            Err(_) => "failed",
        };
        state.metrics().rolled_back(word);
        tracing::info!(
            person = caller.name(), %workflow, request = %request.request_id, outcome = word, "rollback asked for"
        );
        outcome
    })
    .await?;
    let status = match outcome {
        RollbackOutcome::Accepted { .. } => StatusCode::OK,
        RollbackOutcome::InDoubt { .. } => StatusCode::ACCEPTED,
    };
    Ok((status, Json(outcome)))
}
