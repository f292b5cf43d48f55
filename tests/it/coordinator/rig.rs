//! A coordinator of one's own on a free port, with three people it knows.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use gatewatch::config::paths::Surroundings;
use gatewatch::config::settings::{self, Settings};
use gatewatch::config::sources::{self, Flags};
use gatewatch::coordinator::server;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use url::Url;

use crate::support;

/// May decide, roll back and operate goals.
pub(crate) const MIRA: &str = "token-of-mira";
/// May roll back only.
pub(crate) const ONCALL: &str = "token-of-oncall";
/// May look.
pub(crate) const GUEST: &str = "token-of-guest";
/// May answer for every agent.
pub(crate) const BUILDERS: &str = "token-of-builders";
/// May answer for the role `qa` of the tenant `acme`.
pub(crate) const QA: &str = "token-of-qa";
/// Secrets of somebody who signs, while they are rotated.
pub(crate) const SECRETS: [&str; 2] =
    ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"];

pub(crate) struct Rig {
    pub(crate) address: SocketAddr,
    _folder: tempfile::TempDir,
    pub(crate) http: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<anyhow::Result<()>>,
}

/// Settings with everything in a folder of its own.
pub(crate) fn settings(temporal: settings::Temporal) -> (Settings, tempfile::TempDir) {
    settings_and(temporal, "")
}

/// The same, and this in their file.
pub(crate) fn settings_and(temporal: settings::Temporal, more: &str) -> (Settings, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let person = |name: &str, token: &str, may: &str| {
        let digest = Sha256::digest(token);
        format!("[[coordinator.people]]\nname = \"{name}\"\ntoken_sha256 = \"{digest:x}\"\nmay = [{may}]\n")
    };
    fs::write(folder.path().join("secrets"), SECRETS.join("\n")).unwrap();
    let account = |name: &str, rest: &str| format!("[[coordinator.service_accounts]]\nname = \"{name}\"\n{rest}\n");
    let token = |token: &str| format!("token_sha256 = \"{:x}\"\n", Sha256::digest(token));
    let text = [
        account("builders", &token(BUILDERS)),
        account("qa", &(token(QA) + "roles = [\"qa\"]\ntenants = [\"acme\"]")),
        account("signer", "webhook_secrets_file = \"secrets\""),
        person("mira", MIRA, "\"decide\", \"rollback\", \"operate\""),
        person("oncall", ONCALL, "\"rollback\""),
        person("guest", GUEST, ""),
        more.to_owned(),
    ]
    .concat();
    fs::write(folder.path().join("gatewatch.toml"), text).unwrap();
    let home = folder.path().to_owned();
    let surroundings = Surroundings {
        variables: [].into(),
        config_home: home.join("config"),
        state_home: home.join("state"),
        current_dir: home.clone(),
        home,
    };
    let flags = Flags::new(Some(folder.path().join("gatewatch.toml")));
    let mut settings = sources::load(&flags, &surroundings).unwrap();
    settings.temporal = temporal;
    (settings, folder)
}

/// A place where nothing listens.
pub(crate) fn nowhere() -> settings::Temporal {
    settings::Temporal::plain(Url::parse("http://127.0.0.1:1").unwrap(), "default", "nobody")
}

impl Rig {
    pub(crate) async fn start(temporal: settings::Temporal) -> Self {
        let (settings, folder) = settings(temporal);
        Self::with(settings, folder).await
    }

    /// On settings of one's own, whose files are in this folder.
    pub(crate) async fn with(settings: Settings, folder: tempfile::TempDir) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            let told = async {
                let _ = stopped.await;
            };
            server::run_with_listener(&settings, listener, told).await
        });
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .timeout(Duration::from_secs(30))
            .build()
            .unwrap();
        Self { address, _folder: folder, http, stop: Some(stop), serving }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(path))
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path).json(body)
    }

    /// Tells it to stop and waits until it has.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        drop(self.stop.take());
        tokio::time::timeout(Duration::from_secs(20), self.serving).await.expect("it does not stop").unwrap()
    }
}

/// The answer to a message for a goal, asked for again under its id while it is in doubt, as clients do: a busy machine
/// takes longer than a worker may.
pub(crate) async fn settled(rig: &Rig, path: &str, body: &Value, token: &str) -> (StatusCode, Value) {
    let known =
        async || Some(answer(rig.post(path, body).bearer_auth(token)).await).filter(|(status, _)| *status != 202);
    support::wait_until("it is not in doubt", support::PATIENCE, known).await
}

/// Status, and the body as JSON.
pub(crate) async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{status}: {error}: {text}")))
}

/// A decision as a client sends it.
pub(crate) fn decision(workflow: &str, verdict: &str) -> Value {
    serde_json::json!({
        "decisionId": uuid::Uuid::new_v4().to_string(),
        "workflowId": workflow,
        "gate": "production-approval",
        "verdict": verdict,
    })
}
