//! Tenants: who is bound to one sees and touches its workflows and no others, on every route that is served, and cannot
//! tell whether another's workflow exists.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::coordinator::callbacks::{draft, state};
use crate::coordinator::rig::{GUEST, MIRA, QA, Rig, answer, decision, nowhere, settings_and, settled};
use crate::coordinator::steps;
use crate::support::{self, PATIENCE, wait_until};
use crate::workflows::bench::{Bench, bounded, with};

/// May do everything, for one tenant.
const TARA: &str = "token-of-tara";

fn tara() -> String {
    let digest = Sha256::digest(TARA);
    format!(
        "[[coordinator.people]]\nname = \"tara\"\ntoken_sha256 = \"{digest:x}\"\nmay = [\"decide\", \"rollback\", \
         \"operate\"]\ntenants = [\"umbrella\"]\n"
    )
}

/// Something that each operation would take.
fn body(path: &str, workflow: &str) -> Value {
    let told = json!({"requestId": support::unique("request"), "reason": "r"});
    match path.rsplit('/').next().unwrap() {
        "decisions" => decision(workflow, "approve"),
        "goals" => {
            json!({"requestId": support::unique("request"), "workflowId": workflow, "tenant": "other", "input": {}})
        }
        "callback" => with(draft(workflow), json!({"agentRole": "qa"})),
        "events" => with(told, json!({"eventType": "e"})),
        "work" => with(told, json!({"kind": "DRAFT"})),
        "spec" => with(told, json!({"document": "name = 'x'"})),
        "override" => with(told, json!({"status": "DONE"})),
        "answer" => with(told, json!({"status": "OK"})),
        _ => told,
    }
}

