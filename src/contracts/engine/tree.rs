//! The plan's graph as a tree: each step under the one whose answer asked for it. And what happened, in words.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::contracts::engine::state::{EngineState, LogEntry, StepState};
use crate::contracts::ids::StepId;

/// A step and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node<'a> {
    pub id: &'a StepId,
    pub step: &'a StepState,
    /// For each level above it, outermost first and its own last: whether more steps follow on that level. Empty for a step
    /// that no other asked for.
    pub follows: Vec<bool>,
}

impl Node<'_> {
    /// The lines that lead to it, two columns for each level: `│ ├ `. Of deep ones the innermost `most` levels.
    pub fn rails(&self, most: usize) -> String {
        let levels = self.follows.get(self.follows.len().saturating_sub(most)..).unwrap_or_default();
        let Some((own, above)) = levels.split_last() else { return String::new() };
        let mut rails: String = above.iter().map(|follows| if *follows { "│ " } else { "  " }).collect();
        rails.push_str(if *own { "├ " } else { "└ " });
        rails
    }
}

/// Every step, parents before children, siblings in the order in which they were requested.
pub fn tree(state: &EngineState) -> Vec<Node<'_>> {
    let steps = state.in_order();
    let mut children: BTreeMap<Option<&StepId>, Vec<(&StepId, &StepState)>> = BTreeMap::new();
    for (id, step) in &steps {
        // Only what was requested before can have asked for it: whoever answers the query, this comes to an end.
        let parent = step.after.iter().find_map(|after| {
            let (parent, before) = state.open_steps.get_key_value(after)?;
            (before.order < step.order).then_some(parent)
        });
        children.entry(parent).or_default().push((id, step));
    }
    let mut nodes = Vec::with_capacity(steps.len());
    let roots = children.remove(&None).unwrap_or_default();
    let mut rest: Vec<Node<'_>> =
        roots.into_iter().rev().map(|(id, step)| Node { id, step, follows: Vec::new() }).collect();
    while let Some(node) = rest.pop() {
        let below = children.remove(&Some(node.id)).unwrap_or_default();
        let last = below.len().saturating_sub(1);
        rest.extend(below.into_iter().enumerate().rev().map(|(at, (id, step))| {
            let follows = node.follows.iter().copied().chain([at < last]).collect();
            Node { id, step, follows }
        }));
        nodes.push(node);
    }
    nodes
}

impl LogEntry {
    /// What it says, without the name of the event.
    pub fn words(&self) -> String {
        let Some(fields) = self.data.as_object() else { return plain(&self.data) };
        let told = |name: &str| fields.get(name).map(plain).filter(|words| !words.is_empty());
        let mut words: Vec<String> = [
            "stepId",
            "kind",
            "type",
            "name",
            "version",
            "agent",
            "agentRole",
            "runId",
            "status",
            "decisionId",
            "reason",
        ]
        .into_iter()
        .filter_map(told)
        .collect();
        if let Some(rules) = fields.get("rules").and_then(Value::as_array) {
            words.extend(rules.iter().map(|rule| format!("\"{}\"", plain(rule))));
        }
        if let Some(actions) = fields.get("actions").and_then(Value::as_array) {
            let named = |action: &Value| action.get("workKind").or(action.get("key")).or(action.get("type")).map(plain);
            words.extend(actions.iter().filter_map(named));
        }
        if let Some(errors) = fields.get("errors").filter(|errors| !errors.is_null()) {
            words.push(plain(errors));
        }
        if let Some(name) = fields.get("by").and_then(|by| by.get("name")) {
            words.push(format!("by {}", plain(name)));
        }
        if words.is_empty() { self.data.to_string() } else { words.join("  ") }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::tree;
    use crate::contracts::clock::UnixMillis;
    use crate::contracts::engine::state::{EngineState, LogEntry};

    fn state(steps: &[(&str, u64, &[&str])]) -> EngineState {
        let steps: serde_json::Map<_, _> = steps
            .iter()
            .map(|(id, order, after)| {
                ((*id).to_owned(), json!({"kind": "K", "status": "WAITING", "order": order, "after": after}))
            })
            .collect();
        serde_json::from_value(json!({ "openSteps": steps })).unwrap()
    }

    #[test]
    fn children_stand_under_what_asked_for_them() {
        let state = state(&[("b", 2, &["a"]), ("a", 1, &[]), ("d", 4, &["b"]), ("c", 3, &["a"]), ("e", 5, &["gone"])]);
        let drawn: Vec<String> = tree(&state).iter().map(|node| format!("{}{}", node.rails(8), node.id)).collect();
        assert_eq!(drawn, ["a", "├ b", "│ └ d", "└ c", "e"]);
    }

    #[test]
    fn steps_that_claim_each_other_are_all_there_once() {
        let state = state(&[("a", 1, &["b"]), ("b", 2, &["a"]), ("c", 3, &["c"])]);
        assert_eq!(tree(&state).len(), 3);
    }

    #[test]
    fn an_entry_says_who_did_what_and_why() {
        let entry = |data| LogEntry { at: UnixMillis::default(), event: "X".to_owned(), data };
        let rejected = json!({"stepId": "approval-1", "reason": "too long", "by": {"name": "mira", "via": "cli"}});
        assert_eq!(entry(rejected).words(), "approval-1  too long  by mira");
        let actions = json!({"decisionId": "boot", "actions": [{"type": "REQUEST_WORK", "workKind": "DRAFT"}]});
        assert_eq!(entry(actions).words(), "boot  DRAFT");
        assert_eq!(entry(json!("plain")).words(), "plain");
    }
}
