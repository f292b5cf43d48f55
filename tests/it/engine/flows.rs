//! The seeds' two example flows, to COMPLETED.

use gatewatch::contracts::actor::Actor;
use gatewatch::contracts::agent::{AgentStatus, Artifact};
use gatewatch::contracts::engine::decision::Decision;
use gatewatch::contracts::engine::input::Decider;
use gatewatch::contracts::engine::state::{EngineStatus, StepStatus};
use gatewatch::contracts::ids::StepId;
use gatewatch::spec::facts::Fact;
use gatewatch::workflows::engine::machine::event::{Event, Outcome};
use serde_json::{Value, json};

use super::{Goal, pull_request, response, shipped_spec};

#[test]
fn seed_001_codegen_runs_to_completed() {
    let mut goal = Goal::of("codegen");
    goal.boot(json!({"decisionId": "boot", "actions": [
        {"type": "ANNOTATE", "key": "title", "value": "Implement feature X"},
        {"type": "REQUEST_WORK", "workKind": "REQUIREMENTS", "payload": {"prompt": "Write requirements"}},
    ]}));
    assert_eq!(goal.steps(), ["requirements-1"]);
    let document =
        Artifact { kind: "REQ".into(), url: Some("https://docs/req".into()), reference: None, meta: Value::Null };
    goal.answer_with("requirements-1", AgentStatus::Ok, Value::Null, vec![document]);
    assert_eq!(goal.steps()[1..], ["acceptance-criteria-1", "create-ticket-1", "implementation-1"]);
    let payload = |goal: &Goal, id: &str| goal.state().open_steps[&StepId::from(id)].payload.clone();
    assert_eq!(payload(&goal, "acceptance-criteria-1"), json!({"reqDoc": "https://docs/req"}));
    assert_eq!(payload(&goal, "create-ticket-1")["title"], "Implement feature X");
    assert_eq!(payload(&goal, "implementation-1"), json!({"branch": "feat/goal-123"}));

    goal.ok("acceptance-criteria-1");
    goal.ok("create-ticket-1");
    goal.answer_with("implementation-1", AgentStatus::Ok, json!({"branch": "feat/x"}), Vec::new());
    assert_eq!(goal.steps()[4..], ["open-pr-1", "run-qa-1", "write-docs-1"]);
    assert_eq!(payload(&goal, "run-qa-1"), json!({"branch": "feat/x"}));
    goal.answer_with("open-pr-1", AgentStatus::Ok, Value::Null, vec![pull_request()]);
    assert_eq!(payload(&goal, "pr-review-1"), json!({"prUrl": "https://forge/pr/7"}));
    for step in ["run-qa-1", "write-docs-1", "pr-review-1"] {
        goal.ok(step);
    }
    assert_eq!(goal.status(), EngineStatus::Running, "CI has not spoken");
    let told = Event::Custom { name: "ciStatusChanged".into(), payload: json!({"status": "SUCCESS"}) };
    assert_eq!(goal.send(told).outcome, Outcome::Applied);
    assert_eq!(goal.status(), EngineStatus::Completed);
    assert!(goal.state().completion.as_ref().unwrap().done);
    let edges: Vec<&str> =
        goal.state().open_steps[&StepId::from("pr-review-1")].after.iter().map(StepId::as_str).collect();
    assert_eq!(edges, ["open-pr-1"], "the graph of the plan");
}

/// Seed 000: the coordinator decides with the policy, and sends its decisions.
#[test]
fn seed_000_example_flow_runs_to_completed() {
    let policy = shipped_spec("codegen-coordinator");
    let mut goal = Goal::with(shipped_spec("codegen-coordinator"), Decider::Coordinator);
    goal.boot(json!({"decisionId": "dec-1", "actions": [
        {"type": "REQUEST_REQUIREMENTS", "payload": {}},
        {"type": "REQUEST_ACCEPTANCE_CRITERIA", "payload": {}},
    ]}));
    let mut turn = 0;
    while !goal.status().is_over() {
        turn += 1;
        assert!(turn < 20, "{:?}", goal.state());
        let waiting = goal.state().in_order().into_iter().find(|(_, step)| step.status == StepStatus::Waiting);
        let id = waiting.map(|(id, _)| id.as_str().to_owned()).expect("something waits");
        let mut answer = response(&id, AgentStatus::Ok);
        if id.starts_with("implementation") {
            answer.content = json!({"branch": "feature/x"});
            answer.artifacts = vec![pull_request()];
        }
        let event = Event::AgentCompleted { step: StepId::from(id.as_str()), response: answer.clone() };
        assert_eq!(goal.send(event).outcome, Outcome::Applied);
        let verdict = policy.decide(goal.state(), &Fact::Completed { response: &answer });
        assert_eq!(verdict.troubles, Vec::<String>::new());
        let reached = verdict.actions.is_empty() && policy.is_reached(goal.state()).unwrap();
        let decision = Decision {
            decision_id: format!("dec-{id}").as_str().into(),
            based_on: Some(gatewatch::contracts::engine::decision::BasedOn {
                step_id: answer.step_id.clone(),
                attempt_id: answer.attempt_id.clone(),
            }),
            actions: verdict.actions,
            finalize: reached,
        };
        assert_eq!(goal.send(Event::ApplyDecision(decision)).outcome, Outcome::Applied);
    }
    assert_eq!(goal.status(), EngineStatus::Completed);
    assert_eq!(
        goal.steps(),
        [
            "requirements-1",
            "acceptance-criteria-1",
            "ticket-creation-1",
            "implementation-1",
            "pr-review-1",
            "qa-1",
            "docs-1"
        ]
    );
}

#[test]
fn the_tutorial_asks_a_person_and_takes_no_for_an_answer_once() {
    let mut goal = Goal::of("tutorial");
    goal.boot(super::request("DRAFT"));
    goal.answer_with("draft-1", AgentStatus::Ok, json!({"title": "Hello", "text": "World"}), Vec::new());
    assert_eq!(goal.status(), EngineStatus::AwaitingApproval);
    let approval = StepId::from("approval-1");
    assert_eq!(goal.state().open_steps[&approval].payload, json!({"title": "Publish \"Hello\"?", "text": "World"}));
    let no = Event::Reject { step: approval.clone(), reason: "too short".into(), by: Actor::default() };
    assert_eq!(goal.send(no).outcome, Outcome::Applied);
    assert_eq!(goal.state().open_steps[&StepId::from("draft-2")].payload, json!({"reason": "too short"}));
    goal.answer_with("draft-2", AgentStatus::Ok, json!({"title": "Hello", "text": "Whole world"}), Vec::new());
    assert_eq!(
        goal.send(Event::Approve { step: StepId::from("approval-2"), by: Actor::default() }).outcome,
        Outcome::Applied
    );
    assert_eq!(goal.state().open_steps[&StepId::from("publish-1")].payload, json!({"text": "Whole world"}));
    goal.ok("publish-1");
    assert_eq!(goal.status(), EngineStatus::Completed, "{:?}", goal.state().log);
}
