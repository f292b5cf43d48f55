//! `GET /v1/agents`: who does the work of goals, and how it goes.

use axum::Json;
use axum::extract::State;

use crate::contracts::http::ErrorBody;
use crate::contracts::roster::AgentRoster;
use crate::coordinator::auth::Caller;
use crate::coordinator::state::AppState;

/// Agents with their load, failures and cost, and the work that waits for them, as this coordinator counts it.
#[utoipa::path(
    get,
    path = "/v1/agents",
    responses((status = 200, body = AgentRoster), (status = 401, body = ErrorBody)),
    security(("token" = [])),
)]
pub async fn list_agents(_caller: Caller, State(state): State<AppState>) -> Json<AgentRoster> {
    Json(state.board().roster())
}
