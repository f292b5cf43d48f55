//! Writes changed cells with as few bytes as terminals everywhere understand, one write for each frame, inside a
//! synchronized update. A frame in which nothing changed writes nothing.

use std::io::{self, Write};

use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr as _;

/// A backend for ratatui.
#[derive(Debug)]
pub struct Painter<W: Write> {
    out: W,
    /// Bytes of the frame under way.
    frame: Vec<u8>,
    pen: Pen,
    /// Where the terminal's cursor is, while that is certain.
    at: Option<(u16, u16)>,
    size: fn() -> io::Result<(u16, u16)>,
}

/// Colours and weight the terminal writes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    weight: Modifier,
}

/// Steps that are shorter to take one by one than to write as a number.
const NEAR: u16 = 3;
const DRAWN_ON_BLANKS: Modifier = Modifier::REVERSED.union(Modifier::UNDERLINED).union(Modifier::CROSSED_OUT);
const PLAIN: Pen = Pen { fg: Color::Reset, bg: Color::Reset, weight: Modifier::empty() };
/// DEC 2026. Terminals that do not know it ignore it.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

impl<W: Write> Painter<W> {
    /// `size` says how large the terminal is.
    pub fn new(out: W, size: fn() -> io::Result<(u16, u16)>) -> Self {
        Self { out, frame: Vec::new(), pen: PLAIN, at: None, size }
    }

    /// Writes outside a frame: titles, bells. Must not move the cursor.
    pub fn emit(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.out.flush()
    }

    /// Whoever wrote last left the terminal in a state that is not known.
    pub fn forget(&mut self) {
        self.at = None;
        self.frame.extend_from_slice(b"\x1b[0m");
        self.pen = PLAIN;
    }

    fn go(&mut self, x: u16, y: u16) {
        match self.at {
            Some((from, row)) if row == y && from == x => {}
            Some((from, row)) if row == y && from < x => {
                let step = x - from;
                if step == 1 {
                    self.frame.extend_from_slice(b"\x1b[C");
                } else {
                    self.write(format_args!("\x1b[{step}C"));
                }
            }
            // Down a column, as numbers that change below each other: a line feed keeps the column in raw mode.
            Some((from, row)) if y > row && y - row <= NEAR && x <= from && from - x <= NEAR => {
                self.frame.extend(std::iter::repeat_n(b'\n', usize::from(y - row)));
                self.frame.extend(std::iter::repeat_n(b'\x08', usize::from(from - x)));
            }
            Some(_) | None => self.write(format_args!("\x1b[{};{}H", y + 1, x + 1)),
        }
    }

    fn dip(&mut self, wanted: Pen, blank: bool) {
        // A blank has no colour but its ground's.
        let wanted = if blank && !wanted.weight.union(self.pen.weight).intersects(DRAWN_ON_BLANKS) {
            Pen { bg: wanted.bg, ..self.pen }
        } else {
            wanted
        };
        if self.pen == wanted {
            return;
        }
        let grown = changes(self.pen, wanted);
        let fresh = changes(PLAIN, wanted);
        let codes = match grown {
            Some(grown) if grown.len() <= fresh.as_ref().map_or(0, String::len) + 2 => grown,
            Some(_) | None => match fresh {
                Some(fresh) if !fresh.is_empty() => format!("0;{fresh}"),
                Some(_) | None => "0".to_owned(),
            },
        };
        self.write(format_args!("\x1b[{codes}m"));
        self.pen = wanted;
    }

    fn write(&mut self, words: std::fmt::Arguments<'_>) {
        // Writing to memory cannot fail.
        let _ = self.frame.write_fmt(words);
    }
}

/// The SGR codes that lead from one pen to another; `None` where that needs a reset, because something goes away that
/// has no code of its own.
fn changes(from: Pen, to: Pen) -> Option<String> {
    let gone = from.weight - to.weight;
    if !gone.is_empty() {
        return None;
    }
    let mut codes: Vec<String> = Vec::new();
    let come = to.weight - from.weight;
    let weights = [
        (Modifier::BOLD, "1"),
        (Modifier::DIM, "2"),
        (Modifier::ITALIC, "3"),
        (Modifier::UNDERLINED, "4"),
        (Modifier::REVERSED, "7"),
        (Modifier::CROSSED_OUT, "9"),
    ];
    codes.extend(weights.into_iter().filter(|(weight, _)| come.contains(*weight)).map(|(_, code)| code.to_owned()));
    if from.fg != to.fg {
        codes.push(colour(to.fg, Ground::Fore));
    }
    if from.bg != to.bg {
        codes.push(colour(to.bg, Ground::Back));
    }
    Some(codes.join(";"))
}

#[derive(Clone, Copy)]
enum Ground {
    Fore,
    Back,
}

fn colour(colour: Color, ground: Ground) -> String {
    let (plain, bright, extended) = match ground {
        Ground::Fore => (30, 90, 38),
        Ground::Back => (40, 100, 48),
    };
    match colour {
        Color::Reset => (plain + 9).to_string(),
        Color::Black => plain.to_string(),
        Color::Red => (plain + 1).to_string(),
        Color::Green => (plain + 2).to_string(),
        Color::Yellow => (plain + 3).to_string(),
        Color::Blue => (plain + 4).to_string(),
        Color::Magenta => (plain + 5).to_string(),
        Color::Cyan => (plain + 6).to_string(),
        Color::Gray => (plain + 7).to_string(),
        Color::DarkGray => bright.to_string(),
        Color::LightRed => (bright + 1).to_string(),
        Color::LightGreen => (bright + 2).to_string(),
        Color::LightYellow => (bright + 3).to_string(),
        Color::LightBlue => (bright + 4).to_string(),
        Color::LightMagenta => (bright + 5).to_string(),
        Color::LightCyan => (bright + 6).to_string(),
        Color::White => (bright + 7).to_string(),
        Color::Indexed(index) => format!("{extended};5;{index}"),
        Color::Rgb(r, g, b) => format!("{extended};2;{r};{g};{b}"),
    }
}

impl<W: Write> Backend for Painter<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let width = (self.size)().map_or(0, |(width, _)| width);
        for (x, y, cell) in content {
            let symbol = cell.symbol();
            self.go(x, y);
            self.dip(Pen { fg: cell.fg, bg: cell.bg, weight: cell.modifier }, symbol == " ");
            self.frame.extend_from_slice(symbol.as_bytes());
            // Terminals disagree about everything but plain single cells: after those alone the place is certain. It
            // is not at the end of a line either.
            let plain = symbol.width() == 1 && symbol.chars().count() == 1;
            self.at = Some((x + 1, y)).filter(|(next, _)| plain && *next < width);
        }
        Ok(())
    }

    /// The terminal's own cursor is hidden from beginning to end: fields draw theirs.
    fn hide_cursor(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Never asked: the answer would arrive among the keys.
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, _: P) -> io::Result<()> {
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, _: ClearType) -> io::Result<()> {
        self.forget();
        self.frame.extend_from_slice(b"\x1b[2J");
        Ok(())
    }

    fn size(&self) -> io::Result<Size> {
        (self.size)().map(|(width, height)| Size { width, height })
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.size()?, pixels: Size::default() })
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.frame.is_empty() {
            return Ok(());
        }
        let mut frame = Vec::with_capacity(self.frame.len() + BEGIN.len() + END.len());
        frame.extend_from_slice(BEGIN);
        frame.append(&mut self.frame);
        frame.extend_from_slice(END);
        self.out.write_all(&frame)?;
        self.out.flush()
    }
}
