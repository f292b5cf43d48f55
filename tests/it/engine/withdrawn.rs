//! A failed step that a person overrides as done: what was to replace it goes, and the goal can complete.

use gatewatch::contracts::actor::Actor;
use gatewatch::contracts::agent::AgentStatus;
use gatewatch::contracts::engine::input::Decider;
use gatewatch::contracts::engine::state::{EngineStatus, StepStatus};
use gatewatch::workflows::engine::machine::event::{Event, Outcome, Replacements};
use serde_json::json;

use super::{Goal, pull_request, request, shipped_spec};

pub(super) fn overridden(step: &str, reason: &str) -> Event {
    Event::Override {
        step: step.into(),
        done: true,
        reason: reason.into(),
        by: Actor::default(),
        replacements: Replacements::Withdraw,
    }
}

/// A goal of `codegen` whose implementation is done and whose pull request is reviewed and tested.
fn reviewed(review: AgentStatus, qa: AgentStatus) -> Goal {
    let mut goal = Goal::of("codegen");
    goal.boot(request("IMPLEMENTATION"));
    goal.answer_with("implementation-1", AgentStatus::Ok, json!({"branch": "feat/x"}), Vec::new());
    goal.answer_with("open-pr-1", AgentStatus::Ok, json!({}), vec![pull_request()]);
    goal.ok("write-docs-1");
    goal.send(Event::Custom { name: "ciStatusChanged".into(), payload: json!({"status": "SUCCESS"}) });
    assert_eq!(goal.answer("pr-review-1", review), Outcome::Applied);
    assert_eq!(goal.answer("run-qa-1", qa), Outcome::Applied);
    goal
}

fn times(goal: &Goal, event: &str) -> usize {
    goal.state().log.iter().filter(|entry| entry.event == event).count()
}

#[test]
fn the_rework_of_an_overridden_review_is_withdrawn_and_the_goal_completes() {
    let mut goal = reviewed(AgentStatus::Fail, AgentStatus::Ok);
    assert_eq!((goal.step("rework-1"), goal.status()), (StepStatus::Waiting, EngineStatus::Running));
    assert_eq!(goal.send(overridden("pr-review-1", "the finding was wrong")).outcome, Outcome::Applied);
    assert_eq!(goal.step("rework-1"), StepStatus::Skipped);
    assert_eq!(goal.status(), EngineStatus::Completed, "{:?}", goal.state().log);
    let reason = goal.state().open_steps[&"rework-1".into()].reason.clone();
    assert_eq!(reason.as_deref(), Some("pr-review-1 is done after all."));
    assert_eq!((times(&goal, "OVERRIDDEN"), times(&goal, "WITHDRAWN")), (1, 1));
}

#[test]
fn histories_of_before_go_on_as_they_did() {
    let mut goal = reviewed(AgentStatus::Fail, AgentStatus::Ok);
    let Event::Override { step, done, reason, by, .. } = overridden("pr-review-1", "wrong") else { unreachable!() };
    goal.send(Event::Override { step, done, reason, by, replacements: Replacements::Leave });
    assert_eq!((goal.step("rework-1"), goal.status()), (StepStatus::Waiting, EngineStatus::Running));
}

/// Whoever decides from outside hears of answers, not of overrides: nobody would ask for anything in its place.
#[test]
fn what_was_asked_for_from_outside_goes_on() {
    let mut goal = Goal::with(shipped_spec("codegen"), Decider::Coordinator);
    goal.boot(request("PR_REVIEW"));
    assert_eq!(goal.answer("pr-review-1", AgentStatus::Fail), Outcome::Applied);
    let rework = json!({"decisionId": "dec-2", "actions": [{"type": "REQUEST_REWORK", "payload": {}}],
        "basedOn": {"stepId": "pr-review-1", "attemptId": "run-pr-review-1"}});
    let outcome = goal.send(Event::ApplyDecision(serde_json::from_value(rework).unwrap())).outcome;
    assert_eq!((outcome, goal.step("rework-1")), (Outcome::Applied, StepStatus::Waiting));
    assert_eq!(goal.send(overridden("pr-review-1", "the finding was wrong")).outcome, Outcome::Applied);
    assert_eq!((goal.step("rework-1"), goal.status()), (StepStatus::Waiting, EngineStatus::Running));
}

