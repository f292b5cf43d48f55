//! The hazards of requirements §9: each comes back as a failing test here.

use gatewatch::contracts::actor::Actor;
use gatewatch::contracts::agent::{AgentMetrics, AgentStatus};
use gatewatch::contracts::engine::decision::Decision;
use gatewatch::contracts::engine::input::Decider;
use gatewatch::contracts::engine::state::{EngineStatus, LogEntry, StepStatus};
use gatewatch::contracts::ids::{AttemptId, StepId};
use gatewatch::workflows::engine::machine::Machine;
use gatewatch::workflows::engine::machine::event::{Effect, Event, Outcome, Terms};
use serde_json::{Value, json};

use super::{Goal, request, response, shipped_spec};

fn decision(value: Value) -> Event {
    Event::ApplyDecision(serde_json::from_value::<Decision>(value).unwrap())
}

/// Up to the point where review, QA and docs run.
fn reviewed() -> Goal {
    let mut goal = Goal::of("codegen");
    goal.boot(request("REQUIREMENTS"));
    for step in ["requirements-1", "acceptance-criteria-1", "create-ticket-1"] {
        goal.ok(step);
    }
    goal.answer_with("implementation-1", AgentStatus::Ok, json!({"branch": "b"}), Vec::new());
    goal.ok("open-pr-1");
    goal
}

#[test]
fn h1_a_goal_is_not_complete_while_its_decision_asks_for_more() {
    let mut goal = Goal::with(shipped_spec("codegen-coordinator"), Decider::Coordinator);
    goal.boot(request("IMPLEMENTATION"));
    goal.ok("implementation-1");
    let sent = json!({"decisionId": "d", "actions": [{"type": "REQUEST_QA", "payload": {}}], "finalize": true});
    assert_eq!(goal.send(decision(sent)).outcome, Outcome::Applied);
    assert_eq!(goal.status(), EngineStatus::Running);
    assert_eq!(goal.step("qa-1"), StepStatus::Waiting);
    let empty = Goal::of("codegen");
    assert!(!empty.state().is_settled(), "a goal without steps is not reached");
}

#[test]
fn h2_h5_rules_match_on_kinds_never_on_ids() {
    let mut goal = Goal::of("codegen");
    goal.boot(json!({"decisionId": "boot", "actions": [
        {"type": "REQUEST_WORK", "workKind": "REQUIREMENTS", "stepId": "zz-whatever"},
    ]}));
    goal.ok("zz-whatever");
    assert_eq!(goal.steps().len(), 4, "{:?}", goal.steps());
}

#[test]
fn h2_an_answer_for_a_step_that_is_not_there_changes_nothing() {
    let mut goal = Goal::of("codegen");
    goal.boot(request("REQUIREMENTS"));
    let outcome = goal.answer("requirements-99", AgentStatus::Ok);
    assert!(matches!(outcome, Outcome::Refused(why) if why.contains("no step")));
    assert_eq!(goal.steps(), ["requirements-1"]);
}

#[test]
fn h3_it_ends_once() {
    let mut goal = Goal::of("tutorial");
    goal.boot(request("PUBLISH"));
    let end = goal.send(Event::AgentCompleted {
        step: StepId::from("publish-1"),
        response: response("publish-1", AgentStatus::Ok),
    });
    assert!(end.effects.contains(&Effect::End(EngineStatus::Completed)), "{end:?}");
    let again = goal.send(Event::Tick);
    assert!(!again.effects.iter().any(|effect| matches!(effect, Effect::End(_))));
}

#[test]
fn h4_a_leased_step_is_not_waiting() {
    let mut goal = Goal::of("codegen");
    goal.boot(request("REQUIREMENTS"));
    let lease = |attempt: &str| Event::Lease {
        step: StepId::from("requirements-1"),
        attempt: AttemptId::from(attempt),
        agent: "author".into(),
        terms: Terms::default(),
    };
    assert_eq!(goal.send(lease("a")).outcome, Outcome::Applied);
    assert_eq!(goal.step("requirements-1"), StepStatus::InProgress);
    assert_eq!(goal.send(lease("a")).outcome, Outcome::Repeated);
    assert!(matches!(goal.send(lease("b")).outcome, Outcome::Refused(_)));
}

