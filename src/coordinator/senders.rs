//! Who may answer for agents: service accounts, known by a bearer token or by the signature of what they send
//! (standard-webhooks, HMAC-SHA256). They may answer, and nothing else.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use secrecy::ExposeSecret as _;

use crate::config::settings::ServiceAccount;
use crate::contracts::agent::AgentResponse;
use crate::contracts::failure::{Failure, FailureKind};
use crate::coordinator::auth;
use crate::coordinator::error::ApiError;
use crate::coordinator::extract;
use crate::coordinator::state::AppState;

/// How far a signature's time may be from ours, in seconds: what is older may be a replay.
const WINDOW: i64 = 5 * 60;
/// Headers of a signed message.
const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";
/// How a secret of standard-webhooks begins.
const SECRET: &str = "whsec_";
/// More signatures in one header than any rotation needs.
const MOST_SIGNATURES: usize = 10;

/// Somebody who may answer for agents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    name: String,
    /// Roles it may answer for; none means all.
    roles: Vec<String>,
    /// Tenants whose workflows it may answer; none means all.
    tenants: Vec<String>,
}

impl Sender {
    /// The coordinator itself: it may answer for every agent it calls.
    pub fn coordinator(name: impl Into<String>) -> Self {
        Self { name: name.into(), roles: Vec::new(), tenants: Vec::new() }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it may give this answer.
    pub fn must(&self, response: &AgentResponse) -> Result<(), ApiError> {
        let role = &response.agent_role;
        let denied = |what: String| {
            let hint = "Ask whoever keeps the coordinator's `service_accounts`.";
            let message = format!("{} may not answer {what}.", self.name);
            Err(ApiError::new(StatusCode::FORBIDDEN, Failure::new(FailureKind::Denied, message, hint)))
        };
        if !self.roles.is_empty() && !self.roles.contains(role) {
            return denied("for this agent role".to_owned());
        }
        if !self.tenants.is_empty() && !self.tenants.iter().any(|tenant| response.workflow_id.is_of(tenant)) {
            return denied("workflows of this tenant".to_owned());
        }
        Ok(())
    }
}

/// The service accounts a coordinator knows.
pub struct Senders(Vec<Account>);

struct Account {
    sender: Arc<Sender>,
    token: Option<[u8; 32]>,
    /// Every one of them counts: that is how secrets are rotated.
    keys: Vec<hmac::Key>,
}

impl Senders {
    /// An account whose secrets cannot be read can never be recognised: says whose.
    pub fn new(accounts: &[ServiceAccount]) -> Result<Self, String> {
        let account = |account: &ServiceAccount| {
            let wrong = |what: &str| format!("the {what} of the service account `{}`", account.name);
            let token = account.token_sha256.as_deref().map(|digest| {
                auth::decode_digest(digest).ok_or_else(|| wrong("token_sha256") + " is no SHA-256 in hex")
            });
            let key = |secret: &secrecy::SecretString| {
                let secret = secret.expose_secret();
                let bytes = STANDARD.decode(secret.strip_prefix(SECRET).unwrap_or(secret));
                let bytes = bytes.ok().filter(|bytes| (24..=64).contains(&bytes.len()));
                bytes
                    .map(|bytes| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
                    .ok_or_else(|| wrong("webhook secret") + " is not `whsec_` and 24 to 64 bytes in base64")
            };
            Ok(Account {
                sender: Arc::new(Sender {
                    name: account.name.clone(),
                    roles: account.roles.clone(),
                    tenants: account.tenants.clone(),
                }),
                token: token.transpose()?,
                keys: account.webhook_secrets.iter().map(key).collect::<Result<_, String>>()?,
            })
        };
        accounts.iter().map(account).collect::<Result<_, _>>().map(Self)
    }

    /// The one of this name.
    pub fn named(&self, name: &str) -> Option<Arc<Sender>> {
        self.0.iter().find(|account| account.sender.name == name).map(|account| Arc::clone(&account.sender))
    }

    /// Looks at every account, whoever matches: the time taken tells nothing.
    fn of_token(&self, token: &[u8]) -> Option<Arc<Sender>> {
        let digest = auth::digest(token);
        let mut found = None;
        for account in &self.0 {
            if account.token.as_ref().is_some_and(|expected| auth::same(expected, &digest)) {
                found = Some(Arc::clone(&account.sender));
            }
        }
        found
    }

    fn of_signature(&self, signed: &Signed, body: &[u8]) -> Option<Arc<Sender>> {
        let mut content = format!("{}.{}.", signed.id, signed.at).into_bytes();
        content.extend_from_slice(body);
        let mut found = None;
        for account in &self.0 {
            for key in &account.keys {
                for signature in &signed.signatures {
                    if hmac::verify(key, &content, signature).is_ok() {
                        found = Some(Arc::clone(&account.sender));
                    }
                }
            }
        }
        found
    }
}

/// What the headers of a signed message say.
struct Signed {
    id: String,
    /// Seconds since 1970.
    at: i64,
    signatures: Vec<Vec<u8>>,
}

fn signed(headers: &HeaderMap, now: i64) -> Result<Signed, String> {
    let header = |name: &str| {
        let mut values = headers.get_all(name).iter();
        let value = values.next().and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty());
        match (value, values.next()) {
            (Some(value), None) => Ok(value),
            _ => Err(format!("The header `{name}` is missing, given twice or no text.")),
        }
    };
    let (id, at, signatures) = (header(ID)?, header(TIMESTAMP)?, header(SIGNATURE)?);
    let at: i64 = at.parse().map_err(|_| format!("`{TIMESTAMP}` is no number of seconds since 1970."))?;
    if now.abs_diff(at) > WINDOW.unsigned_abs() {
        return Err(format!("`{TIMESTAMP}` is more than {} min away from the coordinator's clock.", WINDOW / 60));
    }
    let of_version_1 = signatures.split(' ').filter_map(|signature| signature.strip_prefix("v1,"));
    let signatures: Vec<_> = of_version_1.take(MOST_SIGNATURES).filter_map(|text| STANDARD.decode(text).ok()).collect();
    if signatures.is_empty() {
        return Err(format!("`{SIGNATURE}` holds no signature of version 1: `v1,BASE64`."));
    }
    Ok(Signed { id: id.to_owned(), at, signatures })
}

/// A body that a service account has sent. A handler that takes this is closed to everybody else.
pub struct Posted {
    pub sender: Arc<Sender>,
    pub body: Bytes,
}

impl FromRequest<AppState> for Posted {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let headers = request.headers();
        // Who is known by a token is known before a byte of the body is read.
        let known = if headers.contains_key(AUTHORIZATION) {
            let found = state.senders().of_token(auth::bearer_token(headers)?);
            Some(found.ok_or_else(|| unknown("No service account has this token."))?)
        } else if headers.contains_key(SIGNATURE) {
            None
        } else {
            return Err(unknown("The request carries neither a bearer token nor a signature."));
        };
        let signed = match &known {
            Some(_) => None,
            None => Some(signed(headers, chrono::Utc::now().timestamp()).map_err(unknown)?),
        };
        if !is_json(headers) {
            let message = "The body is not declared as JSON.";
            let failure = Failure::new(FailureKind::Invalid, message, "Send `Content-Type: application/json`.");
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, failure));
        }
        let body = extract::whole(request, state).await?;
        let found = known.or_else(|| signed.and_then(|signed| state.senders().of_signature(&signed, &body)));
        let sender = found.ok_or_else(|| unknown("No service account has signed this."))?;
        Ok(Self { sender, body })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn unknown(message: impl Into<String>) -> ApiError {
    let hint = "Send `Authorization: Bearer TOKEN`, or sign as standard-webhooks does, as one of the coordinator's \
                `service_accounts`.";
    ApiError::new(StatusCode::UNAUTHORIZED, Failure::new(FailureKind::Unauthenticated, message, hint))
}
