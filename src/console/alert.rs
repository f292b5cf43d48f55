//! The one worst thing, for the alert line, and what has been told to people who are not looking.

use std::collections::BTreeSet;

use crate::console::act;
use crate::console::action::Action;
use crate::console::countdown::{Countdown, Prospect};
use crate::console::ctx::Profile;
use crate::console::effect::{Effect, Level, Notice};
use crate::console::event::Overview;
use crate::console::gates;
use crate::console::model::Model;
use crate::console::remote::Remote;
use crate::console::screen::Context;
use crate::console::widgets::time;
use crate::console::world::{Upstream, World};
use crate::contracts::clock::Timestamp;
use crate::contracts::health::HealthStatus;
use crate::contracts::ids::{Environment, WorkflowId};
use crate::contracts::link::Link;
use crate::contracts::rollback::{RollbackProgress, StepStatus};
use crate::contracts::temporal::names::workflow;
use crate::contracts::workflow::{HeldUp, Standing, WorkflowDetail, WorkflowRow};

/// What is wrong, and how badly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    pub level: Level,
    pub text: String,
    /// It tells a time in seconds, which passes.
    pub counts: bool,
}

impl Model {
    /// Deployments that are running.
    pub fn live(&self) -> Vec<&WorkflowRow> {
        self.world.overview.value().map(|overview| overview.live.iter().collect()).unwrap_or_default()
    }

    /// Whether a workflow deploys something, as far as is known.
    pub fn is_deployment(&self, id: &WorkflowId) -> bool {
        let deploys =
            |row: &WorkflowRow| row.published.as_ref().is_some_and(|published| published.deployment.is_some());
        self.live().iter().any(|row| row.id == *id)
            || self.world.detail(id).value().is_some_and(|detail| deploys(&detail.row))
    }

    /// Whether a workflow is a goal, as far as is known.
    pub fn is_goal(&self, id: &WorkflowId) -> bool {
        let goal = |row: &WorkflowRow| matches!(row.workflow_type.as_str(), workflow::ENGINE | workflow::CODEGEN);
        if let Some(detail) = self.world.detail(id).value() {
            return goal(&detail.row);
        }
        let overview = self.world.overview.value();
        let mut rows = overview.map(|all| all.gates.iter().chain(&all.troubled)).into_iter().flatten();
        let row = rows.find(|row| row.id == *id).or_else(|| self.stage.workflows.find(id));
        row.is_some_and(goal)
    }

    /// Live deployments that are not well, the worst first; a few, because each is looked at every second.
    pub fn unwell(&self) -> impl Iterator<Item = &WorkflowRow> {
        let mut rows: Vec<&WorkflowRow> = self.live().into_iter().filter(|row| rank(row.health) < 3).collect();
        rows.sort_by_key(|row| (rank(row.health), row.started_at));
        rows.into_iter().take(3)
    }

    /// The live deployment that needs most attention.
    pub fn most_urgent(&self) -> Option<&WorkflowRow> {
        self.live().into_iter().min_by_key(|row| (rank(row.health), std::cmp::Reverse(row.started_at)))
    }

    /// The worst thing anywhere. A rollback that goes on is calmer than a deployment that nobody watches.
    pub fn alert(&self) -> Option<Alert> {
        let idle = || {
            let (row, held_up) = self.unwatched()?;
            Some(unwatched(row, held_up, self.world.is_asked_back(row)))
        };
        let (bad, calm) = match self.unwell_alert() {
            Some(alert) if alert.level == Level::Error => (Some(alert), None),
            calm => (None, calm),
        };
        bad.or_else(idle).or(calm).or_else(|| self.link_alert()).or_else(|| self.gate_alert())
    }

    /// Whether there is one: the layout asks, and the words ask the layout.
    pub fn has_alert(&self) -> bool {
        let anything_wrong = self.worst_off().is_some() || self.unwatched().is_some() || self.link_alert().is_some();
        anything_wrong || self.gate_alert().is_some()
    }

    /// The live deployment that is worst off, and how it is: the one that the alert line names.
    pub fn worst_off(&self) -> Option<(&WorkflowRow, HealthStatus)> {
        // What was described a moment ago is nearer the truth than the list.
        self.unwell().find_map(|row| {
            let row = self.world.detail(&row.id).value().map_or(row, |detail| &detail.row);
            Some((row, row.health.filter(|health| rank(Some(*health)) < 3)?))
        })
    }