#[test]
fn h6_rework_brings_the_review_back_and_an_old_yes_hides_no_later_no() {
    let mut goal = reviewed();
    assert_eq!(goal.answer("pr-review-1", AgentStatus::Fail), Outcome::Applied);
    assert_eq!(goal.step("rework-1"), StepStatus::Waiting);
    goal.ok("run-qa-1");
    goal.ok("write-docs-1");
    goal.send(Event::Custom { name: "ciStatusChanged".into(), payload: json!({"status": "SUCCESS"}) });
    assert_eq!(goal.status(), EngineStatus::Running);
    goal.ok("rework-1");
    assert_eq!(goal.step("pr-review-2"), StepStatus::Waiting, "{:?}", goal.steps());
    assert_eq!(goal.step("run-qa-2"), StepStatus::Waiting, "what was reworked is tested again");
    goal.ok("pr-review-2");
    assert_eq!(goal.answer("run-qa-2", AgentStatus::Fail), Outcome::Applied);
    assert_eq!(goal.status(), EngineStatus::Running, "the first QA was done, the second was not");
    goal.ok("rework-2");
    goal.ok("pr-review-3");
    goal.ok("run-qa-3");
    assert_eq!(goal.status(), EngineStatus::Completed, "{:?}", goal.state().log);
}

#[test]
fn h7_an_approval_is_never_given_to_an_agent() {
    let mut goal = Goal::of("tutorial");
    goal.boot(json!({"decisionId": "boot", "actions": [{"type": "REQUEST_APPROVAL", "payload": {"title": "?"}}]}));
    let lease = Event::Lease {
        step: "approval-1".into(),
        attempt: "a".into(),
        agent: "author".into(),
        terms: Terms::default(),
    };
    assert!(matches!(goal.send(lease).outcome, Outcome::Refused(_)));
    assert!(matches!(goal.answer("approval-1", AgentStatus::Ok), Outcome::Refused(_)));
    assert_eq!(goal.step("approval-1"), StepStatus::Waiting);
}

#[test]
fn h8_after_the_end_nothing_changes() {
    let mut goal = Goal::with(shipped_spec("codegen"), Decider::Coordinator);
    goal.boot(request("REQUIREMENTS"));
    goal.send(Event::Cancel { reason: "not wanted".into(), by: Actor::default() });
    assert_eq!(goal.status(), EngineStatus::Cancelled);
    let before = goal.state().open_steps.clone();
    let sent = json!({"decisionId": "d", "actions": [{"type": "REQUEST_QA", "payload": {}}], "finalize": true});
    assert!(matches!(goal.send(decision(sent)).outcome, Outcome::Refused(_)));
    assert!(matches!(goal.answer("requirements-1", AgentStatus::Ok), Outcome::Refused(_)));
    assert_eq!(goal.send(Event::Cancel { reason: "again".into(), by: Actor::default() }).outcome, Outcome::Repeated);
    assert_eq!((goal.status(), &goal.state().open_steps), (EngineStatus::Cancelled, &before));
}

#[test]
fn h9_an_approval_is_logged_asks_the_rules_and_leaves_other_approvals_open() {
    let mut goal = Goal::of("tutorial");
    goal.boot(json!({"decisionId": "boot", "actions": [
        {"type": "REQUEST_WORK", "workKind": "DRAFT"},
        {"type": "REQUEST_APPROVAL", "payload": {}},
        {"type": "REQUEST_APPROVAL", "payload": {}},
    ]}));
    assert_eq!(goal.send(Event::Approve { step: "approval-1".into(), by: Actor::default() }).outcome, Outcome::Applied);
    assert_eq!(goal.status(), EngineStatus::AwaitingApproval, "another one is open");
    assert!(goal.state().log.iter().any(|entry| entry.event == "APPROVED"));
    assert_eq!(goal.step("publish-1"), StepStatus::Waiting, "the rules were asked");
    assert_eq!(
        goal.send(Event::Approve { step: "approval-1".into(), by: Actor::default() }).outcome,
        Outcome::Repeated
    );
    assert!(matches!(
        goal.send(Event::Approve { step: "draft-1".into(), by: Actor::default() }).outcome,
        Outcome::Refused(_)
    ));
}

#[test]
fn h10_the_same_events_lead_to_the_same_state() {
    let run = || {
        let mut goal = reviewed();
        goal.answer("pr-review-1", AgentStatus::Fail);
        goal.ok("rework-1");
        serde_json::to_string(goal.machine.memory()).unwrap()
    };
    assert_eq!(run(), run());
}

#[test]
fn h12_what_comes_twice_has_one_effect() {
    let mut goal = Goal::of("codegen");
    goal.boot(request("REQUIREMENTS"));
    goal.ok("requirements-1");
    let before = goal.state().clone();
    assert_eq!(goal.answer("requirements-1", AgentStatus::Ok), Outcome::Repeated);
    assert_eq!(goal.state(), &before);

    let mut goal = Goal::with(shipped_spec("codegen-coordinator"), Decider::Coordinator);
    goal.boot(request("IMPLEMENTATION"));
    goal.ok("implementation-1");
    let based_on = json!({"stepId": "implementation-1", "runId": "run-implementation-1"});
    let actions = json!([{"type": "REQUEST_QA", "payload": {}}]);
    let first = json!({"decisionId": "d1", "basedOn": based_on, "actions": actions});
    let other = json!({"decisionId": "d2", "basedOn": based_on, "actions": actions});
    assert_eq!(goal.send(decision(first.clone())).outcome, Outcome::Applied);
    assert_eq!(goal.send(decision(first)).outcome, Outcome::Repeated);
    assert_eq!(goal.send(decision(other)).outcome, Outcome::Repeated, "one decision for one answer");
    assert_eq!(goal.steps(), ["implementation-1", "qa-1"]);
}

