//! Colours of a theme file, how they are cut down to what a terminal can show, and how well one reads on another.

use ratatui::style::Color;

use crate::console::theme::depth::Depth;

/// A colour as a theme means it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Whatever the terminal has.
    Default,
    /// One of the sixteen, which the terminal's owner has chosen.
    Ansi(Ansi),
    /// An exact colour, and the one of the sixteen to take where there are no more.
    Rgb(Rgb, Ansi),
}

/// Number of one of the sixteen colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ansi(u8);

/// Red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

/// The sixteen, with the values xterm gives them.
const ANSI: [(&str, Color, Rgb); 16] = [
    ("black", Color::Black, Rgb(0, 0, 0)),
    ("red", Color::Red, Rgb(205, 0, 0)),
    ("green", Color::Green, Rgb(0, 205, 0)),
    ("yellow", Color::Yellow, Rgb(205, 205, 0)),
    ("blue", Color::Blue, Rgb(0, 0, 238)),
    ("magenta", Color::Magenta, Rgb(205, 0, 205)),
    ("cyan", Color::Cyan, Rgb(0, 205, 205)),
    ("white", Color::Gray, Rgb(229, 229, 229)),
    ("bright-black", Color::DarkGray, Rgb(127, 127, 127)),
    ("bright-red", Color::LightRed, Rgb(255, 0, 0)),
    ("bright-green", Color::LightGreen, Rgb(0, 255, 0)),
    ("bright-yellow", Color::LightYellow, Rgb(255, 255, 0)),
    ("bright-blue", Color::LightBlue, Rgb(92, 92, 255)),
    ("bright-magenta", Color::LightMagenta, Rgb(255, 0, 255)),
    ("bright-cyan", Color::LightCyan, Rgb(0, 255, 255)),
    ("bright-white", Color::White, Rgb(255, 255, 255)),
];

/// Steps of the 6×6×6 cube of the 256 colours.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

impl Ansi {
    pub fn parse(name: &str) -> Option<Self> {
        let number = ANSI.iter().position(|(known, ..)| *known == name)?;
        u8::try_from(number).ok().map(Self)
    }

    /// The nearest to an exact colour.
    pub fn nearest(rgb: Rgb) -> Self {
        let distance =
            |number: &u8| ANSI.get(usize::from(*number)).map_or(u32::MAX, |(.., known)| rgb.distance(*known));
        Self((0..16).min_by_key(distance).unwrap_or(7))
    }

    fn entry(self) -> (Color, Rgb) {
        ANSI.get(usize::from(self.0)).map_or((Color::Reset, Rgb(229, 229, 229)), |(_, color, rgb)| (*color, *rgb))
    }
}

impl Rgb {
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let number = u32::from_str_radix(digits, 16).ok()?;
        let [_, red, green, blue] = number.to_be_bytes();
        Some(Self(red, green, blue))
    }

    fn distance(self, other: Self) -> u32 {
        [(self.0, other.0), (self.1, other.1), (self.2, other.2)]
            .into_iter()
            .map(|(a, b)| u32::from(a.abs_diff(b)).pow(2))
            .sum()
    }

    /// The nearest of the 240 colours that are the same on every terminal.
    fn indexed(self) -> u8 {
        let cube = (0..216u8).map(|n| {
            let step = |n: u8| CUBE.get(usize::from(n)).copied().unwrap_or(0);
            (16 + n, Self(step(n / 36), step(n / 6 % 6), step(n % 6)))
        });
        let greys = (0..24u8).map(|n| (232 + n, Self(8 + 10 * n, 8 + 10 * n, 8 + 10 * n)));
        cube.chain(greys).min_by_key(|(_, known)| self.distance(*known)).map_or(7, |(number, _)| number)
    }

    /// Relative luminance, as WCAG 2 defines it.
    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// Contrast as WCAG 2 defines it: 1 is none, 21 is black on white.
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }
}

impl Colour {
    /// What goes to a terminal of this depth; nothing at all when it shows no colours.
    pub fn at(self, depth: Depth) -> Option<Color> {
        match (self, depth) {
            (_, Depth::Mono) => None,
            (Self::Default, _) => Some(Color::Reset),
            (Self::Ansi(ansi) | Self::Rgb(_, ansi), Depth::Ansi16) | (Self::Ansi(ansi), _) => Some(ansi.entry().0),
            (Self::Rgb(rgb, _), Depth::Ansi256) => Some(Color::Indexed(rgb.indexed())),
            (Self::Rgb(Rgb(red, green, blue), _), Depth::Rgb) => Some(Color::Rgb(red, green, blue)),
        }
    }

    /// Its value, as far as anybody can know; `None` where the terminal decides.
    pub fn rgb(self) -> Option<Rgb> {
        match self {
            Self::Default => None,
            Self::Ansi(ansi) => Some(ansi.entry().1),
            Self::Rgb(rgb, _) => Some(rgb),
        }
    }
}
