//! The loop. It owns the model and the terminal, draws before anything else is started, and never waits for anything
//! but the next event.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Instant;

use anyhow::Context as _;
use url::Url;

use crate::config::settings::Settings;
use crate::console::assets::watch;
use crate::console::ctx::{Profile, Size};
use crate::console::effect::{Effect, Note, Notice};
use crate::console::event::{Event, Stamped};
use crate::console::frames::Frames;
use crate::console::guide::Guide;
use crate::console::leaving;
use crate::console::look::Wanted;
use crate::console::model::{Model, Start};
use crate::console::outbox::{Outbox, now, stamp, up};
use crate::console::perform::Performer;
use crate::console::theme::charset::Charset;
use crate::console::theme::depth::Depth;
use crate::console::tty::control::{self, Tmux};
use crate::console::tty::terminal::{Suspended, Terminal};
use crate::console::tty::{input, signals};
use crate::console::update::{begin, update};
use crate::console::view::view;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::text;
use crate::telemetry;

/// What the console can be started with besides settings.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The settings file that was named.
    pub config: Option<PathBuf>,
    pub demo: Option<Demo>,
}

/// The demo around the console.
#[derive(Clone, Debug)]
pub struct Demo {
    /// Where the demo service is reached: faults are switched by `PUT /fault` there.
    pub public_url: Url,
    /// Where the guide begins.
    pub guide: Option<Guide>,
}

/// Events taken in between two frames: a flood must not stop the drawing.
const BATCH: usize = 4096;

/// Runs the console until the person leaves it.
pub fn run(settings: Settings, options: &Options) -> anyhow::Result<()> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        let hint =
            "Without one there are `gatewatch list`, `gates`, `approve`, `rollback` and others: `gatewatch --help`.";
        return Err(Failure::new(FailureKind::Invalid, "The console needs a terminal.", hint).into());
    }
    let env = |name: &str| std::env::var(name).ok();
    let wanted = Wanted {
        theme: settings.console.theme.clone(),
        keymap: settings.console.keymap.clone(),
        config_dir: Some(settings.console.config_dir.clone()),
        depth: Depth::detect(env),
        charset: Charset::detect(env),
    };
    let (look, complaint) = wanted.read_or_shipped().context("the theme or keymap that ships cannot be read")?;
    let (width, height) = Terminal::size().context("the terminal does not say how large it is")?;
    let mut model = Model::new(Start {
        now: now(),
        size: Size { width, height },
        profile: profile(&settings, options),
        look,
        guide: options.demo.as_ref().and_then(|demo| demo.guide),
    });
    let mut terminal = Terminal::enter().context("the terminal cannot be taken over")?;
    // The first frame comes before everything that could take time. What is begun beside it makes it later.
    draw(&mut terminal, &model)?;
    let (outbox, events) = Outbox::new();
    let log = settings.console.state_dir.join("console.log");
    let demo = options.demo.as_ref().map(|demo| demo.public_url.clone());
    let performer = Performer::start(settings, demo, outbox.clone());
    signals::spawn(outbox.clone()).context("signals cannot be listened to")?;
    input::spawn(outbox.clone()).context("the terminal cannot be read")?;
    if let Err(error) = telemetry::to_file(&log) {
        outbox.send(Event::Failed(Failure::new(
            FailureKind::Internal,
            format!("{error:#}."),
            "It goes on without a log.",
        )));
    }
    if let Some(failure) = complaint {
        outbox.send(Event::Failed(failure));
    }
    let _watch = reload(&wanted, &outbox);
    let mut desk = Desk { terminal, performer, outbox, tmux: Tmux::detect(env) };
    let first = begin(&mut model);
    let outcome = turn(&mut model, &mut desk, &events, first);
    if model.sent.is_waiting() {
        let seconds = leaving::PATIENCE.as_secs();
        let words = format!("Leaving when what was sent is answered, in {seconds} s at the latest.");
        model.messages.say(Note::info(words), model.now);
        // The terminal may be gone already; what is under way is not.
        let _ = draw(&mut desk.terminal, &model);
        leaving::wait(&mut model, &events, leaving::PATIENCE);
    }
    drop(desk);
    let mut out = std::io::stderr().lock();
    for line in leaving::farewell(&model) {
        let _ = writeln!(out, "gatewatch: {}", text::line(&line));
    }
    outcome
}

/// What effects are done with.
struct Desk {
    terminal: Terminal,
    performer: Performer,
    outbox: Outbox,
    tmux: Tmux,
}

/// Whether the loop goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Go,
    Quit,
}

