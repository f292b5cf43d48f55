//! The one sanitiser: nothing a server sends may move the cursor, change a colour, reverse the reading
//! order or pass for something else. What is hidden or could deceive is shown escaped, as `\u{202e}`.

use std::borrow::Cow;
use std::fmt::Write as _;

/// One line of remote text: ids, names, reasons. Newlines and tabs are shown escaped too, so that
/// different texts never look alike.
pub fn line(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// A remote id: [`line()`], and what already looks escaped has its backslash escaped too. So different ids never look
/// alike and [`original`] finds the way back: an id is shown safe and sent as it was.
pub fn id(text: &str) -> Cow<'_, str> {
    if text.contains(ESCAPE) {
        let unambiguous = text.replace(ESCAPE, "\\u{5c}u{");
        return Cow::Owned(line(&unambiguous).into_owned());
    }
    line(text)
}

/// The id that [`id`] made this of. What it cannot have made stays as it is.
pub fn original(shown: &str) -> Cow<'_, str> {
    if !shown.contains(ESCAPE) {
        return Cow::Borrowed(shown);
    }
    let mut text = String::with_capacity(shown.len());
    let mut parts = shown.split(ESCAPE);
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        if let Some((c, rest)) = part.split_once('}').and_then(|(hex, rest)| Some((hidden(hex)?, rest))) {
            text.push(c);
            text.push_str(rest);
        } else {
            text.push_str(ESCAPE);
            text.push_str(part);
        }
    }
    Cow::Owned(text)
}

/// How an escape begins.
const ESCAPE: &str = "\\u{";

/// The character an escape stands for, when it is written as [`escape`] writes it.
fn hidden(hex: &str) -> Option<char> {
    let canonical = hex.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    let c = u32::from_str_radix(hex, 16).ok().filter(|_| canonical).and_then(char::from_u32)?;
    (c == '\\' || deceptive(c)).then_some(c)
}

/// Remote text of several lines: payloads and stack traces. Newlines and tabs stay.
pub fn block(text: &str) -> Cow<'_, str> {
    escape(text, |c| matches!(c, '\n' | '\t'))
}

/// `Did you mean …?` when something known is close to what was written.
pub fn suggestion<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|word| (strsim::jaro_winkler(written, word), word))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, word)| format!("Did you mean `{word}`?"))
}

fn escape(text: &str, keep: fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| deceptive(c) && !keep(c)) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if deceptive(c) && !keep(c) {
            // Writing to a string cannot fail.
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Characters that act instead of showing: controls, bidirectional overrides, invisible and default-ignorable
/// ones (Unicode TR #36), and spaces that only look like one.
fn deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00a0}' | '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{1680}' | '\u{17b4}'
            | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}'
            | '\u{205f}'..='\u{206f}' | '\u{2800}' | '\u{3000}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::{id, line, original};

    #[test]
    fn what_acts_instead_of_showing_is_escaped() {
        for c in
            "\x1b\u{9b}\u{202e}\u{200b}\u{1680}\u{2800}\u{3164}\u{fe0f}\u{1bca0}\u{1bca3}\u{1d173}\u{1d17a}\u{e0041}"
                .chars()
        {
            let text = format!("a{c}b");
            assert_eq!(line(&text), format!("a\\u{{{:x}}}b", u32::from(c)));
            assert_eq!(original(&id(&text)), text);
        }
        for text in ["prod-ü-42", "日本語", "a b", "\\u", "𝄞"] {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn only_what_an_id_was_shown_as_is_read_back() {
        for text in ["deploy-\\u{41}", "\\u{20}", "\\u{1B}", "\\u{110000}", "\\u{", "\\u{}", "a\\u{2d}b"] {
            assert_eq!(original(text), text, "nothing is ever shown like that");
        }
        for text in ["deploy-\\u{41}", "x\\u{202e}", "x\u{202e}\\u{5c}u{41}", "\\\\u{1b}\x1b"] {
            assert_eq!(original(&id(text)), text);
        }
        assert_ne!(id("x\\u{202e}"), id("x\u{202e}"));
    }
}