    /// The live deployment that nobody works on and that needs somebody most. While the overview itself is old, its age is
    /// what there is to say.
    fn unwatched(&self) -> Option<(&WorkflowRow, HeldUp)> {
        let is_fresh = matches!(self.world.overview, Remote::Fresh { .. });
        let rank = |(row, held_up): &(&WorkflowRow, HeldUp)| (is_production(row), held_up.what().1);
        unattended(&self.world).filter(|_| is_fresh).max_by_key(rank)
    }

    fn unwell_alert(&self) -> Option<Alert> {
        let (row, health) = self.worst_off()?;
        let described = self.world.detail(&row.id);
        let held_up = described.held_up();
        let name = name(row);
        let key = |action: Action| self.look.keymap.label(Context::Global, action).unwrap_or_default();
        let counts = health == HealthStatus::Degraded || held_up.is_some() || described.is_stale();
        let alert = |level: Level, text: String| Some(Alert { level, text, counts });
        match health {
            HealthStatus::Stuck => alert(
                Level::Error,
                format!("{name}: the rollback is stuck and wants a person · {} to see", key(Action::GoDeployment)),
            ),
            HealthStatus::RollingBack => match held_up {
                Some(HeldUp::NoWorker(waits)) => {
                    let waits = time::coarse(waits);
                    alert(Level::Error, format!("{name} is to roll back{}: no worker takes it for {waits}", step(row)))
                }
                Some(HeldUp::NoLook(_)) | None => alert(Level::Warning, format!("{name} is rolling back{}", step(row))),
            },
            HealthStatus::Degraded => {
                // The key means what is selected, which may be another one that is not well.
                let meant = act::rollback_target(self).is_ok_and(|id| id == row.id);
                let way = if self.world.is_asked_back(row) {
                    "rollback sent".to_owned()
                } else if meant {
                    format!("{} now", key(Action::RollBack))
                } else {
                    format!("{} shows it", key(Action::GoDeployment))
                };
                let what = worst(described, held_up, self.now, &way);
                let what = what.unwrap_or_else(|| format!("degraded · {way}"));
                alert(Level::Error, format!("{name}: {what}"))
            }
            HealthStatus::Watching | HealthStatus::Healthy | HealthStatus::RolledBack => None,
        }
    }

    fn link_alert(&self) -> Option<Alert> {
        let refresh = self.look.keymap.label(Context::Global, Action::Refresh).unwrap_or_default();
        if let Some(Link::Down { failure, since, .. }) = self.world.links.get(&Upstream::Temporal) {
            let shown = self.world.overview.at().map(|at| format!(" · shown as of {}", time::second(at)));
            let gone = time::coarse(self.now.since(*since));
            // The reason comes last: on a narrow screen it is the part that may be missing.
            let text = format!(
                "No answer from Temporal for {gone}{} · {refresh} tries now · {}",
                shown.unwrap_or_default(),
                failure.message
            );
            return Some(Alert { level: Level::Error, text, counts: true });
        }
        if let Some(failure) = self.world.overview.failure() {
            return Some(Alert { level: Level::Warning, text: failure.to_string(), counts: false });
        }
        if self.world.overview.value().is_some_and(|overview| overview.unreadable.is_some()) {
            // The remedy has to fit on the smallest screen; the gates screen has the rest.
            let text = "No phases or gates: run `gatewatch doctor --fix` to register search attributes".to_owned();
            return Some(Alert { level: Level::Warning, text, counts: false });
        }
        let workers = self.world.overview.value().and_then(|overview| overview.workers);
        (workers == Some(0)).then(|| Alert {
            level: Level::Warning,
            text: format!("No worker polls queue {}: nothing moves until one does", self.profile.task_queue),
            counts: false,
        })
    }

    fn gate_alert(&self) -> Option<Alert> {
        let gates = gates::open(self.world.overview.value()?);
        let gate = gates.into_iter().find(|gate| gate.is_soon(self.now))?;
        let key = self.look.keymap.label(Context::Global, Action::GoGates).unwrap_or_default();
        let until = time::until(self.now, gate.deadline()?);
        let text = format!("{} of {}: {until}, then {} · {key} to decide", gate.title(), gate.row.id, gate.then());
        Some(Alert { level: Level::Warning, text, counts: true })
    }
}

/// Live deployments that nobody works on, as far as is known.
fn unattended(world: &World) -> impl Iterator<Item = (&WorkflowRow, HeldUp)> {
    let live = world.overview.value().map(|overview| overview.live.as_slice()).unwrap_or_default();
    live.iter().filter_map(|row| match world.standing(row) {
        Standing::HeldUp(held_up) => Some((row, held_up)),
        Standing::Health(_) | Standing::Status(_) => None,
    })
}

