//! The steps of a goal: whole frames at the three sizes people have, keys in and effects out, and what is said while no
//! worker answers.

use gatewatch::console::effect::{Effect, Interest};
use gatewatch::console::event::Answer;
use gatewatch::contracts::clock::{Millis, Timestamp};
use gatewatch::contracts::engine::message::{Message, Told};
use gatewatch::contracts::engine::output::EngineReply;
use gatewatch::contracts::engine::state::{EngineState, EngineStatus, StepStatus};
use gatewatch::contracts::failure::{Failure, FailureKind};
use gatewatch::contracts::gate::OpenGate;
use gatewatch::contracts::mutation::{Done, Mutation, Tell};
use gatewatch::contracts::phase::{Phase, PhaseStatus};
use gatewatch::contracts::temporal::memo::Published;
use gatewatch::contracts::workflow::{WorkflowDetail, WorkflowRow};
use serde_json::json;

use crate::console::drive::{Driven, noon};
use crate::console::world::{ago, overview, row};

const GOAL: &str = "codegen-retry-payments";

fn millis(at: Timestamp) -> i64 {
    at.unix_millis()
}

/// A goal in the middle of things: something of everything.
fn goal() -> EngineState {
    let at = |seconds: u64| millis(ago(seconds));
    let due = |seconds: u64| millis(noon().plus(Millis::from_secs(seconds)));
    serde_json::from_value(json!({
        "goalId": "retry-payments",
        "status": "AWAITING_APPROVAL",
        "goal": {"description": "Retry idempotent payments", "constraints": [], "acceptanceCriteria": []},
        "spec": {"name": "codegen", "version": "1", "hash": "5d2c91aa00112233"},
        "openSteps": {
            "requirements-1": {"kind": "REQUIREMENTS", "status": "DONE", "order": 1, "requestedAt": at(2400), "updatedAt": at(2100),
                "agent": "author", "attempts": 1, "payload": {"prompt": "Retry payments"}, "content": {"summary": "Retry thrice"}},
            "acceptance-criteria-1": {"kind": "ACCEPTANCE_CRITERIA", "status": "DONE", "order": 2, "after": ["requirements-1"],
                "requestedAt": at(2100), "updatedAt": at(1800), "agent": "author", "attempts": 1},
            "implementation-1": {"kind": "IMPLEMENTATION", "status": "DONE", "order": 3, "after": ["requirements-1"],
                "requestedAt": at(2100), "updatedAt": at(1200), "agent": "builder-2", "attempts": 2},
            "open-pr-1": {"kind": "OPEN_PR", "status": "DONE", "order": 4, "after": ["implementation-1"],
                "requestedAt": at(1200), "updatedAt": at(900), "agent": "builder-2", "attempts": 1},
            "pr-review-1": {"kind": "PR_REVIEW", "status": "IN_PROGRESS", "order": 7, "after": ["open-pr-1"], "runId": "r-8",
                "requestedAt": at(900), "updatedAt": at(600), "agent": "reviewer", "attempts": 3, "reminders": 1, "due": due(400)},
            "run-qa-1": {"kind": "RUN_QA", "status": "BLOCKED", "order": 5, "after": ["implementation-1"],
                "requestedAt": at(1200), "updatedAt": at(300), "agent": "qa", "attempts": 5,
                "reason": "RUN_QA was requested 5 times already; a person must say how to go on."},
            "write-docs-1": {"kind": "WRITE_DOCS", "status": "WAITING", "order": 6, "after": ["implementation-1"],
                "requestedAt": at(1200), "updatedAt": at(1200)},
            "approval-1": {"kind": "APPROVAL", "status": "WAITING", "order": 8, "after": ["open-pr-1"],
                "requestedAt": at(120), "updatedAt": at(120), "payload": {"title": "Merge \"Retry payments\"?"}},
        },
        "artifacts": {"PR:7": {"type": "PR", "ref": "7", "url": "https://forge/pr/7"}, "branch": "feat/retry-payments",
            "REQ:doc": {"type": "REQ", "url": "https://docs/req"}},
        "log": [
            {"at": at(2400), "event": "APPLY_DECISION", "data": {"decisionId": "boot", "actions": [{"type": "REQUEST_WORK", "workKind": "REQUIREMENTS"}]}},
            {"at": at(2100), "event": "AGENT_COMPLETED", "data": {"agentRole": "author", "status": "OK", "stepId": "requirements-1"}},
            {"at": at(600), "event": "LEASED", "data": {"agent": "reviewer", "runId": "r-8", "stepId": "pr-review-1"}},
        ],
        "logDropped": 41,
    }))
    .unwrap()
}