#[test]
fn c2_what_the_spec_decides_is_not_decided_from_outside_too() {
    let mut goal = Goal::of("codegen");
    goal.boot(request("REQUIREMENTS"));
    goal.ok("requirements-1");
    let steps = goal.steps();
    let sent = json!({"decisionId": "d", "basedOn": {"stepId": "requirements-1", "runId": "r"},
                      "actions": [{"type": "REQUEST_QA", "payload": {}}]});
    assert!(matches!(goal.send(decision(sent)).outcome, Outcome::Refused(_)));
    assert_eq!(goal.steps(), steps);
    let manual = json!({"decisionId": "m", "actions": [{"type": "REQUEST_QA", "payload": {}}]});
    assert_eq!(goal.send(decision(manual)).outcome, Outcome::Applied, "a person may ask for more");
}

#[test]
fn c5_partial_goes_on() {
    let mut goal = Goal::of("codegen");
    goal.boot(request("REQUIREMENTS"));
    assert_eq!(goal.answer("requirements-1", AgentStatus::Partial), Outcome::Applied);
    assert_eq!(goal.step("requirements-1"), StepStatus::InProgress);
    goal.ok("requirements-1");
}

#[test]
fn c12_what_it_cost_never_enters_the_state() {
    let mut goal = Goal::of("codegen");
    goal.boot(request("REQUIREMENTS"));
    let mut answer = response("requirements-1", AgentStatus::Ok);
    answer.metrics = Some(AgentMetrics { tokens: None, cost_usd: Some(0.35) });
    goal.send(Event::AgentCompleted { step: "requirements-1".into(), response: answer });
    assert!(!serde_json::to_string(goal.state()).unwrap().contains("0.35"));
}

/// The server forgets request ids with the run; the goal does not.
#[test]
fn what_counts_once_counts_once_in_the_next_run_too() {
    let mut goal = Goal::of("tutorial");
    goal.boot(request("DRAFT"));
    let told = |id: &str| {
        let event = Event::Custom { name: "drafted".into(), payload: json!({"n": 1}) };
        Event::Once { id: id.into(), event: Box::new(event) }
    };
    assert_eq!(goal.send(told("a")).outcome, Outcome::Applied);
    assert_eq!(goal.send(told("a")).outcome, Outcome::Repeated);
    let carried = serde_json::to_value(goal.machine.memory()).unwrap();
    goal.machine = Machine::resume(serde_json::from_value(carried).unwrap(), Decider::Spec, shipped_spec("tutorial"));
    assert_eq!(goal.send(told("a")).outcome, Outcome::Repeated);
    assert_eq!(goal.send(told("b")).outcome, Outcome::Applied);
    assert_eq!(goal.state().log.iter().filter(|entry| entry.event == "EVENT").count(), 2);
    goal.send(Event::Cancel { reason: "enough".into(), by: Actor::default() });
    assert_eq!(goal.send(told("b")).outcome, Outcome::Repeated);
    assert!(matches!(goal.send(told("c")).outcome, Outcome::Refused(_)), "it has ended");
}

#[test]
fn an_answer_that_names_another_goal_counts_by_its_step_and_the_log_says_so() {
    let mut goal = Goal::of("codegen");
    goal.boot(request("REQUIREMENTS"));
    let mut said = response("requirements-1", AgentStatus::Ok);
    said.goal_id = "goal-of-others".into();
    let step = StepId::from("requirements-1");
    assert_eq!(goal.send(Event::AgentCompleted { step: step.clone(), response: said }).outcome, Outcome::Applied);
    assert_eq!(goal.step("requirements-1"), StepStatus::Done);
    let noted: Vec<String> =
        goal.state().log.iter().filter(|entry| entry.event == "OTHER_GOAL").map(LogEntry::words).collect();
    let words = "requirements-1  The answer names the goal goal-of-others, and this is goal-123: it counts by its workflow and step.";
    assert_eq!(noted, [words]);

    // The goal's own, and none at all, are no remark's worth.
    for (step, named) in [("acceptance-criteria-1", "goal-123"), ("create-ticket-1", "")] {
        let mut said = response(step, AgentStatus::Ok);
        said.goal_id = named.into();
        assert_eq!(goal.send(Event::AgentCompleted { step: step.into(), response: said }).outcome, Outcome::Applied);
    }
    assert_eq!(goal.state().log.iter().filter(|entry| entry.event == "OTHER_GOAL").count(), 1);
}