fn is_production(row: &WorkflowRow) -> bool {
    row.environment.as_ref().is_some_and(Environment::is_production)
}

/// How badly somebody is needed.
fn rank(health: Option<HealthStatus>) -> u8 {
    match health {
        Some(HealthStatus::Stuck) => 0,
        Some(HealthStatus::Degraded) => 1,
        Some(HealthStatus::RollingBack) => 2,
        Some(HealthStatus::Watching) => 3,
        Some(HealthStatus::Healthy) => 4,
        Some(HealthStatus::RolledBack) => 5,
        None => 6,
    }
}

/// What people call a workflow.
pub fn name(row: &WorkflowRow) -> &str {
    row.published
        .as_ref()
        .map(|published| published.title.as_str())
        .filter(|title| !title.is_empty())
        .unwrap_or(row.id.as_str())
}

/// What a narrow screen must not cut off comes first.
fn unwatched(row: &WorkflowRow, held_up: HeldUp, is_asked_back: bool) -> Alert {
    let (what, late) = held_up.what();
    let asked = if is_asked_back { "a rollback is asked for and waits: " } else { "" };
    let text = format!("{}: {asked}{what} for {}: {}", name(row), time::coarse(late), held_up.so());
    Alert { level: Level::Error, text, counts: true }
}

fn step(row: &WorkflowRow) -> String {
    let progress = row.published.as_ref().and_then(|published| published.rolling_back.as_ref());
    let steps = progress.map(|progress| progress.steps.as_slice()).unwrap_or_default();
    let current = steps.iter().position(|report| {
        matches!(report.status, StepStatus::Running | StepStatus::Retrying { .. } | StepStatus::Pending)
    });
    match current.and_then(|at| Some((at, steps.get(at)?))) {
        Some((at, report)) => {
            let again = if matches!(report.status, StepStatus::Retrying { .. }) { ", trying again" } else { "" };
            format!(": step {} of {}, {}{again}", at + 1, steps.len(), report.step.title())
        }
        None => String::new(),
    }
}

/// The trigger that fires first, in words: what a narrow screen must not cut off comes first. A rollback is promised only
/// while somebody looks and this console sees it.
fn worst(described: &Remote<WorkflowDetail>, held_up: Option<HeldUp>, now: Timestamp, way: &str) -> Option<String> {
    let report = described.value()?.health.as_deref()?;
    let looked_at = report.samples.last()?.at;
    let late = |held_up: HeldUp| time::coarse(held_up.what().1);
    let Some(countdown) = Countdown::of(report) else {
        let fired = report.fired()?.trigger.title();
        return Some(match held_up {
            Some(HeldUp::NoLook(late)) => {
                format!("{fired} fired {} ago, and nothing has followed · {way}", time::coarse(late))
            }
            Some(HeldUp::NoWorker(waits)) => {
                format!("{fired} fired · no worker takes the rollback for {} · {way}", time::coarse(waits))
            }
            None => format!("{fired} fired · the rollback begins · {way}"),
        });
    };
    let Countdown { trigger, count, of, .. } = countdown;
    let (title, measured, limit) = (trigger.trigger.title(), &trigger.now, &trigger.limit);
    let paused = report.paused_until.filter(|until| *until > now);
    let (then, why) = match (paused, held_up) {
        _ if described.is_stale() => {
            (format!("last seen {} ago", time::age(now, looked_at)), "whether it rolls back cannot be seen · ")
        }
        (_, Some(held_up)) => (format!("{} for {}", held_up.title(), late(held_up)), "nothing rolls back by itself · "),
        (Some(until), None) => (format!("automatic rollback paused for {}", time::countdown(now, until)), ""),
        (None, None) => follows(countdown.prospect(now, described.at().unwrap_or(now)), now),
    };
    Some(format!("{title} {measured} · {then} · {way} · {why}failing {count} of {of}, limit {limit}"))
}

/// What follows when nothing gets better, and what there is to say of it where there is room.
fn follows(prospect: Prospect, now: Timestamp) -> (String, &'static str) {
    match prospect {
        Prospect::At(fires_at) => (format!("rolls back in {}", time::countdown(now, fires_at)), ""),
        Prospect::Doubtful => ("next look is late".to_owned(), "whether it rolls back by itself is in doubt · "),
        Prospect::Due => ("rollback at next look".to_owned(), ""),
        Prospect::Overdue(late) => (format!("rollback overdue {}: no worker answers?", time::coarse(late)), ""),
    }
}

