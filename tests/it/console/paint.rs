//! What is written to the terminal shows what was drawn, and is no more than it needs.

use std::io;
use std::sync::{Arc, Mutex};

use gatewatch::console::tty::paint::Painter;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

const WIDTH: u16 = 24;
const HEIGHT: u16 = 6;

/// Everything written, one entry a write.
#[derive(Clone, Default)]
struct Wire(Arc<Mutex<Vec<Vec<u8>>>>);

impl io::Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Screen {
    wire: Wire,
    ours: Terminal<Painter<Wire>>,
    theirs: vt100::Parser,
}

impl Screen {
    fn new() -> Self {
        let wire = Wire::default();
        let ours = Terminal::new(Painter::new(wire.clone(), || Ok((WIDTH, HEIGHT)))).unwrap();
        Self { wire, ours, theirs: vt100::Parser::new(HEIGHT, WIDTH, 0) }
    }

    /// Draws a frame; what the terminal was sent for it.
    fn draw(&mut self, words: &[Words]) -> (Vec<Vec<u8>>, Buffer) {
        let drawn = self.ours.draw(|frame| {
            for Words { x, y, text, style } in words {
                frame.buffer_mut().set_stringn(*x, *y, text, usize::from(WIDTH - x), *style);
            }
        });
        let buffer = drawn.unwrap().buffer.clone();
        let sent = std::mem::take(&mut *self.wire.0.lock().unwrap());
        for bytes in &sent {
            self.theirs.process(bytes);
        }
        (sent, buffer)
    }
}

#[derive(Clone, Debug)]
struct Words {
    x: u16,
    y: u16,
    text: String,
    style: Style,
}

fn words() -> impl Strategy<Value = Words> {
    let colour = || prop::sample::select(vec![Color::Reset, Color::Red, Color::Indexed(200), Color::Rgb(1, 2, 3)]);
    let weight = prop::sample::select(vec![
        Modifier::empty(),
        Modifier::BOLD,
        Modifier::UNDERLINED,
        Modifier::REVERSED,
        Modifier::BOLD | Modifier::UNDERLINED,
    ]);
    (0..WIDTH, 0..HEIGHT, "[ a-cé▸]{1,12}", colour(), colour(), weight).prop_map(|(x, y, text, fg, bg, weight)| Words {
        x,
        y,
        text,
        style: Style::new().fg(fg).bg(bg).add_modifier(weight),
    })
}

proptest! {
    #[test]
    fn the_terminal_shows_what_was_drawn(frames in prop::collection::vec(prop::collection::vec(words(), 0..6), 1..5)) {
        let mut screen = Screen::new();
        for frame in frames {
            let (sent, buffer) = screen.draw(&frame);
            prop_assert!(sent.len() <= 1, "a frame is one write");
            for (y, x) in (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (y, x))) {
                same(&buffer, &screen.theirs, x, y)?;
            }
            // Nothing changed: nothing is written.
            prop_assert!(screen.draw(&frame).0.is_empty());
        }
    }
}

/// Whether a cell looks as it was drawn. What a blank would have for ink nobody sees.
fn same(buffer: &Buffer, theirs: &vt100::Parser, x: u16, y: u16) -> Result<(), TestCaseError> {
    let (cell, shown) = (&buffer[(x, y)], theirs.screen().cell(y, x).unwrap());
    let contents = if shown.has_contents() { shown.contents() } else { " " };
    prop_assert_eq!(cell.symbol(), contents, "at {},{}", x, y);
    let weight = |modifier| cell.modifier.contains(modifier);
    prop_assert_eq!(weight(Modifier::REVERSED), shown.inverse(), "at {},{}", x, y);
    prop_assert_eq!(weight(Modifier::UNDERLINED), shown.underline(), "at {},{}", x, y);
    prop_assert_eq!(colour(cell.bg), shown.bgcolor(), "at {},{}", x, y);
    let inked = contents != " " || shown.inverse() || shown.underline();
    if inked {
        prop_assert_eq!(weight(Modifier::BOLD), shown.bold(), "at {},{}", x, y);
        prop_assert_eq!(colour(cell.fg), shown.fgcolor(), "at {},{}", x, y);
    }
    Ok(())
}

fn colour(colour: Color) -> vt100::Color {
    match colour {
        Color::Red => vt100::Color::Idx(1),
        Color::Indexed(index) => vt100::Color::Idx(index),
        Color::Rgb(r, g, b) => vt100::Color::Rgb(r, g, b),
        _ => vt100::Color::Default,
    }
}

#[test]
fn a_column_of_numbers_that_turn_costs_three_bytes_a_row() {
    let column = |digit: &str| -> Vec<Words> {
        let row = |y| Words { x: 20, y, text: format!("{digit}m"), style: Style::new().fg(Color::Rgb(163, 168, 176)) };
        (0..HEIGHT).map(row).collect()
    };
    let mut screen = Screen::new();
    screen.draw(&column("1"));
    let (sent, buffer) = screen.draw(&column("2"));
    assert_eq!(sent.concat(), b"\x1b[?2026h\x1b[1;21H2\n\x082\n\x082\n\x082\n\x082\n\x082\x1b[?2026l");
    assert_eq!(screen.theirs.screen().contents().matches("2m").count(), usize::from(HEIGHT));
    assert_eq!(buffer.area, Rect::new(0, 0, WIDTH, HEIGHT));
}
