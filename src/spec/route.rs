//! Routes: who else is told of an agent's answer. A condition over the answer, and ids with `${CEL}` in them.

use std::sync::Arc;

use cel::Env;
use serde_json::{Value, json};

use crate::contracts::agent::AgentResponse;
use crate::contracts::engine::state::EngineState;
use crate::contracts::ids::WorkflowId;
use crate::spec::expression::Expression;
use crate::spec::facts::{Fact, Scope};
use crate::spec::template::Template;

/// Workflows that one answer is told to by one route.
const MOST: usize = 20;
/// Temporal's own limit on ids.
const LONGEST_ID: usize = 1000;

/// A compiled route.
pub struct Route {
    when: Option<Expression>,
    workflows: Template,
    env: Arc<Env>,
}

impl Route {
    /// Compiles the condition and every hole; the error says which one is wrong.
    pub fn compile(when: Option<&str>, workflows: &[String]) -> Result<Self, String> {
        let when = when.map(Expression::compile).transpose().map_err(|why| format!("`when` {why}"))?;
        let workflows = Template::compile(&json!(workflows)).map_err(|why| format!("an id of `workflows` {why}"))?;
        Ok(Self { when, workflows, env: Arc::new(Env::stdlib()) })
    }

    /// Ids of the workflows to tell of this answer; none when the condition does not hold. A hole that is a list stands
    /// for several.
    pub fn targets(&self, response: &AgentResponse) -> Result<Vec<WorkflowId>, String> {
        let state = EngineState { goal_id: response.goal_id.clone(), ..EngineState::default() };
        let scope = Scope::new(&self.env, &state, Some(&Fact::Completed { response }))?;
        if let Some(when) = &self.when
            && !when.holds(&scope)?
        {
            return Ok(Vec::new());
        }
        let mut ids = Vec::new();
        flatten(self.workflows.fill(&scope)?, &mut ids)?;
        ids.sort();
        ids.dedup();
        if ids.len() > MOST {
            return Err(format!("leads to {} workflows; {MOST} are the most", ids.len()));
        }
        Ok(ids)
    }
}

fn flatten(value: Value, into: &mut Vec<WorkflowId>) -> Result<(), String> {
    match value {
        Value::Array(values) => values.into_iter().try_for_each(|value| flatten(value, into)),
        Value::String(id) if id.is_empty() || id.len() > LONGEST_ID || id.chars().any(char::is_control) => {
            Err("makes what is no id of a workflow".to_owned())
        }
        Value::String(id) => {
            into.push(WorkflowId::new(id));
            Ok(())
        }
        // A field that this answer does not have.
        Value::Null => Ok(()),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => Err("makes what is no id of a workflow".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Route;

    fn targets(when: Option<&str>, workflows: &[&str], content: &Value) -> Result<Vec<String>, String> {
        let workflows: Vec<String> = workflows.iter().map(|id| (*id).to_owned()).collect();
        let response = json!({"goalId": "g", "workflowId": "acme:w", "stepId": "implementation-1", "runId": "r",
            "agentRole": "builder", "status": "OK", "content": content});
        let found = Route::compile(when, &workflows)?.targets(&serde_json::from_value(response).unwrap())?;
        Ok(found.into_iter().map(|id| id.as_str().to_owned()).collect())
    }

    #[test]
    fn a_route_leads_where_its_ids_say_when_its_condition_holds() {
        let when = "response.agentRole == 'builder' && response.stepId.startsWith('implementation-')";
        let to = ["qa-${response.goalId}", "${list(response.content.also)}", "${response.content.none}"];
        let found = targets(Some(when), &to, &json!({"also": ["b", "a", "a"]}));
        assert_eq!(found, Ok(vec!["a".into(), "b".into(), "qa-g".into()]));
        assert_eq!(targets(Some("response.status == 'FAIL'"), &to, &Value::Null), Ok(Vec::new()));
        assert_eq!(targets(Some("response.content.absent"), &to, &Value::Null), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_route_says_why() {
        assert!(targets(Some("nobody"), &["x"], &Value::Null).unwrap_err().contains("`when`"));
        assert!(targets(None, &["x-${"], &Value::Null).unwrap_err().contains("workflows"));
        for content in [json!({"to": 7}), json!({"to": {}}), json!({"to": ""}), json!({"to": "a\u{1b}"})] {
            assert!(targets(None, &["${response.content.to}"], &content).unwrap_err().contains("no id"));
        }
        let many: Vec<String> = (0..21).map(|n| n.to_string()).collect();
        assert!(targets(None, &["${response.content.to}"], &json!({"to": many})).unwrap_err().contains("20"));
    }
}
