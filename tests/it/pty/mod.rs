//! The real binary in a real pseudo-terminal: what it does when the server is not there, or worse, and that it always
//! gives the terminal back.

mod outage;
mod rig;
mod story;
mod terminal;

use std::net::TcpListener;

use rustix::process::Signal;

use crate::pty::rig::Pty;

/// An address at which nothing listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn without_a_server_it_draws_answers_keys_and_leaves() {
    let mut console = Pty::start(&nobody(), 80, 24);
    console.wait_for("What needs somebody now");
    console.wait_for("✗ temporal");
    console.send("3");
    console.wait_for("▸3 Workflows");
    console.send("q");
    assert_eq!(console.exit_code(), 0);
    console.assert_given_back();
}

#[test]
fn a_server_that_accepts_and_never_answers_hangs_nothing() {
    // The kernel completes connections of a listener that nobody accepts from.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut console = Pty::start(&silent.local_addr().unwrap().to_string(), 80, 24);
    console.wait_for("What needs somebody now");
    console.send("?");
    console.wait_for("Keys on Now");
    console.send("q");
    assert_eq!(console.exit_code(), 0);
    console.assert_given_back();
}

#[test]
fn signals_give_the_terminal_back() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let mut console = Pty::start(&nobody(), 80, 24);
        // Signals are listened to right after the first frame; the link's state is drawn well after that.
        console.wait_for("✗ temporal");
        console.signal(signal);
        console.exit_code();
        console.assert_given_back();
    }
}

#[test]
fn a_resize_is_one_new_frame_of_that_size() {
    let mut console = Pty::start(&nobody(), 80, 24);
    console.wait_for("q quit");
    console.resize(120, 36);
    console.wait_until("a frame of 120 columns", |screen| {
        screen.lines().nth(3).is_some_and(|line| line.chars().count() == 120)
    });
    console.resize(40, 8);
    console.wait_for("too small");
    console.send("q");
    assert_eq!(console.exit_code(), 0);
}

#[test]
fn pasted_text_is_not_keys() {
    let mut console = Pty::start(&nobody(), 80, 24);
    console.wait_for("q quit");
    console.send("\x1b[200~q\r\x1b[201~");
    console.wait_for("Pasted text was refused");
    console.send("q");
    assert_eq!(console.exit_code(), 0);
}
