//! The workflow screen: everything about one workflow, each level one key deeper.

use gatewatch::console::action::Action;
use gatewatch::console::effect::Effect;
use gatewatch::console::event::{Answer, Input};
use gatewatch::console::screen::Place;
use gatewatch::console::screens::workflow::state::{Item, State};
use gatewatch::console::screens::workflow::update::{can, update};
use gatewatch::console::screens::workflow::view::{title, view};
use gatewatch::contracts::clock::Millis;
use gatewatch::contracts::gate::{OnDeadline, OpenGate};
use gatewatch::contracts::workflow::{ExecutionStatus, HistoryEvent, HistoryPage, PendingChild, WorkflowDetail};

use super::deployment::fixture::{Story, checkout};
use super::history::story;
use super::rig::{Rig, at};

/// The screen on the bench.
struct Screen {
    rig: Rig,
    state: State,
}

impl Screen {
    fn new(width: u16, height: u16) -> Self {
        let mut screen = Self { rig: Rig::new(width, height), state: State::default() };
        screen.rig.now = at(240);
        let place = Place::Workflow("deploy-checkout-v42".into());
        screen.input(Input::Opened(&place));
        screen
    }

    fn input(&mut self, input: Input<'_>) -> Vec<Effect> {
        update(&mut self.state, input, &self.rig.ctx())
    }

    fn press(&mut self, action: Action) -> Vec<Effect> {
        self.input(Input::Action(action))
    }

    fn learns(&mut self, detail: WorkflowDetail) {
        let answer = self.rig.learn(detail);
        self.input(Input::Answer(&answer));
    }

    fn reads(&mut self, mut events: Vec<HistoryEvent>) {
        events.sort_by_key(|event| std::cmp::Reverse(event.id));
        let page = HistoryPage { events, next: None };
        let answer = Answer::History { workflow: "deploy-checkout-v42".into(), result: Ok(page) };
        self.input(Input::Answer(&answer));
    }

    fn picture(&self, name: &str) -> String {
        let title = title(&self.state, &self.rig.ctx());
        self.rig.picture(name, &title, |ctx, theme, frame, area| view(&self.state, ctx, theme, frame, area))
    }
}

fn busy() -> WorkflowDetail {
    let mut detail = checkout(&Story::stuck(at(240)));
    detail.children.push(PendingChild {
        id: "incident-20261121-checkout".into(),
        run_id: "run-9".into(),
        workflow_type: "IncidentSwarmWorkflow".into(),
    });
    detail
}

fn gated() -> WorkflowDetail {
    let mut detail = busy();
    let gate = OpenGate {
        id: "production-approval".into(),
        title: "production approval".into(),
        opened_at: at(0),
        deadline: Some(at(240).plus(Millis::from_hours(71))),
        then: OnDeadline::Reject,
        revision: 1,
        requested_by: "release-bot".into(),
        effect: "deploys v42 to production".into(),
        needs_proof: false,
        evidence: None,
        is_step: false,
    };
    detail.row.published.as_mut().unwrap().gates.push(gate);
    detail
}

