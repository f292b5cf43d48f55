//! Every route on one screen. The OpenAPI document is made from the same list, so neither can lack what the other has.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::{Method, StatusCode, Uri};
use axum::response::IntoResponse as _;
use axum::routing::get;
use axum::{Json, Router, middleware};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::text;
use crate::coordinator::error::ApiError;
use crate::coordinator::handlers::{
    agents, callback, decisions, gates, goals, health, key, operations, rollback, specs, start, steps, usage,
};
use crate::coordinator::intake::check;
use crate::coordinator::state::AppState;
use crate::coordinator::{guard, openapi};

/// A spec has 64 KB at most; as a JSON text it grows.
const MAX_SPEC_BYTES: usize = 256 * 1024;
/// A decision is a few hundred bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;

pub fn router(state: AppState) -> Router {
    let answered = OpenApiRouter::new()
        .routes(routes!(operations::healthz))
        .routes(routes!(operations::readyz))
        .routes(routes!(operations::metrics))
        .routes(routes!(key::public_key))
        .routes(routes!(decisions::decide))
        .routes(routes!(rollback::roll_back))
        .routes(routes!(gates::list_gates))
        .routes(routes!(agents::list_agents))
        .routes(routes!(goals::list_goals))
        .routes(routes!(goals::show_goal))
        .routes(routes!(usage::show_usage))
        .routes(routes!(specs::list_specs))
        .routes(routes!(goals::tell_of_event))
        .routes(routes!(goals::request_work))
        .routes(routes!(goals::cancel_goal))
        .routes(routes!(steps::approve))
        .routes(routes!(steps::reject))
        .routes(routes!(steps::override_step))
        .routes(routes!(steps::nudge))
        .routes(routes!(steps::requeue))
        .routes(routes!(steps::answer))
        .layer(middleware::from_fn(guard::in_time));
    let from_agents = OpenApiRouter::new()
        .routes(routes!(callback::callback))
        .layer(DefaultBodyLimit::max(check::MAX_BYTES))
        .layer(middleware::from_fn(guard::in_time));
    let specs = OpenApiRouter::new()
        .routes(routes!(goals::adopt_spec))
        .routes(routes!(start::start_goal))
        .layer(DefaultBodyLimit::max(MAX_SPEC_BYTES))
        .layer(middleware::from_fn(guard::in_time));
    let streamed = OpenApiRouter::new().routes(routes!(health::stream_health));
    let (router, document) = OpenApiRouter::with_openapi(openapi::head())
        .merge(answered)
        .merge(from_agents)
        .merge(specs)
        .merge(streamed)
        .split_for_parts();
    // A handler is cloned, with all it holds, for every request.
    let document = Arc::new(openapi::without_needless(document));
    router
        .route("/openapi.json", get(move || async move { Json(&*document).into_response() }))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(state.clone(), guard::measured))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(state)
}

async fn unknown_path(uri: Uri) -> ApiError {
    let message = format!("There is nothing at {}.", text::line(uri.path()));
    let hint = "`GET /openapi.json` lists what there is.";
    ApiError::new(StatusCode::NOT_FOUND, Failure::new(FailureKind::NotFound, message, hint))
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    let message = format!("{method} is not possible at {}.", text::line(uri.path()));
    let hint = "`GET /openapi.json` lists what is.";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, Failure::new(FailureKind::Invalid, message, hint))
}
