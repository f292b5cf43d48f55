//! The agents of the file, read again when it changes. A file that is wrong changes nothing, and the log says why.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::agents::fleet::Fleet;
use crate::config::agents::Dispatcher as Limits;
use crate::config::problem::Problem;
use crate::config::settings::Settings;
use crate::config::sources::Sources;
use crate::coordinator::dispatcher::board::Board;
use crate::coordinator::dispatcher::stopped;
use crate::coordinator::siblings::plan::Forms;

/// How often the file is looked at: a folder of a network or of a container tells nobody that it changed.
const LOOK: Duration = Duration::from_secs(1);

/// What is followed now.
pub struct Followed {
    pub fleet: Fleet,
    /// Agents that are workflows.
    pub forms: Forms,
    pub limits: Limits,
    /// Where workflows are begun that name no queue of their own.
    pub task_queue: String,
}

impl Followed {
    pub fn of(settings: &Settings) -> Result<Self, Problem> {
        Ok(Self {
            fleet: Fleet::muster(&settings.agents)?,
            forms: Forms::compile(&settings.agents)?,
            limits: settings.dispatcher.clone(),
            task_queue: settings.temporal.task_queue.clone(),
        })
    }
}

/// Follows the file until told to stop.
pub async fn follow(
    sources: Sources,
    followed: watch::Sender<Arc<Followed>>,
    board: Arc<Board>,
    stopping: watch::Receiver<bool>,
) {
    let mut known = text(&sources.file).await;
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stopped(stopping.clone()) => return,
        }
        let now = text(&sources.file).await;
        if now == known {
            continue;
        }
        known = now;
        let file = sources.file.display().to_string();
        let again = sources.clone();
        let read = tokio::task::spawn_blocking(move || again.load().and_then(|settings| Followed::of(&settings))).await;
        match read {
            Ok(Ok(newer)) => {
                tracing::info!(%file, agents = newer.fleet.agents().len(), "agents are read again");
                board.follow(Arc::clone(newer.fleet.agents()));
                // The loop listens for as long as this does.
                let _ = followed.send(Arc::new(newer));
            }
            Ok(Err(problem)) => {
                tracing::error!(%problem, "the changed settings are wrong: the agents stay as they were");
                board.not_followed(format!("The changed settings are wrong, the agents stay as they were: {problem}"));
            }
            Err(broken) => tracing::error!(%broken, "the changed settings could not be read"),
        }
    }
}

/// What is in it; nothing when it is not there.
async fn text(file: &Path) -> Option<Vec<u8>> {
    tokio::fs::read(file).await.ok()
}
