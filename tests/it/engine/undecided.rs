//! Where somebody outside decides, whatever happens waits for exactly one decision. And what counts as an attempt.

use std::sync::Arc;

use gatewatch::contracts::actor::Actor;
use gatewatch::contracts::agent::{AgentStatus, Artifact};
use gatewatch::contracts::engine::fact::Happening;
use gatewatch::contracts::engine::input::Decider;
use gatewatch::contracts::engine::state::{EngineStatus, StepStatus};
use gatewatch::contracts::ids::StepId;
use gatewatch::spec::rules::Rules;
use gatewatch::workflows::engine::machine::event::{Event, Habits, Outcome, Replacements};
use serde_json::{Value, json};

use crate::engine::{Goal, request, shipped_spec};

fn goal() -> Goal {
    let mut goal = Goal::with(shipped_spec("codegen-coordinator"), Decider::Coordinator);
    let approval = json!({"type": "REQUEST_APPROVAL", "payload": {}});
    let mut boot = request("A");
    boot["actions"].as_array_mut().unwrap().push(approval);
    goal.boot(boot);
    goal
}

fn waiting(goal: &Goal) -> Vec<String> {
    goal.state().undecided.iter().flatten().map(|undecided| undecided.id.to_string()).collect()
}

fn decide(goal: &mut Goal, decision: Value) -> Outcome {
    goal.send(Event::ApplyDecision(serde_json::from_value(decision).unwrap())).outcome
}

#[test]
fn what_happens_waits_until_it_is_decided_on_once() {
    let mut goal = goal();
    goal.send(Event::Custom { name: "ci".into(), payload: json!({"status": "FAILURE"}) });
    goal.send(Event::Approve { step: "approval-1".into(), by: Actor::default() });
    assert_eq!(goal.answer("a-1", AgentStatus::Fail), Outcome::Applied);
    let (step, by) = (StepId::from("a-1"), Actor::default());
    let (reason, replacements) = ("by hand".to_owned(), Replacements::Withdraw);
    goal.send(Event::Override { step, done: true, reason, by, replacements });
    assert_eq!(waiting(&goal), ["fact-1", "fact-2", "fact-3", "fact-4"]);
    let first = &goal.state().undecided.as_ref().unwrap()[0].happening;
    assert_eq!(*first, Happening::Event { name: "ci".into(), payload: json!({"status": "FAILURE"}) });

    let more = json!([{"type": "REQUEST_WORK", "workKind": "B"}]);
    assert_eq!(decide(&mut goal, json!({"decisionId": "fact-2", "actions": more})), Outcome::Applied);
    assert_eq!(goal.state().open_steps[&"b-1".into()].after, [StepId::from("approval-1")], "it follows from it");
    assert_eq!(decide(&mut goal, json!({"decisionId": "fact-2", "actions": more})), Outcome::Repeated);
    // The answer was decided on where it came in; whoever finds it here comes too late.
    let named = json!({"decisionId": "d", "basedOn": {"stepId": "a-1", "runId": "run-a-1"}, "actions": more});
    assert_eq!(decide(&mut goal, named), Outcome::Applied);
    assert_eq!(waiting(&goal), ["fact-1", "fact-4"]);
    assert_eq!(decide(&mut goal, json!({"decisionId": "fact-3", "actions": more})), Outcome::Repeated);
    assert_eq!(decide(&mut goal, json!({"decisionId": "fact-1", "actions": []})), Outcome::Applied);
    assert_eq!(waiting(&goal), ["fact-4"], "nothing follows is a decision, too");
    assert_eq!(goal.steps().iter().filter(|step| step.starts_with("b-")).count(), 2);
    // What is no number of ours is somebody else's name.
    assert_eq!(decide(&mut goal, json!({"decisionId": "fact-9", "actions": more})), Outcome::Applied);
}

