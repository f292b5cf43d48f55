//! Keys as text: `g g`, `ctrl-s`, `shift-tab` in files, `Ctrl-s` and `⏎` on screen. What is printed parses back to the
//! same keys.

use crossterm::event::{KeyCode, KeyModifiers};

use crate::console::key::KeyPress;
use crate::contracts::text::suggestion;

/// Keys with a name: how files write them, how the screen shows them.
const NAMED: &[(KeyCode, &str, &str)] = &[
    (KeyCode::Enter, "enter", "⏎"),
    (KeyCode::Esc, "esc", "Esc"),
    (KeyCode::Tab, "tab", "Tab"),
    (KeyCode::Backspace, "backspace", "Backspace"),
    (KeyCode::Delete, "delete", "Del"),
    (KeyCode::Insert, "insert", "Ins"),
    (KeyCode::Up, "up", "↑"),
    (KeyCode::Down, "down", "↓"),
    (KeyCode::Left, "left", "←"),
    (KeyCode::Right, "right", "→"),
    (KeyCode::Home, "home", "Home"),
    (KeyCode::End, "end", "End"),
    (KeyCode::PageUp, "pageup", "PgUp"),
    (KeyCode::PageDown, "pagedown", "PgDn"),
    (KeyCode::Char(' '), "space", "Space"),
    // Its own sign joins the modifiers.
    (KeyCode::Char('-'), "minus", "-"),
];

const MODIFIERS: [(KeyModifiers, &str, &str); 3] = [
    (KeyModifiers::CONTROL, "ctrl-", "Ctrl-"),
    (KeyModifiers::ALT, "alt-", "Alt-"),
    (KeyModifiers::SHIFT, "shift-", "Shift-"),
];

/// How the screen shows keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spelling {
    /// `⏎`, `↑`.
    #[default]
    Signs,
    /// `enter`, `up`: for terminals without the signs, where a likeness would read as another key.
    Words,
}

/// Reads keys that follow one another, separated by spaces. The error is a sentence.
pub fn parse(text: &str) -> Result<Vec<KeyPress>, String> {
    let keys: Vec<KeyPress> = text.split_whitespace().map(parse_key).collect::<Result<_, _>>()?;
    if keys.is_empty() {
        return Err("no key is named.".to_owned());
    }
    Ok(keys)
}

fn parse_key(word: &str) -> Result<KeyPress, String> {
    let mut rest = word;
    let mut modifiers = KeyModifiers::NONE;
    // A lone `-` is a key, whatever stands before it.
    while let Some((modifier, name, _)) =
        MODIFIERS.iter().find(|(_, name, _)| starts_with_ignoring_case(rest, name) && rest.len() > name.len())
    {
        modifiers |= *modifier;
        rest = rest.get(name.len()..).unwrap_or_default();
    }
    let code = parse_code(rest).ok_or_else(|| {
        let known = NAMED.iter().map(|(_, name, _)| *name);
        let hint = suggestion(rest, known).unwrap_or_else(|| {
            "A key is a character, a name such as `enter` or `f5`, or either after `ctrl-`, `alt-`, `shift-`."
                .to_owned()
        });
        format!("no key `{word}`. {hint}")
    })?;
    Ok(normal(code, modifiers))
}

fn starts_with_ignoring_case(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

fn parse_code(word: &str) -> Option<KeyCode> {
    let mut chars = word.chars();
    if let (Some(c), None) = (chars.next(), chars.next()) {
        return Some(KeyCode::Char(c));
    }
    let word = word.to_ascii_lowercase();
    if let Some((code, ..)) = NAMED.iter().find(|(_, name, _)| *name == word) {
        return Some(*code);
    }
    let number: u8 = word.strip_prefix('f')?.parse().ok()?;
    (1..=24).contains(&number).then_some(KeyCode::F(number))
}

/// The one spelling of a key that [`KeyPress::from_event`] also leads to: Shift is part of a character, and Shift with
/// Tab is a key of its own. `Ctrl-S` means what everybody means by it.
fn normal(code: KeyCode, mut modifiers: KeyModifiers) -> KeyPress {
    let shift = modifiers.contains(KeyModifiers::SHIFT);
    if let KeyCode::Char(c) = code {
        modifiers.remove(KeyModifiers::SHIFT);
        let c = match (shift, modifiers.contains(KeyModifiers::CONTROL)) {
            (true, _) => c.to_ascii_uppercase(),
            (false, true) => c.to_ascii_lowercase(),
            (false, false) => c,
        };
        return KeyPress { code: KeyCode::Char(c), modifiers };
    }
    if code == KeyCode::Tab && shift {
        modifiers.remove(KeyModifiers::SHIFT);
        return KeyPress { code: KeyCode::BackTab, modifiers };
    }
    KeyPress { code, modifiers }
}

/// Keys as files write them.
pub fn print(keys: &[KeyPress]) -> String {
    joined(keys, |(_, name, _)| name, |(_, name, _)| name)
}

/// Keys as the screen shows them.
pub fn label(keys: &[KeyPress], spelling: Spelling) -> String {
    let code: fn(&Named) -> &'static str = match spelling {
        Spelling::Signs => |(.., sign)| sign,
        Spelling::Words => |(_, name, sign)| if sign.is_ascii() { sign } else { name },
    };
    joined(keys, code, |(.., sign)| sign)
}

type Named = (KeyCode, &'static str, &'static str);
type Modifier = (KeyModifiers, &'static str, &'static str);

fn joined(keys: &[KeyPress], code: fn(&Named) -> &'static str, modifier: fn(&Modifier) -> &'static str) -> String {
    let word = |key: &KeyPress| {
        let (bare, held) = spelled(*key);
        let mut word: String = MODIFIERS.iter().filter(|entry| held.contains(entry.0)).map(modifier).collect();
        if let Some(named) = NAMED.iter().find(|named| named.0 == bare) {
            word.push_str(code(named));
        } else if let KeyCode::Char(c) = bare {
            word.push(c);
        } else {
            // `F5`, and what no keymap can name: media keys, lone modifiers.
            word.push_str(&bare.to_string().to_ascii_lowercase());
        }
        word
    };
    keys.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// A key as it is spelled: what is pressed, and everything held down with it.
fn spelled(key: KeyPress) -> (KeyCode, KeyModifiers) {
    if key.code == KeyCode::BackTab {
        return (KeyCode::Tab, key.modifiers | KeyModifiers::SHIFT);
    }
    if let KeyCode::Char(c) = key.code
        && c.is_ascii_uppercase()
        && key.modifiers.contains(KeyModifiers::CONTROL)
    {
        return (KeyCode::Char(c.to_ascii_lowercase()), key.modifiers | KeyModifiers::SHIFT);
    }
    (key.code, key.modifiers)
}
