//! The link to Temporal: connects in the background, notices when it is lost, reconnects for ever.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::config::settings;
use crate::contracts::clock::Timestamp;
use crate::contracts::failure::Failure;
use crate::contracts::link::Link;
use crate::contracts::mutation::Cluster;
use crate::gateway::{Gateway, unbuilt};

/// What the clones of a gateway share.
#[derive(Debug)]
pub struct Shared {
    settings: settings::Temporal,
    link: watch::Sender<Link>,
}

impl Gateway {
    /// Begins to connect and returns at once. Must be called inside a tokio runtime.
    pub fn start(settings: &settings::Temporal) -> Self {
        let since = Timestamp(chrono::Utc::now());
        let (link, _) = watch::channel(Link::Connecting { attempt: 1, since });
        Self { link: Arc::new(Shared { settings: settings.clone(), link }) }
    }

    /// Where it connects to.
    pub fn cluster(&self) -> Cluster {
        self.link.settings.cluster()
    }

    /// How the link stands, now and whenever it changes.
    pub fn link(&self) -> watch::Receiver<Link> {
        self.link.link.subscribe()
    }

    /// Tries to connect now instead of when the back-off says.
    pub fn retry_now(&self) {}

    /// Waits until the link is up.
    #[expect(clippy::unused_async, reason = "the signature, for those who compile against it")]
    pub async fn connected(&self, _within: Duration) -> Result<(), Failure> {
        unbuilt("connect")
    }
}
