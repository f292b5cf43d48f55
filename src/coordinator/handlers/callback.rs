//! `POST /agent/callback`: an agent's answer, taken in once.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::contracts::agent::AgentResponse;
use crate::contracts::callback::{Fate, Receipt};
use crate::contracts::http::ErrorBody;
use crate::coordinator::error::ApiError;
use crate::coordinator::intake::check;
use crate::coordinator::senders::Posted;
use crate::coordinator::state::AppState;
use crate::coordinator::task;

/// Says that the answer had been taken in before.
const REPEATED: HeaderName = HeaderName::from_static("gatewatch-repeated");
/// What a sender prefers that does not wait for its workflow (RFC 7240).
const RESPOND_ASYNC: &str = "respond-async";

/// Whether a line of `Prefer` names it, among others or with parameters (RFC 7240).
fn wants_it_later(line: &str) -> bool {
    let names = line.split(',').filter_map(|preference| preference.split(';').next());
    names.map(str::trim).any(|name| name.eq_ignore_ascii_case(RESPOND_ASYNC))
}

/// Takes an agent's answer in. Sent again, for the same attempt of the same step, it has one effect and gets the same
/// receipt; where it says something else by then, its message tells that it was not taken in. What is not valid is
/// refused with every error, and its workflow is told that the attempt failed.
/// With `Prefer: respond-async` it is answered as soon as it is kept durably, with 202, and delivered afterwards.
#[utoipa::path(
    post,
    path = "/agent/callback",
    request_body = AgentResponse,
    responses(
        (status = 200, description = "Its workflow has it durably.", body = Receipt),
        (status = 202, description = "Kept; it will be delivered as soon as Temporal answers. A workflow that is not there is waited for, 10 minutes.", body = Receipt),
        (status = 409, description = "Its workflow had ended.", body = Receipt),
        (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody),
        (status = 404, description = "There is no such workflow.", body = ErrorBody),
        (status = 413, body = ErrorBody),
        (status = 415, body = ErrorBody),
        (status = 422, description = "It is no answer; `errors` says why, field by field.", body = ErrorBody),
        (status = 503, body = ErrorBody),
        (status = 504, body = ErrorBody),
    ),
    security(("agent" = []), ("webhook" = [])),
)]
pub async fn callback(
    State(state): State<AppState>,
    headers: HeaderMap,
    Posted { sender, body }: Posted,
) -> Result<Response, ApiError> {
    let later = headers.get_all("prefer").iter().filter_map(|line| line.to_str().ok()).any(wants_it_later);
    let response = match check::read(&body) {
        Ok(response) => response,
        Err(invalid) => {
            if let Some(failure) = &invalid.failure {
                sender.must(failure)?;
            }
            let problems = invalid.problems.clone();
            let message = if invalid.failure.is_some() {
                "The body is no answer of an agent. Its workflow is told that this attempt failed."
            } else {
                "The body is no answer of an agent."
            };
            task::finish(async move {
                // What is wrong with it is wrong whatever became of telling its workflow.
                let _ = state.intake().refuse(invalid, &sender).await;
                Ok(())
            })
            .await?;
            let hint = "Correct what `errors` names; `AgentResponse` of `/openapi.json` has every field.";
            return Err(ApiError::invalid(message, hint).with(problems));
        }
    };
    sender.must(&response)?;
    // Most answers are none that this coordinator waits for.
    let waited_for = state.board().waits_for(&response.attempt_id).then(|| response.clone());
    let answer = if later && waited_for.is_none() {
        // Without a task, and apart from the rest, which would make the future of every request large. What was handed
        // to the store is kept and found there, also when its sender hangs up: then it is not counted.
        state.intake().keep(response, &sender).await.map_err(ApiError::from_temporal)?
    } else {
        task::finish(async move {
            let answer = if later {
                state.intake().keep(response, &sender).await?
            } else {
                state.intake().accept(response, &sender).await?
            };
            if let Some(response) = waited_for.filter(|_| !answer.repeated) {
                state.board().called_back(&response);
            }
            Ok(answer)
        })
        .await?
    };
    let status = match answer.receipt.outcome {
        Fate::Delivered => StatusCode::OK,
        Fate::Pending => StatusCode::ACCEPTED,
        Fate::Late => StatusCode::CONFLICT,
        Fate::Rejected => {
            let message =
                "An answer for this attempt was not valid before; its workflow knows that the attempt failed.";
            let hint = "Answer the next attempt that the goal gives out; it has a `runId` of its own.";
            return Err(ApiError::invalid(message, hint).with(answer.receipt.errors));
        }
    };
    let mut response = (status, Json(answer.receipt)).into_response();
    if later {
        response.headers_mut().insert("preference-applied", HeaderValue::from_static(RESPOND_ASYNC));
    }
    if answer.repeated {
        response.headers_mut().insert(REPEATED, HeaderValue::from_static("true"));
    }
    Ok(response)
}
