//! Each way to reach an agent, and what becomes of everything that goes wrong.

use std::path::Path;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use gatewatch::agents::Outcome;
use gatewatch::agents::fleet::Fleet;
use gatewatch::contracts::agent::{AgentRequest, AgentResponse, AgentStatus, Tokens};
use gatewatch::contracts::engine::state::Goal;
use ring::hmac;
use serde_json::{Value, json};

use crate::dispatch::rig::{Service, ok, settings_of};
use crate::support::{PATIENCE, wait_until};

fn request() -> AgentRequest {
    AgentRequest {
        goal_id: "g".into(),
        workflow_id: "w".into(),
        step_id: "docs-1".into(),
        attempt_id: "attempt-1".into(),
        kind: "DOCS".into(),
        payload: json!({"branch": "feature/x"}),
        goal: Goal { description: "Say hello".into(), ..Goal::default() },
        attempt: 1,
        ..AgentRequest::default()
    }
}

async fn call(folder: &Path, agent: &str) -> Outcome {
    let settings = settings_of(folder, &format!("[[agents]]\nname = \"a\"\nkinds = [\"*\"]\n{agent}"));
    Fleet::muster(&settings.agents).unwrap().call("a", request()).await
}

async fn shell(script: &str, more: &str) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("agent.sh");
    std::fs::write(&file, script).unwrap();
    call(folder.path(), &format!("adapter = \"command\"\ncommand = [\"sh\", \"{}\"]\n{more}", file.display())).await
}

fn answered(outcome: Outcome) -> AgentResponse {
    match outcome {
        Outcome::Answered(response) => *response,
        other => panic!("{other:?}"),
    }
}

fn broken(outcome: Outcome) -> String {
    match outcome {
        Outcome::Broken { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_program_gets_its_work_as_json_and_answers_as_json() {
    let echo = "read -r work\nprintf '{\"status\":\"OK\",\"content\":{\"got\":%s,\"who\":\"%s\"}}' \"$work\" \"$WHO\"";
    let response = answered(
        shell(echo, "environment = { WHO = \"me\" }\nprompt = \"Do ${step.payload.branch}: ${goal.description}\"")
            .await,
    );
    assert_eq!(
        (response.status, response.attempt_id.as_str(), &*response.agent_role),
        (AgentStatus::Ok, "attempt-1", "a")
    );
    let got = &response.content["got"];
    assert_eq!((&got["stepId"], &got["prompt"]), (&json!("docs-1"), &json!("Do feature/x: Say hello")), "{got}");
    assert_eq!(response.content["who"], "me");
}

#[tokio::test]
async fn what_goes_wrong_with_a_program_is_told() {
    for (script, more, expected) in [
        ("echo why >&2\nexit 7", "", "exit status: 7; it said: why"),
        ("echo hello", "", "no JSON object"),
        ("echo '{}'", "", "no `status`"),
        ("echo '{\"status\":\"MAYBE\"}'", "", "cannot be read"),
        ("echo '{\"status\":\"OK\",\"stepId\":\"other\"}'", "", "it answered for stepId other"),
        ("head -c 5000 /dev/zero", "max_output = 1000", "more than 1000 bytes"),
        ("sleep 60", "time_limit = \"200ms\"", "did not end within 200 ms and was killed"),
    ] {
        let why = broken(shell(script, more).await);
        assert!(why.contains(expected), "{script}: {why}");
    }
    let folder = tempfile::tempdir().unwrap();
    let why = broken(call(folder.path(), "adapter = \"command\"\ncommand = [\"no-such-program\"]").await);
    assert!(why.contains("`no-such-program` could not be started"), "{why}");
}

#[tokio::test]
async fn a_program_is_killed_with_everything_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let script = format!("sh -c 'echo $$ > {}; sleep 60' &\nwait", pid.display());
    let began = Instant::now();
    broken(shell(&script, "time_limit = \"1s\"").await);
    assert!(began.elapsed() < Duration::from_secs(30));
    let pid = std::fs::read_to_string(&pid).unwrap().trim().to_owned();
    let gone = async || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        (stat.is_empty() || stat.contains(") Z ")).then_some(())
    };
    wait_until("the grandchild is gone", PATIENCE, gone).await;
}

#[tokio::test]
async fn a_service_is_asked_with_token_and_signature_and_may_answer_later() {
    let service = Service::start(|asked| match asked["kind"].as_str() {
        Some("DOCS") => ok(json!({"status": "FAIL", "errors": "no docs", "goalId": "g"})),
        _ => (StatusCode::ACCEPTED, HeaderMap::new(), json!({})),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "sesame\n").unwrap();
    std::fs::write(folder.path().join("secret"), format!("whsec_{}", BASE64.encode("key"))).unwrap();
    let agent = format!(
        "adapter = \"http\"\nurl = \"http://{}/x\"\ntoken_file = \"token\"\nsigning_secret_file = \"secret\"\n",
        service.address
    );
    let response = answered(call(folder.path(), &agent).await);
    assert_eq!((response.status, &response.errors), (AgentStatus::Fail, &json!("no docs")));
    let (headers, body) = service.asked().remove(0);
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!((header("authorization").as_str(), header("idempotency-key").as_str()), ("Bearer sesame", "attempt-1"));
    let signed = format!(
        "{}.{}.{}",
        header("webhook-id"),
        header("webhook-timestamp"),
        serde_json::to_string(&request_as(&body)).unwrap()
    );
    let expected = BASE64.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"key"), signed.as_bytes()));
    assert_eq!(header("webhook-signature"), format!("v1,{expected}"));

    let settings = settings_of(folder.path(), &format!("[[agents]]\nname = \"a\"\nkinds = [\"*\"]\n{agent}"));
    let later = AgentRequest { kind: "OTHER".into(), ..request() };
    assert_eq!(Fleet::muster(&settings.agents).unwrap().call("a", later).await, Outcome::Accepted);
}

