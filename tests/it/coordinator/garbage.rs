//! Whatever is thrown at it, it answers: never with a 500, always with an `ErrorBody`, and it stays alive.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::coordinator::rig::{BUILDERS, MIRA, Rig, nowhere};

const PATHS: [&str; 10] = [
    "/agent/callback",
    "/healthz",
    "/v1/key",
    "/v1/gates",
    "/v1/decisions",
    "/v1/workflows/%00/rollback",
    "/v1/workflows/%ff%fe/rollback",
    "/v1/deployments/%0a/health",
    "/v1/deployments/..%2f../health",
    "/openapi.json",
];

#[derive(Clone)]
struct Shot {
    path: &'static str,
    method: &'static str,
    body: Vec<u8>,
    content_type: &'static str,
    last_event_id: String,
}

impl std::fmt::Debug for Shot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, method, body, content_type, last_event_id } = self;
        let start = String::from_utf8_lossy(&body[..body.len().min(60)]);
        write!(f, "{method} {path} {content_type} {last_event_id:?} {start:?} ({} bytes)", body.len())
    }
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let json = prop_oneof![
        Just("{}".to_owned()),
        Just("[]".to_owned()),
        Just("null".to_owned()),
        Just("\"text\"".to_owned()),
        Just("{\"decisionId\":{},\"workflowId\":[],\"gate\":1,\"verdict\":null}".to_owned()),
        Just(format!("{}{}", "[".repeat(5_000), "]".repeat(5_000))),
        Just("{\"requestId\":\"\\u0000\\u001b[31m\"}".to_owned()),
        Just("{\"decisionId\":\"\\ud800\"}".to_owned()),
        Just("{\"workflowId\":\"w\",\"stepId\":\"s\",\"status\":[1e999]}".to_owned()),
        Just("{\"workflowId\":\"w\u{202e}\",\"stepId\":\"s\",\"metrics\":{\"costUsd\":-1}}".to_owned()),
        Just(
            "{\"goalId\":\"g\",\"workflowId\":\"w\",\"stepId\":\"s\",\"runId\":\"\u{fffd}\",\"agentRole\":\"a\",\"status\":\"OK\"}"
                .to_owned(),
        ),
        "\\PC{0,60}".prop_map(|text| format!("{{\"requestId\":{text:?}}}")),
    ];
    prop_oneof![json.prop_map(String::into_bytes), vec(any::<u8>(), 0..200), Just(vec![b'x'; 70_000])]
}

fn shot() -> impl Strategy<Value = Shot> {
    let method = prop_oneof![Just("GET"), Just("POST"), Just("PUT"), Just("DELETE"), Just("OPTIONS"), Just("FUZZ")];
    let kind = prop_oneof![Just("application/json"), Just("text/plain"), Just("application/x-www-form-urlencoded")];
    let id = prop_oneof![Just("1".to_owned()), Just("-1".to_owned()), "[ -~]{0,20}"];
    (prop::sample::select(PATHS.as_slice()), method, body(), kind, id).prop_map(
        |(path, method, body, content_type, last_event_id)| Shot { path, method, body, content_type, last_event_id },
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_refused_in_words() {
    let rig = Rig::start(nowhere()).await;
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let strategy = shot();
    for _ in 0..150 {
        let shot = strategy.new_tree(&mut runner).unwrap().current();
        // A body that would be obeyed waits for a Temporal that is not there: that is another test's.
        let request = rig
            .request(Method::from_bytes(shot.method.as_bytes()).unwrap(), shot.path)
            .bearer_auth(if shot.path == "/agent/callback" { BUILDERS } else { MIRA })
            .header("content-type", shot.content_type)
            .header("last-event-id", &shot.last_event_id)
            .timeout(Duration::from_secs(20))
            .body(shot.body.clone());
        let response = request.send().await.unwrap_or_else(|error| panic!("{shot:?}: {error}"));
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_ne!(status, 500, "{shot:?}: {text}");
        if !status.is_success() {
            let body: serde_json::Value =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{shot:?}: {status}: {error}: {text}"));
            assert!(body["error"]["message"].is_string(), "{shot:?}: {text}");
        }
        assert!(!text.contains('\u{1b}') && !text.contains('\0'), "{shot:?}: control characters came back: {text:?}");
    }
    assert_eq!(rig.get("/healthz").send().await.unwrap().status(), 200);
}

/// Not even HTTP.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_http_is_hung_up_on() {
    let rig = Rig::start(nowhere()).await;
    let shots: [&[u8]; 4] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"POST /v1/decisions HTTP/1.1\r\ncontent-length: -5\r\n\r\n",
    ];
    for bytes in shots {
        let mut stream = TcpStream::connect(rig.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer));
        // A reset is as good as an end.
        let _ = read.await.expect("it hangs");
        let text = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || text.starts_with("HTTP/1.1 4"), "{bytes:?}: {text}");
    }
    assert_eq!(rig.get("/healthz").send().await.unwrap().status(), 200);
}

/// Somebody who connects and says nothing, or half of it, does not keep it from stopping.
#[tokio::test(flavor = "multi_thread")]
async fn it_stops_although_somebody_dawdles() {
    let rig = Rig::start(nowhere()).await;
    let mut dawdler = TcpStream::connect(rig.address).await.unwrap();
    dawdler.write_all(b"POST /v1/decisions HTTP/1.1\r\ncontent-length: 10\r\n\r\n{").await.unwrap();
    assert_eq!(rig.get("/healthz").send().await.unwrap().status(), 200);
    rig.stop().await.unwrap();
}

/// The answer is there before the body is: who is still sending must not find the connection reset instead of it.
#[tokio::test(flavor = "multi_thread")]
async fn who_sends_too_much_is_heard_out_and_told_so() {
    let rig = Rig::start(nowhere()).await;
    let body = vec![b'x'; 3_000_000];
    for round in 0..40 {
        for (path, token, expected) in
            [("/v1/decisions", "nobody", "401"), ("/v1/decisions", MIRA, "413"), ("/agent/callback", BUILDERS, "413")]
        {
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: Bearer {token}\r\n\
                 content-length: {}\r\n\r\n",
                body.len()
            );
            let mut stream = TcpStream::connect(rig.address).await.unwrap();
            let told = format!("{path} {expected} #{round}");
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(&body).await.unwrap_or_else(|error| panic!("{told}: {error}"));
            let mut status = [0; 12];
            stream.read_exact(&mut status).await.unwrap_or_else(|error| panic!("{told}: {error}"));
            assert_eq!(status, format!("HTTP/1.1 {expected}").as_bytes(), "{told}");
        }
    }
}
