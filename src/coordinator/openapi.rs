//! The head of the OpenAPI document; its paths come from the handlers.

use std::collections::BTreeMap;

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, Ref, RefOr};
use utoipa::{IntoResponses, OpenApi};

use crate::contracts::engine::message::Told;
use crate::contracts::http::{HealthBoard, HealthEnd, HealthGap};

#[derive(OpenApi)]
#[openapi(
    info(title = "gatewatch coordinator", description = "Decisions in, exactly one effect out."),
    components(schemas(HealthBoard, HealthEnd, HealthGap, Told, crate::contracts::health::Sample))
)]
struct Head;

pub fn head() -> Document {
    let mut document = Head::openapi();
    let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("token", token);
    let agent = SecurityScheme::Http(
        Http::builder().scheme(HttpAuthScheme::Bearer).description(Some("A service account's token.")).build(),
    );
    components.add_security_scheme("agent", agent);
    let described =
        "standard-webhooks: `webhook-id`, `webhook-timestamp` and `webhook-signature` (HMAC-SHA256, `v1,BASE64`).";
    let webhook = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description("webhook-signature", described)));
    components.add_security_scheme("webhook", webhook);
    document
}

/// What refuses a body is nothing that an operation without one answers.
pub fn without_needless(mut document: Document) -> Document {
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post].into_iter().flatten();
        for operation in operations.filter(|operation| operation.request_body.is_none()) {
            operation.responses.responses.retain(|status, _| !OF_BODIES.contains(&status.as_str()));
        }
    }
    document
}

/// How a body is refused that cannot be read at all.
const OF_BODIES: [&str; 2] = ["413", "415"];

/// What a goal answers to what it is told: each with a `Told`.
pub struct Answers;

const ANSWERS: [(&str, &str); 3] = [
    ("200", "The goal has taken it in, now or before."),
    ("202", "Sent; no worker has confirmed it yet."),
    ("409", "The goal refused it, and why."),
];

impl IntoResponses for Answers {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        all_with("Told", &ANSWERS)
    }
}

/// How an operation may be refused that is for people and asks Temporal: each with an `ErrorBody`.
pub struct Refusals;

/// Their statuses, and what they mean.
const REFUSALS: [(&str, &str); 8] = [
    ("401", "Nobody we know asks."),
    ("403", "Whoever asks may not."),
    ("404", "There is no such workflow."),
    ("413", "The body is too large."),
    ("415", "The body is no JSON."),
    ("422", "The request itself is wrong; the message says why."),
    ("503", "Temporal cannot be reached."),
    ("504", "No answer came in time; sent again under the same id it has one effect."),
];

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        all_with("ErrorBody", &REFUSALS)
    }
}

/// Each of these statuses with a body of this schema.
fn all_with(schema: &str, statuses: &[(&str, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let response = |(status, what): &(&str, &str)| {
        let body = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
        let response = ResponseBuilder::new().description(*what).content("application/json", body).build();
        ((*status).to_owned(), RefOr::T(response))
    };
    statuses.iter().map(response).collect()
}
