//! What an agent said, read with suspicion: JSON, an object, a status, and of this very attempt.

use serde_json::{Map, Value, json};

use crate::contracts::agent::{AgentRequest, AgentResponse};
use crate::contracts::text;

/// Characters of what somebody else said that a reason quotes.
const QUOTED: usize = 300;

/// An answer as the goal takes it. Ids that are missing are filled in; ids of another attempt are refused.
pub fn read(said: &[u8], agent: &str, request: &AgentRequest) -> Result<AgentResponse, String> {
    let fields: Map<String, Value> = serde_json::from_slice(said).map_err(|error| {
        let start = quote(&String::from_utf8_lossy(said));
        format!("it answered what is no JSON object ({error}): {start}")
    })?;
    of(fields, agent, request)
}

/// The same of fields that were read already.
pub fn of(mut fields: Map<String, Value>, agent: &str, request: &AgentRequest) -> Result<AgentResponse, String> {
    let own = [
        ("goalId", request.goal_id.as_str()),
        ("workflowId", request.workflow_id.as_str()),
        ("stepId", request.step_id.as_str()),
        ("runId", request.attempt_id.as_str()),
    ];
    for (name, is) in own {
        match fields.get(name).and_then(Value::as_str) {
            Some(said) if !said.is_empty() && said != is => {
                return Err(format!("it answered for {name} {}, but was asked for {is}", quote(said)));
            }
            Some(_) | None => fields.insert(name.to_owned(), json!(is)),
        };
    }
    if fields.get("agentRole").and_then(Value::as_str).is_none_or(str::is_empty) {
        fields.insert("agentRole".to_owned(), json!(agent));
    }
    if !fields.contains_key("status") {
        return Err("its answer has no `status`; OK, PARTIAL and FAIL are what it can be".to_owned());
    }
    let response = serde_json::from_value(Value::Object(fields));
    response.map_err(|error| format!("its answer cannot be read: {}", quote(&error.to_string())))
}

/// The beginning of what somebody else said, in one line.
pub fn quote(said: &str) -> String {
    let said = said.trim();
    let cut: String = said.chars().take(QUOTED).collect();
    let more = if cut.len() < said.len() { "…" } else { "" };
    format!("{}{more}", text::line(&cut))
}
