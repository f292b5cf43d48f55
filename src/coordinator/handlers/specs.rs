//! `GET /v1/specs`: what goals can be started with by name.

use std::path::Path;

use axum::Json;
use axum::extract::State;

use crate::config::problem::{Place, Problem};
use crate::contracts::failure::Failure;
use crate::contracts::http::{SpecList, SpecView};
use crate::coordinator::auth::Caller;
use crate::coordinator::clock::now;
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
pub async fn list_specs(caller: Caller, State(state): State<AppState>) -> Result<Json<SpecList>, ApiError> {
    let library = state.specs().now().await?;
    // Where the folder lies is for those who keep it.
    let is_bound = !caller.tenants().is_empty();
    let shown = |file: &Path| {
        let name = file.file_name().filter(|_| is_bound);
        name.map_or_else(|| file.display().to_string(), |name| name.to_string_lossy().into_owned())
    };
    let view = |spec: &Spec| SpecView {
        pin: spec.pin.clone(),
        description: spec.description.clone(),
        file: spec.file.as_deref().map(shown),
    };
    let trouble = |problem: &Problem| {
        let mut failure = Failure::from(problem.clone());
        if is_bound
            && let Place::File { path, .. } = &problem.place
            && let Some(folder) = path.parent()
        {
            // Words of a problem may name other files of the folder.
            failure.message = failure.message.replace(&format!("{}/", folder.display()), "");
        }
        failure
    };
    let troubles = library.troubles().map(trouble).collect();
    Ok(Json(SpecList { specs: library.specs().map(view).collect(), troubles, at: now() }))
}
