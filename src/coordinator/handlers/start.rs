//! `POST /v1/goals`: starts a goal, pinned to its spec, as one of a tenant where there is one.

use axum::Json;
use axum::extract::State;

use crate::config::settings::Permission;
use crate::contracts::engine::decision::Decision;
use crate::contracts::engine::input::EngineInput;
use crate::contracts::engine::spec::SpecPin;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::http::{ErrorBody, StartBody, StartedGoal};
use crate::contracts::ids::{GoalId, RunId, WorkflowId};
use crate::contracts::mutation::{Done, Mutation, Start, Target};
use crate::coordinator::auth::Caller;
use crate::coordinator::error::ApiError;
use crate::coordinator::extract::{Body, require_id, workflow_id};
use crate::coordinator::openapi::Refusals;
use crate::coordinator::state::AppState;
use crate::coordinator::task;
use crate::spec::EngineSpec as _;
use crate::spec::rules::Rules;
use crate::spec::shipped;

/// What an initial plan is when it is to be done.
const PLANS: &str = "Send a list of actions, such as `[{\"type\": \"REQUEST_WORK\", \"workKind\": \"DRAFT\"}]`.";

/// Starts a goal. Sent again under its `requestId` it has one effect; another one that runs under the id is left alone.
#[utoipa::path(
    post,
    path = "/v1/goals",
    request_body = StartBody,
    responses(
        (status = 200, description = "It runs, started now or by this very request before.", body = StartedGoal),
        (status = 409, description = "Another goal runs under this id.", body = ErrorBody),
        Refusals,
    ),
    security(("token" = [])),
)]
pub async fn start_goal(
    caller: Caller,
    State(state): State<AppState>,
    Body(body): Body<StartBody>,
) -> Result<Json<StartedGoal>, ApiError> {
    caller.must(Permission::Operate)?;
    require_id("`requestId`", body.request_id.as_str())?;
    require_id("`workflowId`", body.workflow_id.as_str())?;
    let tenant = tenant(&caller, &body)?;
    let boot_decision = first(&body)?;
    let id = tenant.iter().fold(body.workflow_id, |id, tenant| id.for_tenant(tenant));
    require_id("`workflowId`", id.as_str())?;
    caller.must_see(&id)?;
    let goal_id = if body.input.goal_id.is_empty() { GoalId::new(id.as_str()) } else { body.input.goal_id.clone() };
    let (spec, input) = pinned(&state, EngineInput { goal_id, boot_decision, tenant, ..body.input }).await?;
    let target = Target { workflow_id: workflow_id(id.as_str()), request_id: body.request_id };
    let mutation = Mutation::Start(Start::goal(target, state.task_queue(), &input));
    let started = task::finish(async move {
        match state.operator(&caller).perform(mutation).await? {
            Done::Started { run_id, .. } => {
                let spec = pinned_to(&state, &id, &run_id, spec).await?;
                Ok(StartedGoal { workflow_id: id, run_id, spec })
            }
            Done::Decided { .. }
            | Done::RolledBack { .. }
            | Done::Signalled { .. }
            | Done::Told { .. }
            | Done::Stopping { .. }
            | Done::Registered { .. }
            | Done::Unanswered => Err(Failure::new(
                FailureKind::DeadlineExceeded,
                format!("Whether {id} was started is not known."),
                "Send the same request again: it has one effect.",
            )),
        }
    })
    .await?;
    Ok(Json(started))
}

/// What it begins with in so many words, or in short.
fn first(body: &StartBody) -> Result<Option<Decision>, ApiError> {
    let given = body.input.first_decision().map_err(|why| ApiError::invalid(why, PLANS))?;
    let short = EngineInput::beginning(&body.kind, &body.set);
    match (given, short.map_err(|why| ApiError::invalid(why, "Name it, or leave it out."))?) {
        (Some(_), Some(_)) => {
            let message = "It begins with either `kind` and `set`, or a decision of its `input`.";
            Err(ApiError::invalid(message, "Send one of the two."))
        }
        // A plan that is one is read by the goal itself.
        (Some(_), None) => Ok(body.input.boot_decision.clone()),
        (None, short) => Ok(short),
    }
}

/// The tenant that is named, the only one that the caller is bound to, or the one that the id begins with.
fn tenant(caller: &Caller, body: &StartBody) -> Result<Option<String>, ApiError> {
    let named = body.tenant.as_ref().or(body.input.tenant.as_ref()).filter(|name| !name.is_empty());
    let named = named.map(String::as_str).or(match caller.tenants() {
        [only] => Some(only.as_str()),
        // Whose it is stands in its id; whether the caller may is asked of every id.
        [] | [_, ..] => body.workflow_id.tenant().filter(|name| WorkflowId::is_tenant(name)),
    });
    match named {
        Some(name) if !WorkflowId::is_tenant(name) => {
            let hint = "Use up to 60 letters, digits, `-`, `_` and `.`.";
            Err(ApiError::invalid("`tenant` is no name of one.", hint))
        }
        named => Ok(named.map(str::to_owned)),
    }
}

/// What a goal is pinned to: as it publishes that, since this very request may have started it long ago. In full, and
/// where nothing is published yet, it is what was sent.
async fn pinned_to(state: &AppState, id: &WorkflowId, run: &RunId, sent: SpecPin) -> Result<SpecPin, Failure> {
    let detail = state.gateway().describe(&workflow_id(id.as_str()), Some(run)).await?;
    let published = detail.row.published.and_then(|published| published.spec);
    Ok(published.filter(|pin| pin.short_hash() != sent.short_hash()).unwrap_or(sent))
}

/// The input with its spec in it, as its text is now.
async fn pinned(state: &AppState, mut input: EngineInput) -> Result<(SpecPin, EngineInput), ApiError> {
    let name = match input.spec_name.as_str() {
        "" => shipped::default_of(input.decider),
        name => name,
    };
    let (pin, document) = if let Some(document) = input.spec_document.take() {
        let rules = Rules::read("the spec", &document).map_err(|problem| ApiError::from_temporal(problem.into()))?;
        (rules.pin().clone(), document)
    } else {
        let spec = state.specs().named(name).await?;
        (spec.pin, spec.text)
    };
    let input = EngineInput { spec_name: pin.name.clone(), spec_document: Some(document), ..input };
    Ok((pin, input))
}
