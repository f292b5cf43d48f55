//! The head of the OpenAPI document; its paths come from the handlers.

use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

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
    document.components.get_or_insert_default().add_security_scheme("token", token);
    document
}
