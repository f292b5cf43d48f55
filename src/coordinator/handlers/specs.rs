//! `GET /v1/specs`, and goals that are started with one of them by name.

use axum::Json;
use axum::extract::State;
use serde_json::json;

use crate::config::settings::Permission;
use crate::contracts::clock::Timestamp;
use crate::contracts::engine::input::EngineInput;
use crate::contracts::failure::Failure;
use crate::contracts::http::{ErrorBody, GoalStarted, SpecList, SpecView, StartBody};
use crate::contracts::ids::{GoalId, WorkflowType};
use crate::contracts::mutation::{Done, Mutation, Start, Target};
use crate::contracts::temporal::names::workflow;
use crate::coordinator::auth::Caller;
use crate::coordinator::error::ApiError;
use crate::coordinator::extract::{self, Body, require_id};
use crate::coordinator::openapi::Refusals;
use crate::coordinator::state::AppState;
use crate::coordinator::task;
use crate::spec::library::Spec;

/// The specs that goals can be started with by name, and what is wrong with files of the folder.
#[utoipa::path(
    get,
    path = "/v1/specs",
    responses((status = 200, body = SpecList), Refusals),
    security(("token" = [])),
)]
pub async fn list_specs(_caller: Caller, State(state): State<AppState>) -> Result<Json<SpecList>, ApiError> {
    let library = state.specs().now().await?;
    let view = |spec: &Spec| SpecView {
        pin: spec.pin.clone(),
        description: spec.description.clone(),
        file: spec.file.as_ref().map(|file| file.display().to_string()),
    };
    let troubles = library.troubles().cloned().map(Failure::from).collect();
    Ok(Json(SpecList { specs: library.specs().map(view).collect(), troubles, at: Timestamp(chrono::Utc::now()) }))
}

/// Starts a goal, pinned to the text that its spec has now.
#[utoipa::path(
    post,
    path = "/v1/goals",
    request_body = StartBody,
    responses(
        (status = 200, description = "It runs, since now or since this was sent before.", body = GoalStarted),
        (status = 409, description = "Another one runs under the id.", body = ErrorBody),
        Refusals,
    ),
    security(("token" = [])),
)]
pub async fn start_goal(
    caller: Caller,
    State(state): State<AppState>,
    Body(body): Body<StartBody>,
) -> Result<Json<GoalStarted>, ApiError> {
    caller.must(Permission::Operate)?;
    require_id("`requestId`", body.request_id.as_str())?;
    require_id("`workflowId`", body.workflow_id.as_str())?;
    let spec = state.specs().named(body.spec.as_str()).await?;
    let workflow_id = extract::workflow_id(body.workflow_id.as_str());
    let kind = if spec.pin.name.as_str() == "codegen" { workflow::CODEGEN } else { workflow::ENGINE };
    let goal_id =
        if body.input.goal_id.is_empty() { GoalId::new(body.workflow_id.as_str()) } else { body.input.goal_id.clone() };
    let (spec_name, spec_document) = (spec.pin.name.clone(), Some(spec.text));
    let mutation = Mutation::Start(Start {
        target: Target { workflow_id: workflow_id.clone(), request_id: body.request_id },
        workflow_type: WorkflowType::new(kind),
        task_queue: state.task_queue().to_owned(),
        input: vec![json!(EngineInput { goal_id, spec_name, spec_document, ..body.input })],
    });
    let operator = state.operator(&caller);
    let done = task::finish(async move { operator.perform(mutation).await }).await?;
    let Done::Started { run_id, .. } = done else { return Err(ApiError::timeout()) };
    tracing::info!(person = caller.name(), workflow = %workflow_id, spec = %spec.pin.name, "a goal is started");
    Ok(Json(GoalStarted { workflow_id, run_id, spec: spec.pin }))
}
