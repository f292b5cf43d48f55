//! The coordinator as a client sees it, over HTTP. Every call has a deadline; a request that may have arrived is in
//! doubt, not failed.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use secrecy::ExposeSecret as _;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::config::settings;
use crate::contracts::decision::Outcome;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::http::{
    DecisionRequest, DecisionResponse, ErrorBody, GoalUsage, PublicKey, Readiness, RollbackBody, RollbackOutcome,
};
use crate::contracts::ids::{GateId, WorkflowId};
use crate::contracts::roster::AgentRoster;
use crate::contracts::text;
use crate::gateway::{connect, payload};

/// The coordinator itself waits 2 s for a worker.
const DECIDE: Duration = Duration::from_secs(6);
/// A rollback does not wait for a coordinator that hangs: there is another way.
const ROLLBACK: Duration = Duration::from_secs(4);
const ASK: Duration = Duration::from_secs(2);
const CONNECT: Duration = Duration::from_millis(1500);
/// An answer of the coordinator is a few hundred bytes.
const MAX_ANSWER: usize = 256 * 1024;

/// A client of one coordinator. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Coordinator {
    settings: settings::CoordinatorClient,
    http: reqwest::Client,
}

/// An answer that came, or why none did.
enum Heard {
    Answer(StatusCode, Value),
    /// It never arrived.
    Unsent(Failure),
    /// It may have arrived.
    Silence(Failure),
}

impl Coordinator {
    pub fn new(settings: &settings::CoordinatorClient) -> Result<Self, Failure> {
        // Whoever is first installs it; it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            // A token is for the coordinator alone.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| {
                Failure::new(FailureKind::Internal, format!("No HTTP client can be made: {error}."), "")
            })?;
        Ok(Self { settings: settings.clone(), http })
    }

    /// `host:port`, for people.
    pub fn address(&self) -> String {
        let url = &self.settings.url;
        match (url.host_str(), url.port_or_known_default()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            _ => url.to_string(),
        }
    }

    /// Decides a gate in the name of the token's owner. What may have arrived is in doubt.
    pub async fn decide(&self, request: &DecisionRequest) -> Result<Outcome, Failure> {
        let mut original = request.clone();
        original.workflow_id = WorkflowId::new(text::original(request.workflow_id.as_str()));
        original.gate = GateId::new(text::original(request.gate.as_str()));
        let call = self.request(Method::POST, &["v1", "decisions"], DECIDE)?.json(&original);
        match self.send(call).await {
            Heard::Answer(_, answer) if is::<DecisionResponse>(&answer) => {
                Ok(read::<DecisionResponse>("the decision", answer)?.outcome)
            }
            Heard::Answer(status, answer) if !is_unclear(status, &answer) => Err(refused("decide", status, answer)),
            Heard::Unsent(failure) => Err(failure),
            Heard::Answer(..) | Heard::Silence(_) => Ok(Outcome::InDoubt { decision_id: request.decision_id.clone() }),
        }
    }

    /// Asks for a rollback. Only the coordinator's own words refuse it; any other answer is as good as none.
    pub async fn rollback(&self, id: &WorkflowId, body: &RollbackBody) -> Result<RollbackOutcome, Failure> {
        let workflow = text::original(id.as_str());
        let path = ["v1", "workflows", &workflow, "rollback"];
        match self.send(self.request(Method::POST, &path, ROLLBACK)?.json(body)).await {
            Heard::Answer(status, answer) if status.is_success() => read("the rollback", answer),
            Heard::Answer(status, answer) => {
                let own_words = is::<ErrorBody>(&answer);
                let failure = refused("roll back", status, answer);
                // A proxy's no, or that of whatever else listens there, must not stop the direct way.
                Err(if own_words { failure } else { Failure { kind: FailureKind::Unavailable, ..failure } })
            }
            Heard::Unsent(failure) | Heard::Silence(failure) => Err(failure),
        }
    }

    /// Answers when the coordinator is there.
    pub async fn health(&self) -> Result<(), Failure> {
        self.get(&["healthz"]).await.map(|_| ())
    }

    /// Answers when it is a coordinator and can reach Temporal too: whatever else listens there may say 200 as well.
    pub async fn ready(&self) -> Result<Readiness, Failure> {
        read("its readiness", self.get(&["readyz"]).await?)
    }

    /// How far its clock and this machine's are apart, to within the time its answer takes.
    pub async fn clock_skew(&self) -> Result<Duration, Failure> {
        let asked = connect::now();
        let readiness = read::<Readiness>("the clock", self.get(&["readyz"]).await?)?;
        let heard = connect::now();
        Ok(readiness.at.since(heard).as_duration().max(asked.since(readiness.at).as_duration()))
    }

    /// The public key that its decisions are signed with, in hex.
    pub async fn public_key(&self) -> Result<String, Failure> {
        let answer = self.get(&["v1", "key"]).await?;
        Ok(read::<PublicKey>("the public key", answer)?.public_key)
    }

    /// Agents with their load, failures and cost, as it counts them.
    pub async fn agents(&self) -> Result<AgentRoster, Failure> {
        read("its agents", self.get(&["v1", "agents"]).await?)
    }

    /// What the agents of a goal have cost, and what holds its work back, as it counts them.
    pub async fn usage(&self, id: &WorkflowId) -> Result<GoalUsage, Failure> {
        let workflow = text::original(id.as_str());
        read("what the goal cost", self.get(&["v1", "goals", &workflow, "usage"]).await?)
    }

    async fn get(&self, path: &[&str]) -> Result<Value, Failure> {
        match self.send(self.request(Method::GET, path, ASK)?).await {
            Heard::Answer(status, answer) if status.is_success() => Ok(answer),
            Heard::Answer(status, answer) => Err(refused("answer", status, answer)),
            Heard::Unsent(failure) | Heard::Silence(failure) => Err(failure),
        }
    }

    /// Path segments are escaped one by one: an id may hold slashes.
    fn request(&self, method: Method, path: &[&str], deadline: Duration) -> Result<RequestBuilder, Failure> {
        let mut url = self.settings.url.clone();
        url.path_segments_mut()
            .map_err(|()| {
                Failure::new(FailureKind::Invalid, "The coordinator's address holds no path.", "Correct it.")
            })?
            .pop_if_empty()
            .extend(path);
        let request = self.http.request(method, url).timeout(deadline);
        Ok(match &self.settings.token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        })
    }

    async fn send(&self, request: RequestBuilder) -> Heard {
        let address = self.address();
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if error.is_connect() || error.is_builder() => {
                return Heard::Unsent(silent(&address, &error));
            }
            Err(error) => return Heard::Silence(silent(&address, &error)),
        };
        let status = answer.status();
        match body(answer).await {
            Ok(bytes) => Heard::Answer(status, serde_json::from_slice(&bytes).map(payload::safe).unwrap_or_default()),
            Err(error) => Heard::Silence(silent(&address, &error)),
        }
    }
}