/// What has been told, so that it is told once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    keys: BTreeSet<(WorkflowId, String)>,
    begun: bool,
    /// Somebody looks at this terminal, as far as it says.
    pub focused: bool,
    title: String,
}

impl Told {
    /// What is new since the last time. What was there when the console started is on screen already.
    pub fn news(&mut self, world: &World, profile: &Profile, now: Timestamp) -> Vec<Notice> {
        let Some(overview) = world.overview.value() else { return Vec::new() };
        let facts = facts(overview, profile, now).into_iter().chain(idle(world));
        let first = !std::mem::replace(&mut self.begun, true);
        let known = std::mem::take(&mut self.keys);
        let mut news = Vec::new();
        for (key, notice) in facts {
            if !known.contains(&key) && !first {
                news.extend(notice);
            }
            self.keys.insert(key);
        }
        news
    }

    /// The window's title, when it changed.
    pub fn title(&mut self, world: &World, profile: &Profile) -> Option<Effect> {
        let overview = world.overview.value();
        let gates = overview.map_or(0, |overview| gates::open(overview).len());
        let unwell = overview.is_some_and(|overview| overview.live.iter().any(|row| rank(row.health) < 3));
        let count = if gates == 0 { String::new() } else { format!("({gates}) ") };
        let sign = if unwell || unattended(world).next().is_some() { "▲ " } else { "" };
        let title = format!("{sign}{count}gatewatch: {}", profile.cluster.namespace);
        if title == self.title {
            return None;
        }
        self.title.clone_from(&title);
        Some(Effect::Title(title))
    }
}

type Fact = ((WorkflowId, String), Option<Notice>);

/// Everything that is worth telling, each under a key; without a notice where it is one's own doing.
fn facts(overview: &Overview, profile: &Profile, now: Timestamp) -> Vec<Fact> {
    let mut facts = Vec::new();
    let notice = |title: String, body: String| Some(Notice { title, body });
    for gate in gates::open(overview) {
        let revision = gate.gate.map_or(0, |open| open.revision);
        let mine = gate.gate.is_some_and(|open| open.requested_by == profile.actor);
        let asks = notice(format!("{} waits", gate.title()), name(gate.row).to_owned());
        facts.push(((gate.row.id.clone(), format!("gate {} {revision}", gate.id)), asks.filter(|_| !mine)));
        if let Some(deadline) = gate.deadline().filter(|_| gate.is_soon(now)) {
            let left = time::until(now, deadline);
            let soon = notice(format!("{} {left}", gate.title()), format!("{}; then {}", name(gate.row), gate.then()));
            facts.push(((gate.row.id.clone(), format!("soon {} {revision}", gate.id)), soon));
        }
    }
    for row in overview.live.iter().chain(&overview.troubled) {
        let Some(health) = row.health else { continue };
        // Whatever way it took: the console, the coordinator, a command.
        let asked_by = |progress: &RollbackProgress| {
            let cause = &progress.cause;
            cause.trigger.is_none().then(|| cause.actor.name.clone())
        };
        let rolling = row.published.as_ref().and_then(|published| published.rolling_back.as_ref());
        let mine = rolling.and_then(asked_by).is_some_and(|name| name == profile.actor);
        let what = match health {
            HealthStatus::Degraded => notice("A rollback trigger is arming".to_owned(), name(row).to_owned()),
            HealthStatus::RollingBack if mine => None,
            HealthStatus::RollingBack => notice("Rolling back".to_owned(), name(row).to_owned()),
            HealthStatus::RolledBack => notice("Rolled back and verified".to_owned(), name(row).to_owned()),
            HealthStatus::Stuck => notice("The rollback is stuck".to_owned(), name(row).to_owned()),
            HealthStatus::Watching | HealthStatus::Healthy => continue,
        };
        facts.push(((row.id.clone(), format!("health {}", health.as_str())), what));
    }
    facts
}

/// What nobody works on is worth telling, too.
fn idle(world: &World) -> impl Iterator<Item = Fact> {
    unattended(world).map(|(row, held_up)| {
        let title = match held_up {
            HeldUp::NoLook(_) => "Nobody watches a live deployment",
            HeldUp::NoWorker(_) => "No worker takes the next task of a deployment",
        };
        let notice = Notice { title: title.to_owned(), body: name(row).to_owned() };
        ((row.id.clone(), held_up.title().to_owned()), Some(notice))
    })
}
