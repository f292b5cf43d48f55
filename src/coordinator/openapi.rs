//! The head of the OpenAPI document; its paths come from the handlers.

use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};

use crate::contracts::http::{HealthBoard, HealthEnd, HealthGap};

#[derive(OpenApi)]
#[openapi(
    info(title = "gatewatch coordinator", description = "Decisions in, exactly one effect out."),
    components(schemas(HealthBoard, HealthEnd, HealthGap, crate::contracts::health::Sample))
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
