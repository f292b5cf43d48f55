//! Desktop notifications, where there is a desktop; silence where there is none. Never on a thread that anything waits
//! for: a notification daemon may hang.

use std::sync::Arc;
use std::thread;

use notify_rust::Notification;

use crate::console::effect::Notice;
use crate::contracts::text;

/// A daemon that hangs keeps each thread; a few are enough to know.
const MOST: usize = 4;

/// Shows one. `under_way` is held by each that is not over yet.
pub fn desktop(notice: Notice, under_way: &Arc<()>) {
    if Arc::strong_count(under_way) > MOST {
        return;
    }
    let held = Arc::clone(under_way);
    let show = move || {
        let shown = Notification::new()
            .appname("gatewatch")
            .summary(&text::line(&notice.title))
            .body(&text::line(&notice.body))
            .show();
        if let Err(error) = shown {
            tracing::debug!(%error, "no desktop notification");
        }
        drop(held);
    };
    if let Err(error) = thread::Builder::new().name("notification".to_owned()).spawn(show) {
        tracing::debug!(%error, "no thread for a notification");
    }
}
