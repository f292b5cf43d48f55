//! The running service against its own document, as schemathesis does it: for each operation requests that fit and
//! requests that do not, and every answer is documented, fits its schema, and is never a 500.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::coordinator::rig::{BUILDERS, MIRA, Rig};
use crate::coordinator::steps;
use crate::support;
use crate::support::schema::misfit;
use crate::workflows::bench::{Bench, bounded};

/// Requests for each operation that takes a body, and for each that takes none.
const WITH_BODY: usize = 24;
const WITHOUT: usize = 6;

/// Draws values; the same ones every time.
struct Dice(TestRunner);

impl Dice {
    fn new() -> Self {
        Self(TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha)))
    }

    fn draw<T: std::fmt::Debug>(&mut self, strategy: impl Strategy<Value = T>) -> T {
        strategy.new_tree(&mut self.0).unwrap().current()
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.draw(0..n) == 0
    }

    /// A value that fits.
    fn fitting(&mut self, document: &Value, schema: &Value, name: &str, depth: u32) -> Value {
        if let Some(reference) = schema["$ref"].as_str() {
            let target = document.pointer(reference.trim_start_matches('#')).unwrap();
            return self.fitting(document, target, name, depth);
        }
        if let Some(known) = schema["enum"].as_array() {
            return known[self.draw(0..known.len())].clone();
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(choices) = schema[key].as_array() {
                let choice = self.draw(0..choices.len());
                return self.fitting(document, &choices[choice], name, depth);
            }
        }
        let kind = match &schema["type"] {
            Value::String(one) => one.clone(),
            Value::Array(several) => several[self.draw(0..several.len())].as_str().unwrap().to_owned(),
            _ if depth > 3 => "null".to_owned(),
            _ => self.draw(prop::sample::select(vec!["object", "array", "string", "number", "null"])).to_owned(),
        };
        match kind.as_str() {
            "object" => {
                let mut object = Map::new();
                for (field, inner) in schema["properties"].as_object().into_iter().flatten() {
                    let required = schema["required"].as_array().is_some_and(|all| all.contains(&json!(field)));
                    if required || !self.one_in(3) {
                        object.insert(field.clone(), self.fitting(document, inner, field, depth + 1));
                    }
                }
                Value::Object(object)
            }
            "array" => {
                let n = self.draw(0..3);
                (0..n).map(|_| self.fitting(document, &schema["items"], name, depth + 1)).collect()
            }
            "string" => self.text(name),
            "boolean" => json!(self.one_in(2)),
            "integer" => json!(self.draw(0_i64..2_000_000_000)),
            "number" => json!(self.draw(0.0_f64..1e6)),
            _ => Value::Null,
        }
    }

    fn text(&mut self, name: &str) -> Value {
        match name {
            "requestId" | "decisionId" => json!(support::unique("fuzz")),
            _ => json!(self.draw("[ -~]{1,20}|\\PC{0,8}")),
        }
    }

    /// The same with something wrong in it.
    fn spoilt(&mut self, good: &Value) -> Value {
        let junk = [
            Value::Null,
            json!(true),
            json!(-1),
            json!(1e300),
            json!([]),
            json!({}),
            json!([[[[{}]]]]),
            json!(""),
            json!("\u{0}\u{1b}[31m"),
            json!("\u{202e}x"),
            json!("x".repeat(3_000)),
            json!("DONE"),
        ];
        let other = junk[self.draw(0..junk.len())].clone();
        let mut spoilt = good.clone();
        match spoilt.as_object_mut().filter(|fields| !fields.is_empty()) {
            Some(fields) => {
                let at = self.draw(0..fields.len());
                let name = fields.keys().nth(at).unwrap().clone();
                if self.one_in(3) {
                    fields.remove(&name);
                } else if self.one_in(6) {
                    fields.insert("unheard-of".to_owned(), other);
                } else {
                    fields.insert(name, other);
                }
            }
            None => spoilt = other,
        }
        if self.one_in(8) { json!([spoilt]) } else { spoilt }
    }
}

struct Operation<'a> {
    method: Method,
    path: &'a str,
    described: &'a Value,
}

/// One request: its bytes are what is sent, whatever it was made from.
struct Shot {
    path: String,
    token: Option<&'static str>,
    content_type: &'static str,
    body: Vec<u8>,
}

/// Ids for a path: some that are there, most that are not.
fn path(dice: &mut Dice, pattern: &str, goals: &[String]) -> String {
    let known = goals[dice.draw(0..goals.len())].clone();
    let ids = ["none", "%00", "%ff%fe", "..%2f..", "%E2%80%AE", "a%20b", "%5Cu%7B1b%7D"];
    let id = if dice.one_in(3) { ids[dice.draw(0..ids.len())].to_owned() } else { known };
    let steps = ["draft-1", "approval-1", "publish-1", "none-1", "%0a", "%F0%9F%98%80"];
    let step = if dice.one_in(20) { "s".repeat(1_500) } else { steps[dice.draw(0..steps.len())].to_owned() };
    pattern.replace("{id}", &id).replace("{step}", &step)
}

