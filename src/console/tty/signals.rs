//! Signals become events: SIGTERM, SIGINT and SIGHUP end the console with the terminal given back; SIGTSTP from outside
//! suspends it as its key does.

use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;

use crate::console::event::Event;
use crate::console::outbox::Outbox;
use crate::console::tty::terminal::give_back;

/// How long the console may take to leave by itself. A terminal that takes no output any more would keep it for ever.
const GRACE: Duration = Duration::from_secs(2);

pub fn spawn(outbox: Outbox) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGTSTP])?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if signal == SIGTSTP {
                outbox.send(Event::Stop);
                continue;
            }
            outbox.send(Event::Shutdown);
            insist(signal);
        }
    })?;
    Ok(())
}

/// Ends the process when it has not ended by itself.
fn insist(signal: i32) {
    // A thread of its own: giving back may hang as well, on the same stuck terminal.
    let started = thread::Builder::new().name("insist".to_owned()).spawn(move || {
        thread::sleep(GRACE);
        let _ = thread::Builder::new().spawn(give_back);
        thread::sleep(GRACE / 8);
        std::process::exit(128 + signal);
    });
    if started.is_err() {
        std::process::exit(128 + signal);
    }
}
