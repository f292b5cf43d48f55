//! Reading requests so that whatever does not fit is answered with an `ErrorBody` that says why.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::{IntoParams, PartialSchema as _};

use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::ids::{StepId, WorkflowId};
use crate::contracts::text;
use crate::coordinator::auth::Caller;
use crate::coordinator::error::ApiError;
use crate::coordinator::state::AppState;

/// Temporal's own limit on ids.
const MAX_ID_BYTES: usize = 1000;

/// A JSON body.
#[derive(Clone, Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(explain(&rejection)),
        }
    }
}

/// A body as it came, for whoever must see every byte. Within the route's limit.
pub async fn whole(request: Request, state: &(impl Send + Sync)) -> Result<Bytes, ApiError> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        let message = format!("The body cannot be read: {}.", text::line(&rejection.body_text()));
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                let failure = Failure::new(FailureKind::Invalid, message, "Send 2 MB or less; link to what is larger.");
                ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, failure)
            }
            _ => ApiError::invalid(message, "Send it again, whole."),
        }
    })
}

/// 413 and 415 stay what they are; everything else that is wrong with a body is 422.
fn explain(rejection: &JsonRejection) -> ApiError {
    let text = rejection.body_text();
    // The part after axum's own introduction says it all.
    let why = text.strip_prefix("Failed to ").and_then(|rest| rest.split_once(": ")).map_or(&*text, |(_, why)| why);
    let message = format!("The body cannot be read: {}.", text::line(why));
    match rejection.status() {
        status @ (StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNSUPPORTED_MEDIA_TYPE) => {
            ApiError::new(status, Failure::new(FailureKind::Invalid, message, "Send a small JSON object."))
        }
        _ => ApiError::invalid(message, "`GET /openapi.json` has the body of this request, field by field."),
    }
}

/// An id as a client knows it, in the form that the gateway takes: it would read one that only looks escaped as another.
pub fn workflow_id(given: &str) -> WorkflowId {
    WorkflowId::new(text::id(given))
}

/// The workflow that a path names. Whoever asks may see it: a handler that takes this cannot forget to ask.
#[derive(Clone, Debug)]
pub struct Target(pub WorkflowId);

impl FromRequestParts<AppState> for Target {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let Path(id) = Path::<String>::from_request_parts(parts, state).await.map_err(unreadable)?;
        seen(&caller, &id).map(Self)
    }
}

impl IntoParams for Target {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![in_path("id", "Workflow id.")]
    }
}

/// The step of a goal that a path names. Whoever asks may see the goal.
#[derive(Clone, Debug)]
pub struct Step {
    pub workflow: WorkflowId,
    pub step: StepId,
}

impl FromRequestParts<AppState> for Step {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let Path((id, step)) = Path::<(String, String)>::from_request_parts(parts, state).await.map_err(unreadable)?;
        let workflow = seen(&caller, &id)?;
        require_id("The step in the path", &step)?;
        Ok(Self { workflow, step: StepId::new(text::id(&step)) })
    }
}

impl IntoParams for Step {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![in_path("id", "Workflow id of the goal."), in_path("step", "Step id, such as `open-pr-1`.")]
    }
}

fn seen(caller: &Caller, id: &str) -> Result<WorkflowId, ApiError> {
    require_id("The id in the path", id)?;
    caller.must_see(&WorkflowId::new(id))?;
    Ok(workflow_id(id))
}

fn in_path(name: &str, description: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(String::schema()))
        .build()
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn unreadable(rejection: PathRejection) -> ApiError {
    let message = format!("The path cannot be read: {}.", text::line(&rejection.body_text()));
    ApiError::invalid(message, "Write ids in it as UTF-8, percent-encoded.")
}

/// An id that Temporal could have given out.
pub fn require_id(what: &str, id: &str) -> Result<(), ApiError> {
    if id.is_empty() {
        return Err(ApiError::invalid(format!("{what} is empty."), "Give one."));
    }
    if id.len() > MAX_ID_BYTES {
        return Err(ApiError::invalid(format!("{what} is longer than {MAX_ID_BYTES} bytes."), "Give a shorter one."));
    }
    if id.chars().any(char::is_control) {
        return Err(ApiError::invalid(format!("{what} holds control characters."), "Leave them out."));
    }
    Ok(())
}
