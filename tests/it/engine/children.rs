//! Workflows that do the work of a step: the goal knows which, and takes the end of one as its attempt's answer, once.

use std::sync::Arc;

use gatewatch::contracts::agent::AgentStatus;
use gatewatch::contracts::engine::input::Decider;
use gatewatch::contracts::engine::state::{EngineStatus, StepStatus};
use gatewatch::contracts::ids::WorkflowId;
use gatewatch::spec::rules::Rules;
use gatewatch::workflows::engine::machine::event::{Event, Outcome, Terms};
use serde_json::{Value, json};

use super::{Goal, request};

const SPEC: &str = "name = 'x'\n[[rules]]\nname = 'good'\non = 'completed'\nkind = 'QA'\nstatus = 'OK'\n\
    then = [{ request = 'DOCS' }]\n[[rules]]\nname = 'ended'\non = 'child-completed'\nevent = 'QA'\n\
    then = [{ annotate = 'ended', value = '${child.result.status}' }]\n[finalize]\n";

fn goal() -> Goal {
    let mut goal = Goal::with(Arc::new(Rules::read("x", SPEC).unwrap()), Decider::Spec);
    goal.boot(request("QA"));
    goal
}

fn taken(attempt: &str, child: &str) -> Event {
    let terms = Terms { child: Some(WorkflowId::from(child)), ..Terms::default() };
    Event::Lease { step: "qa-1".into(), attempt: attempt.into(), agent: "qa".into(), terms }
}

/// The end of a child; with an attempt it is that attempt's answer.
fn ended(attempt: Option<&str>, status: AgentStatus) -> Event {
    let result = json!({"stepId": "qa-1", "runId": attempt.unwrap_or_default(), "status": status.as_str(),
        "workflowId": "child", "content": {"passed": 7}, "artifacts": [{"type": "REPORT", "ref": "1"}]});
    let answer = attempt.map(|_| Box::new(serde_json::from_value(result.clone()).unwrap()));
    Event::ChildCompleted { kind: "QA".into(), result, answer }
}

fn noted(goal: &Goal) -> usize {
    goal.state().log.iter().filter(|entry| entry.event == "CHILD_COMPLETED").count()
}

#[test]
fn the_end_of_a_child_is_the_answer_of_its_attempt_and_rules_hear_of_both() {
    let mut goal = goal();
    assert_eq!(goal.send(taken("a", "child")).outcome, Outcome::Applied);
    let step = goal.state().open_steps[&"qa-1".into()].clone();
    assert_eq!((step.children, step.lease_until), (vec![WorkflowId::from("child")], None));
    assert!(matches!(goal.send(ended(Some("b"), AgentStatus::Ok)).outcome, Outcome::Refused(_)), "another attempt");
    assert_eq!(goal.send(ended(Some("a"), AgentStatus::Ok)).outcome, Outcome::Applied);
    assert_eq!(goal.send(ended(Some("a"), AgentStatus::Ok)).outcome, Outcome::Repeated);
    assert_eq!((goal.step("qa-1"), noted(&goal)), (StepStatus::Done, 1));
    let state = goal.state();
    assert_eq!(state.artifacts["ended"], json!("OK"));
    assert!(state.artifacts.contains_key("REPORT:1"));
    assert_eq!(state.open_steps[&"qa-1".into()].content, json!({"passed": 7}));
    assert_eq!(
        (goal.step("docs-1"), goal.status()),
        (StepStatus::Waiting, EngineStatus::Running),
        "not reached between"
    );
    goal.ok("docs-1");
    assert_eq!(goal.status(), EngineStatus::Completed);
    assert_eq!(goal.send(ended(Some("a"), AgentStatus::Ok)).outcome, Outcome::Repeated, "also when all is over");
}

#[test]
fn a_child_that_does_not_say_which_attempt_it_was_closes_its_step_as_before() {
    let mut goal = goal();
    assert_eq!(goal.send(ended(None, AgentStatus::Ok)).outcome, Outcome::Applied);
    assert_eq!((goal.step("qa-1"), noted(&goal)), (StepStatus::Done, 1));
    assert_eq!(goal.state().open_steps.len(), 1, "no rule on answers was asked: {:?}", goal.steps());
    assert_eq!(goal.state().open_steps[&"qa-1".into()].content, Value::Null);
}

#[test]
fn the_newest_children_of_a_step_are_remembered() {
    let mut goal = goal();
    for n in 0..12 {
        let (attempt, child) = (format!("a{n}"), format!("child-{n}"));
        assert_eq!(goal.send(taken(&attempt, &child)).outcome, Outcome::Applied);
        let by = gatewatch::contracts::actor::Actor::default();
        goal.send(Event::Requeue { step: "qa-1".into(), attempt: None, reason: "again".into(), by });
    }
    let children = &goal.state().open_steps[&"qa-1".into()].children;
    assert_eq!((children.len(), children.last()), (10, Some(&WorkflowId::from("child-11"))));
}
