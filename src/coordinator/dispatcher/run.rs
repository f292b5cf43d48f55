//! The loop: look for work, plan who gets what, begin, wait for something to happen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use crate::config::agents::Adapter;
use crate::contracts::clock::Timestamp;
use crate::contracts::engine::decision::APPROVAL;
use crate::contracts::ids::{AttemptId, WorkKind};
use crate::contracts::roster::WaitingWork;
use crate::coordinator::clock::now;
use crate::coordinator::dispatcher::board::{Board, Fate, Place, Taking};
use crate::coordinator::dispatcher::budget::{Budgets, Teller};
use crate::coordinator::dispatcher::call::{Caller, Ended};
use crate::coordinator::dispatcher::follow::Followed;
use crate::coordinator::dispatcher::plan::{Offer, Pick, held, plan};
use crate::coordinator::dispatcher::remind::{Bringer, Reminding};
use crate::coordinator::dispatcher::sibling::Beginner;
use crate::coordinator::dispatcher::stopped;
use crate::coordinator::intake::Intake;
use crate::coordinator::metrics::Metrics;
use crate::coordinator::siblings::Siblings;
use crate::gateway::Gateway;
use crate::gateway::work::WaitingGoal;
use crate::store::Store;

/// After an effect of ours the list is looked at at once, then less and less often: it shows the effect within half a
/// second.
const AT_ONCE: Duration = Duration::from_millis(50);
/// A step that was refused is not asked for again so soon, unless it was offered anew.
const REFUSED: Duration = Duration::from_mins(1);
/// The same of one that nobody answered for.
pub(super) const UNCLEAR: Duration = Duration::from_secs(2);

/// Everything it needs.
pub struct Dispatcher {
    pub gateway: Gateway,
    pub board: Arc<Board>,
    pub metrics: Metrics,
    pub intake: Intake,
    pub store: Store,
    pub siblings: Siblings,
    pub followed: watch::Receiver<Arc<Followed>>,
    pub stopping: watch::Receiver<bool>,
}

impl Dispatcher {
    /// Runs until told to stop; then steps whose agents are not done are given back.
    pub async fn run(mut self) {
        let mut rounds = Rounds::default();
        let mut pace = AT_ONCE;
        while !*self.stopping.borrow() {
            let followed = Arc::clone(&self.followed.borrow_and_update());
            let begun = self.look(&followed, &mut rounds).await;
            pace = if begun { AT_ONCE } else { (pace * 2).min(followed.limits.idle) };
            let rest = self.board.back_in().map_or(pace, |back| pace.min(back.max(AT_ONCE)));
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                () = self.board.changed.notified() => pace = AT_ONCE,
                Some(ended) = rounds.calls.join_next() => {
                    pace = AT_ONCE;
                    rounds.note(ended);
                }
                _ = self.followed.changed() => {}
                () = stopped(self.stopping.clone()) => {}
            }
            while let Some(ended) = rounds.calls.try_join_next() {
                rounds.note(ended);
            }
        }
        while rounds.calls.join_next().await.is_some() {}
    }

    /// Looks once. True when something was begun.
    async fn look(&self, followed: &Arc<Followed>, rounds: &mut Rounds) -> bool {
        let Rounds { tried, last, calls, reminding, budgets } = rounds;
        let agents = followed.fleet.agents();
        let mut kinds: Vec<String> = agents.iter().flat_map(|agent| agent.kinds.clone()).collect();
        kinds.sort();
        kinds.dedup();
        if kinds.is_empty() {
            self.board.looked(Ok(<_>::default()));
            return false;
        }
        let goals = match self.gateway.waiting_work(&kinds).await {
            Ok(goals) => goals,
            Err(failure) => {
                tracing::debug!(%failure, "no work could be looked for");
                self.board.looked(Err(failure.message));
                return false;
            }
        };
        reminding.bring(&goals, &self.board, || Bringer {
            gateway: self.gateway.clone(),
            store: self.store.clone(),
            board: Arc::clone(&self.board),
            metrics: self.metrics.clone(),
            intake: self.intake.clone(),
            followed: Arc::clone(followed),
        });
        let teller = || Teller { gateway: self.gateway.clone(), metrics: self.metrics.clone() };
        let spent = budgets.spent(&goals, &self.store, teller).await;
        let mut offers = offers(goals);
        for offer in &offers {
            self.board.offered(&offer.place, offer.since);
        }
        tried.retain(|place, tried| {
            offers.iter().any(|offer| offer.place == *place && offer.since == tried.since)
                && tried.until.is_none_or(|until| until > Instant::now())
        });
        // The list is some hundred milliseconds old: what was taken meanwhile still stands there, as it was.
        offers.retain(|offer| !tried.contains_key(&offer.place) && !spent.contains(&offer.place.0));
        let waiting = waiting(&offers, followed);
        self.metrics.waiting(&waiting);
        let load = self.board.load();
        self.board.looked(Ok((waiting, held(&offers, agents, &followed.limits, &load))));
        let picks = plan(offers, agents, &followed.limits, &load, last);
        for pick in &picks {
            tried.insert(pick.offer.place.clone(), Tried { since: pick.offer.since, until: None });
            self.begin(pick, followed, calls);
        }
        !picks.is_empty()
    }

    /// Begins with one step: a workflow is begun and left to itself, any other agent is called.
    fn begin(&self, pick: &Pick, followed: &Arc<Followed>, calls: &mut JoinSet<Ended>) {
        let attempt = AttemptId::new(format!("attempt-{}", uuid::Uuid::new_v4()));
        let (place, kind) = (pick.offer.place.clone(), pick.offer.kind.clone());
        let taking = Taking { place, attempt, kind, tenant: pick.offer.tenant.clone() };
        let slot = self.board.begin(&pick.agent, &taking);
        let agent = followed.fleet.agents().iter().find(|agent| agent.name == pick.agent);
        if let Some(agent) = agent.filter(|agent| matches!(agent.adapter, Adapter::Workflow(_))) {
            let beginner = Beginner {
                gateway: self.gateway.clone(),
                siblings: self.siblings.clone(),
                followed: Arc::clone(followed),
            };
            calls.spawn(beginner.run(agent.clone(), taking, slot));
            return;
        }
        let caller = Caller {
            gateway: self.gateway.clone(),
            board: Arc::clone(&self.board),
            metrics: self.metrics.clone(),
            intake: self.intake.clone(),
            store: self.store.clone(),
            followed: Arc::clone(followed),
            stopping: self.stopping.clone(),
        };
        calls.spawn(caller.run(pick.agent.clone(), taking, slot));
    }
}