/// The one rework was to answer the review and QA: for QA it is asked for again.
#[test]
fn another_failure_that_counted_on_the_rework_gets_one_of_its_own() {
    let mut goal = reviewed(AgentStatus::Fail, AgentStatus::Fail);
    assert_eq!(goal.steps().iter().filter(|id| id.starts_with("rework")).count(), 1);
    goal.send(overridden("pr-review-1", "the finding was wrong"));
    assert_eq!((goal.step("rework-1"), goal.step("rework-2")), (StepStatus::Skipped, StepStatus::Waiting));
    assert_eq!(goal.state().open_steps[&"rework-2".into()].after, ["run-qa-1".into()]);
    assert_eq!(goal.state().open_steps[&"rework-2".into()].payload["found"], "RUN_QA");
    goal.ok("rework-2");
    for step in ["pr-review-2", "run-qa-2"] {
        goal.ok(step);
    }
    assert_eq!(goal.status(), EngineStatus::Completed);
}

/// Its replacement had failed, too, and so had that one's.
#[test]
fn a_whole_line_of_replacements_is_withdrawn() {
    let mut goal = Goal::of("codegen");
    goal.boot(request("REQUIREMENTS"));
    for n in 1..=3 {
        goal.answer(&format!("requirements-{n}"), AgentStatus::Fail);
    }
    assert_eq!(goal.step("requirements-4"), StepStatus::Waiting);
    goal.send(Event::Lease {
        step: "requirements-4".into(),
        attempt: "a".into(),
        agent: "author".into(),
        terms: gatewatch::workflows::engine::machine::event::Terms::default(),
    });
    goal.send(overridden("requirements-1", "they were good"));
    for n in 2..=4 {
        assert_eq!(goal.step(&format!("requirements-{n}")), StepStatus::Skipped, "{n}");
    }
    let step = &goal.state().open_steps[&"requirements-4".into()];
    assert_eq!((step.due, step.lease_until), (None, None), "nobody is reminded of it");
    assert_eq!(goal.step("implementation-1"), StepStatus::Waiting, "the rules went on");
    // Whoever worked on it is late.
    let late = goal.answer("requirements-4", AgentStatus::Ok);
    assert!(matches!(&late, Outcome::Refused(why) if why.contains("SKIPPED")), "{late:?}");
    let again = goal.send(overridden("requirements-4", "why not")).outcome;
    assert!(matches!(&again, Outcome::Refused(why) if why.contains("SKIPPED")), "{again:?}");
    assert_eq!(goal.send(overridden("requirements-1", "they were good")).outcome, Outcome::Repeated);
}

/// What is done is not undone, nor what followed from it.
#[test]
fn a_replacement_that_is_done_stays() {
    let mut goal = reviewed(AgentStatus::Fail, AgentStatus::Ok);
    goal.ok("rework-1");
    goal.send(overridden("pr-review-1", "the finding was wrong"));
    assert_eq!(goal.step("rework-1"), StepStatus::Done);
    assert_eq!(goal.step("pr-review-2"), StepStatus::Waiting, "what was reworked is looked at");
}

/// What was asked for when it was done at first is no replacement.
#[test]
fn what_followed_from_an_earlier_success_stays() {
    let mut goal = Goal::of("codegen");
    goal.boot(request("REQUIREMENTS"));
    goal.ok("requirements-1");
    let Event::Override { step, reason, by, replacements, .. } = overridden("requirements-1", "wrong") else {
        unreachable!()
    };
    goal.send(Event::Override { step, done: false, reason, by, replacements });
    assert_eq!(goal.step("requirements-2"), StepStatus::Waiting);
    goal.send(overridden("requirements-1", "right after all"));
    assert_eq!(goal.step("requirements-2"), StepStatus::Skipped);
    assert_eq!(goal.step("implementation-1"), StepStatus::Waiting);
}
