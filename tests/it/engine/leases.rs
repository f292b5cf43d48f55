//! Leases, due times and what a person can do with a step.

use gatewatch::contracts::actor::Actor;
use gatewatch::contracts::agent::AgentStatus;
use gatewatch::contracts::clock::{Millis, UnixMillis};
use gatewatch::contracts::engine::state::{EngineStatus, StepStatus};
use gatewatch::contracts::ids::{AttemptId, StepId};
use gatewatch::workflows::engine::machine::event::{Effect, Event, Outcome, Terms};

use super::withdrawn::overridden;
use super::{Goal, request};

const HOUR: i64 = 60 * 60 * 1000;

fn leased(attempt: &str) -> Event {
    Event::Lease {
        step: "requirements-1".into(),
        attempt: AttemptId::from(attempt),
        agent: "author".into(),
        terms: Terms::default(),
    }
}

fn goal() -> Goal {
    let mut goal = Goal::of("codegen");
    goal.boot(request("REQUIREMENTS"));
    goal
}

#[test]
fn an_overdue_step_is_reminded_replaced_and_failed() {
    let mut goal = goal();
    let reaction = goal.send(leased("a"));
    let due = UnixMillis(goal.now + 2 * HOUR);
    assert!(reaction.effects.contains(&Effect::WakeAt(Some(due))), "{reaction:?}");
    goal.send(Event::Tick);
    assert_eq!(goal.step("requirements-1"), StepStatus::InProgress, "not yet");

    goal.now += 2 * HOUR;
    goal.send(Event::Tick);
    assert!(goal.state().log.iter().any(|entry| entry.event == "REMINDED"));
    assert_eq!(goal.step("requirements-1"), StepStatus::InProgress);

    goal.now += 2 * HOUR;
    goal.send(Event::Tick);
    assert_eq!(goal.step("requirements-1"), StepStatus::Waiting, "taken from its agent");
    assert_eq!(goal.send(leased("b")).outcome, Outcome::Applied);
    let late = goal.send(Event::AgentCompleted {
        step: "requirements-1".into(),
        response: super::AgentResponse { attempt_id: "a".into(), ..super::response("requirements-1", AgentStatus::Ok) },
    });
    assert!(matches!(late.outcome, Outcome::Refused(why) if why.contains("late")));

    goal.now += 2 * HOUR;
    goal.send(Event::Tick);
    assert_eq!(goal.step("requirements-1"), StepStatus::Failed);
    assert_eq!(goal.step("requirements-2"), StepStatus::Waiting, "the rules asked for it again");
}

#[test]
fn work_that_was_requested_too_often_waits_for_a_person() {
    let mut goal = goal();
    for n in 1..=5 {
        assert_eq!(goal.answer(&format!("requirements-{n}"), AgentStatus::Fail), Outcome::Applied);
    }
    assert_eq!(goal.step("requirements-6"), StepStatus::Blocked);
    assert_eq!(goal.status(), EngineStatus::Blocked);
    let requeue = Event::Requeue {
        step: "requirements-6".into(),
        attempt: None,
        reason: "the model is back".into(),
        by: Actor::default(),
    };
    assert_eq!(goal.send(requeue).outcome, Outcome::Applied);
    assert_eq!((goal.step("requirements-6"), goal.status()), (StepStatus::Waiting, EngineStatus::Running));
}

#[test]
fn a_person_overrides_a_step_with_a_reason() {
    let mut goal = goal();
    let no_reason = overridden("requirements-1", " ");
    assert!(matches!(goal.send(no_reason).outcome, Outcome::Refused(_)));
    let done = || overridden("requirements-1", "I wrote them");
    assert_eq!(goal.send(done()).outcome, Outcome::Applied);
    assert_eq!(goal.send(done()).outcome, Outcome::Repeated);
    assert_eq!(goal.steps().len(), 4, "the rules were asked");
}

#[test]
fn nudging_is_for_work_somebody_has() {
    let mut goal = goal();
    assert!(matches!(
        goal.send(Event::Nudge { step: "requirements-1".into(), by: Actor::default() }).outcome,
        Outcome::Refused(_)
    ));
    goal.send(leased("a"));
    assert_eq!(
        goal.send(Event::Nudge { step: "requirements-1".into(), by: Actor::default() }).outcome,
        Outcome::Applied
    );
    assert_eq!(goal.state().open_steps[&StepId::from("requirements-1")].reminders, 1);
}

fn taken(attempt: &str, lasts: u64, replaces: Option<&str>) -> Event {
    let terms = Terms { lasts: Some(Millis(lasts)), replaces: replaces.map(AttemptId::from), child: None };
    Event::Lease { step: "requirements-1".into(), attempt: attempt.into(), agent: "author".into(), terms }
}

fn late(attempt: &str) -> Event {
    let response =
        super::AgentResponse { attempt_id: attempt.into(), ..super::response("requirements-1", AgentStatus::Ok) };
    Event::AgentCompleted { step: "requirements-1".into(), response }
}

#[test]
fn a_lease_ends_by_itself_and_the_step_is_offered_again() {
    let mut goal = goal();
    let reaction = goal.send(taken("a", 5_000, None));
    let until = UnixMillis(goal.now + 5_000);
    assert!(reaction.effects.contains(&Effect::WakeAt(Some(until))), "before it is due: {reaction:?}");
    goal.now += 4_000;
    goal.send(Event::Tick);
    assert_eq!(goal.step("requirements-1"), StepStatus::InProgress, "not yet");
    goal.now += 1_000;
    goal.send(Event::Tick);
    assert_eq!(goal.step("requirements-1"), StepStatus::Waiting);
    assert!(goal.state().log.iter().any(|entry| entry.event == "LEASE_ENDED"));

    assert_eq!(goal.send(taken("b", 5_000, None)).outcome, Outcome::Applied);
    assert!(matches!(goal.send(late("a")).outcome, Outcome::Refused(why) if why.contains("late")));
    assert_eq!(goal.send(late("b")).outcome, Outcome::Applied);
    assert_eq!(goal.state().open_steps[&"requirements-1".into()].lease_until, None);
}

#[test]
fn a_step_that_nobody_ever_answers_waits_for_a_person() {
    let mut goal = goal();
    for attempt in 1..=10 {
        assert_eq!(goal.send(taken(&attempt.to_string(), 10, None)).outcome, Outcome::Applied, "{attempt}");
        goal.now += 10;
        goal.send(Event::Tick);
    }
    assert_eq!(goal.step("requirements-1"), StepStatus::Blocked);
}

#[test]
fn another_agent_takes_over_from_the_one_that_has_the_step_and_from_nobody_else() {
    let mut goal = goal();
    goal.send(taken("a", 5_000, None));
    assert!(matches!(goal.send(taken("b", 5_000, Some("x"))).outcome, Outcome::Refused(_)));
    assert_eq!(goal.send(taken("b", 5_000, Some("a"))).outcome, Outcome::Applied);
    assert_eq!(goal.send(taken("b", 5_000, Some("a"))).outcome, Outcome::Repeated);
    assert!(matches!(goal.send(late("a")).outcome, Outcome::Refused(_)));
    let back = |attempt: &str| Event::Requeue {
        step: "requirements-1".into(),
        attempt: Some(attempt.into()),
        reason: "it is busy".into(),
        by: Actor::default(),
    };
    assert!(matches!(goal.send(back("a")).outcome, Outcome::Refused(_)));
    assert_eq!(goal.send(back("b")).outcome, Outcome::Applied);
    assert_eq!(goal.step("requirements-1"), StepStatus::Waiting);
}
