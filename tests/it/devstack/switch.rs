//! The traffic switch: nothing is lost when it is thrown, and it remembers.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::routing::any;
use gatewatch::devstack::load::{self, LoadArgs};
use reqwest::StatusCode;
use serde_json::json;
use tokio::sync::{Notify, oneshot};
use url::Url;

use crate::devstack::stack::{Switch, client, database, get, listener, metric, put, route, serve};
use crate::support::{GATEWATCH, PATIENCE, wait_until};

const OK: &str = r#"http_requests_total{status="200"}"#;

/// Anything that answers, until the test ends.
async fn backend(routes: Router) -> std::net::SocketAddr {
    let listener = listener().await;
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_fails_while_it_is_thrown_to_and_fro_under_load() {
    let folder = tempfile::tempdir().unwrap();
    let file = database(folder.path()).await;
    let ((old, old_address), (new, new_address)) = (serve("v41", &file).await, serve("v42", &file).await);
    let switch = Switch::start(&folder.path().join("switch.json")).await;
    switch.set("v41", old_address).await;
    let url = Url::parse(&format!("http://{}/", switch.public)).unwrap();
    let args = LoadArgs { url, rate: NonZeroU32::new(200).unwrap() };
    let (stop, stopped) = oneshot::channel();
    let load = tokio::spawn(async move {
        let stopped = async {
            let _ = stopped.await;
        };
        load::drive(&args, stopped).await.unwrap()
    });
    for _ in 0..5 {
        for (version, address) in [("v42", new_address), ("v41", old_address)] {
            switch.set(version, address).await;
            // Traffic reaches it before the next throw.
            let before = metric(address, OK).await;
            wait_until("it gets traffic", PATIENCE, async || (metric(address, OK).await > before + 5).then_some(()))
                .await;
        }
    }
    stop.send(()).unwrap();
    let summary = load.await.unwrap();
    // A request that a busy machine never sent is no request that failed.
    assert_eq!(summary.failed(), 0, "{summary}");
    let served = metric(old_address, OK).await + metric(new_address, OK).await;
    assert_eq!(summary.sent(), served, "each request was served once: {summary}");
    switch.stop().await;
    old.stop().await;
    new.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_finishes_where_it_began() {
    let (arrived, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (at_backend, until) = (Arc::clone(&arrived), Arc::clone(&release));
    let slow = Router::new().fallback(move || async move {
        at_backend.notify_one();
        until.notified().await;
        "old"
    });
    let (old, new) = (backend(slow).await, backend(Router::new().fallback(async || "new")).await);
    let folder = tempfile::tempdir().unwrap();
    let switch = Switch::start(&folder.path().join("switch.json")).await;
    switch.set("v41", old).await;
    let url = format!("http://{}/", switch.public);
    let fetch = async |url: String| client().get(url).send().await.unwrap().text().await.unwrap();
    let under_way = tokio::spawn(fetch(url.clone()));
    arrived.notified().await;
    switch.set("v42", new).await;
    assert_eq!(fetch(url).await, "new");
    release.notify_one();
    assert_eq!(under_way.await.unwrap(), "old");
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_arrives_whole_and_its_answer_too() {
    let echo = async |headers: HeaderMap, request: Request| {
        let line = format!("{} {}", request.method(), request.uri());
        let mut answer = axum::response::Response::new(Body::new(request.into_body()));
        *answer.status_mut() = StatusCode::IM_A_TEAPOT;
        answer.headers_mut().insert("x-line", line.parse().unwrap());
        answer.headers_mut().insert("x-asked", headers["x-ask"].clone());
        assert!(!headers.contains_key("x-hop"));
        answer
    };
    let echo = backend(Router::new().route("/{*path}", any(echo))).await;
    let folder = tempfile::tempdir().unwrap();
    let switch = Switch::start(&folder.path().join("switch.json")).await;
    switch.set("v41", echo).await;
    // Larger than any buffer on the way.
    let body: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let request = client().post(format!("http://{}/a%20b?c=d&e", switch.public)).body(body.clone());
    let request = request.header("x-ask", "1").header("connection", "x-hop").header("x-hop", "2");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(answer.headers()["x-line"], "POST /a%20b?c=d&e");
    assert_eq!(answer.headers()["x-asked"], "1");
    assert!(answer.bytes().await.unwrap() == body, "the body changed on its way");
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_live_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (service, address) = serve("v41", &database(folder.path()).await).await;
    let state = folder.path().join("state").join("switch.json");
    let first = Switch::start(&state).await;
    assert_eq!(get(first.admin, "/switch").await.0, StatusCode::NOT_FOUND);
    first.set("v41", address).await;
    first.stop().await;

    let second = Switch::start(&state).await;
    let expected = json!({
        "backend": address.to_string(),
        "deploymentId": "deploy-v41",
        "version": "v41",
        "commit": "commit-of-v41",
        "since": "2026-01-31T12:00:00Z",
    });
    assert_eq!(get(second.admin, "/switch").await, (StatusCode::OK, expected));
    assert_eq!(get(second.public, "/version").await.1["version"], "v41");
    second.stop().await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_cannot_be_kept_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let (state, blocker) = (folder.path().join("switch.json"), folder.path().join("switch.json.partial"));
    let switch = Switch::start(&state).await;
    let (old, new) = (listener().await.local_addr().unwrap(), listener().await.local_addr().unwrap());
    switch.set("v41", old).await;
    std::fs::create_dir(blocker).unwrap();
    let body = serde_json::to_string(&route("v42", new)).unwrap();
    let (status, failure) = put(switch.admin, "/switch", &body).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(failure["message"].as_str().unwrap().starts_with("The traffic was not switched: "), "{failure}");
    assert_eq!(get(switch.admin, "/switch").await.1["version"], "v41");
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_live_version_the_answer_is_503_with_words() {
    let folder = tempfile::tempdir().unwrap();
    let switch = Switch::start(&folder.path().join("switch.json")).await;
    let (status, failure) = get(switch.public, "/").await;
    assert_eq!((status, &failure["kind"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")));
    assert_eq!(failure["message"], "Nothing is live.");

    let gone = listener().await.local_addr().unwrap();
    switch.set("v41", gone).await;
    let (status, failure) = get(switch.public, "/").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(failure["message"], format!("The live version at {gone} does not answer."));
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_refused_and_the_traffic_stays() {
    let folder = tempfile::tempdir().unwrap();
    let switch = Switch::start(&folder.path().join("switch.json")).await;
    let live = listener().await.local_addr().unwrap();
    switch.set("v41", live).await;
    let with = |key: &str, value: serde_json::Value| {
        let mut body = serde_json::to_value(route("v42", live)).unwrap();
        body[key] = value;
        body.to_string()
    };
    let cases = [
        ("nonsense".to_owned(), StatusCode::BAD_REQUEST, "The body is no JSON"),
        ("{}".to_owned(), StatusCode::UNPROCESSABLE_ENTITY, "missing field `backend`"),
        (with("backend", json!("example.com")), StatusCode::UNPROCESSABLE_ENTITY, "invalid socket address"),
        (with("backend", json!("127.0.0.1:0")), StatusCode::UNPROCESSABLE_ENTITY, "`backend` has no port"),
        (with("backend", json!(switch.public)), StatusCode::UNPROCESSABLE_ENTITY, "`backend` is the switch itself"),
        (with("version", json!("")), StatusCode::UNPROCESSABLE_ENTITY, "`version` is empty"),
        (with("deploymentId", json!("")), StatusCode::UNPROCESSABLE_ENTITY, "`deploymentId` is empty"),
        (with("commit", json!(7)), StatusCode::UNPROCESSABLE_ENTITY, "invalid type"),
        (with("since", json!("yesterday")), StatusCode::UNPROCESSABLE_ENTITY, "says something else"),
    ];
    for (body, status, words) in cases {
        let (got, failure) = put(switch.admin, "/switch", &body).await;
        assert_eq!(got, status, "{body}");
        assert!(failure["message"].as_str().unwrap().contains(words), "{body}: {failure}");
        assert!(failure["hint"].as_str().unwrap().contains("deploymentId"), "{failure}");
    }
    assert_eq!(get(switch.admin, "/switch").await.1["version"], "v41");
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_state_file_is_named_and_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("switch.json");
    std::fs::write(&state, "half a rou").unwrap();
    let output = tokio::process::Command::new(GATEWATCH)
        .args(["demo-switch", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--state"])
        .arg(&state)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(30), output).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains(&format!("{} is no route", state.display())), "{stderr}");
    assert_eq!(std::fs::read_to_string(&state).unwrap(), "half a rou");
}
