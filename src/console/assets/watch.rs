//! Tells when a theme or keymap file changes. What to do about it is the caller's: this only knows folders.

use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use notify::event::CreateKind;
use notify::{Event, EventKind, RecursiveMode, Watcher as _};

use crate::console::assets::Kind;

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watch {
    _watcher: notify::RecommendedWatcher,
}

/// Editors write a file in several steps; they are one change once this long has been quiet.
const QUIET: Duration = Duration::from_millis(80);

/// Calls `changed`, on a thread of its own, after each change to the user's themes and keymaps in `config_dir`, and in
/// debug builds to the shipped ones. Folders that are not there are not watched.
pub fn watch(config_dir: &Path, changed: impl Fn() + Send + 'static) -> notify::Result<Watch> {
    let (tx, rx) = mpsc::channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // A lost event is the next one's business, and with the receiver gone nobody listens any more.
        if event.is_ok_and(|event| concerns_us(&event)) {
            let _ = tx.send(());
        }
    })?;
    if config_dir.is_dir() {
        // The folders may come later, so their parent is watched.
        watcher.watch(config_dir, RecursiveMode::Recursive)?;
    }
    if cfg!(debug_assertions) {
        for kind in [Kind::Theme, Kind::Keymap] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(kind.folder());
            if folder.is_dir() {
                watcher.watch(&folder, RecursiveMode::NonRecursive)?;
            }
        }
    }
    thread::Builder::new().name("assets".to_owned()).spawn(move || report(&rx, changed)).map_err(notify::Error::io)?;
    Ok(Watch { _watcher: watcher })
}

/// A change to a file of ours; that it was read is none. A folder that is made may have got files before it is watched.
fn concerns_us(event: &Event) -> bool {
    let ours = |path: &Path| path.extension().is_some_and(|ending| ending == "toml");
    let folder = event.kind == EventKind::Create(CreateKind::Folder);
    folder || !event.kind.is_access() && event.paths.iter().any(|path| ours(path))
}

fn report(rx: &Receiver<()>, changed: impl Fn()) {
    while rx.recv().is_ok() {
        loop {
            match rx.recv_timeout(QUIET) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        changed();
    }
}
