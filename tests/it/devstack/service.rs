//! The demo service as its monitor sees it: through the switch, over HTTP, with a real database.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use gatewatch::devstack::lifeline::Holder;
use gatewatch::devstack::port::free;
use reqwest::StatusCode;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::process::{Child, Command};

use crate::devstack::stack::{
    Running, Switch, client, database, get, listener, metric, options, put, serve, serve_with, sql,
};
use crate::support::{GATEWATCH, PATIENCE, wait_until};

const OK: &str = r#"http_requests_total{status="200"}"#;
const FAILED: &str = r#"http_requests_total{status="500"}"#;
const REFUSED: &str = r#"http_requests_total{status="503"}"#;
const SLOW: &str = r#"http_request_duration_seconds_bucket{le="0.1"}"#;
const COUNT: &str = "http_request_duration_seconds_count";

/// A version behind a switch.
struct Stack {
    folder: tempfile::TempDir,
    switch: Switch,
    service: Running,
    public: SocketAddr,
}

impl Stack {
    async fn start(version: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (service, address) = serve(version, &database(folder.path()).await).await;
        let switch = Switch::start(&folder.path().join("switch.json")).await;
        switch.set(version, address).await;
        let public = switch.public;
        Self { folder, switch, service, public }
    }

    async fn fault(&self, fault: &str) {
        let body = json!({ "fault": fault });
        assert_eq!(put(self.public, "/fault", &body.to_string()).await, (StatusCode::OK, body.clone()));
        assert_eq!(get(self.public, "/fault").await, (StatusCode::OK, body));
    }

    async fn order(&self, n_times: usize) -> Vec<StatusCode> {
        let mut statuses = Vec::new();
        for _ in 0..n_times {
            statuses.push(get(self.public, "/").await.0);
        }
        statuses
    }

