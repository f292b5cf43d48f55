//! The clipboard beside the terminal's own (OSC 52, which the loop has written already): tmux's buffer where tmux is in
//! between, the desktop's where there is one here. A text too long for a terminal goes into a file. It says what was done.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::console::event::Event;
use crate::console::outbox::Outbox;
use crate::console::tty::control::{self, Tmux};
use crate::contracts::failure::{Failure, FailureKind};

/// Clipboard programs are known to hang: one that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(2);

/// Copies on a thread and a runtime of its own: a folder may hang as well, and quitting waits for neither.
pub fn copy(words: String, file: PathBuf, outbox: Outbox) {
    let complain = outbox.clone();
    let work = move || {
        let copied =
            Builder::new_current_thread().enable_all().build().and_then(|alone| alone.block_on(put(&words, &file)));
        outbox.send(match copied {
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

async fn put(words: &str, file: &Path) -> std::io::Result<String> {
    if control::copy(words, Tmux::Absent).is_none() {
        private(file)?.write_all(words.as_bytes())?;
        return Ok(format!("into {}: too long for a terminal's clipboard", file.display()));
    }
    Ok(offer(&helpers(), words).await)
}

/// A program that takes the text from its input, and what it puts it into.
type Helper = (&'static [&'static str], &'static str);

/// The programs for where we run, the best first.
fn helpers() -> Vec<Helper> {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let tmux: Helper = (&["tmux", "load-buffer", "-w", "-"], "into tmux and the terminal's clipboard");
    let desktop: Option<&[&str]> = if set("SSH_CONNECTION") {
        None
    } else if cfg!(target_os = "macos") {
        Some(&["pbcopy"])
    } else if set("WAYLAND_DISPLAY") {
        Some(&["wl-copy"])
    } else if set("DISPLAY") {
        Some(&["xclip", "-selection", "clipboard"])
    } else {
        None
    };
    let desktop = desktop.map(|command| (command, "into the clipboard"));
    set("TMUX").then_some(tmux).into_iter().chain(desktop).collect()
}

/// Where the text went: the terminal has it in any case.
async fn offer(helpers: &[Helper], words: &str) -> String {
    let mut hung = String::new();
    for (command, place) in helpers {
        match feed(command, words).await {
            Fed::Took => return format!("{place}{hung}"),
            Fed::Refused => {}
            Fed::Hung(program) => {
                // Writing to a string cannot fail.
                let _ = write!(hung, "; {program} did not take it within {} s", PATIENCE.as_secs());
            }
        }
    }
    format!("through the terminal (OSC 52){hung}")
}

/// What a program did with the text.
enum Fed {
    Took,
    Refused,
    Hung(&'static str),
}

/// A program that does not end in time is ended.
async fn feed(command: &'static [&'static str], words: &str) -> Fed {
    let Some((program, arguments)) = command.split_first() else { return Fed::Refused };
    let mut child = Command::new(program);
    child.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let Ok(mut child) = child.spawn() else { return Fed::Refused };
    let fed = async {
        let mut stdin = child.stdin.take()?;
        stdin.write_all(words.as_bytes()).await.ok()?;
        // It reads until the end.
        drop(stdin);
        child.wait().await.ok().filter(ExitStatus::success)
    };
    match timeout(PATIENCE, fed).await {
        Ok(Some(_)) => Fed::Took,
        Ok(None) => Fed::Refused,
        Err(_) => {
            // Nobody else would fetch what is left of it. One that cannot even be killed is not waited for.
            let _ = timeout(PATIENCE, child.kill()).await;
            Fed::Hung(program)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::offer;

    /// Neither one that reads nothing of a long text nor one that never ends keeps anybody waiting.
    #[tokio::test]
    async fn a_program_that_hangs_is_given_up_and_named() {
        let hangs: &[&str] = &["sleep", "600"];
        let begun = std::time::Instant::now();
        let said = offer(&[(hangs, "nowhere")], &"x".repeat(1 << 20)).await;
        assert_eq!(said, "through the terminal (OSC 52); sleep did not take it within 2 s");
        assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
        let reads: &[&str] = &["cat"];
        let said = offer(&[(hangs, "nowhere"), (reads, "into the clipboard")], "x").await;
        assert_eq!(said, "into the clipboard; sleep did not take it within 2 s");
        let other: &[&str] = &["sh", "-c", "sleep 600"];
        let said = offer(&[(hangs, "nowhere"), (other, "nowhere")], "x").await;
        let both = "; sleep did not take it within 2 s; sh did not take it within 2 s";
        assert_eq!(said, format!("through the terminal (OSC 52){both}"), "none of them is forgotten");
        let fails: &[&str] = &["false"];
        assert_eq!(offer(&[(fails, "nowhere")], "x").await, "through the terminal (OSC 52)");
    }
}
