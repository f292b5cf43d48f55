//! One screen on a bench: a world, a clock and a size, without the console around it.
//!
//! With `GATEWATCH_PICTURES=dir` every picture that is named is also written there as the bytes a terminal would get.

use std::fmt::Write as _;

use gatewatch::console::assets::{Kind, Shelf};
use gatewatch::console::ctx::{Ctx, Profile, Size};
use gatewatch::console::event::Answer;
use gatewatch::console::keymap::{self, Keymap};
use gatewatch::console::theme::Theme;
use gatewatch::console::theme::charset::Charset;
use gatewatch::console::theme::depth::Depth;
use gatewatch::console::theme::load;
use gatewatch::console::theme::role::Role;
use gatewatch::console::widgets::panel::panel;
use gatewatch::console::world::World;
use gatewatch::contracts::clock::Timestamp;
use gatewatch::contracts::mutation::Cluster;
use gatewatch::contracts::workflow::WorkflowDetail;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use ratatui::{Frame, Terminal};
use unicode_width::UnicodeWidthStr as _;

/// The bench.
pub(super) struct Rig {
    pub(super) now: Timestamp,
    pub(super) world: World,
    pub(super) profile: Profile,
    pub(super) keymap: Keymap,
    pub(super) theme: Theme,
    pub(super) charset: Charset,
    /// Of the whole picture; the screen's body is inside its border.
    pub(super) size: Size,
}

/// So many seconds after two in the afternoon.
pub(super) fn at(seconds: u64) -> Timestamp {
    let start = Timestamp(chrono::DateTime::parse_from_rfc3339("2026-11-21T14:00:00Z").unwrap().to_utc());
    start.plus(gatewatch::contracts::clock::Millis::from_secs(seconds))
}

impl Rig {
    pub(super) fn new(width: u16, height: u16) -> Self {
        Self {
            now: at(0),
            world: World::default(),
            profile: Profile {
                cluster: Cluster {
                    profile: "shop-prod".into(),
                    address: "temporal.shop:7233".into(),
                    namespace: "default".into(),
                },
                task_queue: "gatewatch".into(),
                actor: "mira".into(),
                read_only: false,
                typed_production: true,
                bell: false,
                coordinator: true,
                session: "s".into(),
                config: None,
                demo: false,
                views: Vec::new(),
            },
            keymap: keymap::load::keymap(&Shelf::new(Kind::Keymap, None), "default").unwrap(),
            theme: theme("dark", Depth::Rgb),
            charset: Charset::Unicode,
            size: Size { width, height },
        }
    }

    pub(super) fn ctx(&self) -> Ctx<'_> {
        let body = Size { width: self.size.width.saturating_sub(2), height: self.size.height.saturating_sub(2) };
        Ctx { now: self.now, turn: 1, world: &self.world, profile: &self.profile, keymap: &self.keymap, body }
    }

    /// The world as it is after an answer about a workflow.
    pub(super) fn learn(&mut self, detail: WorkflowDetail) -> Answer {
        let answer = Answer::Workflow { id: detail.row.id.clone(), result: Ok(Box::new(detail)) };
        self.world.apply(&answer, self.now);
        answer
    }

    /// The screen inside its border, as text.
    pub(super) fn picture(
        &self,
        name: &str,
        title: &str,
        draw: impl FnOnce(&Ctx<'_>, &Theme, &mut Frame<'_>, Rect),
    ) -> String {
        let buffer = self.buffer(title, draw);
        if let Ok(dir) = std::env::var("GATEWATCH_PICTURES") {
            let file = std::path::Path::new(&dir).join(format!("{name}-{}x{}.ans", self.size.width, self.size.height));
            std::fs::write(file, ansi(&buffer)).unwrap();
        }
        text(&buffer)
    }

    pub(super) fn buffer(&self, title: &str, draw: impl FnOnce(&Ctx<'_>, &Theme, &mut Frame<'_>, Rect)) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(self.size.width, self.size.height)).unwrap();
        let drawn = terminal
            .draw(|frame| {
                let area = frame.area();
                frame.buffer_mut().set_style(area, self.theme.style(Role::Background));
                let block = panel(format!(" {title} "), Role::Production, &self.theme);
                let inside = block.inner(area);
                frame.render_widget(block, area);
                draw(&self.ctx(), &self.theme, frame, inside);
                self.charset.apply(frame.buffer_mut());
            })
            .unwrap();
        drawn.buffer.clone()
    }
}

pub(super) fn theme(name: &str, depth: Depth) -> Theme {
    load::theme(&Shelf::new(Kind::Theme, None), name, depth).unwrap()
}

/// A buffer as the terminal shows it: the second cell of a wide character is not a character.
pub(super) fn text(buffer: &Buffer) -> String {
    let mut rows = String::new();
    for y in 0..buffer.area.height {
        let mut row = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            row.push_str(symbol);
            x += u16::try_from(symbol.width().max(1)).unwrap();
        }
        writeln!(rows, "{}", row.trim_end()).unwrap();
    }
    rows
}

/// A buffer as the bytes a terminal gets.
fn ansi(buffer: &Buffer) -> String {
    let mut out = String::from("\x1b[2J\x1b[H\x1b[?25l");
    for y in 0..buffer.area.height {
        write!(out, "\x1b[{};1H", y + 1).unwrap();
        let mut x = 0;
        while x < buffer.area.width {
            let cell = &buffer[(x, y)];
            out.push_str("\x1b[0");
            for (flag, code) in
                [(Modifier::BOLD, 1), (Modifier::DIM, 2), (Modifier::UNDERLINED, 4), (Modifier::REVERSED, 7)]
            {
                if cell.modifier.contains(flag) {
                    write!(out, ";{code}").unwrap();
                }
            }
            for (color, code) in [(cell.fg, 38), (cell.bg, 48)] {
                if let Color::Rgb(red, green, blue) = color {
                    write!(out, ";{code};2;{red};{green};{blue}").unwrap();
                }
            }
            out.push('m');
            out.push_str(cell.symbol());
            x += u16::try_from(cell.symbol().width().max(1)).unwrap();
        }
    }
    out.push_str("\x1b[0m");
    out
}
