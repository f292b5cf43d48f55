//! `GET /v1/gates`: everything that waits for a person.

use axum::Json;
use axum::extract::State;

use crate::contracts::http::{ErrorBody, GateList};
use crate::coordinator::auth::Caller;
use crate::coordinator::clock::now;
use crate::coordinator::error::ApiError;
use crate::coordinator::state::AppState;

/// Open gates of all workflows that the caller sees, earliest deadline first.
#[utoipa::path(
    get,
    path = "/v1/gates",
    responses(
        (status = 200, body = GateList),
        (status = 401, body = ErrorBody),
        (status = 503, body = ErrorBody),
        (status = 504, body = ErrorBody),
    ),
    security(("token" = [])),
)]
pub async fn list_gates(caller: Caller, State(state): State<AppState>) -> Result<Json<GateList>, ApiError> {
    let mut gates = state.gateway().gates().await.map_err(ApiError::from_temporal)?;
    gates.retain(|gate| caller.sees(&gate.workflow_id));
    Ok(Json(GateList { gates, at: now() }))
}
