//! One effect at a time: what is watched, fetched once, changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::Sender;
use tokio::task::AbortHandle;
use url::Url;

use crate::config::settings::Settings;
use crate::console::effect::{Effect, Fetch, Generation, Interest, Notice};
use crate::console::event::{Answer, Event};
use crate::console::outbox::Outbox;
use crate::console::perform::unanswered::Unanswered;
use crate::console::perform::watch::{self, Watcher};
use crate::console::perform::{clipboard, fault, notify};
use crate::contracts::actor::{Actor, Via};
use crate::contracts::failure::Failure;
use crate::contracts::mutation::{Done, Mutation};
use crate::gateway::Gateway;
use crate::gateway::coordinator::Coordinator;
use crate::gateway::operate::{Operator, Policy};

/// How long something in doubt is followed.
const FOLLOWED: Duration = Duration::from_hours(1);
/// Rows of one page.
pub const PAGE: u32 = 100;
/// Rows of a page that is asked for while scrolling.
const LATER_PAGE: u32 = 500;

/// Everything the outside is done with.
pub struct Desk {
    settings: Settings,
    gateway: Gateway,
    coordinator: Option<Coordinator>,
    operator: Operator,
    outbox: Outbox,
    demo: Option<Url>,
    /// Counts the wishes for a look now; every watcher hears of them.
    refresh: Sender<u64>,
    watched: BTreeMap<Interest, (Generation, AbortHandle)>,
    unanswered: Unanswered,
    /// Held by each desktop notification that is not over yet.
    notifying: Arc<()>,
}

impl Desk {
    pub fn new(settings: Settings, demo: Option<Url>, outbox: Outbox) -> Result<Self, Failure> {
        let gateway = Gateway::start(&settings.temporal);
        let coordinator = settings.coordinator_client.as_ref().map(Coordinator::new).transpose()?;
        let policy = Policy {
            read_only: settings.console.read_only,
            direct_rollback: settings.console.direct_rollback,
            actor: Actor::new(&settings.console.actor, Via::Console),
            audit: settings.console.audit_file(),
        };
        let operator = Operator::new(gateway.clone(), coordinator.clone(), policy);
        let refresh = Sender::new(0);
        tokio::spawn(watch::link(gateway.clone(), outbox.clone()));
        if let Some(coordinator) = coordinator.clone() {
            tokio::spawn(watch::coordinator(coordinator, refresh.subscribe(), outbox.clone()));
        }
        Ok(Self {
            settings,
            gateway,
            coordinator,
            operator,
            outbox,
            demo,
            refresh,
            watched: BTreeMap::new(),
            unanswered: Unanswered::default(),
            notifying: Arc::new(()),
        })
    }

    pub fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Watch(wanted) => self.watch(wanted),
            Effect::Refresh => {
                self.gateway.retry_now();
                self.refresh.send_modify(|wishes| *wishes += 1);
            }
            Effect::Fetch(fetch) => self.fetch(fetch),
            Effect::Mutate(mutation) => self.mutate(*mutation),
            Effect::Copy(words) => {
                let file = self.settings.console.state_dir.join("copied.txt");
                clipboard::copy(words, file, self.outbox.clone());
            }
            Effect::Notify(notice) => self.notify(notice),
            Effect::Fault(name) => {
                if let Some(url) = &self.demo {
                    tokio::spawn(fault::switch(url.clone(), name, self.outbox.clone()));
                }
            }
            // The loop has done these.
            Effect::Go(_)
            | Effect::Back
            | Effect::Ask(_)
            | Effect::Say(_)
            | Effect::Title(_)
            | Effect::Suspend
            | Effect::Quit => {}
        }
    }

    /// Watches exactly these from now on; what goes on is left alone.
    fn watch(&mut self, wanted: Vec<(Interest, Generation)>) {
        let mut before = std::mem::take(&mut self.watched);
        for (interest, generation) in wanted {
            let kept = before.remove(&interest).filter(|(before, _)| *before == generation);
            let watched = kept.unwrap_or_else(|| {
                let watcher = Watcher {
                    gateway: self.gateway.clone(),
                    coordinator: self.coordinator.clone(),
                    queue: self.settings.temporal.task_queue.clone(),
                    generation,
                    first: (interest != Interest::Overview).then(|| self.unanswered.one_more()),
                    unanswered: self.unanswered.clone(),
                    refresh: self.refresh.subscribe(),
                    outbox: self.outbox.clone(),
                };
                (generation, tokio::spawn(watcher.run(interest.clone())).abort_handle())
            });
            self.watched.insert(interest, watched);
        }
        for (_, task) in before.into_values() {
            task.abort();
        }
    }

    fn fetch(&self, fetch: Fetch) {
        let (gateway, outbox) = (self.gateway.clone(), self.outbox.clone());
        tokio::spawn(async move {
            let answer = match &fetch {
                Fetch::MoreWorkflows { query, after } => {
                    let result = gateway.list(query, Some(after.clone()), LATER_PAGE).await;
                    Answer::Workflows { query: query.clone(), result }
                }
                Fetch::OlderHistory { workflow, run, after } => {
                    let result = gateway.history(workflow, run.as_ref(), Some(after.clone())).await;
                    Answer::History { workflow: workflow.clone(), result }
                }
            };
            outbox.send(Event::Fetched { fetch, answer: Box::new(answer) });
        });
    }

    /// Sends it, tells the outcome, and follows what is in doubt.
    fn mutate(&self, mutation: Mutation) {
        let (operator, outbox) = (self.operator.clone(), self.outbox.clone());
        tokio::spawn(async move {
            let id = mutation.id().to_owned();
            let result = operator.perform(mutation.clone()).await;
            let in_doubt = result.as_ref().is_ok_and(Done::is_in_doubt);
            outbox.send(Event::Mutated { id: id.clone(), result });
            if in_doubt {
                let result = operator.follow(&mutation, FOLLOWED).await;
                outbox.send(Event::Mutated { id, result });
            }
        });
    }

    fn notify(&self, notice: Notice) {
        if self.settings.console.desktop_notifications {
            notify::desktop(notice, &self.notifying);
        }
    }
}
