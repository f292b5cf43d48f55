//! `GET /v1/goals/{id}/usage`: what the agents of a goal have cost, beside what they may, and what holds
//! its work back.

use axum::Json;
use axum::extract::State;

use crate::contracts::http::GoalUsage;
use crate::coordinator::auth::Caller;
use crate::coordinator::clock::now;
use crate::coordinator::dispatcher::budget::in_all;
use crate::coordinator::error::ApiError;
use crate::coordinator::extract;
use crate::coordinator::openapi::Refusals;
use crate::coordinator::state::AppState;

/// What the agents of a goal have cost, as far as their answers said so, beside the budget of its spec; and what
/// holds its waiting steps back. Needs no worker.
#[utoipa::path(
    get,
    path = "/v1/goals/{id}/usage",
    params(extract::Target),
    responses((status = 200, body = GoalUsage), Refusals),
    security(("token" = [])),
)]
pub async fn show_usage(
    caller: Caller,
    State(state): State<AppState>,
    extract::Target(workflow_id): extract::Target,
) -> Result<Json<GoalUsage>, ApiError> {
    let detail = state.gateway().describe(&workflow_id, None).await.map_err(ApiError::from_temporal)?;
    let budget = detail.row.published.and_then(|published| published.budget).unwrap_or_default();
    let spent = in_all(&workflow_id, &budget, state.store()).await;
    let spent = spent.map_err(|error| ApiError::from_temporal(error.into()))?;
    let held_back = state.board().held_back(&workflow_id).and_then(|held| caller.told_of(held));
    Ok(Json(GoalUsage { workflow_id, spent, held_back, at: now() }))
}
