//! What is written to the terminal beside frames: titles, bells, notifications, the clipboard. Every text passes the
//! sanitiser here again: what is inside an escape sequence must not end it.

use std::fmt::Write as _;

use crate::contracts::text;

/// Terminals cut or drop longer ones.
const LONGEST_COPY: usize = 74_000;

/// Sets the window's title.
pub fn title(words: &str) -> Vec<u8> {
    format!("\x1b]2;{}\x07", text::line(words)).into_bytes()
}

pub const BELL: &[u8] = b"\x07";

/// A notification by the terminal (OSC 9), through tmux where it is in between.
pub fn notification(words: &str, tmux: Tmux) -> Vec<u8> {
    tmux.wrap(&format!("\x1b]9;{}\x07", text::line(words)))
}

/// Into the clipboard of the terminal's machine (OSC 52), which works over ssh. `None` when it is too long for it.
pub fn copy(words: &str, tmux: Tmux) -> Option<Vec<u8>> {
    let encoded = base64(words.as_bytes());
    (encoded.len() <= LONGEST_COPY).then(|| tmux.wrap(&format!("\x1b]52;c;{encoded}\x07")))
}

/// Whether tmux is between us and the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tmux {
    Between,
    Absent,
}

impl Tmux {
    pub fn detect(env: impl Fn(&str) -> Option<String>) -> Self {
        if env("TMUX").is_some_and(|socket| !socket.is_empty()) { Self::Between } else { Self::Absent }
    }

    fn wrap(self, sequence: &str) -> Vec<u8> {
        match self {
            Self::Absent => sequence.as_bytes().to_vec(),
            Self::Between => format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b")).into_bytes(),
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |n: u32| DIGITS.get((n & 63) as usize).map_or('=', |digit| char::from(*digit));
    let mut encoded = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let three = [0, 1, 2].map(|at| chunk.get(at).copied().map(u32::from));
        let word = three.iter().fold(0, |word, byte| (word << 8) | byte.unwrap_or(0));
        let _ = write!(encoded, "{}{}", digit(word >> 18), digit(word >> 12));
        encoded.push(three[1].map_or('=', |_| digit(word >> 6)));
        encoded.push(three[2].map_or('=', |_| digit(word)));
    }
    encoded
}
