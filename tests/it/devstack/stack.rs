//! The demo's processes inside the test, each on free ports, ended with it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use gatewatch::contracts::clock::Timestamp;
use gatewatch::contracts::ids::{CommitSha, DeploymentId, Version};
use gatewatch::devstack::service::database::SCHEMA;
use gatewatch::devstack::service::{self, ServiceOptions};
use gatewatch::devstack::switch::state::Route;
use gatewatch::devstack::switch::{self, Listeners};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::PATIENCE;

/// Something that serves in a task of this test.
pub(crate) struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    fn start<F: Future<Output = anyhow::Result<()>> + Send + 'static>(
        serve: impl FnOnce(oneshot::Receiver<()>) -> F,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self { stop, task: tokio::spawn(serve(stopped)) }
    }

    /// Tells it to end, and waits until it has.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        tokio::time::timeout(PATIENCE, self.task).await.expect("it ends when told").unwrap().unwrap();
    }

    /// Waits until it ends by itself.
    pub(crate) async fn ended(self) {
        tokio::time::timeout(PATIENCE, self.task).await.expect("it ends by itself").unwrap().unwrap();
    }
}

pub(crate) async fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap()
}

/// A database as the first migration leaves it.
pub(crate) async fn database(folder: &Path) -> PathBuf {
    let file = folder.join("shop.db");
    sql(&file, SCHEMA).await;
    file
}

pub(crate) async fn sql(file: &Path, script: &str) {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true).busy_timeout(PATIENCE);
    let mut connection = options.connect().await.unwrap();
    connection.execute(sqlx::AssertSqlSafe(script.to_owned())).await.unwrap();
    connection.close().await.unwrap();
}

/// A version of the service, and where it answers.
pub(crate) async fn serve(version: &str, database: &Path) -> (Running, SocketAddr) {
    serve_with(options(version, database)).await
}

pub(crate) async fn serve_with(options: ServiceOptions) -> (Running, SocketAddr) {
    let listener = listener().await;
    let address = listener.local_addr().unwrap();
    let running = Running::start(|stop| {
        service::run_with_listener(options, listener, async {
            let _ = stop.await;
        })
    });
    (running, address)
}

pub(crate) fn options(version: &str, database: &Path) -> ServiceOptions {
    ServiceOptions {
        name: "checkout".into(),
        version: Version::new(version),
        commit: CommitSha::new(format!("commit-of-{version}")),
        database: database.to_owned(),
        lifeline: None,
    }
}

/// A traffic switch.
pub(crate) struct Switch {
    running: Running,
    pub(crate) public: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Switch {
    pub(crate) async fn start(state: &Path) -> Self {
        let (public, admin) = (listener().await, listener().await);
        let address = |listener: &TcpListener| listener.local_addr().unwrap();
        let addresses = [address(&public), address(&admin)];
        let (state, listeners) = (state.to_owned(), Listeners { public, admin });
        let running = Running::start(|stop| async move {
            let stopped = async {
                let _ = stop.await;
            };
            switch::run_with_listeners(&state, listeners, stopped).await
        });
        let [public, admin] = addresses;
        Self { running, public, admin }
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await;
    }

    /// Sends all traffic to a version.
    pub(crate) async fn set(&self, version: &str, backend: SocketAddr) {
        let body = serde_json::to_string(&route(version, backend)).unwrap();
        let answer = put(self.admin, "/switch", &body).await;
        assert_eq!(answer, (StatusCode::OK, serde_json::from_str(&body).unwrap()));
    }
}

pub(crate) fn route(version: &str, backend: SocketAddr) -> Route {
    Route {
        backend,
        deployment_id: DeploymentId::new(format!("deploy-{version}")),
        version: Version::new(version),
        commit: CommitSha::new(format!("commit-of-{version}")),
        since: Timestamp::from_unix_millis(1_769_860_800_000).unwrap(),
    }
}

pub(crate) async fn get(at: SocketAddr, path: &str) -> (StatusCode, Value) {
    ask(Method::GET, at, path, "").await
}

pub(crate) async fn put(at: SocketAddr, path: &str, body: &str) -> (StatusCode, Value) {
    ask(Method::PUT, at, path, body).await
}

async fn ask(method: Method, at: SocketAddr, path: &str, body: &str) -> (StatusCode, Value) {
    let answer = client().request(method, format!("http://{at}{path}")).body(body.to_owned()).send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    let json = serde_json::from_str(&text);
    (status, json.unwrap_or_else(|error| panic!("{path} answers {status} and no JSON ({error}): {text}")))
}

pub(crate) fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

/// The value of one line of `/metrics`.
pub(crate) async fn metric(at: SocketAddr, line: &str) -> u64 {
    let text = client().get(format!("http://{at}/metrics")).send().await.unwrap().text().await.unwrap();
    let value = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no `{line}` in\n{text}")).parse().unwrap()
}
