//! `GET /v1/key`: whose proofs this coordinator writes.

use axum::Json;
use axum::extract::State;

use crate::contracts::http::PublicKey;
use crate::coordinator::state::AppState;

/// The public half of the key that signs decisions. Workflows obey the coordinators whose keys they were started with.
#[utoipa::path(get, path = "/v1/key", responses((status = 200, body = PublicKey)))]
pub async fn public_key(State(state): State<AppState>) -> Json<PublicKey> {
    Json(PublicKey { algorithm: "ed25519".to_owned(), public_key: state.key().public().to_owned() })
}
