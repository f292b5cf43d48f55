//! Who gets what: tenants take turns, limits hold, the urgent come first.

use std::collections::BTreeMap;

use gatewatch::config::agents::{Agent, Dispatcher};
use gatewatch::contracts::clock::Timestamp;
use gatewatch::coordinator::dispatcher::board::Load;
use gatewatch::coordinator::dispatcher::plan::{Offer, Pick, held, plan};

use crate::dispatch::rig::settings_of;

fn agents(text: &str) -> (Vec<Agent>, Dispatcher) {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings_of(folder.path(), text);
    (settings.agents, settings.dispatcher)
}

fn agent(name: &str, kinds: &str, more: &str) -> String {
    format!("[[agents]]\nname = \"{name}\"\nkinds = [{kinds}]\nadapter = \"scripted\"\n{more}\n")
}

fn offer(tenant: &str, step: &str, kind: &str, priority: u8, since: i64) -> Offer {
    Offer {
        place: (format!("{tenant}-goal").as_str().into(), step.into()),
        kind: kind.into(),
        tenant: tenant.to_owned(),
        priority,
        since: Timestamp::from_unix_millis(since).unwrap(),
        passed_over: Vec::new(),
    }
}

fn steps(picks: &[Pick]) -> Vec<&str> {
    picks.iter().map(|pick| pick.offer.place.1.as_str()).collect()
}

#[test]
fn tenants_take_turns_whoever_has_more() {
    let (agents, limits) = agents(&agent("a", "\"*\"", "concurrency = 4"));
    let many = (0..50).map(|n| offer("big", &format!("big-{n}"), "X", 3, n));
    let offers: Vec<Offer> = many.chain([offer("small", "small-1", "X", 3, 900)]).collect();
    let mut last = String::new();
    let picks = plan(offers.clone(), &agents, &limits, &Load::default(), &mut last);
    assert_eq!(steps(&picks), ["big-0", "small-1", "big-1", "big-2"]);

    // One place at a time: the turn goes on where it was.
    let load = Load { all: 3, agents: [("a".to_owned(), 3)].into(), ..Load::default() };
    let mut served = Vec::new();
    let mut last = String::new();
    for _ in 0..4 {
        let offers = ["big", "small", "tiny"].map(|tenant| offer(tenant, tenant, "X", 3, 0)).into();
        served.push(steps(&plan(offers, &agents, &limits, &load, &mut last))[0].to_owned());
    }
    assert_eq!(served, ["big", "small", "tiny", "big"]);
}

#[test]
fn the_urgent_come_first_and_what_nobody_can_take_holds_nobody_up() {
    let (agents, limits) = agents(&agent("a", "\"X\"", "concurrency = 2"));
    let offers = vec![
        offer("t", "old", "X", 3, 1),
        offer("t", "older", "X", 3, 0),
        offer("t", "nobody's", "Y", 1, 0),
        offer("t", "urgent", "X", 1, 9),
    ];
    assert_eq!(steps(&plan(offers, &agents, &limits, &Load::default(), &mut String::new())), ["urgent", "older"]);
}

#[test]
fn limits_of_agents_of_tenants_and_of_all_hold() {
    let text = format!(
        "[dispatcher]\nconcurrency = 5\ntenant_quota = 3\n[dispatcher.tenants]\ntight = 1\n{}",
        agent("a", "\"*\"", "concurrency = 9")
    );
    let (agents, limits) = agents(&text);
    let of = |tenant: &str| (0..9).map(|n| offer(tenant, &format!("{tenant}-{n}"), "X", 3, n)).collect::<Vec<_>>();
    let picks = plan([of("tight"), of("wide")].concat(), &agents, &limits, &Load::default(), &mut String::new());
    assert_eq!(steps(&picks), ["tight-0", "wide-0", "wide-1", "wide-2"]);
    let load = Load { all: 4, tenants: BTreeMap::from([("wide".to_owned(), 3)]), ..Load::default() };
    let picks = plan([of("tight"), of("wide")].concat(), &agents, &limits, &load, &mut String::new());
    assert_eq!(steps(&picks), ["tight-0"]);
}