/// The body as it was written.
fn request_as(body: &Value) -> AgentRequest {
    serde_json::from_value(body.clone()).unwrap()
}

#[tokio::test]
async fn what_goes_wrong_with_a_service_is_told() {
    for (status, body, more, expected) in [
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            json!({"oh": "no"}),
            "",
            "500 Internal Server Error; it said: {\"oh\":\"no\"}",
        ),
        (StatusCode::FOUND, json!({}), "", "302 Found"),
        (StatusCode::OK, json!({"status": "OK", "runId": "attempt-0"}), "", "it answered for runId attempt-0"),
        (
            StatusCode::OK,
            json!({"status": "OK", "content": "x".repeat(2000)}),
            "max_output = 1000",
            "more than 1000 bytes",
        ),
    ] {
        let answer = body.clone();
        let service = Service::start(move |_| (status, HeaderMap::new(), answer.clone())).await;
        let folder = tempfile::tempdir().unwrap();
        let agent = format!("adapter = \"http\"\nurl = \"http://{}/\"\n{more}", service.address);
        let why = broken(call(folder.path(), &agent).await);
        assert!(why.contains(expected), "{body}: {why}");
    }
    let folder = tempfile::tempdir().unwrap();
    let why = broken(call(folder.path(), "adapter = \"http\"\nurl = \"http://127.0.0.1:1/\"").await);
    assert!(why.contains("it cannot be reached"), "{why}");
}

#[tokio::test]
async fn a_rehearsal_says_that_it_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let response = answered(call(folder.path(), "adapter = \"scripted\"").await);
    assert!(response.content["rehearsal"].as_str().unwrap().contains("nothing was done"));
}

/// A fake that speaks OpenAI's chat protocol, and says that it is one.
async fn provider(said: Value) -> Service {
    Service::start(move |_| {
        ok(json!({
            "id": "fake-1", "object": "chat.completion", "created": 1, "model": "fake-model",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said.clone()}}],
            "usage": {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500},
            "system_fingerprint": "this is a fake",
        }))
    })
    .await
}

async fn ask(service: &Service) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "sk-test").unwrap();
    let agent = format!(
        "adapter = \"llm\"\nmodel = \"openai::fake-model\"\nendpoint = \"http://{}/v1/\"\ntoken_file = \"key\"\n\
         prompt = \"Write docs of ${{step.payload.branch}}\"\nmax_tokens = 700\n\
         usd_per_million_prompt = 2.0\nusd_per_million_completion = 10.0\n",
        service.address
    );
    call(folder.path(), &agent).await
}

#[tokio::test]
async fn a_language_model_is_told_the_prompt_and_its_json_is_the_answer() {
    let said = "```json\n{\"status\":\"OK\",\"content\":{\"text\":\"Hello\"},\"stepId\":\"forged\"}\n```";
    let service = provider(json!(said)).await;
    let response = answered(ask(&service).await);
    assert_eq!((response.content["text"].as_str(), response.step_id.as_str()), (Some("Hello"), "docs-1"));
    let metrics = response.metrics.unwrap();
    assert_eq!(metrics.tokens, Some(Tokens { prompt: 1000, completion: 500 }));
    assert!((metrics.cost_usd.unwrap() - 0.007).abs() < 1e-9, "{metrics:?}");
    let (headers, asked) = service.asked().remove(0);
    assert_eq!(headers["authorization"], "Bearer sk-test");
    let text = asked.to_string();
    assert!(text.contains("Write docs of feature/x") && text.contains("fake-model") && text.contains("700"), "{text}");
}

#[tokio::test]
async fn what_goes_wrong_with_a_language_model_is_told_and_still_paid_for() {
    let service = provider(json!("I am afraid I cannot do that.")).await;
    match ask(&service).await {
        Outcome::Broken { why, metrics } => {
            assert!(why.contains("no JSON object") && why.contains("I am afraid"), "{why}");
            assert!(metrics.is_some(), "its tokens count");
        }
        other => panic!("{other:?}"),
    }
    let refuses = Service::start(|_| (StatusCode::UNAUTHORIZED, HeaderMap::new(), json!({"error": "bad key"}))).await;
    let why = broken(ask(&refuses).await);
    assert!(why.contains("401") && why.contains("bad key") && !why.contains("sk-test"), "{why}");
    let busy = Service::start(|_| (StatusCode::TOO_MANY_REQUESTS, HeaderMap::new(), json!({}))).await;
    assert!(matches!(ask(&busy).await, Outcome::Busy { .. }));
}

#[test]
fn a_prompt_that_does_not_compile_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[[agents]]\nname = \"a\"\nkinds = [\"*\"]\nadapter = \"scripted\"\nprompt = \"${stepp.id}\"\n";
    let settings = settings_of(folder.path(), text);
    let problem = Fleet::muster(&settings.agents).err().unwrap().to_string();
    assert!(problem.contains("gatewatch.toml:5:") && problem.contains("stepp"), "{problem}");
}
