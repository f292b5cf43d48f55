//! Keeps the world's processes: what ends by itself, or is killed to see what happens, is started again.
//!
//! Versions of a service are not among them: what becomes of those is the deploy target's business.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::devstack::child::Child;
use crate::devstack::server::Server;
use crate::devstack::world::site::Site;

const LOOK: Duration = Duration::from_millis(250);

/// Everything that runs.
#[derive(Debug)]
pub struct Processes {
    pub server: Server,
    pub worker: Child,
    pub sites: Vec<Site>,
}

/// Told to end, or dropped, it ends everything.
#[derive(Debug)]
pub struct Supervisor {
    stop: oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Supervisor {
    /// Begins to look after them. `tell` gets a line for each that is started again.
    pub fn start(processes: Processes, tell: fn(&str)) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self { stop, task: tokio::spawn(processes.keep(stopped, tell)) }
    }

    /// Ends everything and waits until it is gone.
    pub async fn stop(self) -> anyhow::Result<()> {
        // A task that has ended cannot be told, and need not be.
        let _ = self.stop.send(());
        self.task.await?
    }
}

impl Processes {
    async fn keep(mut self, mut stop: oneshot::Receiver<()>, tell: fn(&str)) -> anyhow::Result<()> {
        let mut clock = interval(LOOK);
        clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = &mut stop => return self.stop().await,
                _ = clock.tick() => match self.revive().await {
                    Ok(None) => {}
                    Ok(Some(name)) => tell(&format!("{name} had ended: it was started again.")),
                    Err(error) => tell(&format!("{error:#}")),
                },
            }
        }
    }

    async fn revive(&mut self) -> anyhow::Result<Option<String>> {
        if self.server.revive().await? {
            return Ok(Some("temporal".to_owned()));
        }
        if self.worker.revive()? {
            return Ok(Some(self.worker.name().to_owned()));
        }
        for site in &mut self.sites {
            if let Some(name) = site.revive()? {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// The worker first, while what it works on still answers; Temporal last.
    async fn stop(mut self) -> anyhow::Result<()> {
        let mut ended = self.worker.stop().await.map(drop);
        for site in self.sites {
            ended = ended.and(site.stop().await);
        }
        ended.and(self.server.stop().await)
    }
}