fn published() -> Published {
    let gate: OpenGate = serde_json::from_value(json!({
        "id": "approval-1", "title": "Merge \"Retry payments\"?", "openedAt": ago(120), "requestedBy": "open-pr-1", "isStep": true,
    }))
    .unwrap();
    let phase =
        |name: &str, status| Phase { name: name.to_owned(), status, started_at: Some(ago(900)), ended_at: None };
    Published {
        v: Published::VERSION,
        title: "Retry idempotent payments".to_owned(),
        phases: vec![phase("implementation", PhaseStatus::Done), phase("pr-review", PhaseStatus::Running)],
        gates: vec![gate],
        updated_at: Some(ago(60)),
        ..Published::default()
    }
}

fn listed() -> WorkflowRow {
    WorkflowRow {
        published: Some(Box::new(published())),
        gates: vec!["approval-1".into()],
        ..row(GOAL, "CodegenWorkflow")
    }
}

fn detail() -> WorkflowDetail {
    WorkflowDetail {
        row: listed(),
        health: None,
        activities: Vec::new(),
        children: Vec::new(),
        workflow_task_attempt: 0,
        workflow_task_waiting_since: None,
    }
}

fn described(console: &mut Driven) {
    let answer = Answer::Workflow { id: GOAL.into(), result: Ok(Box::new(detail())) };
    console.answer(|interest| *interest == Interest::Goal(GOAL.into()), answer);
}

fn told(console: &mut Driven, result: Result<EngineState, Failure>) {
    let answer = Answer::Goal { id: GOAL.into(), result: result.map(Box::new) };
    console.answer(|interest| *interest == Interest::Goal(GOAL.into()), answer);
}

/// The steps, opened as a person opens them: from the goal's workflow.
fn opened(width: u16, height: u16) -> Driven {
    let mut console = Driven::new(width, height);
    console.overview(overview(vec![listed()], Vec::new()));
    console.open_workflow(&listed());
    console.keys("6");
    assert!(console.watched.iter().any(|(interest, _)| *interest == Interest::Goal(GOAL.into())), "it is kept fresh");
    console
}

fn ready(width: u16, height: u16) -> Driven {
    let mut console = opened(width, height);
    described(&mut console);
    told(&mut console, Ok(goal()));
    console
}

/// What was sent since the last time.
fn sent(console: &mut Driven) -> Vec<Tell> {
    let tell = |effect: Effect| match effect {
        Effect::Mutate(mutation) => match *mutation {
            Mutation::Tell(tell) => Some(tell),
            other => panic!("not a message to a goal: {other:?}"),
        },
        _ => None,
    };
    console.asked().into_iter().filter_map(tell).collect()
}

fn snapshots(name: &str, keys: &str) {
    for (width, height) in [(80, 24), (120, 36), (200, 50)] {
        let mut console = ready(width, height);
        console.keys(keys);
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(format!("{name}-{width}x{height}"), console.screen());
        });
    }
}

#[test]
fn the_plan_is_a_tree_that_says_who_waits_for_what() {
    snapshots("steps", "");
}

