//! The deployment screen, from quiet to rolled back.

pub(super) mod fixture;

use gatewatch::console::action::Action;
use gatewatch::console::effect::Effect;
use gatewatch::console::event::Input;
use gatewatch::console::screen::Place;
use gatewatch::console::screens::deployment::state::State;
use gatewatch::console::screens::deployment::update::{can, update};
use gatewatch::console::screens::deployment::view::{title, view};

use self::fixture::{Story, checkout};
use super::rig::{Rig, at};

/// The screen on the bench.
struct Screen {
    rig: Rig,
    state: State,
}

impl Screen {
    fn new(width: u16, height: u16) -> Self {
        let mut screen = Self { rig: Rig::new(width, height), state: State::default() };
        let place = Place::Deployment(Some("deploy-checkout-v42".into()));
        update(&mut screen.state, Input::Opened(&place), &screen.rig.ctx());
        screen
    }

    fn sees(&mut self, story: &Story) -> &mut Self {
        self.rig.now = story.now;
        let answer = self.rig.learn(checkout(story));
        update(&mut self.state, Input::Answer(&answer), &self.rig.ctx());
        self
    }

    fn press(&mut self, action: Action) -> Vec<Effect> {
        update(&mut self.state, Input::Action(action), &self.rig.ctx())
    }

    fn picture(&self, name: &str) -> String {
        let ctx = self.rig.ctx();
        let title = title(&self.state, &ctx);
        self.rig.picture(name, &title, |ctx, theme, frame, area| view(&self.state, ctx, theme, frame, area))
    }
}

#[test]
fn draft() {
    for (w, h) in [(80, 22), (120, 33), (200, 46)] {
        let mut screen = Screen::new(w, h);
        screen.sees(&Story::quiet(at(192)));
        println!("{}", screen.picture("quiet"));
        screen.sees(&Story::failing(at(200)));
        println!("{}", screen.picture("failing"));
        screen.press(Action::RollBack);
        println!("{}", screen.picture("preview"));
        screen.press(Action::RollBack);
        screen.sees(&Story::rolling(at(207)));
        println!("{}", screen.picture("rolling"));
        screen.sees(&Story::stuck(at(240)));
        println!("{}", screen.picture("stuck"));
        screen.sees(&Story::verified(at(250)));
        println!("{}", screen.picture("verified"));
        let mut screen = Screen::new(w, h);
        screen.sees(&Story::paused(at(210)));
        println!("{}", screen.picture("paused"));
    }
    assert_eq!(can(&State::default(), Action::Open, &Rig::new(80, 24).ctx()).is_err(), true);
}
