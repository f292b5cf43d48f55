//! 401, 403, 404, 422 and 503 are five different answers.

use serde_json::json;

use crate::coordinator::rig::{GUEST, MIRA, ONCALL, Rig, answer, decision, nowhere};

/// Who sends what, and the status they get before Temporal is asked anything.
#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_request_gets_its_own_answer() {
    let rig = Rig::start(nowhere()).await;
    let decide = decision("w", "approve");
    let rollback = json!({ "requestId": "r" });
    let cases = [
        ("no token", "/v1/decisions", None, &decide, 401, "unauthenticated"),
        ("an unknown token", "/v1/decisions", Some("Bearer who"), &decide, 401, "unauthenticated"),
        ("an empty token", "/v1/decisions", Some("Bearer "), &decide, 401, "unauthenticated"),
        ("another scheme", "/v1/decisions", Some("Basic dG9rZW4="), &decide, 401, "unauthenticated"),
        ("may only look", "/v1/decisions", Some(GUEST), &decide, 403, "denied"),
        ("may only roll back", "/v1/decisions", Some(ONCALL), &decide, 403, "denied"),
        ("may only look", "/v1/workflows/w/rollback", Some(GUEST), &rollback, 403, "denied"),
        ("no request id", "/v1/workflows/w/rollback", Some(ONCALL), &json!({}), 422, "invalid"),
        (
            "an empty decision id",
            "/v1/decisions",
            Some(MIRA),
            &json!({
                "decisionId": "", "workflowId": "w", "gate": "g", "verdict": "approve"
            }),
            422,
            "invalid",
        ),
        ("an unknown verdict", "/v1/decisions", Some(MIRA), &decision("w", "perhaps"), 422, "invalid"),
        ("nothing there", "/v1/nothing", Some(MIRA), &decide, 404, "not-found"),
        ("the wrong method", "/v1/gates", Some(MIRA), &decide, 405, "invalid"),
        ("no Temporal", "/v1/decisions", Some(MIRA), &decide, 503, "unavailable"),
        ("no Temporal", "/v1/workflows/w/rollback", Some(ONCALL), &rollback, 503, "unavailable"),
    ];
    for (name, path, token, body, status, kind) in cases {
        let mut request = rig.post(path, body);
        if let Some(token) = token {
            let bearer = if token.contains(' ') { token.to_owned() } else { format!("Bearer {token}") };
            request = request.header("authorization", bearer);
        }
        let (got, body) = answer(request).await;
        assert_eq!(got, status, "{name} at {path}: {body}");
        assert_eq!(body["error"]["kind"], kind, "{name} at {path}: {body}");
        assert!(body["error"]["message"].as_str().unwrap().ends_with('.'), "{name} at {path}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_needs_a_token_too_but_alive_ready_key_and_document_do_not() {
    let rig = Rig::start(nowhere()).await;
    for path in ["/v1/gates", "/v1/deployments/w/health"] {
        assert_eq!(answer(rig.get(path)).await.0, 401, "{path}");
    }
    for (path, status) in
        [("/healthz", 200), ("/readyz", 503), ("/metrics", 200), ("/v1/key", 200), ("/openapi.json", 200)]
    {
        assert_eq!(rig.get(path).send().await.unwrap().status(), status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tokens_are_none() {
    let rig = Rig::start(nowhere()).await;
    let request = rig.get("/v1/gates").bearer_auth(GUEST).header("authorization", format!("Bearer {MIRA}"));
    let (status, body) = answer(request).await;
    assert_eq!(status, 401, "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_401_says_how_to_come_in() {
    let rig = Rig::start(nowhere()).await;
    let response = rig.get("/v1/gates").send().await.unwrap();
    assert_eq!(response.headers()["www-authenticate"], "Bearer");
}
