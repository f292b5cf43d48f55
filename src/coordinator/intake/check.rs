//! Is it an agent's answer? Everything that is wrong is named at once, with its field.

use std::fmt::{self, Write as _};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::error::Category;

use crate::contracts::agent::{AgentResponse, AgentStatus};
use crate::contracts::http::FieldProblem;
use crate::contracts::ids::{AttemptId, GoalId, StepId, WorkflowId};
use crate::contracts::text;

/// What an agent answers is not larger (seed 000).
pub const MAX_BYTES: usize = 2 * 1024 * 1024;
/// Temporal's own limit on ids.
const LONGEST_ID: usize = 1000;
/// What the engine keeps of a step's or an attempt's name.
const LONGEST_NAME: usize = 200;
/// More artifacts than any work leaves behind.
const MOST_ARTIFACTS: usize = 200;
/// Characters of what was sent that an error repeats.
const QUOTED: usize = 60;
/// Tokens beyond which a number is a mistake.
const MOST_TOKENS: u64 = 1_000_000_000;
/// US dollars beyond which a number is a mistake.
const HIGHEST_COST: f64 = 1_000_000.0;

/// What is no answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Invalid {
    /// Never empty.
    pub problems: Vec<FieldProblem>,
    /// What its workflow must be told: that this attempt failed. Only where workflow and step can be read.
    pub failure: Option<Box<AgentResponse>>,
}

/// Reads a body.
pub fn read(body: &[u8]) -> Result<AgentResponse, Invalid> {
    let mut fields: Fields = serde_json::from_slice(body).map_err(|error| match error.classify() {
        Category::Data => invalid("", "It is no JSON object."),
        Category::Io | Category::Syntax | Category::Eof => invalid("", format!("It is not JSON: {error}.")),
    })?;
    let mut problems = fields.problems();
    if problems.is_empty() {
        match fields.response() {
            Ok(response) => return Ok(response),
            Err(error) => problems.push(FieldProblem::new("", format!("{}.", text::line(&error.to_string())))),
        }
    }
    Err(Invalid { failure: about(&fields, &problems), problems })
}

fn invalid(field: &str, why: impl Into<String>) -> Invalid {
    Invalid { problems: vec![FieldProblem::new(field, why)], failure: None }
}

