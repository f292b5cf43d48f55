//! Drives the console as its loop does, without terminal, threads or clock: keys in, effects and pictures out.

use chrono::{DateTime, TimeDelta, Utc};
use crossterm::event::KeyCode;
use gatewatch::config::settings::View;
use gatewatch::console::ctx::{Profile, Size};
use gatewatch::console::effect::{Effect, Generation, Interest};
use gatewatch::console::event::{Answer, Event, Overview, Stamped};
use gatewatch::console::key::KeyPress;
use gatewatch::console::look::Wanted;
use gatewatch::console::model::{Model, Start};
use gatewatch::console::theme::charset::Charset;
use gatewatch::console::theme::depth::Depth;
use gatewatch::console::update::{begin, update};
use gatewatch::console::view::view;
use gatewatch::console::world::Upstream;
use gatewatch::contracts::clock::{Millis, Timestamp};
use gatewatch::contracts::http::DecisionRequest;
use gatewatch::contracts::link::Link;
use gatewatch::contracts::mutation::{Cluster, Mutation};
use gatewatch::contracts::workflow::{WorkflowDetail, WorkflowPage, WorkflowRow};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

/// When every test begins.
pub(super) fn noon() -> Timestamp {
    Timestamp("2026-11-21T12:00:00Z".parse::<DateTime<Utc>>().unwrap())
}

/// A console under test.
pub(super) struct Driven {
    pub(super) model: Model,
    pub(super) now: Timestamp,
    /// Milliseconds since the console began.
    up: u64,
    /// What it asked of the outside, watching apart.
    pub(super) effects: Vec<Effect>,
    pub(super) watched: Vec<(Interest, Generation)>,
}

impl Driven {
    pub(super) fn new(width: u16, height: u16) -> Self {
        Self::with(width, height, |_| {})
    }

    pub(super) fn with(width: u16, height: u16, change: impl FnOnce(&mut Profile)) -> Self {
        let mut profile = Profile {
            cluster: Cluster {
                profile: "shop-prod".to_owned(),
                address: "127.0.0.1:7233".to_owned(),
                namespace: "default".to_owned(),
            },
            task_queue: "gatewatch".to_owned(),
            actor: "mira".to_owned(),
            read_only: false,
            typed_production: false,
            bell: true,
            coordinator: false,
            session: "s".to_owned(),
            config: None,
            demo: false,
            views: vec![View { name: "failed".to_owned(), query: "ExecutionStatus = 'Failed'".to_owned() }],
        };
        change(&mut profile);
        let wanted = Wanted {
            theme: "dark".to_owned(),
            keymap: "default".to_owned(),
            config_dir: None,
            depth: Depth::Ansi16,
            charset: Charset::Unicode,
        };
        let look = wanted.read().unwrap();
        let mut model = Model::new(Start { now: noon(), size: Size { width, height }, profile, look, guide: None });
        let first = begin(&mut model);
        let mut driven = Self { model, now: noon(), up: 0, effects: Vec::new(), watched: Vec::new() };
        driven.keep(first);
        let up = Link::Up { since: noon() };
        driven.event(Event::Link { upstream: Upstream::Temporal, link: up });
        driven.effects.clear();
        driven
    }

