//! The workflow screen: everything about one workflow, each level one key deeper.

use gatewatch::console::action::Action;
use gatewatch::console::effect::Effect;
use gatewatch::console::event::{Answer, Input};
use gatewatch::console::screen::Place;
use gatewatch::console::screens::workflow::state::State;
use gatewatch::console::screens::workflow::update::update;
use gatewatch::console::screens::workflow::view::{title, view};
use gatewatch::contracts::workflow::{HistoryEvent, HistoryPage, PendingChild, WorkflowDetail};

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

#[test]
fn draft() {
    for (w, h) in [(80, 22), (120, 33), (200, 46)] {
        let mut screen = Screen::new(w, h);
        println!("{}", screen.picture("workflow-empty"));
        screen.learns(busy());
        screen.reads(story());
        println!("{}", screen.picture("workflow"));
        screen.press(Action::Open);
        println!("{}", screen.picture("workflow-read"));
    }
}
