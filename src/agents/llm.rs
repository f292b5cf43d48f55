//! A language model of whichever provider. It is told the prompt and how to answer; what it says is read as JSON of that
//! form, and is work that was not done when it is anything else.

use futures_util::future::BoxFuture;
use genai::chat::{ChatMessage, ChatOptions, ChatRequest, ChatResponseFormat, JsonSpec};
use genai::resolver::{AuthData, Endpoint, ServiceTargetResolver};
use genai::{Client, ServiceTarget};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

use crate::agents::{Adapter, Call, Outcome, answer};
use crate::config::agents::{Llm as Settings, Price};
use crate::contracts::agent::{AgentMetrics, Tokens};
use crate::contracts::clock::Millis;

/// How every model is told to answer, whatever its prompt.
const MANNER: &str = "You do one step of a larger job. Answer with one JSON object and nothing else: \
    `status` is \"OK\" when the step is done and \"FAIL\" when it is not; `content` is an object with your result; \
    `artifacts` is a list of what you made, each with `type`, `url` and `ref`, and is usually empty; \
    `errors` says why when it is not done, and is empty otherwise.";

pub(super) struct Llm {
    name: String,
    settings: Settings,
    client: Client,
}

impl Llm {
    pub(super) fn new(name: String, settings: Settings, client: reqwest::Client) -> Result<Self, String> {
        let (endpoint, token) = (settings.endpoint.clone(), settings.token.clone());
        let place = move |mut target: ServiceTarget| {
            if let Some(url) = &endpoint {
                target.endpoint = Endpoint::from_owned(url.as_str());
                // A server of one's own needs no key; the provider's must not go to it.
                target.auth = AuthData::from_single("none");
            }
            if let Some(token) = &token {
                target.auth = AuthData::from_single(token.expose_secret());
            }
            Ok(target)
        };
        let client = Client::builder()
            .with_reqwest(client)
            .with_service_target_resolver(ServiceTargetResolver::from_resolver_fn(place))
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { name, settings, client })
    }

    async fn ask(&self, call: &Call) -> Outcome {
        let work = json!({"kind": call.request.kind, "payload": call.request.payload, "goal": call.request.goal});
        let prompt = call.request.prompt.clone().unwrap_or_default();
        let messages =
            vec![ChatMessage::system(MANNER), ChatMessage::user(format!("{prompt}\n\nThe step, as JSON:\n{work}"))];
        let mut options = ChatOptions::default().with_response_format(format());
        if let Some(most) = self.settings.max_tokens {
            options = options.with_max_tokens(most);
        }
        let said = match self.client.exec_chat(&self.settings.model, ChatRequest::new(messages), Some(&options)).await {
            Ok(said) => said,
            Err(error) => return refused(&error),
        };
        let count = |tokens: Option<i32>| tokens.and_then(|tokens| u64::try_from(tokens).ok()).unwrap_or(0);
        let tokens =
            Tokens { prompt: count(said.usage.prompt_tokens), completion: count(said.usage.completion_tokens) };
        let metrics = AgentMetrics { tokens: Some(tokens), cost_usd: Some(cost(self.settings.price, tokens)) };
        let stopped = said.stop_reason.as_ref().map(|reason| reason.raw().to_owned()).unwrap_or_default();
        let read = said
            .first_text()
            .ok_or_else(|| "it said nothing".to_owned())
            .and_then(|text| self.read(text, call))
            .map_err(|why| format!("{why} (it stopped with `{}`)", answer::quote(&stopped)));
        match read {
            Ok(mut response) => {
                response.metrics = Some(metrics);
                Outcome::Answered(Box::new(response))
            }
            Err(why) => Outcome::Broken { why, metrics: Some(metrics) },
        }
    }

    fn read(&self, text: &str, call: &Call) -> Result<crate::contracts::agent::AgentResponse, String> {
        if text.len() > call.max_output {
            return Err(format!(
                "its answer has {} bytes; {} are the most (`max_output`)",
                text.len(),
                call.max_output
            ));
        }
        let mut fields: Map<String, Value> = serde_json::from_str(unfenced(text))
            .map_err(|error| format!("it answered what is no JSON object ({error}): {}", answer::quote(text)))?;
        // What it is an answer to is not the model's to say.
        fields.retain(|name, _| ["status", "content", "artifacts", "errors"].contains(&name.as_str()));
        answer::of(fields, &self.name, &call.request)
    }
}

impl Adapter for Llm {
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let outcome = tokio::time::timeout(call.time_limit, self.ask(call)).await;
            outcome.unwrap_or_else(|_| {
                let limit = Millis::from(call.time_limit).words();
                Outcome::broken(format!("the model did not answer within {limit}"))
            })
        })
    }
}

/// The form of an answer. Providers that know no schemas ignore it; what they answer is checked all the same.
fn format() -> ChatResponseFormat {
    let text = json!({"type": "string"});
    let artifact = json!({
        "type": "object",
        "properties": {"type": text, "url": text, "ref": text},
        "required": ["type", "url", "ref"],
    });
    ChatResponseFormat::JsonSpec(JsonSpec::new(
        "agent_response",
        json!({
            "type": "object",
            "properties": {
                "status": {"type": "string", "enum": ["OK", "FAIL"]},
                "content": {"type": "object"},
                "artifacts": {"type": "array", "items": artifact},
                "errors": text,
            },
            "required": ["status", "content"],
        }),
    ))
}

/// Models like to put a fence around JSON.
fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let inside = text.strip_prefix("```json").or_else(|| text.strip_prefix("```"));
    inside.and_then(|inside| inside.trim_end().strip_suffix("```")).unwrap_or(text).trim()
}

#[expect(clippy::cast_precision_loss, reason = "no call has so many tokens")]
fn cost(price: Price, tokens: Tokens) -> f64 {
    (price.prompt * tokens.prompt as f64 + price.completion * tokens.completion as f64) / 1_000_000.0
}

/// What the provider said instead of an answer. Never the request: it may be long, and is the goal's own.
#[expect(clippy::wildcard_enum_match_arm, reason = "a foreign enum that grows")]
fn refused(error: &genai::Error) -> Outcome {
    let cause = match error {
        genai::Error::WebModelCall { webc_error, .. } | genai::Error::WebAdapterCall { webc_error, .. } => webc_error,
        genai::Error::RequiresApiKey { .. } | genai::Error::NoAuthData { .. } => {
            return Outcome::broken("the model needs a key: set `token_file`");
        }
        other => {
            let words = other.to_string();
            return Outcome::broken(format!("the call failed: {}", answer::quote(words.lines().next().unwrap_or(""))));
        }
    };
    match cause {
        genai::webc::Error::ResponseFailedStatus { status, .. } if matches!(status.as_u16(), 429 | 503 | 529) => {
            let after = std::time::Duration::from_secs(10);
            Outcome::Busy { after, why: format!("The provider asks for a pause: {status}.") }
        }
        genai::webc::Error::ResponseFailedStatus { status, body, .. } => {
            Outcome::broken(format!("the provider answered {status}; it said: {}", answer::quote(body)))
        }
        genai::webc::Error::Reqwest(error) => Outcome::broken(super::http::told(error)),
        other => Outcome::broken(format!("the call failed: {}", answer::quote(&other.to_string()))),
    }
}
