//! The outside: effects become calls of the gateway on threads of their own, and answers become events. The only room of
//! the console, beside `run`, that knows there is a gateway.

pub mod clipboard;
pub mod desk;
pub mod fault;
pub mod notify;
pub mod overview;
pub mod unanswered;
pub mod watch;

use std::thread;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use url::Url;

use crate::config::settings::Settings;
use crate::console::effect::Effect;
use crate::console::event::Event;
use crate::console::outbox::Outbox;
use crate::console::perform::desk::Desk;
use crate::contracts::failure::{Failure, FailureKind};

/// The way to the outside. Performing never waits.
#[derive(Debug)]
pub struct Performer {
    tx: UnboundedSender<Effect>,
}

impl Performer {
    /// Returns at once: the runtime and the gateway are built on the way.
    pub fn start(settings: Settings, demo: Option<Url>, outbox: Outbox) -> Self {
        let (tx, mut rx) = unbounded_channel();
        let complain = outbox.clone();
        let work = move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .thread_name("gateway")
                .enable_all()
                .build()
                .map_err(|error| Failure::new(FailureKind::Internal, format!("No runtime: {error}."), ""))?;
            runtime.block_on(async move {
                let mut desk = Desk::new(settings, demo, outbox)?;
                while let Some(effect) = rx.recv().await {
                    desk.perform(effect);
                }
                Ok::<(), Failure>(())
            })?;
            // Calls that hang must not keep the process.
            runtime.shutdown_background();
            Ok::<(), Failure>(())
        };
        let started = thread::Builder::new().name("perform".to_owned()).spawn({
            let complain = complain.clone();
            move || {
                if let Err(failure) = work() {
                    complain.send(Event::Failed(failure));
                }
            }
        });
        if let Err(error) = started {
            complain.send(Event::Failed(Failure::new(FailureKind::Internal, format!("No thread: {error}."), "")));
        }
        Self { tx }
    }

    pub fn perform(&self, effect: Effect) {
        // Fails only when the runtime could not be built, which has been told.
        let _ = self.tx.send(effect);
    }
}
