//! Who gets what: a pure function of what waits, who there is and what is under way.
//!
//! Tenants take turns, so that one with a thousand steps does not keep another's single one waiting. Within a tenant
//! the most urgent step comes first, then the oldest; a step that nobody can take now holds up no other.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::config::agents::{Agent, Dispatcher};
use crate::contracts::clock::Timestamp;
use crate::contracts::ids::WorkKind;
use crate::contracts::roster::HeldBack;
use crate::coordinator::dispatcher::board::{Held, Load, Place};

/// A step that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub place: Place,
    pub kind: WorkKind,
    pub tenant: String,
    /// 1 before 5.
    pub priority: u8,
    pub since: Timestamp,
    /// Agents that had it until it was overdue: it is for somebody else.
    pub passed_over: Vec<String>,
}

/// A step for an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pick {
    pub offer: Offer,
    pub agent: String,
}

/// What to begin now. `last` is the tenant that was served last; the turn goes on after it.
pub fn plan(offers: Vec<Offer>, agents: &[Agent], limits: &Dispatcher, load: &Load, last: &mut String) -> Vec<Pick> {
    let mut load = load.clone();
    let mut queues: BTreeMap<String, Vec<Offer>> = BTreeMap::new();
    for offer in offers {
        if !load.taken.contains(&offer.place) {
            queues.entry(offer.tenant.clone()).or_default().push(offer);
        }
    }
    for queue in queues.values_mut() {
        // Taken from the end.
        queue.sort_by_key(|offer| Reverse((offer.priority, offer.since, offer.place.clone())));
    }
    let tenants: Vec<String> = {
        let (before, after): (Vec<&String>, Vec<&String>) = queues.keys().partition(|tenant| *tenant <= last);
        after.into_iter().chain(before).cloned().collect()
    };
    let mut picks = Vec::new();
    loop {
        let before = picks.len();
        for tenant in &tenants {
            let Some(queue) = queues.get_mut(tenant) else { continue };
            if let Some(pick) = next(queue, agents, limits, &load) {
                load.all += 1;
                *load.tenants.entry(tenant.clone()).or_default() += 1;
                *load.agents.entry(pick.agent.clone()).or_default() += 1;
                last.clone_from(tenant);
                picks.push(pick);
            }
        }
        if picks.len() == before {
            return picks;
        }
    }
}

/// What a limit holds back though agents take it: the coordinator's own, or else the quota of each tenant. Steps that
/// wait only for room of their agents are not among it.
pub fn held(offers: &[Offer], agents: &[Agent], limits: &Dispatcher, load: &Load) -> Vec<Held> {
    let called_back = |tenant: &str| load.called_back.get(tenant).copied().unwrap_or(0);
    let whole = HeldBack {
        tenant: None,
        calls: load.all,
        called_back: load.called_back.values().sum(),
        most: limits.concurrency,
        steps: 0,
    };
    let reached = |tenant: &str| {
        let (calls, most) = (load.tenants.get(tenant).copied().unwrap_or(0), limits.quota(tenant));
        let quota =
            HeldBack { tenant: Some(tenant.to_owned()), calls, called_back: called_back(tenant), most, steps: 0 };
        [&whole, &quota].into_iter().find(|limit| limit.calls >= limit.most).cloned()
    };
    let mut found: BTreeMap<Option<String>, Held> = BTreeMap::new();
    for offer in offers.iter().filter(|offer| !load.taken.contains(&offer.place)) {
        if !agents.iter().any(|agent| agent.takes(offer.kind.as_str())) {
            continue;
        }
        let Some(told) = reached(&offer.tenant) else { continue };
        let held = found.entry(told.tenant.clone()).or_insert_with(|| Held { told, goals: BTreeSet::new() });
        held.told.steps += 1;
        held.goals.insert(offer.place.0.clone());
    }
    found.into_values().collect()
}

/// The first of a tenant's steps that somebody can take.
fn next(queue: &mut Vec<Offer>, agents: &[Agent], limits: &Dispatcher, load: &Load) -> Option<Pick> {
    let tenant = &queue.last()?.tenant;
    if load.all >= limits.concurrency || load.tenants.get(tenant).copied().unwrap_or(0) >= limits.quota(tenant) {
        return None;
    }
    let (at, agent) = queue.iter().enumerate().rev().find_map(|(at, offer)| Some((at, free(offer, agents, load)?)))?;
    Some(Pick { offer: queue.remove(at), agent: agent.name.clone() })
}

/// The agent that takes this kind, has room and is asked first; among equals the one with the most room. What was taken
/// from somebody goes to their alternates first, and back to them only when there is nobody else.
fn free<'a>(offer: &Offer, agents: &'a [Agent], load: &Load) -> Option<&'a Agent> {
    let room = |agent: &Agent| agent.concurrency.saturating_sub(load.agents.get(&agent.name).copied().unwrap_or(0));
    let named = |name: &String| agents.iter().find(|agent| agent.name == *name);
    let is_there = |agent: &&Agent| !load.away.contains(&agent.name);
    let is_other = |agent: &&Agent| is_there(agent) && !offer.passed_over.contains(&agent.name);
    let alternates: Vec<&Agent> = offer
        .passed_over
        .iter()
        .rev()
        .filter_map(named)
        .flat_map(|agent| agent.alternates.iter().filter_map(named))
        .filter(is_other)
        .collect();
    if let Some(alternate) = alternates.iter().find(|agent| room(agent) > 0) {
        return Some(alternate);
    }
    let able = || agents.iter().filter(|agent| agent.takes(offer.kind.as_str()));
    let mut asked: Vec<&Agent> = able().filter(is_other).collect();
    if asked.is_empty() && alternates.is_empty() {
        asked = able().filter(is_there).collect();
    }
    asked.into_iter().filter(|agent| room(agent) > 0).min_by_key(|agent| (agent.priority, Reverse(room(agent))))
}