/// An answer's fields as they came; null is as good as none, but for the artifacts.
#[derive(Default)]
struct Fields {
    goal_id: Value,
    workflow_id: Value,
    step_id: Value,
    attempt_id: Value,
    agent_role: Value,
    status: Value,
    content: Value,
    artifacts: Option<Value>,
    metrics: Value,
    errors: Value,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Name {
    GoalId,
    WorkflowId,
    StepId,
    RunId,
    AgentRole,
    Status,
    Content,
    Artifacts,
    Metrics,
    Errors,
    #[serde(other)]
    Other,
}

/// By hand: a derived struct would be read from a list as well, and refuse a field that comes twice.
impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Fields, A::Error> {
                let mut fields = Fields::default();
                while let Some((name, value)) = object.next_entry::<Name, Value>()? {
                    match name {
                        Name::GoalId => fields.goal_id = value,
                        Name::WorkflowId => fields.workflow_id = value,
                        Name::StepId => fields.step_id = value,
                        Name::RunId => fields.attempt_id = value,
                        Name::AgentRole => fields.agent_role = value,
                        Name::Status => fields.status = value,
                        Name::Content => fields.content = value,
                        Name::Artifacts => fields.artifacts = Some(value),
                        Name::Metrics => fields.metrics = value,
                        Name::Errors => fields.errors = value,
                        Name::Other => {}
                    }
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl Fields {
    /// The answer, of fields without problems: what may be large is moved into it.
    fn response(&mut self) -> serde_json::Result<AgentResponse> {
        let artifacts = self.artifacts.as_ref().map(Vec::deserialize).transpose()?.unwrap_or_default();
        let (status, metrics) = (AgentStatus::deserialize(&self.status)?, Option::deserialize(&self.metrics)?);
        let text = |value: &mut Value| if let Value::String(text) = value.take() { text } else { String::new() };
        Ok(AgentResponse {
            goal_id: GoalId::new(text(&mut self.goal_id)),
            workflow_id: WorkflowId::new(text(&mut self.workflow_id)),
            step_id: StepId::new(text(&mut self.step_id)),
            attempt_id: AttemptId::new(text(&mut self.attempt_id)),
            agent_role: text(&mut self.agent_role),
            status,
            content: self.content.take(),
            artifacts,
            metrics,
            errors: self.errors.take(),
        })
    }

    fn problems(&self) -> Vec<FieldProblem> {
        let mut found = Vec::new();
        for (name, value, longest) in [
            ("goalId", &self.goal_id, LONGEST_ID),
            ("workflowId", &self.workflow_id, LONGEST_ID),
            ("stepId", &self.step_id, LONGEST_NAME),
            ("runId", &self.attempt_id, LONGEST_NAME),
            ("agentRole", &self.agent_role, LONGEST_NAME),
        ] {
            if let Err(why) = name_in(value, longest) {
                found.push(FieldProblem::new(name, why));
            }
        }
        match self.status.as_str() {
            Some("OK" | "PARTIAL" | "FAIL") => {}
            _ if self.status.is_null() => found.push(FieldProblem::new("status", "It is missing.")),
            _ => {
                let why = format!("{} is none of OK, PARTIAL and FAIL.", quoted(&self.status));
                found.push(FieldProblem::new("status", why));
            }
        }
        self.artifacts(&mut found);
        self.metrics(&mut found);
        found
    }

    fn artifacts(&self, found: &mut Vec<FieldProblem>) {
        let artifacts = match &self.artifacts {
            None => return,
            Some(Value::Array(artifacts)) => artifacts,
            Some(_) => return found.push(FieldProblem::new("artifacts", "It is no list.")),
        };
        if artifacts.len() > MOST_ARTIFACTS {
            let why = format!("There are {} artifacts; {MOST_ARTIFACTS} are the most.", artifacts.len());
            return found.push(FieldProblem::new("artifacts", why));
        }
        for (at, artifact) in artifacts.iter().enumerate() {
            let Value::Object(fields) = artifact else {
                found.push(FieldProblem::new(format!("artifacts[{at}]"), "It is no object."));
                continue;
            };
            if let Err(why) = name_in(fields.get("type").unwrap_or(&Value::Null), LONGEST_NAME) {
                found.push(FieldProblem::new(format!("artifacts[{at}].type"), why));
            }
            for name in ["url", "ref"] {
                if !matches!(fields.get(name), None | Some(Value::Null | Value::String(_))) {
                    found.push(FieldProblem::new(format!("artifacts[{at}].{name}"), "It is no text."));
                }
            }
        }
    }

    fn metrics(&self, found: &mut Vec<FieldProblem>) {
        let metrics = match self.metrics.as_object() {
            Some(metrics) => metrics,
            None if self.metrics.is_null() => return,
            None => return found.push(FieldProblem::new("metrics", "It is no object.")),
        };
        match metrics.get("tokens") {
            None | Some(Value::Null) => {}
            Some(Value::Object(tokens)) => {
                for name in ["prompt", "completion"] {
                    let fits = tokens.get(name).is_none_or(|count| count.as_u64().is_some_and(|n| n <= MOST_TOKENS));
                    if !fits {
                        let why = "It is no number of tokens.";
                        found.push(FieldProblem::new(format!("metrics.tokens.{name}"), why));
                    }
                }
            }
            Some(_) => found.push(FieldProblem::new("metrics.tokens", "It is no object.")),
        }
        let cost = metrics.get("costUsd");
        let fits = |cost: &Value| cost.as_f64().is_some_and(|usd| (0.0..=HIGHEST_COST).contains(&usd));
        if !cost.is_none_or(|cost| cost.is_null() || fits(cost)) {
            found.push(FieldProblem::new("metrics.costUsd", "It is no amount of US dollars."));
        }
    }
}

/// A name that can be one.
fn name_in(value: &Value, longest: usize) -> Result<&str, String> {
    match value.as_str() {
        Some(name) if name.trim().is_empty() => Err("It is empty.".to_owned()),
        Some(name) if name.len() > longest => Err(format!("It has {} bytes; {longest} are the most.", name.len())),
        Some(name) if name.chars().any(char::is_control) => Err("It holds control characters.".to_owned()),
        Some(name) => Ok(name),
        None if value.is_null() => Err("It is missing.".to_owned()),
        None => Err("It is no text.".to_owned()),
    }
}

fn quoted(value: &Value) -> String {
    let written = value.to_string();
    let start: String = text::line(&written).chars().take(QUOTED).collect();
    if start.len() < written.len() { format!("{start}…") } else { start }
}

/// The failure of the attempt that this was an answer to.
fn about(fields: &Fields, problems: &[FieldProblem]) -> Option<Box<AgentResponse>> {
    let workflow = name_in(&fields.workflow_id, LONGEST_ID).ok()?;
    let step = name_in(&fields.step_id, LONGEST_NAME).ok()?;
    let mut errors = "The agent's answer is not valid.".to_owned();
    for problem in problems.iter().take(20) {
        // Writing to a string cannot fail.
        let _ = write!(errors, " {}: {}", problem.field, problem.message);
    }
    Some(Box::new(AgentResponse {
        goal_id: GoalId::new(name_in(&fields.goal_id, LONGEST_ID).unwrap_or_default()),
        workflow_id: WorkflowId::new(workflow),
        step_id: StepId::new(step),
        attempt_id: AttemptId::new(name_in(&fields.attempt_id, LONGEST_NAME).unwrap_or_default()),
        agent_role: name_in(&fields.agent_role, LONGEST_NAME).unwrap_or_default().to_owned(),
        status: AgentStatus::Fail,
        content: Value::Null,
        artifacts: Vec::new(),
        metrics: None,
        errors: Value::String(errors),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::read;
    use crate::contracts::agent::AgentStatus;

    fn problems(body: &Value) -> Vec<(String, String)> {
        let invalid = read(body.to_string().as_bytes()).unwrap_err();
        invalid.problems.into_iter().map(|problem| (problem.field, problem.message)).collect()
    }

    #[test]
    fn the_seeds_sample_is_an_answer() {
        let response = read(
            json!({
                "goalId": "goal-1", "workflowId": "wf-1", "stepId": "write-impl-1", "runId": "run-1",
                "agentRole": "builder", "status": "OK",
                "content": {"summary": "Implemented X", "diffUrl": "https://x", "branch": "feature/x"},
                "artifacts": [{"type": "PR", "url": "https://x/pr/42", "ref": "42"}],
                "metrics": {"tokens": {"prompt": 123, "completion": 456}, "costUsd": 0.12},
                "errors": null
            })
            .to_string()
            .as_bytes(),
        )
        .unwrap();
        assert_eq!((response.status, response.artifacts.len()), (AgentStatus::Ok, 1));
        assert_eq!(response.metrics.unwrap().cost_micros(), 120_000);
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let found = problems(&json!({
            "workflowId": "wf", "stepId": 7, "runId": "", "agentRole": "a\u{1b}b", "status": "GREAT",
            "artifacts": [{"type": "PR"}, {"url": 5}, 3],
            "metrics": {"tokens": {"prompt": -1, "completion": "many"}, "costUsd": -2}
        }));
        let fields: Vec<&str> = found.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "goalId",
                "stepId",
                "runId",
                "agentRole",
                "status",
                "artifacts[1].type",
                "artifacts[1].url",
                "artifacts[2]",
                "metrics.tokens.prompt",
                "metrics.tokens.completion",
                "metrics.costUsd"
            ]
        );
        assert_eq!(found[4].1, "\"GREAT\" is none of OK, PARTIAL and FAIL.");
    }

    #[test]
    fn its_workflow_is_told_where_it_can_be_read() {
        let body = json!({"workflowId": "wf", "stepId": "s-1", "status": 5}).to_string();
        let told = read(body.as_bytes()).unwrap_err().failure.unwrap();
        assert_eq!((told.status, told.step_id.as_str(), told.attempt_id.as_str()), (AgentStatus::Fail, "s-1", ""));
        let why = told.errors.as_str().unwrap();
        assert!(why.contains("runId: It is missing.") && why.contains("status: 5 is none of"), "{why}");
        for nobody in [
            "",
            "[]",
            "[\"g\",\"w\",\"s\",\"r\",\"a\",\"OK\"]",
            "{\"workflowId\":\"w\"}",
            "{\"stepId\":\"s\"}",
            "\u{feff}{}",
            "{\"a\":1",
        ] {
            assert_eq!(read(nobody.as_bytes()).unwrap_err().failure, None, "{nobody}");
        }
        let deep = format!("{{\"content\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(read(deep.as_bytes()).is_err());
    }

    #[test]
    fn lists_are_no_objects_and_of_two_fields_of_one_name_the_last_counts() {
        let body = |more: &str| {
            format!(r#"{{"goalId":"g","workflowId":"w","stepId":"s","runId":"r","agentRole":"a","status":"OK"{more}}}"#)
        };
        for (more, field) in [
            (r#","metrics":[]"#, "metrics"),
            (r#","metrics":{"tokens":[1,2]}"#, "metrics.tokens"),
            (r#","artifacts":[["PR"]]"#, "artifacts[0]"),
            (r#","artifacts":null"#, "artifacts"),
            (r#","status":{"OK":null}"#, "status"),
            (r#","other":1e999"#, ""),
            (r#","other":"\ud800""#, ""),
        ] {
            let problems = read(body(more).as_bytes()).unwrap_err().problems;
            assert_eq!(problems.iter().map(|problem| problem.field.as_str()).collect::<Vec<_>>(), [field], "{more}");
        }
        let response = read(body(r#","stepId":"t","other":[],"metrics":null,"errors":null"#).as_bytes()).unwrap();
        assert_eq!((response.step_id.as_str(), response.metrics), ("t", None));
    }
}
