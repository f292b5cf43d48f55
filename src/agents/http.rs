//! A web service: the work is posted to it. 200 holds the answer; after 202 the answer comes by callback.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::future::BoxFuture;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};

use crate::agents::{Adapter, Call, Outcome, answer};
use crate::config::agents::Http as Settings;
use crate::contracts::clock::Millis;

/// How long a service that only says that it is busy is left alone.
const PAUSE: Duration = Duration::from_secs(5);

pub(super) struct Http {
    name: String,
    settings: Settings,
    client: reqwest::Client,
}

impl Http {
    pub(super) fn new(name: String, settings: Settings, client: reqwest::Client) -> Self {
        Self { name, settings, client }
    }

    async fn post(&self, call: &Call) -> Result<Outcome, String> {
        let body = serde_json::to_vec(&call.request).map_err(|error| format!("the work cannot be told: {error}"))?;
        let attempt = call.request.attempt_id.as_str();
        let id = match call.request.reminder {
            0 => attempt.to_owned(),
            number => format!("{attempt}-reminder-{number}"),
        };
        let id = id.as_str();
        let mut request = self
            .client
            .post(self.settings.url.clone())
            .header("content-type", "application/json")
            .header("idempotency-key", id);
        if let Some(token) = &self.settings.token {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some(secret) = &self.settings.signing_secret {
            let at = chrono::Utc::now().timestamp();
            let signature = sign(secret, id, at, &body);
            request = request
                .header("webhook-id", id)
                .header("webhook-timestamp", at.to_string())
                .header("webhook-signature", format!("v1,{signature}"));
        }
        let response = request.body(body).send().await.map_err(|error| told(&error))?;
        let status = response.status();
        match status {
            StatusCode::ACCEPTED => Ok(Outcome::Accepted),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                let after = retry_after(response.headers()).unwrap_or(PAUSE);
                Ok(Outcome::Busy { after, why: format!("It asks for a pause: {status}.") })
            }
            status if status.is_success() => {
                let body = body_of(response, call.max_output).await?;
                answer::read(&body, &self.name, &call.request).map(|response| Outcome::Answered(Box::new(response)))
            }
            status => {
                let body = body_of(response, 4096).await.unwrap_or_default();
                let said = answer::quote(&String::from_utf8_lossy(&body));
                let said = if said.is_empty() { "nothing".to_owned() } else { said };
                Err(format!("it answered {status}; it said: {said}"))
            }
        }
    }
}

impl Adapter for Http {
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match tokio::time::timeout(call.time_limit, self.post(call)).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(why)) => Outcome::broken(why),
                Err(_) => {
                    let limit = Millis::from(call.time_limit).words();
                    Outcome::broken(format!("it did not answer within {limit}"))
                }
            }
        })
    }
}

/// Standard webhooks: over id, time and body. A secret may be written as `whsec_` and base64, as its makers do.
fn sign(secret: &SecretString, id: &str, at: i64, body: &[u8]) -> String {
    let written = secret.expose_secret();
    let key = written
        .strip_prefix("whsec_")
        .and_then(|key| BASE64.decode(key).ok())
        .unwrap_or_else(|| written.as_bytes().to_vec());
    let mut content = format!("{id}.{at}.").into_bytes();
    content.extend_from_slice(body);
    BASE64.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &content))
}

async fn body_of(mut response: Response, most: usize) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| told(&error))? {
        if body.len() + chunk.len() > most {
            return Err(format!("its answer has more than {most} bytes (`max_output`)"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// The error without its address, which may hold a password, and with its cause.
pub(super) fn told(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let what = if error.is_connect() { "it cannot be reached" } else { "the connection failed" };
    format!("{what}: {}", answer::quote(&cause.to_string()))
}
