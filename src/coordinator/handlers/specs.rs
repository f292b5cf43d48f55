//! `GET /v1/specs`: what goals can be started with by name.

use axum::Json;
use axum::extract::State;

use crate::contracts::clock::Timestamp;
use crate::contracts::failure::Failure;
use crate::contracts::http::{SpecList, SpecView};
use crate::coordinator::auth::Caller;
use crate::coordinator::error::ApiError;
use crate::coordinator::openapi::Refusals;
use crate::coordinator::state::AppState;
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