#[test]
fn an_answer_that_was_decided_on_here_is_not_decided_on_by_its_name_again() {
    let mut goal = goal();
    goal.ok("a-1");
    let more = json!([{"type": "REQUEST_WORK", "workKind": "B"}]);
    assert_eq!(decide(&mut goal, json!({"decisionId": "fact-1", "actions": more})), Outcome::Applied);
    let named = json!({"decisionId": "d", "basedOn": {"stepId": "a-1", "runId": "run-a-1"}, "actions": more});
    assert_eq!(decide(&mut goal, named), Outcome::Repeated);
    assert_eq!(goal.step("b-1"), StepStatus::Waiting);
}

#[test]
fn a_goal_fails_whose_rejection_nobody_makes_anything_of() {
    let mut goal = goal();
    goal.send(Event::Reject { step: "approval-1".into(), reason: "no".into(), by: Actor::default() });
    assert_eq!(goal.status(), EngineStatus::Running);
    assert_eq!(decide(&mut goal, json!({"decisionId": "fact-1", "actions": []})), Outcome::Applied);
    assert_eq!(goal.status(), EngineStatus::Failed);
    assert_eq!(goal.state().completion.as_ref().unwrap().reason, "approval-1 was rejected: no");
}

#[test]
fn where_nobody_decides_only_the_newest_wait() {
    let mut goal = goal();
    for n in 0..40 {
        goal.send(Event::Custom { name: "n".into(), payload: json!(n) });
    }
    assert_eq!((waiting(&goal).len(), waiting(&goal)[0].as_str()), (32, "fact-9"));
    assert_eq!(goal.state().log.iter().filter(|entry| entry.event == "NEVER_DECIDED").count(), 8);
}

/// One that requires nothing.
fn plain() -> Goal {
    Goal::with(Arc::new(Rules::read("x.toml", "name = 'x'\n").unwrap()), Decider::Coordinator)
}

fn broad(steps: usize) -> Goal {
    let mut goal = plain();
    let actions = vec![json!({"type": "REQUEST_WORK", "workKind": "A"}); steps];
    goal.boot(json!({"decisionId": "boot", "actions": actions}));
    goal
}

#[test]
fn however_many_answers_wait_none_is_given_up_and_none_of_them_for_an_event() {
    let mut goal = broad(100);
    for n in 1..=100 {
        goal.ok(&format!("a-{n}"));
        goal.send(Event::Custom { name: "n".into(), payload: json!(n) });
    }
    assert_eq!(waiting(&goal).len(), 132);
    for n in 1..=100 {
        let named = json!({"decisionId": format!("d-{n}"), "basedOn": {"stepId": format!("a-{n}"), "runId": format!("run-a-{n}")}});
        assert_eq!(decide(&mut goal, named), Outcome::Applied, "a-{n}");
    }
    assert_eq!(waiting(&goal).len(), 32);
    // Ends of children that are of no step are as many as somebody likes.
    for n in 0..600 {
        goal.send(Event::ChildCompleted { kind: "X".into(), result: json!({"n": n}), answer: None });
    }
    assert_eq!(waiting(&goal).len(), 532);
}

#[test]
fn what_waits_fits_a_message_however_long_each_answer_is() {
    let mut goal = broad(400);
    for n in 1..=400 {
        let meta = json!("x".repeat(7_000));
        let artifact = Artifact { kind: "REPORT".into(), url: None, reference: Some("1".into()), meta };
        goal.answer_with(&format!("a-{n}"), AgentStatus::Ok, Value::Null, vec![artifact]);
    }
    assert_eq!(waiting(&goal).len(), 400);
    assert!(json!(goal.machine.memory()).to_string().len() < 1_500_000);
}

