//! An agent in words.

use std::fmt::Write as _;

use crate::console::ctx::Ctx;
use crate::console::widgets::aside::LABEL;
use crate::console::widgets::time;
use crate::contracts::clock::Timestamp;
use crate::contracts::roster::{AgentReport, AgentRoster, Spent, WaitingWork};

/// What it is doing.
pub fn standing(agent: &AgentReport, now: Timestamp) -> String {
    if is_used_up(agent) {
        return "budget used up".to_owned();
    }
    match agent.resting_until.filter(|until| *until > now) {
        Some(until) => format!("rests {}", time::fine(until.since(now))),
        None if agent.calls.is_empty() => "idle".to_owned(),
        None => "working".to_owned(),
    }
}

/// Whether it may spend nothing more today.
pub fn is_used_up(agent: &AgentReport) -> bool {
    agent.today.is_some_and(|today| today.is_used_up())
}

/// What it cost today, against what it may; a dash where the coordinator does not tell.
pub fn spent(agent: &AgentReport) -> String {
    match agent.today {
        Some(Spent { usd, budget_usd: Some(budget), .. }) => format!("${usd:.2}/{budget:.2}"),
        Some(Spent { usd, budget_usd: None, .. }) => format!("${usd:.2}"),
        None => "-".to_owned(),
    }
}

/// Work that waits: `DRAFT 3 (4m)`; work that nobody takes says so.
pub fn waiting(roster: &AgentRoster, now: Timestamp) -> String {
    let of = |work: &WaitingWork| {
        let nobody = if work.agents == 0 { ", nobody takes it" } else { "" };
        format!("{} {} ({}{nobody})", work.kind, work.steps, time::about(now, work.since))
    };
    roster.waiting.iter().map(of).collect::<Vec<_>>().join("  ")
}

/// Which limits hold work back, if any.
pub fn held_back(roster: &AgentRoster) -> Option<String> {
    let all: Vec<String> = roster.held_back.iter().map(|held| format!("{} held back: {held}", held.steps)).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// Everything there is to say of it.
pub fn of(agent: &AgentReport, ctx: &Ctx<'_>) -> String {
    let mut text = String::new();
    let mut say = |label: &str, words: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{label:<LABEL$}{words}");
    };
    if let Some(trouble) = &agent.last_trouble {
        say("trouble", &format!("{} ({} ago)", trouble.why, time::age(ctx.now, trouble.at)));
    }
    for call in &agent.calls {
        let later = if call.called_back { ", answers by callback" } else { "" };
        let since = time::age(ctx.now, call.since);
        say("works on", &format!("{} of {} for {since}{later}", call.step_id, call.workflow_id));
    }
    let calls =
        format!("{} begun, {} done, {} going on, {} failed", agent.dispatched, agent.ok, agent.partial, agent.fail);
    say("calls", &format!("{calls}, {} without an answer", agent.broken));
    if let Some(today) = agent.today {
        let (usd, tokens) = (agent.cost_usd.unwrap_or_default(), agent.tokens.unwrap_or_default());
        say("cost", &format!("${usd:.2}, {tokens} tokens; today {}, {} tokens", spent(agent), today.tokens));
    }
    say("takes", &agent.kinds.join(", "));
    say("adapter", &format!("{}, priority {}", agent.adapter, agent.priority));
    if !agent.alternates.is_empty() {
        say("else", &agent.alternates.join(", "));
    }
    text
}
