//! The clipboard beside the terminal's own (OSC 52, which the loop has written already): tmux's buffer where tmux is in
//! between, the desktop's where there is one here. A text too long for a terminal goes into a file. It says what was done.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use crate::console::event::Event;
use crate::console::outbox::Outbox;
use crate::console::tty::control::{self, Tmux};
use crate::contracts::failure::{Failure, FailureKind};

/// Copies on a thread of its own: clipboard programs are known to hang.
pub fn copy(words: String, file: PathBuf, outbox: Outbox) {
    let complain = outbox.clone();
    let work = move || {
        outbox.send(match put(&words, &file) {
            Ok(place) => Event::Said(format!("Copied {} characters {place}.", words.chars().count())),
            Err(error) => Event::Failed(Failure::new(
                FailureKind::Internal,
                format!("Not copied: {error}."),
                "Select the text with the mouse instead.",
            )),
        });
    };
    if let Err(error) = thread::Builder::new().name("clipboard".to_owned()).spawn(work) {
        complain.send(Event::Failed(Failure::new(FailureKind::Internal, format!("Not copied: {error}."), "")));
    }
}

/// A file for its owner alone: what is copied may be a payload.
fn private(file: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)
}

fn put(words: &str, file: &Path) -> std::io::Result<String> {
    if control::copy(words, Tmux::Absent).is_none() {
        private(file)?.write_all(words.as_bytes())?;
        return Ok(format!("into {}: too long for a terminal's clipboard", file.display()));
    }
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if set("TMUX") && feed(&["tmux", "load-buffer", "-w", "-"], words) {
        return Ok("into tmux and the terminal's clipboard".to_owned());
    }
    let here = !set("SSH_CONNECTION");
    let desktop: &[&str] = if cfg!(target_os = "macos") {
        &["pbcopy"]
    } else if set("WAYLAND_DISPLAY") {
        &["wl-copy"]
    } else if set("DISPLAY") {
        &["xclip", "-selection", "clipboard"]
    } else {
        &[]
    };
    if here && !desktop.is_empty() && feed(desktop, words) {
        return Ok("into the clipboard".to_owned());
    }
    Ok("through the terminal (OSC 52)".to_owned())
}

/// Whether a program took the text.
fn feed(command: &[&str], words: &str) -> bool {
    let Some((program, arguments)) = command.split_first() else { return false };
    let child =
        Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = child else { return false };
    let written = child.stdin.take().is_some_and(|mut stdin| stdin.write_all(words.as_bytes()).is_ok());
    written && child.wait().is_ok_and(|status| status.success())
}
