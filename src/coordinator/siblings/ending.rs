//! From how a workflow ended to what its goal is told. A result in the form of an agent's answer is one; anything else is
//! the content of one.

use serde_json::{Value, json};

use crate::agents::answer;
use crate::contracts::agent::{AgentResponse, AgentStatus};
use crate::coordinator::siblings::plan::Plan;
use crate::gateway::sibling::Ending;

/// What the goal is told.
pub(super) fn answer(plan: &Plan, ending: Ending) -> AgentResponse {
    let said = match ending {
        Ending::Completed(Some(result)) => read(plan, result),
        Ending::Completed(None) => Err(format!("{} completed with what is no JSON.", plan.child)),
        Ending::Otherwise(why) => Err(why),
    };
    match said {
        // Nothing more comes from a workflow that has ended.
        Ok(response) if response.status == AgentStatus::Partial => AgentResponse {
            status: AgentStatus::Fail,
            errors: Value::String(format!("{} ended with PARTIAL.", plan.child)),
            ..response
        },
        Ok(response) => response,
        Err(why) => plan.request.failed(&why),
    }
}

fn read(plan: &Plan, result: Value) -> Result<AgentResponse, String> {
    let bytes = result.to_string().len();
    if bytes > plan.max_output {
        let most = plan.max_output;
        return Err(format!("The result of {} has {bytes} bytes; {most} are the most (`max_output`).", plan.child));
    }
    let is_answer = result.get("status").and_then(Value::as_str).is_some_and(is_status);
    let whole = if is_answer { result } else { json!({"status": "OK", "content": result}) };
    let fields = whole.as_object().cloned().unwrap_or_default();
    answer::of(fields, &plan.request.agent, &plan.request).map_err(|why| format!("{}: {why}.", plan.child))
}

fn is_status(word: &str) -> bool {
    [AgentStatus::Ok, AgentStatus::Partial, AgentStatus::Fail].iter().any(|status| status.as_str() == word)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::answer;
    use crate::contracts::agent::{AgentRequest, AgentStatus};
    use crate::coordinator::siblings::plan::Plan;
    use crate::gateway::sibling::Ending;

    fn told(ending: Ending) -> (AgentStatus, Value, Value) {
        let request = AgentRequest { step_id: "qa-1".into(), attempt_id: "a".into(), ..AgentRequest::default() };
        let plan = Plan {
            request,
            child: "qa".into(),
            workflow_type: "Qa".into(),
            task_queue: "q".into(),
            input: Value::Null,
            limit: None,
            cancel: true,
            max_output: 100,
            wrong: None,
        };
        let told = answer(&plan, ending);
        assert_eq!((told.step_id.as_str(), told.attempt_id.as_str()), ("qa-1", "a"));
        (told.status, told.content, told.errors)
    }

    #[test]
    fn a_result_is_an_answer_or_its_content() {
        let completed = |result: Value| told(Ending::Completed(Some(result)));
        assert_eq!(completed(json!({"passed": 7})), (AgentStatus::Ok, json!({"passed": 7}), Value::Null));
        assert_eq!(completed(Value::Null), (AgentStatus::Ok, Value::Null, Value::Null));
        assert_eq!(completed(json!({"status": "green"})).0, AgentStatus::Ok, "a status of its own");
        let failed = completed(json!({"status": "FAIL", "errors": "2 of 9", "content": 1}));
        assert_eq!(failed, (AgentStatus::Fail, json!(1), json!("2 of 9")));
        assert_eq!(completed(json!({"status": "PARTIAL"})).0, AgentStatus::Fail, "nothing more comes of it");
    }

    #[test]
    fn whatever_else_it_ended_with_is_a_failure_with_its_reason() {
        let why = |ending: Ending| {
            let (status, _, errors) = told(ending);
            assert_eq!(status, AgentStatus::Fail);
            errors.as_str().unwrap().to_owned()
        };
        assert!(why(Ending::Completed(None)).contains("no JSON"));
        assert_eq!(why(Ending::Otherwise("qa was cancelled.".into())), "qa was cancelled.");
        assert!(why(Ending::Completed(Some(json!("x".repeat(200))))).contains("max_output"));
        assert!(why(Ending::Completed(Some(json!({"status": "OK", "runId": "other"})))).contains("runId"));
    }
}