    fn keep(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Watch(watched) => self.watched = watched,
                Effect::Title(_) => {}
                other => self.effects.push(other),
            }
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        let effects = update(&mut self.model, Stamped { at: self.now, up: Millis(self.up), event });
        self.keep(effects);
    }

    /// Time passes, and the loop wakes.
    pub(super) fn pass(&mut self, millis: i64) {
        self.up += u64::try_from(millis).unwrap();
        self.set_clock(millis);
        self.event(Event::Tick);
    }

    /// Somebody sets the wall clock, by so much.
    pub(super) fn set_clock(&mut self, millis: i64) {
        self.now = Timestamp(self.now.0 + TimeDelta::milliseconds(millis));
    }

    /// Keys as a person presses them: `j`, `<enter>`, `<esc>`, `<C-s>`, `<tab>`, `<down>`.
    pub(super) fn keys(&mut self, script: &str) {
        for key in parse(script) {
            self.pass(200);
            self.event(Event::Key(key));
            self.pass(200);
        }
    }

    /// The same keys with so many milliseconds between them.
    pub(super) fn quickly(&mut self, script: &str, millis: i64) {
        self.pass(200);
        for key in parse(script) {
            self.event(Event::Key(key));
            self.pass(millis);
        }
    }

    /// The same keys as a script sends them: all within one millisecond.
    pub(super) fn burst(&mut self, script: &str) {
        self.pass(200);
        for key in parse(script) {
            self.event(Event::Key(key));
        }
        self.pass(200);
    }

    /// Answers what is watched.
    pub(super) fn answer(&mut self, wanted: impl Fn(&Interest) -> bool, answer: Answer) {
        let generation = self.generation(wanted);
        self.event(Event::Answer { generation, answer: Box::new(answer) });
    }

    /// What is watched is as it was.
    pub(super) fn same(&self, interest: &Interest) -> Event {
        Event::Same { generation: self.generation(|watched| watched == interest) }
    }

    fn generation(&self, wanted: impl Fn(&Interest) -> bool) -> Generation {
        self.watched.iter().find(|(interest, _)| wanted(interest)).expect("nobody watches that").1
    }

    /// A workflow described, as it is asked for while something of it is on screen.
    pub(super) fn describe(&mut self, detail: WorkflowDetail) {
        let id = detail.row.id.clone();
        let answer = Answer::Workflow { id: id.clone(), result: Ok(Box::new(detail)) };
        self.answer(|interest| *interest == Interest::Workflow(id.clone()), answer);
    }

    /// The list of workflows, shown with one workflow in it, which is then opened.
    pub(super) fn open_workflow(&mut self, row: &WorkflowRow) {
        self.keys("3");
        let page = WorkflowPage { rows: vec![row.clone()], next: None };
        let answer = Answer::Workflows { query: String::new(), result: Ok(page) };
        self.answer(|interest| matches!(interest, Interest::Workflows { .. }), answer);
        self.keys("<enter>");
    }

    pub(super) fn overview(&mut self, overview: Overview) {
        self.answer(|interest| *interest == Interest::Overview, Answer::Overview(Ok(overview)));
    }

    /// Decisions that were sent since the last time.
    pub(super) fn decisions(&mut self) -> Vec<DecisionRequest> {
        let decision = |effect: Effect| match effect {
            Effect::Mutate(mutation) => match *mutation {
                Mutation::Decide(request) => Some(request),
                other => panic!("not a decision: {other:?}"),
            },
            _ => None,
        };
        self.asked().into_iter().filter_map(decision).collect()
    }

    /// Takes the effects so far.
    pub(super) fn asked(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    pub(super) fn screen(&self) -> String {
        let Size { width, height } = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view(&self.model, frame)).unwrap();
        let buffer = terminal.backend().buffer();
        let row = |y: u16| -> String { (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>() };
        (0..height).map(|y| row(y).trim_end().to_owned()).collect::<Vec<_>>().join("\n")
    }
}

fn parse(script: &str) -> Vec<KeyPress> {
    let mut keys = Vec::new();
    let mut rest = script;
    while let Some(c) = rest.chars().next() {
        let named = rest.strip_prefix('<').and_then(|inner| inner.split_once('>'));
        if let Some((name, after)) = named {
            keys.push(match name {
                "enter" => KeyPress::plain(KeyCode::Enter),
                "esc" => KeyPress::plain(KeyCode::Esc),
                "tab" => KeyPress::plain(KeyCode::Tab),
                "s-tab" => KeyPress::plain(KeyCode::BackTab),
                "home" => KeyPress::plain(KeyCode::Home),
                "down" => KeyPress::plain(KeyCode::Down),
                "up" => KeyPress::plain(KeyCode::Up),
                function if function.starts_with('f') => {
                    KeyPress::plain(KeyCode::F(function.trim_start_matches('f').parse().unwrap()))
                }
                ctrl => KeyPress::ctrl(ctrl.strip_prefix("C-").unwrap().chars().next().unwrap()),
            });
            rest = after;
        } else {
            keys.push(KeyPress::char(c));
            rest = &rest[c.len_utf8()..];
        }
    }
    keys
}