#[test]
fn what_the_work_left_behind_and_what_happened_are_a_key_away() {
    snapshots("steps-log", "<tab><tab>");
    let mut console = ready(120, 36);
    console.keys("<tab>");
    assert!(console.screen().contains("▸Artifacts 3") && console.screen().contains("https://forge/pr/7"));
    console.keys("<enter>");
    assert!(
        console.screen().contains("\"ref\": \"7\"") || console.screen().contains("https://docs/req"),
        "{}",
        console.screen()
    );
    console.keys("<esc><s-tab>");
    assert!(console.screen().contains("▸Steps 8"), "{}", console.screen());
    console.keys("<esc>");
    assert!(
        console.screen().contains("CodegenWorkflow") && !console.screen().contains("▸Steps"),
        "back to the workflow"
    );
}

#[test]
fn each_step_is_helped_along_by_its_own_message_after_a_question() {
    // In the order of the tree.
    let place = |step: &str| match step {
        "acceptance-criteria-1" => 1,
        "pr-review-1" => 4,
        "approval-1" => 5,
        "run-qa-1" => 6,
        other => panic!("{other}"),
    };
    let step_id = |step: &str| step.into();
    let cases: [(&str, &str, Message); 6] = [
        ("approval-1", "a<enter>", Message::Approve { step_id: step_id("approval-1") }),
        (
            "approval-1",
            "xno tests<C-s>",
            Message::Reject { step_id: step_id("approval-1"), reason: "no tests".to_owned() },
        ),
        ("pr-review-1", "N<enter>", Message::Nudge { step_id: step_id("pr-review-1") }),
        (
            "run-qa-1",
            "Utry again<C-s>",
            Message::Requeue { step_id: step_id("run-qa-1"), reason: "try again".to_owned() },
        ),
        (
            "run-qa-1",
            "Dby hand<C-s>",
            Message::Override { step_id: step_id("run-qa-1"), status: StepStatus::Done, reason: "by hand".to_owned() },
        ),
        (
            "pr-review-1",
            "Xnobody<C-s>",
            Message::Override {
                step_id: step_id("pr-review-1"),
                status: StepStatus::Failed,
                reason: "nobody".to_owned(),
            },
        ),
    ];
    for (step, keys, message) in cases {
        let mut console = ready(120, 36);
        console.keys("<home>");
        console.keys(&"j".repeat(place(step)));
        let (first, rest) = keys.split_at(1);
        console.keys(first);
        let screen = console.screen();
        for words in [step, "shop-prod", "temporal workflow update execute", message.name(), GOAL] {
            assert!(screen.contains(words), "the question shows {words}: {screen}");
        }
        assert_eq!(sent(&mut console), [], "nothing is sent before yes");
        console.keys(rest);
        let sent = sent(&mut console);
        assert_eq!(sent.iter().map(|tell| &tell.message).collect::<Vec<_>>(), [&message], "{}", console.screen());
        let reply = EngineReply { repeated: false, status: EngineStatus::Running };
        let id = sent[0].target.request_id.to_string();
        let result = Ok(Done::Told { result: Told::Taken { reply } });
        console.event(gatewatch::console::event::Event::Mutated { id, result });
        assert!(console.screen().contains("has taken in"), "{}", console.screen());
    }
}

#[test]
fn what_cannot_be_done_to_a_step_says_why_and_sends_nothing() {
    let mut console = ready(120, 36);
    console.keys("<home>");
    for (keys, why) in [
        ("a", "an agent's, no approval"),
        ("N", "Nobody works on it"),
        ("U", "in progress or blocked"),
        ("D", "done already"),
        ("jjjjjD", "approve or reject it"),
        ("e", "means nothing"),
    ] {
        console.keys(keys);
        assert!(keys == "e" || console.screen().contains(why), "{keys}: {}", console.screen());
        assert_eq!(sent(&mut console), []);
    }
    let mut console = Driven::with(120, 36, |profile| profile.read_only = true);
    console.overview(overview(vec![listed()], Vec::new()));
    console.open_workflow(&listed());
    console.keys("6");
    described(&mut console);
    told(&mut console, Ok(goal()));
    console.keys("a");
    assert!(console.screen().contains("Read-only"), "{}", console.screen());
}

