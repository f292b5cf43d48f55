//! The OpenAPI document and the router say the same.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::coordinator::rig::{BUILDERS, MIRA, Rig, answer, nowhere};

#[tokio::test(flavor = "multi_thread")]
async fn every_documented_operation_is_routed_and_every_route_is_documented() {
    let rig = Rig::start(nowhere()).await;
    let document: Value = rig.get("/openapi.json").send().await.unwrap().json().await.unwrap();
    let mut operations: Vec<(String, String)> = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            operations.push((method.to_uppercase(), path.clone()));
        }
    }
    operations.sort();
    let expected = [
        ("GET", "/healthz"),
        ("GET", "/metrics"),
        ("GET", "/readyz"),
        ("GET", "/v1/agents"),
        ("GET", "/v1/deployments/{id}/health"),
        ("GET", "/v1/gates"),
        ("GET", "/v1/goals"),
        ("GET", "/v1/goals/{id}"),
        ("GET", "/v1/goals/{id}/usage"),
        ("GET", "/v1/key"),
        ("GET", "/v1/specs"),
        ("POST", "/agent/callback"),
        ("POST", "/v1/decisions"),
        ("POST", "/v1/goals"),
        ("POST", "/v1/goals/{id}/cancel"),
        ("POST", "/v1/goals/{id}/events"),
        ("POST", "/v1/goals/{id}/spec"),
        ("POST", "/v1/goals/{id}/steps/{step}/answer"),
        ("POST", "/v1/goals/{id}/steps/{step}/approve"),
        ("POST", "/v1/goals/{id}/steps/{step}/nudge"),
        ("POST", "/v1/goals/{id}/steps/{step}/override"),
        ("POST", "/v1/goals/{id}/steps/{step}/reject"),
        ("POST", "/v1/goals/{id}/steps/{step}/requeue"),
        ("POST", "/v1/goals/{id}/work"),
        ("POST", "/v1/workflows/{id}/rollback"),
    ];
    let documented: Vec<(&str, &str)> = operations.iter().map(|(method, path)| (&**method, &**path)).collect();
    assert_eq!(documented, expected);
    for (method, path) in &operations {
        let method: Method = method.parse().unwrap();
        let status = rig
            .request(method.clone(), &path.replace("{id}", "w").replace("{step}", "s"))
            .send()
            .await
            .unwrap()
            .status();
        assert!(
            !matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED),
            "{method} {path} is documented but answers {status}"
        );
    }
}

/// Every `$ref` leads somewhere, and every failure is an `ErrorBody`.
#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_whole() {
    let rig = Rig::start(nowhere()).await;
    let document: Value = rig.get("/openapi.json").send().await.unwrap().json().await.unwrap();
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 20, "there should be many: {references:?}");
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            for (status, response) in operation["responses"].as_object().unwrap() {
                // 409 of a decision, of an answer and of what a goal is told is its outcome.
                let outcome = matches!(path.as_str(), "/v1/decisions" | "/agent/callback") || path.contains("/goals/");
                let outcome = status == "409" && outcome;
                if status.starts_with(['4', '5']) && !outcome {
                    let schema = &response["content"]["application/json"]["schema"]["$ref"];
                    assert_eq!(schema, "#/components/schemas/ErrorBody", "{method} {path} {status}");
                }
            }
        }
    }
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
}

fn collect(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match field.as_str().filter(|_| key == "$ref") {
                    Some(reference) => into.push(reference.to_owned()),
                    None => collect(field, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What is demanded is documented as required, under the names that are read.
#[tokio::test(flavor = "multi_thread")]
async fn the_document_asks_for_what_the_service_asks_for() {
    let rig = Rig::start(nowhere()).await;
    let document: Value = rig.get("/openapi.json").send().await.unwrap().json().await.unwrap();
    let schemas = &document["components"]["schemas"];
    let required: Vec<_> = schemas["AgentResponse"]["required"].as_array().unwrap().iter().collect();
    for field in ["goalId", "workflowId", "stepId", "runId", "agentRole", "status"] {
        assert!(required.contains(&&Value::from(field)), "{field} is not among {required:?}");
    }
    let action = schemas["Action"].to_string();
    assert!(
        action.contains("\"workKind\"") && action.contains("\"stepId\"") && !action.contains("work_kind"),
        "{action}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_a_body_takes_json_only_and_nobody_else_speaks_of_bodies() {
    let rig = Rig::start(nowhere()).await;
    let document: Value = rig.get("/openapi.json").send().await.unwrap().json().await.unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, described) in methods.as_object().unwrap() {
            let takes_body = !described["requestBody"].is_null();
            for status in ["413", "415"] {
                let documented = !described["responses"][status].is_null();
                assert!(!documented || takes_body, "{method} {path} reads no body and answers {status}");
            }
            if !takes_body {
                continue;
            }
            let token = if path == "/agent/callback" { BUILDERS } else { MIRA };
            for kind in ["text/plain", "text/json", ""] {
                let request = rig.request(method.to_uppercase().parse().unwrap(), &path.replace(['{', '}'], ""));
                let request = request.bearer_auth(token).body(json!({"requestId": "r"}).to_string());
                let request = if kind.is_empty() { request } else { request.header("content-type", kind) };
                let (status, body) = answer(request).await;
                assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{method} {path} {kind}: {body}");
                assert!(!described["responses"]["415"].is_null(), "{method} {path} does not say so");
            }
        }
    }
}
