//! A budget that is used up holds work back until a person gives more. What was spent nobody tells the goal.

use std::sync::Arc;

use gatewatch::contracts::actor::Actor;
use gatewatch::contracts::agent::AgentStatus;
use gatewatch::contracts::engine::budget::BudgetLevel;
use gatewatch::contracts::engine::input::Decider;
use gatewatch::contracts::engine::state::{EngineStatus, StepStatus};
use gatewatch::contracts::ids::{AttemptId, StepId};
use gatewatch::spec::rules::Rules;
use gatewatch::workflows::engine::machine::event::{Event, Outcome, Terms};

use crate::engine::{Goal, request};

fn spec(guardrails: &str) -> Arc<Rules> {
    let text = format!(
        "name = 'x'\n[guardrails]\n{guardrails}\n[[rules]]\nname = 'next'\non = 'completed'\nstatus = 'OK'\n\
         then = [{{ request = 'B' }}, {{ approval = 'Go on?' }}]\n[finalize]\nwhen = \"done('B')\"\n"
    );
    Arc::new(Rules::read("x.toml", &text).unwrap())
}

fn goal() -> Goal {
    let mut goal = Goal::with(spec("budget-usd = 20.0\nbudget-tokens = 1000"), Decider::Spec);
    goal.boot(request("A"));
    goal
}

fn reached(goal: &mut Goal, round: u32, level: BudgetLevel) -> Outcome {
    goal.send(Event::BudgetReached { round, level }).outcome
}

fn requeue(goal: &mut Goal, step: &str) -> Outcome {
    let by = Actor::default();
    goal.send(Event::Requeue { step: StepId::from(step), attempt: None, reason: "it is worth it".into(), by }).outcome
}

fn lease(goal: &mut Goal, step: &str) -> Outcome {
    let (step, attempt) = (StepId::from(step), AttemptId::from("r"));
    goal.send(Event::Lease { step, attempt, agent: "mira".into(), terms: Terms::default() }).outcome
}

fn noted(goal: &Goal, event: &str) -> usize {
    goal.state().log.iter().filter(|entry| entry.event == event).count()
}

#[test]
fn each_level_is_told_once_and_a_spent_budget_holds_back_all_that_waits() {
    let mut goal = goal();
    assert_eq!(goal.state().budget.as_ref().unwrap().since.0, 1_001, "work counts from the first event on");
    assert_eq!(reached(&mut goal, 1, BudgetLevel::Warning), Outcome::Applied);
    assert_eq!(reached(&mut goal, 1, BudgetLevel::Warning), Outcome::Repeated);
    assert_eq!(goal.step("a-1"), StepStatus::Waiting, "a warning holds nothing back");
    assert_eq!(reached(&mut goal, 1, BudgetLevel::Spent), Outcome::Applied);
    assert_eq!(reached(&mut goal, 1, BudgetLevel::Warning), Outcome::Repeated, "it is past that");
    assert_eq!((goal.step("a-1"), goal.status()), (StepStatus::Blocked, EngineStatus::Blocked));
    let reason = goal.state().open_steps[&"a-1".into()].reason.clone().unwrap();
    assert!(reason.contains("20.00 USD and 1000 tokens is spent"), "{reason}");
    assert!(matches!(lease(&mut goal, "a-1"), Outcome::Refused(_)), "nobody is given it");
    assert_eq!((noted(&goal, "BUDGET_WARNING"), noted(&goal, "BUDGET_SPENT")), (1, 1));
}

#[test]
fn what_an_agent_has_goes_on_and_what_follows_from_it_waits() {
    let mut goal = goal();
    assert_eq!(lease(&mut goal, "a-1"), Outcome::Applied);
    reached(&mut goal, 1, BudgetLevel::Spent);
    assert_eq!(goal.step("a-1"), StepStatus::InProgress);
    let mut response = crate::engine::response("a-1", AgentStatus::Ok);
    response.attempt_id = "r".into();
    assert_eq!(goal.send(Event::AgentCompleted { step: "a-1".into(), response }).outcome, Outcome::Applied);
    assert_eq!(goal.step("b-1"), StepStatus::Blocked);
    assert_eq!(goal.step("approval-1"), StepStatus::Waiting, "people cost nothing");
}

#[test]
fn a_person_gives_as_much_again() {
    let mut goal = goal();
    reached(&mut goal, 1, BudgetLevel::Spent);
    assert_eq!(requeue(&mut goal, "a-1"), Outcome::Applied);
    let budget = goal.state().budget.clone().unwrap();
    // Counted from now, so that once is enough however much was spent.
    assert_eq!((budget.round, budget.usd, budget.tokens, budget.reached), (2, Some(20.0), Some(1000), None));
    assert_eq!((budget.since.0, budget.begun.map(|begun| begun.0)), (goal.now, Some(1_001)));
    let raised = goal.state().log.iter().find(|entry| entry.event == "BUDGET_RAISED").unwrap();
    assert_eq!(raised.data["status"], "20.00 USD and 1000 tokens more from now on");
    assert_eq!((goal.step("a-1"), goal.status()), (StepStatus::Waiting, EngineStatus::Running));
    assert_eq!(requeue(&mut goal, "a-1"), Outcome::Repeated);
    assert_eq!(reached(&mut goal, 1, BudgetLevel::Spent), Outcome::Repeated, "late: it was of the round before");
    assert_eq!(goal.step("a-1"), StepStatus::Waiting);
    assert_eq!(reached(&mut goal, 2, BudgetLevel::Spent), Outcome::Applied);
    assert_eq!(goal.step("a-1"), StepStatus::Blocked);
    assert_eq!(requeue(&mut goal, "a-1"), Outcome::Applied);
    let budget = goal.state().budget.clone().unwrap();
    assert_eq!((budget.since.0, budget.begun.map(|begun| begun.0)), (goal.now, Some(1_001)), "it began once");
}

#[test]
fn other_rules_bring_their_own_budget_or_none() {
    let mut goal = goal();
    reached(&mut goal, 1, BudgetLevel::Spent);
    goal.send(Event::AdoptSpec {
        spec: spec("budget-usd = 20.0\nbudget-tokens = 1000\nmax-attempts = 7"),
        document: String::new(),
    });
    assert_eq!(goal.step("a-1"), StepStatus::Blocked, "it is the same budget");
    goal.send(Event::AdoptSpec { spec: spec("budget-usd = 50.0"), document: String::new() });
    let budget = goal.state().budget.clone().unwrap();
    assert_eq!((budget.round, budget.usd, budget.tokens, budget.since.0), (2, Some(50.0), None, 1_001));
    assert_eq!(goal.step("a-1"), StepStatus::Waiting);
    goal.send(Event::AdoptSpec { spec: spec(""), document: String::new() });
    assert_eq!(goal.state().budget, None);
    assert!(matches!(reached(&mut goal, 3, BudgetLevel::Spent), Outcome::Refused(_)));
}