/// What one look leaves to the next.
#[derive(Default)]
struct Rounds {
    tried: BTreeMap<Place, Tried>,
    /// The tenant that was served last.
    last: String,
    calls: JoinSet<Ended>,
    reminding: Reminding,
    budgets: Budgets,
}

/// A step that was taken, or could not be.
struct Tried {
    /// As it was offered: offered anew it is another offer.
    since: Timestamp,
    /// When it may be tried again as it is.
    until: Option<Instant>,
}

impl Rounds {
    fn note(&mut self, ended: Result<Ended, JoinError>) {
        let Ok(Ended { place, fate }) = ended else {
            tracing::error!("a call of an agent broke; its lease ends by itself");
            return;
        };
        self.budgets.call_ended(&place.0);
        let Some(known) = self.tried.get_mut(&place) else { return };
        known.until = match fate {
            Fate::Taken => None,
            Fate::Refused => Some(Instant::now() + REFUSED),
            Fate::Unclear => Some(Instant::now() + UNCLEAR),
        };
    }
}

fn offers(goals: Vec<WaitingGoal>) -> Vec<Offer> {
    let mut offers = Vec::new();
    for WaitingGoal { workflow, tenant, steps, .. } in goals {
        for step in steps.into_iter().filter(|step| step.kind.as_str() != APPROVAL) {
            offers.push(Offer {
                place: (workflow.clone(), step.id),
                kind: step.kind,
                tenant: tenant.clone(),
                priority: step.priority,
                since: step.since.timestamp().unwrap_or_else(now),
                passed_over: step.passed_over,
            });
        }
    }
    offers
}

/// By kind, for people.
fn waiting(offers: &[Offer], followed: &Followed) -> Vec<WaitingWork> {
    let mut kinds: BTreeMap<&WorkKind, WaitingWork> = BTreeMap::new();
    for offer in offers {
        let takers = followed.fleet.agents().iter().filter(|agent| agent.takes(offer.kind.as_str()));
        let known = kinds.entry(&offer.kind).or_insert_with(|| WaitingWork {
            kind: offer.kind.clone(),
            steps: 0,
            since: offer.since,
            agents: takers.count(),
        });
        known.steps += 1;
        known.since = known.since.min(offer.since);
    }
    kinds.into_values().collect()
}