async fn body(mut answer: reqwest::Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_ANSWER {
            break;
        }
    }
    Ok(bytes)
}

fn is<T: DeserializeOwned>(answer: &Value) -> bool {
    serde_json::from_value::<T>(answer.clone()).is_ok()
}

fn read<T: DeserializeOwned>(what: &str, answer: Value) -> Result<T, Failure> {
    serde_json::from_value(answer).map_err(|_| unreadable(what))
}

fn unreadable(what: &str) -> Failure {
    Failure::new(
        FailureKind::Internal,
        format!("The coordinator's answer about {what} cannot be read."),
        "Check that the address is a coordinator of this version.",
    )
}

/// Not the coordinator's own words, and no refusal: whoever stands between it and here cannot say what became of the
/// request.
fn is_unclear(status: StatusCode, answer: &Value) -> bool {
    (status.is_success() || status.is_server_error()) && !is::<ErrorBody>(answer)
}

/// The coordinator's own words, or what the status means where it has none.
fn refused(what: &str, status: StatusCode, answer: Value) -> Failure {
    if let Ok(body) = serde_json::from_value::<ErrorBody>(answer) {
        return body.error;
    }
    let kind = match status {
        StatusCode::UNAUTHORIZED => FailureKind::Unauthenticated,
        StatusCode::FORBIDDEN => FailureKind::Denied,
        StatusCode::NOT_FOUND => FailureKind::NotFound,
        StatusCode::CONFLICT => FailureKind::Conflict,
        StatusCode::GATEWAY_TIMEOUT => FailureKind::DeadlineExceeded,
        status if status.is_server_error() => FailureKind::Unavailable,
        _ => FailureKind::Invalid,
    };
    Failure::new(
        kind,
        format!("The coordinator does not {what}: {status}."),
        "Check its address and what stands between it and here.",
    )
}

fn silent(address: &str, error: &reqwest::Error) -> Failure {
    let mut root: &dyn std::error::Error = error;
    while let Some(source) = root.source() {
        root = source;
    }
    let (kind, why) = if error.is_timeout() {
        (FailureKind::DeadlineExceeded, "it does not answer in time".to_owned())
    } else {
        (FailureKind::Unavailable, text::line(&root.to_string()).into_owned())
    };
    Failure::new(
        kind,
        format!("The coordinator at {address} cannot be reached: {why}."),
        "Check that it runs; until then decisions wait.",
    )
}