/// What this operation says of a workflow, to whom it belongs not.
async fn said(rig: &Rig, method: &str, path: &str, described: &Value, workflow: &str) -> (StatusCode, String) {
    let place = path.replace("{id}", workflow).replace("{step}", "draft-1");
    let method: Method = method.to_uppercase().parse().unwrap();
    let mut request = rig.request(method, &place).bearer_auth(if path == "/agent/callback" { QA } else { TARA });
    if !described["requestBody"].is_null() {
        request = request.json(&body(path, workflow));
    }
    let response = request.send().await.unwrap();
    (response.status(), response.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_tenant_gets_nothing_on_any_route_and_learns_nothing() {
    bounded(async || {
        let (settings, folder) = settings_and(support::temporal(), &tara());
        let (bench, rig) = (Bench::new().await, Rig::with(settings, folder).await);
        // The service account `qa` is bound to `acme`, Tara to `umbrella`: to each the other's goals are foreign.
        let theirs = steps::with_approval(&bench, "other:walled").await;
        let document: Value = rig.get("/openapi.json").send().await.unwrap().json().await.unwrap();
        let mut walked = 0;
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, described) in methods.as_object().unwrap().iter().filter(|(key, _)| *key != "parameters") {
                if described["security"].is_null() {
                    continue;
                }
                walked += 1;
                let there = said(&rig, method, path, described, &theirs).await;
                let nowhere = said(&rig, method, path, described, "other:nothing").await;
                let names = |path: &str| path.contains("{id}") || !described["requestBody"].is_null();
                if names(path) {
                    assert_eq!(there.0, StatusCode::FORBIDDEN, "{method} {path}: {}", there.1);
                    assert_eq!(there, nowhere, "{method} {path} tells what exists");
                    let why: Value = serde_json::from_str(&there.1).unwrap();
                    let why = why["error"]["message"].as_str().unwrap();
                    assert!(why.contains("may"), "{method} {path}: {why}");
                    assert!(!described["responses"]["403"].is_null(), "{method} {path}: 403 is not documented");
                } else {
                    assert_eq!(there.0, StatusCode::OK, "{method} {path}: {}", there.1);
                    assert!(!there.1.contains("other:"), "{method} {path}: {}", there.1);
                }
            }
        }
        assert!(walked >= 18, "{walked} operations");
        // Nothing has happened to it.
        let state = state(&bench, &theirs).await;
        assert!(!state.log.iter().any(|entry| entry.data.to_string().contains("tara")), "{:?}", state.log);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_bound_to_a_tenant_has_all_of_it_and_nothing_else() {
    bounded(async || {
        let (settings, folder) = settings_and(support::temporal(), &tara());
        let (bench, rig) = (Bench::new().await, Rig::with(settings, folder).await);
        let own = steps::with_approval(&bench, "umbrella:own").await;
        let other = steps::with_approval(&bench, "umbrellas:other").await;
        for (list, at) in [("/v1/goals", "/goals"), ("/v1/gates", "/gates")] {
            // Lists are some hundred milliseconds old.
            let seen = async |token: &str| {
                let (status, body) = answer(rig.get(list).bearer_auth(token)).await;
                assert_eq!(status, 200, "{body}");
                body.pointer(at).unwrap().to_string()
            };
            let both = async || {
                let all = seen(MIRA).await;
                (all.contains(&own) && all.contains(&other)).then_some(())
            };
            wait_until("who is bound to none sees both", PATIENCE, both).await;
            let tenants = seen(TARA).await;
            assert!(tenants.contains(&own) && !tenants.contains(&other), "{list}: {tenants}");
        }
        let shown = answer(rig.get(&format!("/v1/goals/{own}")).bearer_auth(TARA)).await;
        assert_eq!(shown.0, 200, "{}", shown.1);
        let approve = format!("/v1/goals/{own}/steps/approval-1/approve");
        let (status, told) = settled(&rig, &approve, &json!({"requestId": "r"}), TARA).await;
        assert_eq!((status.as_u16(), &told["outcome"]), (200, &json!("taken")), "{told}");
        // Its own that is not there: of that it may know.
        assert_eq!(answer(rig.get("/v1/goals/umbrella:nothing").bearer_auth(TARA)).await.0, 404);
        assert_eq!(answer(rig.get("/v1/deployments/umbrella:nothing/health").bearer_auth(TARA)).await.0, 404);
        assert_eq!(answer(rig.get(&format!("/v1/goals/{other}")).bearer_auth(TARA)).await.0, 403);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_is_started_as_its_tenants_pinned_to_its_spec_and_once() {
    bounded(async || {
        let bench = Bench::new().await;
        let (mut settings, folder) = settings_and(support::temporal(), &tara());
        bench.queue().clone_into(&mut settings.temporal.task_queue);
        let rig = Rig::with(settings, folder).await;
        let name = support::unique("started");
        let start = |request: &str, more: Value| {
            let input = json!({"goalId": "g", "specName": "tutorial", "initialPlan": [{"type": "REQUEST_DRAFT"}]});
            with(json!({"requestId": request, "workflowId": name, "input": input}), more)
        };
        let post = async |body: &Value, token: &str| answer(rig.post("/v1/goals", body).bearer_auth(token)).await;
        let id = format!("umbrella:{name}");
        let (status, first) = post(&start("r", json!({})), TARA).await;
        assert_eq!((status.as_u16(), &first["workflowId"]), (200, &json!(id)), "{first}");
        // By whoever is bound to none, with the tenant in words: it is the same goal, and the same request.
        let (status, again) = post(&start("r", json!({"tenant": "umbrella"})), MIRA).await;
        assert_eq!((status.as_u16(), &again), (200, &first));
        let (status, other) = post(&start("s", json!({})), TARA).await;
        assert_eq!(status, 409, "{other}");
        let state = state(&bench, &id).await;
        assert_eq!(state.spec.unwrap().name.as_str(), "tutorial");
        let tenant = async || Some(bench.attribute(&id, "tenant").await).filter(|tenant| tenant == "\"umbrella\"");
        wait_until("lists know whose it is", PATIENCE, tenant).await;
        // An id says whose it is.
        let named = format!("umbrella:{}", support::unique("named"));
        let (status, started) = post(&start("n", json!({"workflowId": named})), MIRA).await;
        assert_eq!((status.as_u16(), &started["workflowId"]), (200, &json!(named)), "{started}");
        let tenant = async || Some(bench.attribute(&named, "tenant").await).filter(|tenant| tenant == "\"umbrella\"");
        wait_until("lists know whose it is", PATIENCE, tenant).await;
        // What it begins with in short, as `goal start --kind --set` has it.
        let short = support::unique("short");
        let body = json!({"requestId": "k", "workflowId": short, "kind": ["DRAFT", "RESEARCH"], "set": {"words": 3},
            "input": {"specName": "tutorial"}});
        assert_eq!(post(&body, MIRA).await.0, 200);
        let begun = crate::coordinator::callbacks::state(&bench, &short).await;
        let kinds: Vec<&str> = begun.in_order().into_iter().map(|(_, step)| step.kind.as_str()).collect();
        assert_eq!((kinds, &begun.artifacts["words"]), (vec!["DRAFT", "RESEARCH"], &json!(3)));
        assert_eq!(begun.open_steps[&"draft-1".into()].payload, json!({"words": 3}));
        for (more, expected) in [
            (json!({"kind": ["DRAFT"]}), 422),
            (json!({"kind": [""], "input": {}}), 422),
            (json!({"set": {"": 1}, "input": {}}), 422),
            (json!({"tenant": "a:b"}), 422),
            (json!({"input": {"specName": "none"}}), 422),
            (json!({"input": {"specDocument": "name ="}}), 422),
            (json!({"input": {"initialPlan": [{"type": "REQUEST_WORK", "work_kind": "DRAFT"}]}}), 422),
            (json!({"tenant": "acme"}), 403),
        ] {
            let (status, body) = post(&start("t", more.clone()), TARA).await;
            assert_eq!(status.as_u16(), expected, "{more}: {body}");
        }
        assert_eq!(post(&start("t", json!({})), GUEST).await.0, 403);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_bound_to_a_tenant_learns_neither_what_others_spent_nor_where_files_lie() {
    let agent = "[[agents]]\nname = \"a\"\nkinds = [\"A\"]\nadapter = \"scripted\"\n";
    let (mut settings, folder) = settings_and(nowhere(), &(tara() + agent));
    let specs = folder.path().join("specs");
    std::fs::create_dir(&specs).unwrap();
    std::fs::write(specs.join("own.toml"), "name = 'own'\n[finalize]\n").unwrap();
    std::fs::write(specs.join("same.toml"), "name = 'own'\n[finalize]\n").unwrap();
    std::fs::write(specs.join("wrong.toml"), "name =").unwrap();
    let place = folder.path().display().to_string();
    settings.specs_folder = specs;
    let rig = Rig::with(settings, folder).await;
    let get = async |path: &str, token: &str| answer(rig.get(path).bearer_auth(token)).await.1;
    for (token, is_told) in [(MIRA, true), (TARA, false)] {
        let agents = get("/v1/agents", token).await;
        let agent = &agents["agents"][0];
        assert_eq!(agent["name"], "a");
        for field in ["tokens", "costUsd", "today"] {
            assert_eq!(agent.get(field).is_some(), is_told, "{field}: {agent}");
        }
        let specs = get("/v1/specs", token).await;
        assert_eq!(specs.to_string().contains(&place), is_told, "{specs}");
        let own = specs["specs"].as_array().unwrap().iter().find(|spec| spec["name"] == "own").unwrap();
        assert!(own["file"].as_str().unwrap().ends_with("own.toml"), "{own}");
        assert_eq!(specs["troubles"].as_array().unwrap().len(), 2, "{specs}");
    }
}
