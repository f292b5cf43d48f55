//! Asking the person at the terminal. Without a terminal nobody is asked, and nothing is taken for a yes.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::cli::exit::Stop;

/// What counts as a yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// `y` or `yes`.
    Yes,
    /// This word, typed in full.
    Word(String),
}

/// Whether somebody can be asked at all.
pub fn possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks once. `instead` is what to run where nobody can be asked.
pub fn confirm(question: &str, ask: &Ask, instead: &str) -> Result<(), Stop> {
    if !possible() {
        return Err(Stop::not_confirmed("There is no terminal to ask at, so nothing was sent.", instead));
    }
    let mut err = io::stderr().lock();
    match ask {
        Ask::Yes => write!(err, "{question} [y/N] ")?,
        Ask::Word(word) => write!(err, "{question} Type {word} to go on: ")?,
    }
    err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    let answer = answer.trim();
    let yes = match ask {
        Ask::Yes => answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes"),
        Ask::Word(word) => answer == word,
    };
    if yes { Ok(()) } else { Err(Stop::not_confirmed("Not confirmed, so nothing was sent.", "")) }
}