fn shot(dice: &mut Dice, document: &Value, operation: &Operation<'_>, goals: &[String]) -> Shot {
    let path = path(dice, operation.path, goals);
    let own = if operation.path == "/agent/callback" { BUILDERS } else { MIRA };
    let token = match dice.draw(0..12) {
        0 => None,
        1 => Some("nobody"),
        _ => Some(own),
    };
    let schema = &operation.described["requestBody"]["content"]["application/json"]["schema"];
    let mut value = if schema.is_null() { Value::Null } else { dice.fitting(document, schema, "", 0) };
    // An answer that is for a goal which is there.
    if let Some(workflow) = value.get_mut("workflowId").filter(|_| !dice.one_in(4)) {
        *workflow = json!(goals[dice.draw(0..goals.len())]);
    }
    if dice.one_in(2) {
        value = dice.spoilt(&value);
    }
    let body = match dice.draw(0..16) {
        0 => b"{\"requestId\": ".to_vec(),
        1 => dice.draw(prop::collection::vec(any::<u8>(), 0..80)),
        2 => vec![b'['; 5_000],
        3 => json!({"requestId": "r", "reason": "x".repeat(3_000_000)}).to_string().into_bytes(),
        _ => value.to_string().into_bytes(),
    };
    let kinds = ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", ""];
    let content_type = if dice.one_in(8) { kinds[dice.draw(0..kinds.len())] } else { "application/json" };
    Shot { path, token, content_type, body }
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, described) in methods.as_object().unwrap().iter().filter(|(key, _)| *key != "parameters") {
            operations.push(Operation { method: method.to_uppercase().parse().unwrap(), path, described });
        }
    }
    operations
}

/// What is wrong with an answer, if anything is.
fn wrong(document: &Value, operation: &Operation<'_>, status: StatusCode, kind: &str, text: &str) -> Option<String> {
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        return Some("it is a 500".to_owned());
    }
    if text.contains(['\u{1b}', '\u{0}']) {
        return Some("what acts instead of showing came back".to_owned());
    }
    let documented = &operation.described["responses"][status.as_str()];
    if documented.is_null() {
        return Some("this status is not documented".to_owned());
    }
    let content = documented["content"].as_object()?;
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let Some(described) = content.get(kind) else {
        return Some(format!("`{kind}` is not documented"));
    };
    if kind != "application/json" {
        return None;
    }
    match serde_json::from_str::<Value>(text) {
        Ok(value) if value["error"]["hint"] == "" => Some("it says nothing of what to do next".to_owned()),
        Ok(value) => misfit(document, &described["schema"], &value, "body"),
        Err(error) => Some(error.to_string()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_documented_and_fits_its_schema() {
    bounded(async || {
        let (bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        let mut goals = Vec::new();
        for _ in 0..3 {
            goals.push(steps::with_approval(&bench, "fuzzed").await);
        }
        let document: Value = rig.get("/openapi.json").send().await.unwrap().json().await.unwrap();
        let mut dice = Dice::new();
        let mut seen = std::collections::BTreeMap::<u16, usize>::new();
        for operation in operations(&document) {
            let takes_body = !operation.described["requestBody"].is_null();
            for n in 0..if takes_body { WITH_BODY } else { WITHOUT } {
                let shot = shot(&mut dice, &document, &operation, &goals);
                let mut request = rig.request(operation.method.clone(), &shot.path).body(shot.body.clone());
                if !shot.content_type.is_empty() {
                    request = request.header("content-type", shot.content_type);
                }
                if let Some(token) = shot.token {
                    request = request.bearer_auth(token);
                }
                let told = || {
                    let start = String::from_utf8_lossy(&shot.body[..shot.body.len().min(300)]).into_owned();
                    format!("{} {} #{n} {} {start}", operation.method, shot.path, shot.content_type)
                };
                let response = request.send().await.unwrap_or_else(|error| panic!("{}: {error}", told()));
                let status = response.status();
                let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
                let text = response.text().await.unwrap();
                *seen.entry(status.as_u16()).or_default() += 1;
                if let Some(wrong) = wrong(&document, &operation, status, &kind.unwrap_or_default(), &text) {
                    panic!("{}: {status}: {wrong}: {text}", told());
                }
            }
            // No other method.
            let other = if operation.method == Method::GET { Method::DELETE } else { Method::PUT };
            let path = path(&mut dice, operation.path, &goals);
            let response = rig.request(other, &path).bearer_auth(MIRA).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
            let body: Value = response.json().await.unwrap();
            assert_eq!(misfit(&document, &json!({"$ref": "#/components/schemas/ErrorBody"}), &body, "body"), None);
        }
        // It did more than to refuse.
        for status in [200, 401, 404, 409, 413, 415, 422] {
            assert!(seen.contains_key(&status), "{status} never came: {seen:?}");
        }
        // And nothing is wedged by it.
        for id in &goals {
            crate::coordinator::callbacks::state(&bench, id).await;
        }
    })
    .await;
}
