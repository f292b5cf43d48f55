//! A small real service and a small real traffic switch, on free ports.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

use crate::activities::world::World;

/// What a service answers, changed by the test while it runs.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
    pub(crate) version: String,
    pub(crate) commit: String,
    pub(crate) healthy: bool,
    pub(crate) metrics: Option<String>,
    /// So many bytes more in every answer of its pages and of its version.
    pub(crate) padding: usize,
}

/// More than anybody reads of an answer.
pub(crate) const TOO_MUCH: usize = 5 * 1024 * 1024;

pub(crate) type Shared = Arc<Mutex<Answers>>;

pub(crate) fn answers(version: &str, commit: &str) -> Shared {
    let (version, commit) = (version.to_owned(), commit.to_owned());
    Arc::new(Mutex::new(Answers { version, commit, healthy: true, metrics: None, padding: 0 }))
}

/// Serves until the test ends.
pub(crate) async fn serve(answers: Shared, listen: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind(listen).await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Router::new()
        .route("/version", get(version))
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
        .fallback(|State(answers): State<Shared>| async move {
            let answers = answers.lock().unwrap();
            format!("shop {} sells tea{}", answers.version, " ".repeat(answers.padding))
        })
        .with_state(answers);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

async fn version(State(answers): State<Shared>) -> axum::Json<Value> {
    let answers = answers.lock().unwrap();
    let padding = " ".repeat(answers.padding);
    axum::Json(json!({ "version": answers.version, "commit": answers.commit, "padding": padding }))
}

async fn health(State(answers): State<Shared>) -> (StatusCode, axum::Json<Value>) {
    let healthy = answers.lock().unwrap().healthy;
    let status = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(json!({ "healthy": healthy, "database": "ok" })))
}

async fn metrics(State(answers): State<Shared>) -> Response {
    answers.lock().unwrap().metrics.clone().map_or(StatusCode::NOT_FOUND.into_response(), String::into_response)
}

/// The switch: its admin address, and the public address behind which the live version answers.
pub(crate) struct Switch {
    pub(crate) admin: Url,
    pub(crate) public: Url,
    route: Arc<Mutex<Option<Value>>>,
}

impl Switch {
    pub(crate) async fn start() -> Self {
        let route = Arc::new(Mutex::new(None));
        let admin = Router::new().route("/switch", get(read_route).put(write_route)).with_state(Arc::clone(&route));
        let public = Router::new().fallback(forward).with_state(Arc::clone(&route));
        let (admin, public) = (spawn(admin).await, spawn(public).await);
        Self { admin, public, route }
    }

    pub(crate) fn backend(&self) -> Option<String> {
        self.route.lock().unwrap().as_ref().map(|route| route["backend"].as_str().unwrap().to_owned())
    }
}

async fn spawn(routes: Router) -> Url {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

type Route = Arc<Mutex<Option<Value>>>;

async fn read_route(State(route): State<Route>) -> Response {
    let route = route.lock().unwrap().clone();
    route.map_or(StatusCode::NOT_FOUND.into_response(), |route| axum::Json(route).into_response())
}

async fn write_route(State(route): State<Route>, axum::Json(new): axum::Json<Value>) -> StatusCode {
    *route.lock().unwrap() = Some(new);
    StatusCode::NO_CONTENT
}

async fn forward(State(route): State<Route>, request: Request) -> Response {
    let backend = route.lock().unwrap().as_ref().map(|route| route["backend"].as_str().unwrap().to_owned());
    let Some(backend) = backend else { return StatusCode::BAD_GATEWAY.into_response() };
    assert_eq!(*request.method(), Method::GET);
    match reqwest::get(format!("http://{backend}{}", request.uri())).await {
        Ok(answer) => {
            let status = StatusCode::from_u16(answer.status().as_u16()).unwrap();
            (status, answer.text().await.unwrap()).into_response()
        }
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// The command that makes [`run_as_a_process`] of this very test binary.
pub(crate) fn command(world: &World) -> Vec<String> {
    let exe = std::env::current_exe().unwrap().display().to_string();
    let flags = world.path("flags").display().to_string();
    [
        "/usr/bin/env",
        "SHOP_VERSION={version}",
        "SHOP_COMMIT={commit}",
        "SHOP_LISTEN={listen}",
        &format!("SHOP_FLAGS={flags}"),
        &exe,
        "--exact",
        "activities::service::run_as_a_process",
        "--ignored",
        "--nocapture",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Not a test: a version of the shop as a process of its own. Files in the folder `SHOP_FLAGS` are its faults.
#[test]
#[ignore = "this is what the tests of deploying deploy"]
fn run_as_a_process() {
    let variable = |name: &str| std::env::var(name).unwrap();
    let (version, flags) = (variable("SHOP_VERSION"), std::path::PathBuf::from(variable("SHOP_FLAGS")));
    assert!(std::env::var_os("TEMPORAL_API_KEY").is_none(), "the worker's credentials are not the shop's");
    if flags.join(format!("crash-{version}")).exists() {
        eprintln!("told to crash");
        std::process::exit(3);
    }
    let answers = answers(&version, &variable("SHOP_COMMIT"));
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        serve(Arc::clone(&answers), variable("SHOP_LISTEN").parse().unwrap()).await;
        // Nobody waits for it when its test was killed: it ends with the test's folder.
        while flags.exists() {
            answers.lock().unwrap().healthy = !flags.join(format!("sick-{version}")).exists();
            let padded = flags.join(format!("endless-{version}")).exists();
            answers.lock().unwrap().padding = if padded { TOO_MUCH } else { 0 };
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
}
