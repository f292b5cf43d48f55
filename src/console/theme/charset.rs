//! Terminals that cannot show Unicode. Widgets draw Unicode only; one pass over the finished frame replaces it, cell
//! by cell, so nothing moves and nothing is forgotten.

use ratatui::buffer::Buffer;

/// Characters a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    Unicode,
    Ascii,
}

impl Charset {
    /// From the locale, looked up with `env` in POSIX order. A locale that says nothing says nothing against UTF-8:
    /// containers and ssh often come without one.
    pub fn detect(env: impl Fn(&str) -> Option<String>) -> Self {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(|name| env(name).filter(|value| !value.is_empty()))
            .map(|value| value.to_ascii_lowercase());
        match locale {
            Some(locale) if !locale.contains("utf-8") && !locale.contains("utf8") => Self::Ascii,
            _ => Self::Unicode,
        }
    }

    /// The last thing done to a frame.
    pub fn apply(self, buffer: &mut Buffer) {
        match self {
            Self::Unicode => {}
            Self::Ascii => {
                for cell in &mut buffer.content {
                    if !cell.symbol().is_ascii() {
                        let plain = ascii(cell.symbol());
                        cell.set_symbol(plain);
                    }
                }
            }
        }
    }
}

/// What stands for what.
const PLAIN: &[(&str, &str)] = &[
    ("✓", "v"),
    ("●◆•", "*"),
    ("◌○", "o"),
    ("▲", "!"),
    ("✗×", "x"),
    ("⏸▅▆", "="),
    ("↺◂‹←", "<"),
    ("·░", "."),
    ("▸›→⏎", ">"),
    ("▾↓", "v"),
    ("▴↑", "^"),
    ("…", "~"),
    ("–—─┄┈╌▃▄", "-"),
    ("│┊┆╎┤├▏▕", "|"),
    // Thick lines frame production: that is told by the line here, too.
    ("━", "="),
    ("┃┏┓┗┛", "#"),
    ("┌┐└┘┬┴┼╭╮╯╰", "+"),
    ("█▓▒▌▐▇", "#"),
    ("▁▂", "_"),
    ("⠀", " "),
];

/// One character for one cell. What has no likeness is `?`; a wide character leaves its second cell blank.
pub fn ascii(symbol: &str) -> &'static str {
    let Some(first) = symbol.chars().next() else { return " " };
    let known = PLAIN.iter().find(|(signs, _)| signs.contains(first)).map(|(_, plain)| *plain);
    known.unwrap_or_else(|| if matches!(first, '\u{2801}'..='\u{28ff}') { dots(first) } else { "?" })
}

/// A braille cell as the ASCII character whose ink lies where its dots lie.
fn dots(cell: char) -> &'static str {
    let bits = u32::from(cell) - 0x2800;
    // Dots 1 and 4, 2 and 5, 3 and 6, 7 and 8 are the rows from the top.
    let rows = [bits & 0x09, bits & 0x12, bits & 0x24, bits & 0xc0].map(|row| row != 0);
    match rows {
        [true, true, true, _] | [_, true, true, true] => "|",
        [true, _, _, true] | [true, _, true, _] | [_, true, _, true] => ":",
        [true, _, _, _] => "'",
        [_, _, _, true] => ".",
        [_, true, _, _] | [_, _, true, _] => "-",
        [false, false, false, false] => " ",
    }
}
