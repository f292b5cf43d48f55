//! `GET /v1/agents`: who does the work of goals, and how it goes.

use axum::Json;
use axum::extract::State;

use crate::contracts::http::ErrorBody;
use crate::contracts::roster::AgentRoster;
use crate::coordinator::auth::Caller;
use crate::coordinator::state::AppState;

/// Agents with their load, failures and cost, and the work that waits for them, as this coordinator counts it. Who is
/// bound to tenants is told of no others: neither of their calls, nor of what waits, went wrong or was spent, which may be
/// theirs.
#[utoipa::path(
    get,
    path = "/v1/agents",
    responses((status = 200, body = AgentRoster), (status = 401, body = ErrorBody)),
    security(("token" = [])),
)]
pub async fn list_agents(caller: Caller, State(state): State<AppState>) -> Json<AgentRoster> {
    let mut roster = state.board().roster();
    roster.held_back = roster.held_back.into_iter().filter_map(|held| caller.told_of(held)).collect();
    if !caller.tenants().is_empty() {
        roster.waiting.clear();
        roster.trouble = None;
        for agent in &mut roster.agents {
            agent.calls.retain(|call| caller.sees(&call.workflow_id));
            agent.last_trouble = None;
            (agent.tokens, agent.cost_usd, agent.today) = (None, None, None);
        }
    }
    Json(roster)
}