    async fn stop(self) {
        self.switch.stop().await;
        self.service.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_releases_differ_and_share_their_orders() {
    let stack = Stack::start("v41").await;
    let (_, old) = get(stack.public, "/").await;
    assert_eq!((&old["version"], &old["order"], &old["orders"]), (&json!("v41"), &json!(1), &json!(1)));
    assert!(old.get("paymentAttempts").is_none(), "{old}");
    assert_eq!(get(stack.public, "/version").await.1, json!({ "version": "v41", "commit": "commit-of-v41" }));

    let (newer, address) = serve("v42", &stack.folder.path().join("shop.db")).await;
    stack.switch.set("v42", address).await;
    let (_, new) = get(stack.public, "/").await;
    assert_eq!((&new["version"], &new["order"], &new["orders"]), (&json!("v42"), &json!(2), &json!(2)));
    assert_eq!(new["paymentAttempts"], 3);
    assert_eq!(new["message"], "Order 2 is taken by checkout v42: a payment that fails is tried 3 times.");
    newer.stop().await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_go_on_while_the_schema_changes_back_and_forth() {
    let stack = Stack::start("v41").await;
    let file = stack.folder.path().join("shop.db");
    assert_eq!(stack.order(2).await, [StatusCode::OK; 2]);
    sql(&file, "ALTER TABLE orders ADD COLUMN attempts INTEGER NOT NULL DEFAULT 1;").await;
    assert_eq!(stack.order(2).await, [StatusCode::OK; 2]);
    sql(&file, "ALTER TABLE orders DROP COLUMN attempts;").await;
    assert_eq!(stack.order(2).await, [StatusCode::OK; 2]);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_business_requests_are_counted() {
    let stack = Stack::start("v41").await;
    assert_eq!((metric(stack.public, OK).await, metric(stack.public, FAILED).await), (0, 0));
    stack.order(3).await;
    get(stack.public, "/healthz").await;
    get(stack.public, "/version").await;
    assert_eq!((metric(stack.public, OK).await, metric(stack.public, COUNT).await), (3, 3));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_one_request_in_five_and_the_service_stays_healthy() {
    let stack = Stack::start("v42").await;
    stack.fault("errors").await;
    let statuses = stack.order(20).await;
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::INTERNAL_SERVER_ERROR).count(), 4);
    assert_eq!((metric(stack.public, OK).await, metric(stack.public, FAILED).await), (16, 4));
    assert_eq!(get(stack.public, "/healthz").await.0, StatusCode::OK);
    stack.fault("none").await;
    assert_eq!(stack.order(5).await, [StatusCode::OK; 5]);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn latency_shows_in_the_histogram() {
    let stack = Stack::start("v42").await;
    stack.fault("latency").await;
    let began = Instant::now();
    stack.order(3).await;
    assert!(began.elapsed() >= Duration::from_millis(750), "{:?}", began.elapsed());
    assert_eq!((metric(stack.public, COUNT).await, metric(stack.public, SLOW).await), (3, 0));
    assert_eq!(get(stack.public, "/healthz").await.0, StatusCode::OK);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_health_leaves_the_business_alone() {
    let stack = Stack::start("v42").await;
    stack.fault("health").await;
    let unhealthy = json!({ "healthy": false, "database": "ok" });
    assert_eq!(get(stack.public, "/healthz").await, (StatusCode::SERVICE_UNAVAILABLE, unhealthy));
    assert_eq!(stack.order(2).await, [StatusCode::OK; 2]);
    stack.fault("none").await;
    let healthy = json!({ "healthy": true, "database": "ok" });
    assert_eq!(get(stack.public, "/healthz").await, (StatusCode::OK, healthy));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_database_fails_orders_health_and_gauge_until_it_is_found() {
    let stack = Stack::start("v42").await;
    assert_eq!(metric(stack.public, "database_up").await, 1);
    stack.fault("database").await;
    let lost = json!({ "healthy": false, "database": "lost" });
    assert_eq!(get(stack.public, "/healthz").await, (StatusCode::SERVICE_UNAVAILABLE, lost));
    assert_eq!(stack.order(2).await, [StatusCode::SERVICE_UNAVAILABLE; 2]);
    assert_eq!((metric(stack.public, "database_up").await, metric(stack.public, REFUSED).await), (0, 2));
    // From one fault to the next the database comes back.
    stack.fault("health").await;
    assert_eq!(metric(stack.public, "database_up").await, 1);
    assert_eq!(stack.order(2).await, [StatusCode::OK; 2]);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_its_schema_says_so_instead_of_pretending() {
    let folder = tempfile::tempdir().unwrap();
    let (service, address) = serve("v41", &folder.path().join("missing.db")).await;
    assert_eq!(get(address, "/healthz").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(get(address, "/").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!folder.path().join("missing.db").exists(), "a service must not make up a database");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_refused_and_changes_nothing() {
    let stack = Stack::start("v41").await;
    let cases = [
        ("", StatusCode::BAD_REQUEST, "The body is no JSON"),
        ("{\"fault\":", StatusCode::BAD_REQUEST, "The body is no JSON"),
        (r#"{"fault":"fire"}"#, StatusCode::UNPROCESSABLE_ENTITY, "unknown variant `fire`"),
        (r#"{"fault":"none","x":1}"#, StatusCode::UNPROCESSABLE_ENTITY, "unknown field `x`"),
        ("[]", StatusCode::UNPROCESSABLE_ENTITY, "says something else"),
        ("{\"fault\":\"\\u001b[2J\"}", StatusCode::UNPROCESSABLE_ENTITY, "\\u{1b}[2J"),
    ];
    for (body, status, words) in cases {
        let (got, failure) = put(stack.public, "/fault", body).await;
        assert_eq!(got, status, "{body}");
        assert_eq!(failure["kind"], "invalid", "{body}");
        assert!(failure["message"].as_str().unwrap().contains(words), "{body}: {failure}");
        assert!(failure["hint"].as_str().unwrap().contains(r#"{"fault":"errors|latency"#), "{failure}");
    }
    assert_eq!(get(stack.public, "/fault").await.1, json!({ "fault": "none" }));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_ends_with_its_lifeline() {
    let folder = tempfile::tempdir().unwrap();
    let lifeline = free().unwrap();
    let holder = Holder::listen(lifeline).await.unwrap();
    let mut options = options("v41", &database(folder.path()).await);
    options.lifeline = Some(lifeline);
    let (service, address) = serve_with(options).await;
    assert_eq!(get(address, "/healthz").await.0, StatusCode::OK);
    drop(holder);
    service.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_holder_there_is_no_service() {
    let folder = tempfile::tempdir().unwrap();
    let gone = listener().await.local_addr().unwrap();
    let mut process = spawn(folder.path(), &["--lifeline", &gone.to_string()]).await.0;
    let status = wait_until("it ends", PATIENCE, async || process.try_wait().unwrap()).await;
    assert_eq!(status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lifeline_that_is_torn_ends_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let holder = listener().await;
    let lifeline = holder.local_addr().unwrap().to_string();
    let (mut process, address) = spawn(folder.path(), &["--lifeline", &lifeline]).await;
    let (held, _) = tokio::time::timeout(PATIENCE, holder.accept()).await.unwrap().unwrap();
    until_healthy(address).await;
    // The hard way for a connection to end: a reset, no goodbye.
    held.set_zero_linger().unwrap();
    drop(held);
    let status = wait_until("it ends", PATIENCE, async || process.try_wait().unwrap()).await;
    assert!(status.success(), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_the_order_under_way_finish() {
    let folder = tempfile::tempdir().unwrap();
    let (mut process, address) = spawn(folder.path(), &[]).await;
    until_healthy(address).await;
    put(address, "/fault", r#"{"fault":"latency"}"#).await;
    let order = tokio::spawn(async move { get(address, "/").await });
    wait_until("the order has begun", PATIENCE, async || {
        (metric(address, "http_requests_in_flight").await > 0 || order.is_finished()).then_some(())
    })
    .await;
    let pid = Pid::from_raw(process.id().unwrap().cast_signed()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(order.await.unwrap().0, StatusCode::OK);
    let status = wait_until("it ends", PATIENCE, async || process.try_wait().unwrap()).await;
    assert!(status.success(), "{status}");
}

/// `gatewatch demo-service` as a process of its own, which a failing test does not leave behind.
async fn spawn(folder: &std::path::Path, more: &[&str]) -> (Child, SocketAddr) {
    let file = database(folder).await;
    let address = listener().await.local_addr().unwrap();
    let process = Command::new(GATEWATCH)
        .args(["demo-service", "--version", "v41", "--commit", "9f2c1ab", "--listen", &address.to_string()])
        .arg("--database")
        .arg(file)
        .args(more)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    (process, address)
}

async fn until_healthy(address: SocketAddr) {
    let url = format!("http://{address}/healthz");
    wait_until("it is healthy", PATIENCE, async || client().get(&url).send().await.ok()?.error_for_status().ok()).await;
}
