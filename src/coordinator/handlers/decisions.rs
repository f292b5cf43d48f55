//! `POST /v1/decisions`: a person's decision, signed and sent to its gate.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::config::settings::Permission;
use crate::contracts::actor::{Actor, Via};
use crate::contracts::decision::{Decide, Outcome};
use crate::contracts::http::{DecisionRequest, DecisionResponse};
use crate::contracts::ids::GateId;
use crate::contracts::text;
use crate::coordinator::auth::Caller;
use crate::coordinator::error::ApiError;
use crate::coordinator::extract::{Body, require_id, workflow_id};
use crate::coordinator::openapi::Refusals;
use crate::coordinator::state::AppState;
use crate::coordinator::task;

/// Decides a gate. Sent again under the same `decisionId` it has one effect and gets the same answer.
#[utoipa::path(
    post,
    path = "/v1/decisions",
    request_body = DecisionRequest,
    responses(
        (status = 200, description = "Applied now, or before under the same id.", body = DecisionResponse),
        (status = 202, description = "Sent; no worker has confirmed it yet.", body = DecisionResponse),
        (status = 409, description = "Refused, and why.", body = DecisionResponse),
        Refusals,
    ),
    security(("token" = [])),
)]
pub async fn decide(
    caller: Caller,
    State(state): State<AppState>,
    Body(request): Body<DecisionRequest>,
) -> Result<(StatusCode, Json<DecisionResponse>), ApiError> {
    caller.must(Permission::Decide)?;
    require_id("`workflowId`", request.workflow_id.as_str())?;
    caller.must_see(&request.workflow_id)?;
    require_id("`decisionId`", request.decision_id.as_str())?;
    require_id("`gate`", request.gate.as_str())?;
    let outcome = task::finish(async move {
        let decide = sign(&state, &caller, &request);
        let outcome = state.gateway().decide(&workflow_id(request.workflow_id.as_str()), &decide).await;
        record(&state, &caller, &request, &outcome);
        outcome
    })
    .await?;
    let status = match outcome {
        Outcome::Applied { .. } | Outcome::Repeated { .. } => StatusCode::OK,
        Outcome::InDoubt { .. } => StatusCode::ACCEPTED,
        Outcome::Refused { .. } => StatusCode::CONFLICT,
    };
    Ok((status, Json(DecisionResponse { outcome })))
}

fn sign(state: &AppState, caller: &Caller, request: &DecisionRequest) -> Decide {
    let mut decide = Decide {
        decision_id: request.decision_id.clone(),
        gate: request.gate.clone(),
        verdict: request.verdict,
        evidence: request.evidence.clone(),
        reason: request.reason.clone(),
        actor: Actor::new(caller.name(), Via::Coordinator),
        proof: None,
    };
    // What is signed is what the workflow knows itself and its gate by.
    decide.proof = Some(state.key().prove(&decide, &request.workflow_id));
    decide.gate = GateId::new(text::id(request.gate.as_str()));
    decide
}

fn record(
    state: &AppState,
    caller: &Caller,
    request: &DecisionRequest,
    outcome: &Result<Outcome, crate::contracts::failure::Failure>,
) {
    let word = match outcome {
        Ok(Outcome::Applied { .. }) => "applied",
        Ok(Outcome::Repeated { .. }) => "repeated",
        Ok(Outcome::Refused { .. }) => "refused",
        Ok(Outcome::InDoubt { .. }) => "in-doubt",
        Err(_) => "failed",
    };
    state.metrics().decided(word);
    tracing::info!(
        person = caller.name(),
        workflow = %request.workflow_id,
        gate = %request.gate,
        decision = %request.decision_id,
        verdict = ?request.verdict,
        outcome = word,
        "decision"
    );
}
