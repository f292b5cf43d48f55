//! Who does the work of goals: whole frames at the three sizes people have, and what is said where nothing is known.

use gatewatch::console::effect::Interest;
use gatewatch::console::event::Answer;
use gatewatch::contracts::failure::{Failure, FailureKind};
use gatewatch::contracts::roster::AgentRoster;
use serde_json::json;

use crate::console::drive::{Driven, noon};
use crate::console::world::{ago, later};

fn roster() -> AgentRoster {
    serde_json::from_value(json!({
        "agents": [
            {"name": "builder-2", "adapter": "http", "kinds": ["IMPLEMENTATION", "REWORK", "OPEN_PR"], "alternates": ["builder-1"],
             "priority": 1, "concurrency": 4, "dispatched": 40, "ok": 31, "partial": 4, "fail": 2, "broken": 1, "tokens": 912_000,
             "costUsd": 14.2, "today": {"usd": 1.2, "tokens": 80_000, "budgetUsd": 5.0},
             "calls": [{"workflowId": "codegen-retry-payments", "stepId": "rework-1", "runId": "r-9", "kind": "REWORK",
                        "since": ago(180), "calledBack": true}]},
            {"name": "qa", "adapter": "command", "kinds": ["RUN_QA"], "priority": 3, "concurrency": 1, "dispatched": 12, "ok": 3,
             "fail": 6, "broken": 3, "today": {"usd": 0.0, "tokens": 0}, "restingUntil": later(95),
             "lastTrouble": {"at": ago(20), "why": "It ended with 1: no browser is installed."}},
            {"name": "author", "adapter": "llm", "kinds": ["*"], "priority": 5, "concurrency": 2, "dispatched": 90, "ok": 88,
             "tokens": 2_000_000, "costUsd": 31.0, "today": {"usd": 10.0, "tokens": 400_000, "budgetUsd": 10.0}},
        ],
        "waiting": [{"kind": "RUN_QA", "steps": 3, "since": ago(300), "agents": 1},
                    {"kind": "SIGN_OFF", "steps": 1, "since": ago(7300), "agents": 0}],
        "lookedAt": noon(),
        "at": noon(),
    }))
    .unwrap()
}

fn opened(width: u16, height: u16) -> Driven {
    let mut console = Driven::with(width, height, |profile| profile.coordinator = true);
    console.keys("7");
    console
}

fn told(console: &mut Driven, result: Result<AgentRoster, Failure>) {
    console.answer(|interest| *interest == Interest::Agents, Answer::Agents(result));
}

#[test]
fn load_failures_and_cost_are_seen_at_once() {
    for (width, height) in [(80, 24), (120, 36), (200, 50)] {
        let mut console = opened(width, height);
        told(&mut console, Ok(roster()));
        console.keys("j");
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(format!("agents-{width}x{height}"), console.screen());
        });
    }
}

#[test]
fn what_a_limit_holds_back_is_said_with_the_limit() {
    let mut console = opened(120, 36);
    let held = json!([{"tenant": "acme", "calls": 4, "calledBack": 3, "most": 4, "steps": 2}]);
    told(&mut console, Ok(AgentRoster { held_back: serde_json::from_value(held).unwrap(), ..roster() }));
    let words = "2 held back: tenant acme has 4 of 4 calls under way, 3 of them until their callback";
    assert!(console.screen().contains(words), "{}", console.screen());
}

#[test]
fn what_is_not_known_says_why() {
    let mut console = Driven::new(80, 24);
    console.keys("7");
    assert!(console.screen().contains("none is configured"), "{}", console.screen());
    assert!(!console.watched.iter().any(|(interest, _)| *interest == Interest::Agents), "there is nobody to ask");

    let mut console = opened(80, 24);
    let silent = || Failure::new(FailureKind::Unavailable, "The coordinator cannot be reached.", "");
    told(&mut console, Err(silent()));
    assert!(console.screen().contains("The coordinator cannot be reached."), "{}", console.screen());
    told(&mut console, Ok(AgentRoster { agents: Vec::new(), ..roster() }));
    assert!(console.screen().contains("No agent is registered"), "{}", console.screen());
    told(&mut console, Ok(roster()));
    console.pass(30_000);
    told(&mut console, Err(silent()));
    let screen = console.screen();
    assert!(
        screen.contains("30s ago: The coordinator cannot be") && screen.contains("builder-2"),
        "old data stays: {screen}"
    );
}

#[test]
fn the_cursor_stays_on_its_agent_and_each_can_be_read_in_full() {
    let mut console = opened(120, 36);
    told(&mut console, Ok(roster()));
    console.keys("j");
    let mut fewer = roster();
    fewer.agents.remove(0);
    told(&mut console, Ok(fewer));
    console.keys("<enter>");
    let screen = console.screen();
    assert!(screen.contains("no browser is installed") && screen.contains("12 begun, 3 done"), "{screen}");
    console.keys("<esc><esc>");
    assert!(console.screen().contains("What needs somebody now"), "{}", console.screen());
}
