//! Reads the terminal on a thread of its own, so that neither waits for the other.

use std::thread;

use crossterm::event::{Event as Input, read};

use crate::console::event::Event;
use crate::console::key::KeyPress;
use crate::console::outbox::Outbox;

/// Reads for as long as there is a terminal. The thread ends with the process: a blocking read cannot be taken back.
pub fn spawn(outbox: Outbox) -> std::io::Result<()> {
    thread::Builder::new().name("input".to_owned()).spawn(move || {
        loop {
            match read() {
                Ok(input) => {
                    if let Some(event) = translate(input) {
                        outbox.send(event);
                    }
                }
                Err(error) => {
                    // The terminal is gone: a closed window, a lost connection.
                    tracing::warn!(%error, "the terminal cannot be read any more");
                    outbox.send(Event::Shutdown);
                    return;
                }
            }
        }
    })?;
    Ok(())
}

fn translate(input: Input) -> Option<Event> {
    match input {
        Input::Key(key) => KeyPress::from_event(key).map(Event::Key),
        Input::Paste(text) => Some(Event::Paste(text)),
        Input::Resize(width, height) => Some(Event::Resize { width, height }),
        Input::FocusGained => Some(Event::FocusGained),
        Input::FocusLost => Some(Event::FocusLost),
        // The mouse is the terminal's: selecting text works as everywhere.
        Input::Mouse(_) => None,
    }
}
