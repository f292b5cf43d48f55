//! The history screen: grouped, filtered, followed, read; and fast with as many events as a server keeps.

use gatewatch::console::action::Action;
use gatewatch::console::effect::{Effect, Fetch};
use gatewatch::console::event::{Answer, Input};
use gatewatch::console::key::KeyPress;
use gatewatch::console::screen::{Focus, Place};
use gatewatch::console::screens::history::state::State;
use gatewatch::console::screens::history::update::{can, update};
use gatewatch::console::screens::history::view::{title, view};
use gatewatch::contracts::clock::Millis;
use gatewatch::contracts::ids::WorkflowId;
use gatewatch::contracts::workflow::{EventKind, HistoryBatch, HistoryEvent, HistoryPage, PageToken, PayloadText};

use super::rig::{Rig, at};

/// The screen on the bench.
struct Screen {
    rig: Rig,
    state: State,
}

fn workflow() -> WorkflowId {
    "deploy-checkout-v42".into()
}

impl Screen {
    fn new(width: u16, height: u16) -> Self {
        let mut screen = Self { rig: Rig::new(width, height), state: State::default() };
        screen.rig.now = at(300);
        let place = Place::History(Some(workflow()));
        screen.input(Input::Opened(&place));
        screen
    }

    fn input(&mut self, input: Input<'_>) -> Vec<Effect> {
        update(&mut self.state, input, &self.rig.ctx())
    }

    /// The newest page.
    fn page(&mut self, mut events: Vec<HistoryEvent>, next: Option<u8>) -> Vec<Effect> {
        events.sort_by_key(|event| std::cmp::Reverse(event.id));
        let page = HistoryPage { events, next: next.map(|token| PageToken(vec![token])) };
        self.input(Input::Answer(&Answer::History { workflow: workflow(), result: Ok(page) }))
    }

    fn tail(&mut self, events: Vec<HistoryEvent>) -> Vec<Effect> {
        let batch = HistoryBatch { run_id: "run-1".into(), events };
        self.input(Input::Answer(&Answer::Tail { workflow: workflow(), result: Ok(batch) }))
    }

    fn press(&mut self, action: Action) -> Vec<Effect> {
        self.input(Input::Action(action))
    }

    fn typed(&mut self, text: &str) {
        for c in text.chars() {
            self.input(Input::Key(KeyPress::char(c)));
        }
    }

    fn picture(&self, name: &str) -> String {
        let title = title(&self.state, &self.rig.ctx());
        self.rig.picture(name, &title, |ctx, theme, frame, area| view(&self.state, ctx, theme, frame, area))
    }
}

/// An event: number, second, kind, type, subject, group.
fn event(id: i64, second: u64, event_type: &str, subject: &str, group: i64) -> HistoryEvent {
    let kind = match event_type {
        text if text.starts_with("ActivityTask") => EventKind::Activity,
        text if text.starts_with("WorkflowTask") => EventKind::WorkflowTask,
        text if text.starts_with("Timer") => EventKind::Timer,
        text if text.starts_with("WorkflowExecutionUpdate") => EventKind::Update,
        "WorkflowExecutionSignaled" => EventKind::Signal,
        _ => EventKind::Workflow,
    };
    HistoryEvent {
        id,
        at: Some(at(second)),
        kind,
        event_type: event_type.into(),
        subject: subject.into(),
        group,
        attempt: None,
        failure: None,
        identity: None,
        payloads: Vec::new(),
    }
}

fn payload(name: &str, text: &str) -> PayloadText {
    PayloadText {
        name: name.into(),
        encoding: "json/plain".into(),
        bytes: u64::try_from(text.len()).unwrap(),
        text: text.into(),
    }
}

/// A deployment that went as far as verifying.
pub(super) fn story() -> Vec<HistoryEvent> {
    let input = "{\n  \"service\": \"checkout\",\n  \"monitor\": {\n    \"intervalMs\": 2000,\n    \"rules\": {\n      \"healthFailures\": 3\n    }\n  },\n  \"commitSha\": \"9f31c2e\"\n}";
    let mut events = vec![
        HistoryEvent {
            payloads: vec![payload("input", input)],
            ..event(1, 0, "WorkflowExecutionStarted", "ProductionDeploymentWorkflow", 1)
        },
        event(2, 0, "WorkflowTaskScheduled", "", 2),
        event(3, 0, "WorkflowTaskStarted", "", 2),
        event(4, 0, "WorkflowTaskCompleted", "", 2),
        event(5, 1, "ActivityTaskScheduled", "createProductionBackup", 5),
        HistoryEvent { attempt: Some(1), ..event(6, 1, "ActivityTaskStarted", "createProductionBackup", 5) },
        HistoryEvent {
            payloads: vec![payload("result", "{\n  \"file\": \"backup-1.db\"\n}")],
            ..event(7, 3, "ActivityTaskCompleted", "createProductionBackup", 5)
        },
        event(8, 3, "WorkflowExecutionSignaled", "extendMonitoring", 8),
        event(9, 4, "ActivityTaskScheduled", "deployToProduction", 9),
        HistoryEvent { attempt: Some(3), ..event(10, 9, "ActivityTaskStarted", "deployToProduction", 9) },
        HistoryEvent {
            failure: Some("no port is free: 127.0.0.1:4001 is in use\nat deploy/process.rs".into()),
            ..event(11, 10, "ActivityTaskFailed", "deployToProduction", 9)
        },
        event(12, 10, "TimerStarted", "2s", 12),
        event(13, 12, "TimerFired", "2s", 12),
        event(14, 13, "ActivityTaskScheduled", "verifyDeployment 検証 🚀", 14),
    ];
    events.push(HistoryEvent {
        attempt: Some(1),
        identity: Some("4711@worker-1".into()),
        ..event(15, 14, "ActivityTaskStarted", "verifyDeployment 検証 🚀", 14)
    });
    events
}

#[test]
fn draft() {
    for (w, h) in [(80, 22), (120, 33), (200, 46)] {
        let mut screen = Screen::new(w, h);
        println!("{}", screen.picture("history-empty"));
        screen.page(story(), Some(1));
        println!("{}", screen.picture("history"));
        screen.press(Action::CursorDown);
        screen.press(Action::CursorDown);
        screen.press(Action::Open);
        println!("{}", screen.picture("history-open"));
        screen.press(Action::CursorDown);
        screen.press(Action::Open);
        screen.press(Action::CursorBottom);
        screen.press(Action::Open);
        screen.press(Action::CursorDown);
        screen.press(Action::Open);
        println!("{}", screen.picture("history-read"));
        assert!(can(&screen.state, Action::Back, &screen.rig.ctx()).is_ok());
        assert_eq!(screen.state.focus(), Focus::Keys);
        screen.typed("x");
        screen.tail(Vec::new());
        let _ = (Millis(1), Fetch::MoreWorkflows { query: String::new(), after: PageToken(vec![]) });
    }
}