#[test]
fn what_keeps_failing_stands_above_what_merely_is() {
    let mut screen = Screen::new(80, 22);
    screen.learns(busy());
    screen.reads(story());
    insta::assert_snapshot!(screen.picture("workflow"), @r"
    ┏ deploy-checkout-v42 · ProductionDeploymentWorkflow ━━━━━━━━━━━━━━━━━━━━━━━━━━┓
    ┃ ● running   started 14:00:00 (4m ago)   queue gatewatch   120 events         ┃
    ┃ backup ✓  migrate ✓  deploy ✓  monitor ↺  accept ·                           ┃
    ┃                                                                              ┃
    ┃ PENDING ACTIVITIES 1                                                         ┃
    ┃ ▸ ▲ rollbackVercelDeployment      attempt 4 · due in 8s · switch 127.0.0.1:… ┃
    ┃ PHASES 5                                                                     ┃
    ┃   ✓ backup                        14:00:00  3.0s                             ┃
    ┃   ✓ migrate                       14:00:03  2.0s                             ┃
    ┃   ✓ deploy                        14:00:05  7.0s                             ┃
    ┃   ↺ monitor                       14:00:12  for 3m                           ┃
    ┃   · accept                                                                   ┃
    ┃ CHILDREN 1                                                                   ┃
    ┃   ● incident-20261121-checkout    IncidentSwarmWorkflow                      ┃
    ┃ ─────────────────────────────────────────────────────────────── ⏎ shows all  ┃
    ┃ rollbackVercelDeployment                                                     ┃
    ┃ state      due in 8s                                                         ┃
    ┃ attempt    4                                                                 ┃
    ┃ scheduled  2026-11-21 14:03:24Z (36s ago)                                    ┃
    ┃ started    2026-11-21 14:03:56Z (4s ago)                                     ┃
    ┃ worker     4711@worker-1                                                     ┃
    ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
    ");
}

#[test]
fn where_there_is_room_the_selected_thing_stands_beside_the_list() {
    let mut screen = Screen::new(140, 26);
    screen.learns(gated());
    screen.reads(story());
    insta::assert_snapshot!(screen.picture("workflow-wide"), @r"
    ┏ deploy-checkout-v42 · ProductionDeploymentWorkflow ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
    ┃ ● running   started 14:00:00 (4m ago)   queue gatewatch   120 events                                                                     ┃
    ┃ backup ✓  migrate ✓  deploy ✓  monitor ↺  accept ·                                                                                       ┃
    ┃                                                                                                                                          ┃
    ┃ OPEN GATES 1                                                               │ production approval                                         ┃
    ┃ ▸ ◌ production approval           in 71h, then rejected                    │ asked      4m ago by release-bot                            ┃
    ┃ PENDING ACTIVITIES 1                                                       │ deadline   in 71h (2026-11-24 13:04:00Z), then rejected     ┃
    ┃   ▲ rollbackVercelDeployment      attempt 4 · due in 8s · switch 127.0.0.… │ approve →  deploys v42 to production                        ┃
    ┃ PHASES 5                                                                   │                                                             ┃
    ┃   ✓ backup                        14:00:00  3.0s                           │                                                             ┃
    ┃   ✓ migrate                       14:00:03  2.0s                           │                                                             ┃
    ┃   ✓ deploy                        14:00:05  7.0s                           │                                                             ┃
    ┃   ↺ monitor                       14:00:12  for 3m                         │                                                             ┃
    ┃   · accept                                                                 │                                                             ┃
    ┃ CHILDREN 1                                                                 │                                                             ┃
    ┃   ● incident-20261121-checkout    IncidentSwarmWorkflow                    │                                                             ┃
    ┃ TIMELINE 6                                                                 │                                                             ┃
    ┃   ● verifyDeployment 検証 🚀      14:00:13  started                        │                                                             ┃
    ┃   ✓ 2s                            14:00:10  fired in 2.0s                  │                                                             ┃
    ┃   ✗ deployToProduction            14:00:04  failed in 6.0s ×3 · no port i… │                                                             ┃
    ┃   ✓ extendMonitoring              14:00:03  signaled                       │                                                             ┃
    ┃   ✓ createProductionBackup        14:00:01  completed in 2.0s              │                                                             ┃
    ┃   ● ProductionDeploymentWorkflow  14:00:00  started                        │                                                             ┃
    ┃                                                                            │                                                             ┃
    ┃                                                                            │                                                             ┃
    ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
    ");
}

#[test]
fn each_level_is_one_key_deeper_and_escape_one_back() {
    let mut screen = Screen::new(80, 22);
    screen.learns(busy());
    screen.reads(story());
    assert_eq!(screen.state.selected(), Some(&Item::Activity("17".into())));
    assert_eq!(screen.press(Action::Open), []);
    assert!(screen.picture("activity").contains("switch 127.0.0.1:4100: connection refused"));
    assert!(can(&screen.state, Action::Back, &screen.rig.ctx()).is_ok());
    screen.press(Action::Back);
    assert!(screen.state.reader.is_none());
    while screen.state.selected() != Some(&Item::Child("incident-20261121-checkout".into())) {
        screen.press(Action::CursorDown);
    }
    let child = Place::Workflow("incident-20261121-checkout".into());
    assert_eq!(screen.press(Action::Open), [Effect::Go(child)]);
}

#[test]
fn the_cursor_never_rests_on_a_heading_and_stays_with_its_thing() {
    let mut screen = Screen::new(80, 22);
    screen.learns(busy());
    screen.reads(story());
    for action in [
        Action::CursorDown,
        Action::PageDown,
        Action::CursorBottom,
        Action::CursorUp,
        Action::PageUp,
        Action::CursorTop,
    ] {
        for _ in 0..12 {
            screen.press(action);
            assert!(screen.state.selected().is_some(), "{action:?}");
        }
    }
    screen.press(Action::CursorBottom);
    let selected = screen.state.selected().cloned();
    screen.learns(gated());
    assert_eq!(screen.state.selected().cloned(), selected, "a gate above moves it down, not off");
}

#[test]
fn a_gate_is_decided_from_here_by_the_same_question() {
    let mut screen = Screen::new(80, 22);
    screen.learns(busy());
    assert_eq!(can(&screen.state, Action::Approve, &screen.rig.ctx()), Err("No gate of this workflow is open.".into()));
    screen.learns(gated());
    let asked = screen.press(Action::Approve);
    let [Effect::Ask(question)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((question.title.as_str(), question.production), ("Approve production approval?", true));
    screen.press(Action::CursorTop);
    let gates = Place::Gates(Some(("deploy-checkout-v42".into(), "production-approval".into())));
    assert_eq!(screen.press(Action::Open), [Effect::Go(gates)]);
}

#[test]
fn a_wedged_workflow_says_so() {
    let mut screen = Screen::new(100, 22);
    screen.learns(WorkflowDetail { workflow_task_attempt: 6, ..busy() });
    assert!(screen.picture("wedged").contains("✗ its workflow task has failed 5 times in a row"));
}

#[test]
fn a_phase_that_never_ran_of_a_workflow_that_ended_is_not_waited_for() {
    let mut screen = Screen::new(120, 36);
    let never = "It never began: the workflow ended before it.";
    let to_accept = |screen: &mut Screen| {
        screen.press(Action::CursorTop);
        for _ in 0..12 {
            if screen.picture("phase").contains("phase accept") {
                return;
            }
            screen.press(Action::CursorDown);
        }
        panic!("the phase is not on screen:\n{}", screen.picture("phase"));
    };
    screen.learns(busy());
    to_accept(&mut screen);
    assert!(screen.picture("phase").contains("It has not begun."), "{}", screen.picture("phase"));
    let mut ended = busy();
    ended.row.status = ExecutionStatus::Terminated;
    ended.row.closed_at = Some(at(230));
    screen.learns(ended);
    to_accept(&mut screen);
    assert!(screen.picture("phase").contains(never), "{}", screen.picture("phase"));
}
