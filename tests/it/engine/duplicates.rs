//! Work that is asked for twice and waits twice becomes one step, where the spec says so.

use std::sync::Arc;

use gatewatch::contracts::engine::input::Decider;
use gatewatch::contracts::engine::state::StepStatus;
use gatewatch::spec::rules::Rules;
use serde_json::json;

use crate::engine::Goal;

fn goal(guardrails: &str) -> Goal {
    let rules = Rules::read("x.toml", &format!("name = 'x'\n[guardrails]\n{guardrails}\n")).unwrap();
    let mut goal = Goal::with(Arc::new(rules), Decider::Spec);
    let ask =
        |kind: &str, branch: &str| json!({"type": "REQUEST_WORK", "workKind": kind, "payload": {"branch": branch}});
    let large = json!({"type": "REQUEST_WORK", "workKind": "L", "payload": {"text": "x".repeat(20_000)}});
    let other = json!({"type": "REQUEST_WORK", "workKind": "L", "payload": {"text": "y".repeat(20_000)}});
    goal.boot(json!({"decisionId": "boot", "actions":
        [ask("A", "x"), ask("B", "x"), ask("A", "y"), ask("A", "x"), ask("A", "x"), large, other]}));
    goal
}

#[test]
fn the_later_of_two_equal_waiting_steps_is_withdrawn() {
    let goal = goal("collapse-duplicates = true\nmax-attempts = 4");
    let standing: Vec<StepStatus> = goal.steps().iter().map(|step| goal.step(step)).collect();
    let (waiting, skipped) = (StepStatus::Waiting, StepStatus::Skipped);
    assert_eq!(standing, [waiting, waiting, waiting, skipped, skipped, waiting, waiting]);
    let noted: Vec<_> = goal.state().log.iter().filter(|entry| entry.event == "WITHDRAWN").collect();
    assert_eq!(noted.len(), 2, "{noted:?}");
    assert_eq!(noted[0].data, json!({"stepId": "a-3", "reason": "a-1 is the same, and waits already."}));
}

#[test]
fn nothing_is_withdrawn_where_the_spec_does_not_say_so() {
    let goal = goal("");
    assert!(goal.steps().iter().all(|step| goal.step(step) == StepStatus::Waiting));
}