fn turn(model: &mut Model, desk: &mut Desk, events: &Receiver<Stamped>, first: Vec<Effect>) -> anyhow::Result<()> {
    if desk.all(first, model)? == Next::Quit {
        return Ok(());
    }
    let mut frames = Frames::begun(Instant::now());
    let mut wake = Instant::now() + model.sleep(now(), up());
    loop {
        let mut next = match events.recv_timeout(wake.saturating_duration_since(Instant::now())) {
            Ok(stamped) => Some(stamped),
            Err(RecvTimeoutError::Timeout) => Some(stamp(Event::Tick)),
            // The outbox is ours too, so the channel cannot close; ending is the only sense it could make.
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        // Everything that is queued, then one frame; a frame that would come too soon waits for more of the queue.
        let mut shows = false;
        for _ in 0..BATCH {
            let Some(stamped) = next else { break };
            shows |= model.shows(&stamped.event);
            let effects = update(model, stamped);
            if desk.all(effects, model)? == Next::Quit {
                return Ok(());
            }
            next = match frames.early(Instant::now()) {
                Some(early) if shows => events.recv_timeout(early).ok(),
                Some(_) | None => events.try_recv().ok(),
            };
        }
        if !shows {
            // What is due meanwhile is not put off.
            let early = Instant::now();
            if early < wake {
                wake = early + model.sleep(now(), up());
            }
            continue;
        }
        // A change of size in the moment before it was listened to is never told.
        if let Ok((width, height)) = Terminal::size()
            && model.size != (Size { width, height })
        {
            let effects = update(model, stamp(Event::Resize { width, height }));
            desk.all(effects, model)?;
        }
        draw(&mut desk.terminal, model)?;
        frames.drawn(Instant::now());
        wake = Instant::now() + model.sleep(now(), up());
    }
}

fn draw(terminal: &mut Terminal, model: &Model) -> anyhow::Result<()> {
    terminal
        .draw(|frame| {
            view(model, frame);
            model.look.charset.apply(frame.buffer_mut());
        })
        .context("the terminal cannot be written to")
}

impl Desk {
    fn all(&mut self, effects: Vec<Effect>, model: &Model) -> anyhow::Result<Next> {
        for effect in effects {
            if self.one(effect, model)? == Next::Quit {
                return Ok(Next::Quit);
            }
        }
        Ok(Next::Go)
    }

    fn one(&mut self, effect: Effect, model: &Model) -> anyhow::Result<Next> {
        match effect {
            Effect::Quit => return Ok(Next::Quit),
            Effect::Title(title) => self.terminal.emit(&control::title(&title))?,
            Effect::Notify(notice) => self.notify(notice, model)?,
            Effect::Copy(words) => {
                if let Some(sequence) = control::copy(&words, self.tmux) {
                    self.terminal.emit(&sequence)?;
                }
                self.performer.perform(Effect::Copy(words));
            }
            Effect::Suspend => match self.terminal.suspend()? {
                Suspended::Continued => {
                    let (width, height) = Terminal::size()?;
                    self.outbox.send(Event::Resize { width, height });
                    self.outbox.send(Event::Resumed);
                }
                Suspended::NoShell => {
                    let why = "There is no shell to go back to.";
                    self.outbox.send(Event::Failed(Failure::new(FailureKind::Invalid, why, "")));
                }
            },
            Effect::Watch(_) | Effect::Refresh | Effect::Fetch(_) | Effect::Mutate(_) | Effect::Fault(_) => {
                self.performer.perform(effect);
            }
            // The root has done these.
            Effect::Go(_) | Effect::Back | Effect::Ask(_) | Effect::Say(_) => {}
        }
        Ok(Next::Go)
    }

    fn notify(&mut self, notice: Notice, model: &Model) -> anyhow::Result<()> {
        if model.profile.bell {
            self.terminal.emit(control::BELL)?;
        }
        if !model.told.focused {
            let words = format!("{}: {}", notice.title, notice.body);
            self.terminal.emit(&control::notification(&words, self.tmux))?;
            self.performer.perform(Effect::Notify(notice));
        }
        Ok(())
    }
}

fn profile(settings: &Settings, options: &Options) -> Profile {
    Profile {
        cluster: settings.temporal.cluster(),
        task_queue: settings.temporal.task_queue.clone(),
        actor: settings.console.actor.clone(),
        read_only: settings.console.read_only,
        typed_production: settings.console.typed_production,
        bell: settings.console.bell,
        coordinator: settings.coordinator_client.is_some(),
        session: uuid::Uuid::new_v4().simple().to_string(),
        // Absolute: the other shell stands in another folder.
        config: options.config.as_ref().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone())),
        demo: options.demo.is_some(),
        views: settings.console.views.clone(),
    }
}

/// Reads theme and keymap again whenever a file of theirs changes.
fn reload(wanted: &Wanted, outbox: &Outbox) -> Option<watch::Watch> {
    let dir = wanted.config_dir.clone()?;
    let (wanted, outbox) = (wanted.clone(), outbox.clone());
    let changed = move || outbox.send(Event::Look(wanted.read().map(Box::new)));
    let watch = watch::watch(&dir, changed);
    if let Err(error) = &watch {
        tracing::warn!(%error, "changes to themes and keymaps will not be noticed");
    }
    watch.ok()
}