/// Two of one answer: the end of a child, and what it answered.
fn ended() -> Goal {
    let mut goal = plain();
    goal.boot(request("A"));
    let result = json!({"stepId": "a-1", "runId": "r", "status": "OK", "workflowId": "child"});
    let answer = Some(Box::new(serde_json::from_value(result.clone()).unwrap()));
    let end = Event::ChildCompleted { kind: "A".into(), result, answer };
    assert_eq!(goal.send(end).outcome, Outcome::Applied);
    assert_eq!(waiting(&goal), ["fact-1", "fact-2"]);
    let based_on = json!({"stepId": "a-1", "runId": "r"});
    let first = decide(&mut goal, json!({"decisionId": "d", "basedOn": based_on, "finalize": true}));
    assert_eq!(first, Outcome::Applied);
    goal
}

#[test]
fn a_goal_is_not_complete_while_something_waits_for_its_decision() {
    let mut goal = ended();
    assert_eq!((goal.status(), waiting(&goal)), (EngineStatus::Running, vec!["fact-1".to_owned()]));
    assert_eq!(decide(&mut goal, json!({"decisionId": "fact-1"})), Outcome::Applied);
    assert_eq!(goal.status(), EngineStatus::Completed, "the last one completes it");

    let mut more = ended();
    let work = json!([{"type": "REQUEST_WORK", "workKind": "B"}]);
    decide(&mut more, json!({"decisionId": "fact-1", "actions": work}));
    assert_eq!((more.status(), more.step("b-1")), (EngineStatus::Running, StepStatus::Waiting));
    more.ok("b-1");
    decide(&mut more, json!({"decisionId": "fact-3"}));
    assert_eq!(more.status(), EngineStatus::Running, "what was put off was given up with more work");

    // Who decides on the goal as a whole, without naming what waits, is not held up.
    let mut whole = ended();
    decide(&mut whole, json!({"decisionId": "by hand", "finalize": true}));
    assert_eq!(whole.status(), EngineStatus::Completed);
}

#[test]
fn goals_of_before_keep_the_newest_of_everything_and_are_complete_at_once() {
    let before = Habits { facts_stay: false, ..Habits::default() };
    let mut goal = broad(33);
    goal.machine.keep_to(before);
    for n in 1..=33 {
        goal.ok(&format!("a-{n}"));
    }
    assert_eq!((waiting(&goal).len(), waiting(&goal)[0].as_str()), (32, "fact-2"));
    decide(&mut goal, json!({"decisionId": "fact-33", "finalize": true}));
    assert_eq!(goal.status(), EngineStatus::Completed);
}

#[test]
fn goals_of_before_and_goals_that_decide_themselves_keep_nothing() {
    let mut before = goal();
    before.machine.keep_to(Habits { facts_wait: false, facts_stay: false, only_work_counts: false });
    let mut own = Goal::of("codegen");
    own.boot(request("A"));
    for goal in [&mut before, &mut own] {
        goal.ok("a-1");
        assert_eq!(goal.state().undecided, None);
    }
}

#[test]
fn approvals_and_what_is_not_wanted_any_more_are_no_attempts() {
    let blocked = |habits: Habits| {
        let text = "name = 'x'\n[guardrails]\nmax-attempts = 2\ncollapse-duplicates = true\n";
        let mut goal = Goal::with(Arc::new(Rules::read("x.toml", text).unwrap()), Decider::Spec);
        goal.machine.keep_to(habits);
        let (work, approval) = (json!({"type": "REQUEST_WORK", "workKind": "A"}), json!({"type": "REQUEST_APPROVAL"}));
        let second = json!({"type": "REQUEST_WORK", "workKind": "A", "payload": 2});
        let actions = [approval.clone(), work.clone()];
        goal.boot(json!({"decisionId": "boot", "actions": actions}));
        goal.send(Event::RequestWork { kind: "A".into(), payload: Value::Null, step: None });
        goal.boot(json!({"decisionId": "more", "actions": [second, approval.clone(), approval]}));
        let steps = goal.steps();
        steps.into_iter().filter(|step| goal.step(step) == StepStatus::Blocked).collect::<Vec<_>>()
    };
    assert_eq!(blocked(Habits::default()), Vec::<String>::new());
    assert_eq!(blocked(Habits { only_work_counts: false, ..Habits::default() }), ["a-3", "approval-3"]);
}