#[test]
fn agents_are_asked_in_their_order_and_not_while_they_rest() {
    let text = agent("second", "\"X\"", "priority = 4") + &agent("first", "\"X\"", "priority = 2");
    let (agents, limits) = agents(&text);
    let offers = || vec![offer("t", "a", "X", 3, 0), offer("t", "b", "X", 3, 1)];
    let who = |picks: Vec<Pick>| picks.into_iter().map(|pick| pick.agent).collect::<Vec<_>>();
    assert_eq!(who(plan(offers(), &agents, &limits, &Load::default(), &mut String::new())), ["first", "second"]);
    let load = Load { away: vec!["first".to_owned()], ..Load::default() };
    assert_eq!(who(plan(offers(), &agents, &limits, &load, &mut String::new())), ["second"]);
    let taken = Load { taken: vec![offers()[0].place.clone()], ..Load::default() };
    assert_eq!(steps(&plan(offers(), &agents, &limits, &taken, &mut String::new())), ["b"]);
}

#[test]
fn what_was_taken_from_an_agent_goes_to_its_alternates_then_to_others_and_back_only_without_any() {
    let text = agent("late", "\"X\"", "priority = 1\nalternates = [\"backup\"]")
        + &agent("backup", "", "")
        + &agent("other", "\"X\"", "");
    let (all, limits) = agents(&text);
    let who = |all: &[Agent], passed_over: &[&str], load: &Load| {
        let passed_over = passed_over.iter().map(|name| (*name).to_owned()).collect();
        let offers = vec![Offer { passed_over, ..offer("t", "a", "X", 3, 0) }];
        plan(offers, all, &limits, load, &mut String::new()).pop().map(|pick| pick.agent)
    };
    let (free, named) = (Load::default(), |name: &str| Some(name.to_owned()));
    assert_eq!(who(&all, &[], &free), named("late"));
    assert_eq!(who(&all, &["late"], &free), named("backup"));
    assert_eq!(who(&all, &["late", "backup"], &free), named("other"));
    let full = Load { agents: [("backup".to_owned(), 1)].into(), ..Load::default() };
    assert_eq!(who(&all, &["late"], &full), named("other"));
    assert_eq!(who(&all, &["late", "backup", "other"], &free), named("late"), "better than nobody");
    assert_eq!(who(&all[..2], &["late"], &full), None, "the alternate will have room");
}

#[test]
fn what_a_limit_holds_back_is_known_and_what_nobody_takes_is_not_its() {
    let text = format!("[dispatcher]\nconcurrency = 5\ntenant_quota = 2\n{}", agent("a", "\"X\"", "concurrency = 9"));
    let (agents, limits) = agents(&text);
    let mut offers = vec![
        offer("full", "a", "X", 3, 0),
        offer("full", "b", "X", 3, 0),
        offer("full", "nobody's", "Y", 3, 0),
        offer("free", "c", "X", 3, 0),
        offer("", "d", "X", 3, 0),
    ];
    let taken = offer("full", "taken", "X", 3, 0);
    offers.push(taken.clone());
    let mut load = Load { all: 4, taken: vec![taken.place], ..Load::default() };
    load.tenants = BTreeMap::from([("full".to_owned(), 2), (String::new(), 2)]);
    load.called_back = BTreeMap::from([("full".to_owned(), 1), ("free".to_owned(), 0), (String::new(), 0)]);
    let told = |load: &Load| {
        let all = held(&offers, &agents, &limits, load);
        all.iter().map(|held| (held.told.to_string(), held.told.steps, held.goals.len())).collect::<Vec<_>>()
    };
    let quota = "(dispatcher.tenant_quota)";
    let own = "(dispatcher.tenant_quota or dispatcher.tenants)";
    assert_eq!(
        told(&load),
        [
            (format!("goals without a tenant have 2 of 2 calls under way {quota}"), 1, 1),
            (format!("tenant full has 2 of 2 calls under way, 1 of them until their callback {own}"), 2, 1),
        ]
    );
    load.all = 5;
    let all = "the coordinator has 5 of 5 calls under way, 1 of them until their callback (dispatcher.concurrency)";
    assert_eq!(told(&load), [(all.to_owned(), 4, 3)]);
    assert_eq!(told(&Load::default()), []);
}