#[test]
fn without_a_worker_it_says_so_and_how_old_what_it_shows_is() {
    let silent = || Failure::new(FailureKind::Unavailable, "Cannot ask: no poller seen for task queue recently.", "");
    let mut console = opened(80, 24);
    described(&mut console);
    told(&mut console, Err(silent()));
    let screen = console.screen();
    for words in ["no worker: published 11:59:0", "◌ approval-1", "pr-review", "waits for a person"] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    // The approval is published, so it can be decided.
    console.keys("a<enter>");
    let sent = sent(&mut console);
    assert_eq!(
        sent.iter().map(|tell| &tell.message).collect::<Vec<_>>(),
        [&Message::Approve { step_id: "approval-1".into() }]
    );
    console.keys("<esc>");

    told(&mut console, Ok(goal()));
    assert!(!console.screen().contains("no worker:"), "{}", console.screen());
    console.pass(40_000);
    told(&mut console, Err(silent()));
    let screen = console.screen();
    assert!(screen.contains("no worker: as of 12:0") && screen.contains("40s ago"), "{screen}");
    assert!(screen.contains("requirements-1"), "old data stays: {screen}");
    // What was told goes on being old, however often the workflow itself is seen.
    console.pass(5_000);
    let same = console.same(&Interest::Goal(GOAL.into()));
    console.event(same);
    assert!(console.screen().contains("45s ago"), "{}", console.screen());
}

#[test]
fn an_approval_is_found_among_the_gates_and_approved_there_too() {
    let mut console = Driven::new(120, 36);
    console.overview(overview(vec![listed()], Vec::new()));
    let screen = console.screen();
    assert!(screen.contains("2 Gates 1") && screen.contains("Merge \"Retry payments\"?"), "{screen}");
    console.keys("2");
    let screen = console.screen();
    assert!(screen.contains("A goal waits for a person.") && screen.contains("6 shows its steps"), "{screen}");
    console.keys("e");
    assert!(console.screen().contains("collects no evidence"), "{}", console.screen());
    console.keys("a<enter>");
    let sent = sent(&mut console);
    assert_eq!(
        sent.iter().map(|tell| &tell.message).collect::<Vec<_>>(),
        [&Message::Approve { step_id: "approval-1".into() }]
    );
    let reply = EngineReply { repeated: false, status: EngineStatus::Running };
    let (id, result) = (sent[0].target.request_id.to_string(), Ok(Done::Told { result: Told::Taken { reply } }));
    console.event(gatewatch::console::event::Event::Mutated { id, result });
    assert!(console.screen().contains("approved by mira"), "{}", console.screen());
    // The steps are one key from here.
    console.keys("6");
    assert!(console.watched.iter().any(|(interest, _)| *interest == Interest::Goal(GOAL.into())));
}

#[test]
fn what_is_no_goal_has_no_steps() {
    let mut console = Driven::new(120, 36);
    console.open_workflow(&row("order-1", "OrderWorkflow"));
    console.keys("6");
    assert!(console.screen().contains("This is no goal"), "{}", console.screen());
}

#[test]
fn the_cursor_stays_on_its_step_when_others_come_before_it() {
    let mut console = ready(120, 36);
    console.keys("j");
    assert!(
        console.screen().contains("▸├ ▲ run-qa-1") || console.screen().contains("run-qa-1 · RUN_QA"),
        "{}",
        console.screen()
    );
    let mut more = goal();
    let mut rework = more.open_steps[&"write-docs-1".into()].clone();
    (rework.order, rework.after) = (9, vec!["requirements-1".into()]);
    rework.kind = "REWORK".into();
    let mut early = rework.clone();
    (early.order, early.after) = (3, vec!["acceptance-criteria-1".into()]);
    more.open_steps.insert("rework-1".into(), early);
    more.open_steps.insert("rework-2".into(), rework);
    told(&mut console, Ok(more));
    assert!(console.screen().contains("run-qa-1 · RUN_QA"), "{}", console.screen());
}
