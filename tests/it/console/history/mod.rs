//! The history screen: grouped, filtered, followed, read; and fast with as many events as a server keeps.

use gatewatch::console::action::Action;
use gatewatch::console::chronicle::Outcome;
use gatewatch::console::cursor::Move;
use gatewatch::console::effect::{Effect, Fetch};
use gatewatch::console::event::{Answer, Input};
use gatewatch::console::key::KeyPress;
use gatewatch::console::reader::{Fold, Reader, act};
use gatewatch::console::screen::{Focus, Place};
use gatewatch::console::screens::history::state::{Line, State};
use gatewatch::console::screens::history::update::{can, update};
use gatewatch::console::screens::history::view::{title, view};
use gatewatch::contracts::failure::{Failure, FailureKind};
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

/// What stands in the column of names, from the top.
fn names(screen: &Screen) -> Vec<String> {
    let group = |line: &Line| screen.state.chronicle.group(line.group()).unwrap().name();
    let heads = screen.state.lines.iter().filter(|line| matches!(line, Line::Group(_)));
    heads.map(group).collect()
}

#[test]
fn an_activity_is_one_line_and_a_failure_is_open() {
    let mut screen = Screen::new(80, 22);
    screen.page(story(), Some(1));
    screen.press(Action::CursorDown);
    screen.press(Action::CursorDown);
    screen.press(Action::Open);
    insta::assert_snapshot!(screen.picture("history"), @r"
    ┏ history of deploy-checkout-v42 ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
    ┃ f all but tasks and memo · 15 events, older ones follow below                ┃
    ┃ TIME         WHAT                          TRIES      TOOK  RESULT           ┃
    ┃ 14:00:13     ● verifyDeployment 検証 🚀                     started          ┃
    ┃ 14:00:10     ✓ 2s                                     2.0s  fired            ┃
    ┃▸14:00:04     ✗ ▾ deployToProduction           ×3      6.0s  failed           ┃
    ┃                no port is free: 127.0.0.1:4001 is in use at deploy/process.rs┃
    ┃ 14:00:04       scheduled                                                     ┃
    ┃ 14:00:09       started                         3                             ┃
    ┃ 14:00:10       failed                                       no port is free… ┃
    ┃ 14:00:03     ✓ extendMonitoring                             signaled         ┃
    ┃ 14:00:01     ✓ createProductionBackup                 2.0s  completed        ┃
    ┃ 14:00:00     ● ProductionDeploymentWorkf…                   started          ┃
    ┃                                                                              ┃
    ┃                                                                              ┃
    ┃                                                                              ┃
    ┃                                                                              ┃
    ┃                                                                              ┃
    ┃                                                                              ┃
    ┃                                                                              ┃
    ┃                                                                              ┃
    ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
    ");
}

#[test]
fn where_there_is_room_the_event_stands_beside_the_list() {
    let mut screen = Screen::new(140, 18);
    screen.page(story(), None);
    screen.press(Action::CursorBottom);
    insta::assert_snapshot!(screen.picture("history-wide"), @r#"
    ┏ history of deploy-checkout-v42 ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
    ┃ f all but tasks and memo · 15 events                                                                                                     ┃
    ┃ TIME         KIND       WHAT                      TRIES      TOOK  RESULT         │ ProductionDeploymentWorkflow                         ┃
    ┃ 14:00:13     activity   ● verifyDeployment 検証…                   started        │ WorkflowExecutionStarted  event 1                    ┃
    ┃ 14:00:10     timer      ✓ 2s                                 2.0s  fired          │   at: 2026-11-21 14:00:00Z                           ┃
    ┃ 14:00:04     activity   ✗ deployToProduction         ×3      6.0s  failed         │   subject: ProductionDeploymentWorkflow              ┃
    ┃                           no port is free: 127.0.0.1:4001 is in use at deploy/pr… │   input (json/plain, 144 bytes):                     ┃
    ┃ 14:00:03     signal     ✓ extendMonitoring                         signaled       │   {                                                  ┃
    ┃ 14:00:01     activity   ✓ createProductionBackup             2.0s  completed      │     "service": "checkout",                           ┃
    ┃▸14:00:00     workflow   ● ProductionDeploymentW…                   started        │     "monitor": {                                     ┃
    ┃                                                                                   │       "intervalMs": 2000,                            ┃
    ┃                                                                                   │       "rules": {                                     ┃
    ┃                                                                                   │         "healthFailures": 3                          ┃
    ┃                                                                                   │       }                                              ┃
    ┃                                                                                   │     },                                               ┃
    ┃                                                                                   │     "commitSha": "9f31c2e"                           ┃
    ┃                                                                                   │   }                                                  ┃
    ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
    "#);
}

#[test]
fn an_event_opens_in_full_and_each_escape_goes_one_back() {
    let mut screen = Screen::new(60, 16);
    screen.page(story(), None);
    screen.press(Action::CursorBottom);
    screen.press(Action::Open);
    screen.press(Action::CursorBottom);
    screen.press(Action::Open);
    insta::assert_snapshot!(screen.picture("history-read"), @r#"
    ┏ history of deploy-checkout-v42 ━━━━━━━━━━━━━━━━━━━━━━━━━━┓
    ┃ ProductionDeploymentWorkflow · event 1  line 1 of 15     ┃
    ┃  1   WorkflowExecutionStarted  event 1                   ┃
    ┃  2     at: 2026-11-21 14:00:00Z                          ┃
    ┃  3     subject: ProductionDeploymentWorkflow             ┃
    ┃  4     input (json/plain, 144 bytes):                    ┃
    ┃  5 ▾   {                                                 ┃
    ┃  6       "service": "checkout",                          ┃
    ┃  7 ▾     "monitor": {                                    ┃
    ┃  8         "intervalMs": 2000,                           ┃
    ┃  9 ▾       "rules": {                                    ┃
    ┃ 10           "healthFailures": 3                         ┃
    ┃ 11         }                                             ┃
    ┃ 12       },                                              ┃
    ┃ 13       "commitSha": "9f31c2e"                          ┃
    ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
    "#);
    assert_eq!(screen.press(Action::Back), []);
    assert!(screen.state.reader.is_none());
    assert_eq!(screen.state.open.len(), 1);
    screen.press(Action::Back);
    assert!(screen.state.open.is_empty());
    assert!(can(&screen.state, Action::Back, &screen.rig.ctx()).is_err(), "then the screen itself goes back");
}

#[test]
fn older_pages_are_asked_for_once_and_as_they_come_near() {
    let mut screen = Screen::new(80, 22);
    let after = PageToken(vec![7]);
    let asked = screen.page(story().split_off(8), Some(7));
    let fetch = Fetch::OlderHistory { workflow: workflow(), run: None, after };
    assert_eq!(asked, [Effect::Fetch(fetch.clone())]);
    assert_eq!(screen.press(Action::CursorDown), [], "it is on its way already");
    assert_eq!(names(&screen).len(), 3);
    let mut older = story();
    older.truncate(10);
    older.sort_by_key(|event| std::cmp::Reverse(event.id));
    let answer = Answer::History { workflow: workflow(), result: Ok(HistoryPage { events: older, next: None }) };
    assert_eq!(screen.input(Input::Fetched(&fetch, &answer)), []);
    assert_eq!(names(&screen).len(), 6);
    assert_eq!(screen.state.chronicle.events(), 15, "what both pages hold is there once");
}

#[test]
fn what_comes_while_one_reads_moves_nothing() {
    let mut screen = Screen::new(80, 8);
    screen.page((1..40).map(|id| event(id, 1, "WorkflowExecutionSignaled", &format!("s{id}"), id)).collect(), None);
    screen.press(Action::CursorBottom);
    screen.press(Action::CursorUp);
    let before = screen.picture("reading");
    screen.tail(vec![event(40, 2, "WorkflowExecutionSignaled", "s40", 40), event(41, 2, "TimerStarted", "1s", 41)]);
    let after = screen.picture("reading");
    let rows = |picture: &str| picture.lines().skip(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(rows(&before), rows(&after));
    assert!(after.contains("+2 new"));
    screen.press(Action::CursorTop);
    assert_eq!(screen.state.unseen, 0);

    screen.press(Action::Follow);
    screen.tail(vec![event(42, 3, "WorkflowExecutionSignaled", "s42", 42)]);
    assert_eq!(screen.state.selected(), Some(Line::Group(42)), "following stays at the newest");
    screen.press(Action::CursorDown);
    assert!(!screen.state.follow, "whoever moves down reads");
}

#[test]
fn events_are_let_through_by_kind_and_by_text() {
    let mut screen = Screen::new(80, 22);
    screen.page(story(), None);
    assert!(!names(&screen).iter().any(|name| name.contains("task")), "workflow tasks that went well are noise");
    screen.press(Action::FilterKind);
    assert_eq!(names(&screen), ["verifyDeployment 検証 🚀", "deployToProduction", "createProductionBackup"]);
    screen.press(Action::Find);
    assert_eq!(screen.state.focus(), Focus::Text);
    screen.typed("PORT is");
    assert_eq!(names(&screen), ["deployToProduction"], "failures are searched, whatever the case");
    screen.press(Action::NewLine);
    assert_eq!(screen.state.focus(), Focus::Keys);
    screen.typed("x");
    screen.press(Action::Back);
    assert_eq!(names(&screen).len(), 3);
}

#[test]
fn events_that_come_twice_are_there_once_and_a_new_run_begins_anew() {
    let mut screen = Screen::new(80, 22);
    screen.page(story(), None);
    screen.tail(story().split_off(12));
    assert_eq!(screen.state.chronicle.events(), 15);
    let done = event(16, 15, "ActivityTaskCompleted", "verifyDeployment 検証 🚀", 14);
    screen.tail(vec![done]);
    assert_eq!(screen.state.chronicle.group(14).unwrap().outcome(), Outcome::Done);
    let batch = HistoryBatch { run_id: "run-2".into(), events: vec![event(1, 20, "WorkflowExecutionStarted", "W", 1)] };
    screen.input(Input::Answer(&Answer::Tail { workflow: workflow(), result: Ok(batch) }));
    assert_eq!(names(&screen), ["W"]);
}

#[test]
fn with_as_many_events_as_a_server_keeps_memory_is_bounded_and_only_what_shows_is_formatted() {
    let mut screen = Screen::new(120, 33);
    let payload = payload("input", &"x".repeat(2000));
    let big = |id: i64| HistoryEvent {
        payloads: vec![payload.clone()],
        ..event(
            id,
            1,
            if id % 3 == 1 { "ActivityTaskScheduled" } else { "ActivityTaskStarted" },
            "work",
            id - (id - 1) % 3,
        )
    };
    screen.page((40_001..=60_000).map(big).collect(), Some(1));
    let fetch = Fetch::OlderHistory { workflow: workflow(), run: None, after: PageToken(vec![1]) };
    let older: Vec<HistoryEvent> = (1..=40_000).rev().map(big).collect();
    let answer = Answer::History {
        workflow: workflow(),
        result: Ok(HistoryPage { events: older, next: Some(PageToken(vec![2])) }),
    };
    screen.input(Input::Fetched(&fetch, &answer));
    let chronicle = &screen.state.chronicle;
    assert!(chronicle.events() <= 51_200, "{}", chronicle.events());
    assert!(chronicle.forgot());
    assert_eq!(chronicle.older(), None, "what does not fit is not asked for again and again");
    let kept: usize = chronicle
        .groups()
        .flat_map(|group| &group.events)
        .flat_map(|event| &event.payloads)
        .map(|payload| payload.text.len())
        .sum();
    assert!(kept <= 24 << 20, "{kept}");
    let newest = chronicle.groups().next().unwrap();
    assert_eq!(newest.events[0].payloads[0].text.len(), 2000, "the newest keep theirs");
    // Keys and frames work on what shows: whatever is loaded.
    for _ in 0..40 {
        screen.press(Action::PageDown);
        screen.tail(vec![big(60_001)]);
    }
    assert!(screen.picture("many").contains("the oldest are not kept"));
}

#[test]
fn a_text_folds_and_finds() {
    let json = "{\n  \"a\": {\n    \"deep\": 1\n  },\n  \"b\": [\n    2,\n    3\n  ]\n}";
    let mut reader = Reader::new("payload", json.to_owned());
    let shown = |reader: &Reader| {
        (0..reader.total()).map(|place| reader.line(place).unwrap().text.trim().to_owned()).collect::<Vec<_>>()
    };
    reader.step(Move::Down, 20);
    reader.fold(20);
    assert_eq!(shown(&reader), ["{", "\"a\": {", "},", "\"b\": [", "2,", "3", "]", "}"]);
    assert_eq!(reader.line(1).unwrap().fold, Fold::Folded(1));
    // Inside a block, its own head folds.
    reader.step(Move::Bottom, 20);
    reader.step(Move::Up, 20);
    reader.step(Move::Up, 20);
    reader.fold(20);
    assert_eq!(shown(&reader), ["{", "\"a\": {", "},", "\"b\": [", "]", "}"]);
    let mut open = Some(reader);
    assert_eq!(act(&mut open, Action::Find, 20), Some(Vec::new()));
    for c in "DEEP".chars() {
        open.as_mut().unwrap().find.as_mut().unwrap().key(KeyPress::char(c));
    }
    assert_eq!(act(&mut open, Action::NewLine, 20), Some(Vec::new()));
    let reader = open.as_ref().unwrap();
    assert_eq!(reader.line(reader.cursor.index).unwrap().text.trim(), "\"deep\": 1", "what is found is unfolded");
    assert_eq!(act(&mut open, Action::Back, 20), Some(Vec::new()));
    assert!(open.is_none() && act(&mut open, Action::Back, 20).is_none());
}

#[test]
fn what_cannot_be_had_is_said_and_what_was_had_stays() {
    let mut screen = Screen::new(100, 12);
    let failure = Failure::new(FailureKind::Unavailable, "Temporal does not answer.", "It is tried again by itself.");
    let failed = Answer::History { workflow: workflow(), result: Err(failure) };
    screen.input(Input::Answer(&failed));
    assert!(
        screen
            .picture("failed")
            .contains("The history cannot be shown. Temporal does not answer. It is tried again by itself.")
    );
    screen.page(story(), None);
    screen.input(Input::Answer(&failed));
    let picture = screen.picture("stale");
    assert!(picture.contains("not up to date: Temporal does not answer.") && picture.contains("deployToProduction"));
}

/// What an older page is asked for with.
fn asked_for(effects: &[Effect]) -> Option<Fetch> {
    effects.iter().find_map(|effect| match effect {
        Effect::Fetch(fetch) => Some(fetch.clone()),
        _ => None,
    })
}

#[test]
fn an_older_page_of_what_is_not_shown_any_more_is_dropped_and_one_that_failed_is_asked_for_again() {
    let mut screen = Screen::new(80, 22);
    let fetch = asked_for(&screen.page(story(), Some(1))).unwrap();
    let failure = Failure::new(FailureKind::Unavailable, "no answer", "");
    let failed = Answer::History { workflow: workflow(), result: Err(failure) };
    screen.input(Input::Fetched(&fetch, &failed));
    let again = asked_for(&screen.press(Action::CursorDown));
    assert_eq!(again.as_ref(), Some(&fetch), "the way on is asked for again");
    // The newest page is read anew, and then the answer to the question before it comes.
    screen.page(story(), Some(2));
    let stale = HistoryPage { events: vec![event(99, 0, "TimerStarted", "of another time", 99)], next: None };
    screen.input(Input::Fetched(&fetch, &Answer::History { workflow: workflow(), result: Ok(stale) }));
    assert!(screen.state.chronicle.group(99).is_none());
}
