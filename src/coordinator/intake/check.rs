//! Is it an agent's answer? Everything that is wrong is named at once, with its field.

use std::fmt::Write as _;

use serde_json::{Map, Value};

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
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) => return Err(invalid("", format!("It is not JSON: {error}."))),
    };
    let Value::Object(fields) = &value else {
        return Err(invalid("", "It is no JSON object."));
    };
    let problems = Fields(fields).problems();
    if !problems.is_empty() {
        return Err(Invalid { failure: about(fields, &problems), problems });
    }
    // What it says is moved, not copied: an answer may be large.
    serde_json::from_value(value).map_err(|error| {
        let problems = vec![FieldProblem::new("", format!("{}.", text::line(&error.to_string())))];
        let fields = serde_json::from_slice(body).unwrap_or_default();
        Invalid { failure: about(&fields, &problems), problems }
    })
}

fn invalid(field: &str, why: impl Into<String>) -> Invalid {
    Invalid { problems: vec![FieldProblem::new(field, why)], failure: None }
}

struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    fn problems(&self) -> Vec<FieldProblem> {
        let mut found = Vec::new();
        for (name, longest) in [
            ("goalId", LONGEST_ID),
            ("workflowId", LONGEST_ID),
            ("stepId", LONGEST_NAME),
            ("runId", LONGEST_NAME),
            ("agentRole", LONGEST_NAME),
        ] {
            if let Err(why) = name_in(self.0.get(name), longest) {
                found.push(FieldProblem::new(name, why));
            }
        }
        match self.0.get("status") {
            Some(Value::String(word)) if matches!(word.as_str(), "OK" | "PARTIAL" | "FAIL") => {}
            None | Some(Value::Null) => found.push(FieldProblem::new("status", "It is missing.")),
            Some(other) => {
                found.push(FieldProblem::new("status", format!("{} is none of OK, PARTIAL and FAIL.", quoted(other))));
            }
        }
        self.artifacts(&mut found);
        self.metrics(&mut found);
        found
    }

    fn artifacts(&self, found: &mut Vec<FieldProblem>) {
        let artifacts = match self.0.get("artifacts") {
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
            if let Err(why) = name_in(fields.get("type"), LONGEST_NAME) {
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
        let metrics = match self.0.get("metrics") {
            None | Some(Value::Null) => return,
            Some(Value::Object(metrics)) => metrics,
            Some(_) => return found.push(FieldProblem::new("metrics", "It is no object.")),
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
fn name_in(value: Option<&Value>, longest: usize) -> Result<&str, String> {
    match value {
        None | Some(Value::Null) => Err("It is missing.".to_owned()),
        Some(Value::String(name)) if name.trim().is_empty() => Err("It is empty.".to_owned()),
        Some(Value::String(name)) if name.len() > longest => {
            Err(format!("It has {} bytes; {longest} are the most.", name.len()))
        }
        Some(Value::String(name)) if name.chars().any(char::is_control) => {
            Err("It holds control characters.".to_owned())
        }
        Some(Value::String(name)) => Ok(name),
        Some(_) => Err("It is no text.".to_owned()),
    }
}

fn quoted(value: &Value) -> String {
    let written = value.to_string();
    let start: String = text::line(&written).chars().take(QUOTED).collect();
    if start.len() < written.len() { format!("{start}…") } else { start }
}

/// The failure of the attempt that this was an answer to.
fn about(fields: &Map<String, Value>, problems: &[FieldProblem]) -> Option<Box<AgentResponse>> {
    let name = |name: &str, longest: usize| name_in(fields.get(name), longest).ok();
    let workflow = name("workflowId", LONGEST_ID)?;
    let step = name("stepId", LONGEST_NAME)?;
    let mut errors = "The agent's answer is not valid.".to_owned();
    for problem in problems.iter().take(20) {
        // Writing to a string cannot fail.
        let _ = write!(errors, " {}: {}", problem.field, problem.message);
    }
    Some(Box::new(AgentResponse {
        goal_id: GoalId::new(name("goalId", LONGEST_ID).unwrap_or_default()),
        workflow_id: WorkflowId::new(workflow),
        step_id: StepId::new(step),
        attempt_id: AttemptId::new(name("runId", LONGEST_NAME).unwrap_or_default()),
        agent_role: name("agentRole", LONGEST_NAME).unwrap_or_default().to_owned(),
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
        for nobody in ["", "[]", "{\"workflowId\":\"w\"}", "{\"stepId\":\"s\"}", "\u{feff}{}", "{\"a\":1"] {
            assert_eq!(read(nobody.as_bytes()).unwrap_err().failure, None, "{nobody}");
        }
        let deep = format!("{{\"content\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(read(deep.as_bytes()).is_err());
    }
}
