//! What happens on this screen: the preview of a rollback and its sending, and the watch on a live deployment.

use crate::console::action::Action;
use crate::console::asking;
use crate::console::ctx::Ctx;
use crate::console::cursor::Move;
use crate::console::effect::{Effect, Note};
use crate::console::event::{Answer as World, Input};
use crate::console::question::Question;
use crate::console::screen::{Context, Focus, Place};
use crate::console::screens::deployment::scene::{Scene, failing_since};
use crate::console::screens::deployment::state::{Answer, Asked, Seen, State};
use crate::console::widgets::time;
use crate::contracts::clock::Timestamp;
use crate::contracts::failure::Failure;
use crate::contracts::health::{HealthReport, Sample};
use crate::contracts::http::RollbackOutcome;
use crate::contracts::ids::{RequestId, WorkflowId};
use crate::contracts::mutation::{Done, Mutation, Rollback, Target};
use crate::contracts::workflow::WorkflowDetail;

pub fn update(state: &mut State, input: Input<'_>, ctx: &Ctx<'_>) -> Vec<Effect> {
    match input {
        Input::Opened(Place::Deployment(workflow)) => {
            state.show(workflow.clone());
            if let Some(detail) = workflow.as_ref().and_then(|id| ctx.world.detail(id).value()) {
                see(state, detail);
            }
            Vec::new()
        }
        Input::Answer(World::Workflow { id, result: Ok(detail) }) if state.workflow.as_ref() == Some(id) => {
            see(state, detail);
            Vec::new()
        }
        Input::Mutated(mutation, result) => {
            mutated(state, mutation, result);
            Vec::new()
        }
        Input::Key(key) => {
            state.reason_field().key(key);
            Vec::new()
        }
        Input::Paste(text) => {
            state.reason_field().paste(text);
            Vec::new()
        }
        Input::Action(action) => act(state, action, ctx),
        Input::Opened(_) | Input::Answer(_) | Input::Fetched(..) | Input::Resized | Input::Tick => Vec::new(),
    }
}

/// Keeps the last health: when monitoring ends, what led there stays on screen.
fn see(state: &mut State, detail: &WorkflowDetail) {
    let rolling = detail.row.published.as_ref().is_some_and(|published| published.rolling_back.is_some());
    if rolling && matches!(state.asked, Asked::Preview { .. }) {
        // Somebody else was faster, or a trigger was: there is nothing left to ask.
        state.asked = Asked::No;
    }
    let Some(report) = detail.health.as_deref().filter(|report| !report.samples.is_empty()) else { return };
    // While a rollback is watched the new looks say how it recovers, not when it broke.
    let before = state.seen.as_ref().and_then(|seen| seen.detected_at);
    let detected_at = if rolling { before } else { failing_since(report).map(|since| earlier(before, since)) };
    let mut report = report.clone();
    if let Some(seen) = state.seen.take().filter(|_| rolling) {
        report.samples = joined(seen.report.samples, report.samples);
    }
    state.seen = Some(Seen { report, detected_at });
}

/// What led to the rollback and how it recovers, in one line: each watch begins to count its looks anew.
fn joined(before: Vec<Sample>, now: Vec<Sample>) -> Vec<Sample> {
    let first = now.first().map(|sample| sample.at);
    let mut all: Vec<Sample> =
        before.into_iter().filter(|sample| first.is_none_or(|first| sample.at < first)).collect();
    all.extend(now);
    let spare = all.len().saturating_sub(2 * HealthReport::KEPT);
    all.drain(..spare);
    all
}

fn earlier(before: Option<Timestamp>, now: Timestamp) -> Timestamp {
    before.map_or(now, |before| before.min(now))
}

fn mutated(state: &mut State, mutation: &Mutation, result: &Result<Done, Failure>) {
    let Asked::Sent { request, answer, .. } = &mut state.asked else { return };
    if request.as_str() != mutation.id() {
        return;
    }
    *answer = match result {
        Ok(Done::RolledBack { result: RollbackOutcome::InDoubt { .. } }) => Answer::Durable,
        Ok(_) => Answer::Accepted,
        Err(failure) => Answer::Failed(failure.clone()),
    };
}

fn act(state: &mut State, action: Action, ctx: &Ctx<'_>) -> Vec<Effect> {
    if state.focus() == Focus::Text {
        // Every way out of the field leads back to the preview, with the text kept.
        if matches!(action, Action::Back | Action::NewLine | Action::Submit | Action::NextField | Action::PreviousField)
        {
            set_focus(state, Focus::Keys);
        }
        return Vec::new();
    }
    if let Some(movement) = Move::of(action) {
        return neighbour(state, movement, ctx).map(|id| Effect::Go(Place::Deployment(Some(id)))).into_iter().collect();
    }
    if action == Action::RollBack {
        return roll_back(state, ctx);
    }
    let Some(id) = state.workflow.clone() else { return Vec::new() };
    let environment = Scene::of(state, ctx).and_then(|scene| scene.environment().cloned());
    let ask = |question: Result<Question, String>| match question {
        Ok(question) => vec![Effect::Ask(Box::new(question))],
        Err(why) => vec![Effect::Say(Note::info(why))],
    };
    if action == Action::Back {
        state.asked = Asked::No;
        return Vec::new();
    }
    if matches!(action, Action::NextPane | Action::PreviousPane) {
        set_focus(state, Focus::Text);
        return Vec::new();
    }
    if action == Action::Open {
        return vec![Effect::Go(Place::Workflow(id))];
    }
    if action == Action::Copy {
        return vec![Effect::Copy(copied(state, &id, ctx))];
    }
    if action == Action::ExtendMonitoring {
        return ask(asking::extend(ctx, &id, environment.as_ref()));
    }
    if action == Action::PauseMonitoring {
        return ask(asking::pause(ctx, &id, environment.as_ref()));
    }
    if action == Action::ResumeMonitoring {
        return ask(asking::resume(ctx, &id, environment.as_ref()));
    }
    Vec::new()
}

fn set_focus(state: &mut State, wanted: Focus) {
    if let Asked::Preview { focus, .. } = &mut state.asked {
        *focus = wanted;
    }
    if wanted == Focus::Text {
        state.reason_field();
    }
}

/// First what it will do, then do it. A request that could not be sent is sent again under its own id.
fn roll_back(state: &mut State, ctx: &Ctx<'_>) -> Vec<Effect> {
    let Some(id) = state.workflow.clone() else { return Vec::new() };
    let request = match &state.asked {
        Asked::No => {
            state.asked = Asked::Preview { request: RequestId::new(ctx.new_id()), focus: Focus::Keys };
            return Vec::new();
        }
        Asked::Preview { request, .. } | Asked::Sent { request, .. } => request.clone(),
    };
    let mutation = rollback(state, &id, &request);
    let at = match &state.asked {
        Asked::Sent { at, .. } => *at,
        Asked::No | Asked::Preview { .. } => ctx.now,
    };
    state.asked = Asked::Sent { request, at, answer: Answer::Waiting };
    vec![Effect::Mutate(Box::new(mutation))]
}

fn rollback(state: &State, id: &WorkflowId, request: &RequestId) -> Mutation {
    let target = Target { workflow_id: id.clone(), request_id: request.clone() };
    Mutation::Rollback(Rollback { target, reason: state.typed_reason() })
}

/// The command of the rollback that is on screen; otherwise the workflow's id.
fn copied(state: &State, id: &WorkflowId, ctx: &Ctx<'_>) -> String {
    match command(state, ctx) {
        Some(command) => command,
        None => id.to_string(),
    }
}

/// The `temporal` command that does what the second press does.
pub fn command(state: &State, ctx: &Ctx<'_>) -> Option<String> {
    let (Asked::Preview { request, .. } | Asked::Sent { request, .. }) = &state.asked else { return None };
    let id = state.workflow.as_ref()?;
    Some(rollback(state, id, request).describe(&ctx.profile.cluster).command)
}

/// The next or the previous of the live deployments. A page is no step: there is none to turn here, and a hand that means
/// to scroll must not end up at another service.
fn neighbour(state: &State, movement: Move, ctx: &Ctx<'_>) -> Option<WorkflowId> {
    let live = &ctx.world.overview.value()?.live;
    let here = live.iter().position(|row| Some(&row.id) == state.workflow.as_ref());
    let last = live.len().checked_sub(1)?;
    let there = match movement {
        Move::PageDown | Move::PageUp => return None,
        Move::Down => here.map_or(0, |here| (here + 1).min(last)),
        Move::Up => here.map_or(0, |here| here.saturating_sub(1)),
        Move::Top => 0,
        Move::Bottom => last,
    };
    live.get(there).map(|row| row.id.clone()).filter(|id| Some(id) != state.workflow.as_ref())
}

fn no_neighbour(movement: Move, ctx: &Ctx<'_>) -> String {
    match movement {
        Move::PageDown | Move::PageUp => {
            let key = |action| ctx.key(Context::Deployment, action);
            let (down, up) = (key(Action::CursorDown), key(Action::CursorUp));
            format!("This is all there is. {down} and {up} go to another live deployment.")
        }
        Move::Down | Move::Up | Move::Top | Move::Bottom => "There is no other live deployment that way.".to_owned(),
    }
}

/// Whether an action is possible here and now, or why not.
pub fn can(state: &State, action: Action, ctx: &Ctx<'_>) -> Result<(), String> {
    let previewing = matches!(state.asked, Asked::Preview { .. });
    let nothing = || "No deployment is shown: there is none, or none is known yet.".to_owned();
    if action == Action::Back {
        let is_open = previewing || state.has_failed();
        return if is_open { Ok(()) } else { Err("Nothing is open on this screen.".to_owned()) };
    }
    if let Some(movement) = Move::of(action) {
        let other = neighbour(state, movement, ctx);
        return other.map(|_| ()).ok_or_else(|| no_neighbour(movement, ctx));
    }
    if matches!(action, Action::NextPane | Action::PreviousPane) {
        let key = ctx.key(Context::Deployment, Action::RollBack);
        return if previewing { Ok(()) } else { Err(format!("There is nothing to type here before {key}.")) };
    }
    if matches!(action, Action::Open | Action::Copy) {
        return state.workflow.as_ref().map(|_| ()).ok_or_else(nothing);
    }
    let scene = Scene::of(state, ctx).ok_or_else(nothing)?;
    if action == Action::RollBack {
        return may_roll_back(state, &scene);
    }
    if !matches!(action, Action::ExtendMonitoring | Action::PauseMonitoring | Action::ResumeMonitoring) {
        return Err(format!("`{}` does nothing on a deployment.", action.spec().title));
    }
    if state.is_sent(&scene.row.id) {
        return Err("A rollback is asked for: there is nothing to extend or to pause any more.".to_owned());
    }
    may_watch(action, &scene, ctx)
}

fn may_roll_back(state: &State, scene: &Scene<'_>) -> Result<(), String> {
    if scene.rolling().is_some() {
        return Err(already(scene));
    }
    if !scene.is_open() {
        let status = scene.row.status.as_str();
        return Err(format!("This deployment is over ({status}): its workflow can roll nothing back any more."));
    }
    match &state.asked {
        Asked::Sent { answer: Answer::Waiting | Answer::Accepted | Answer::Durable, .. } => {
            Err("The rollback is sent already; once is enough.".to_owned())
        }
        Asked::No | Asked::Preview { .. } | Asked::Sent { answer: Answer::Failed(_), .. } => Ok(()),
    }
}

/// Why there is no second rollback: the one there is runs, or is over.
fn already(scene: &Scene<'_>) -> String {
    match scene.row.rolled_back() {
        Some((version, at)) => format!("Rolled back already: {version} verified at {}.", time::second(at)),
        None if !scene.is_open() => {
            format!("This deployment is over ({}), and its rollback was not verified.", scene.row.status.as_str())
        }
        None => "It is being rolled back already; this screen follows it to the end.".to_owned(),
    }
}

fn may_watch(action: Action, scene: &Scene<'_>, ctx: &Ctx<'_>) -> Result<(), String> {
    if !scene.is_monitoring() {
        return Err("It is not being watched now, so there is nothing to extend or to pause.".to_owned());
    }
    match (action, scene.paused_until()) {
        (Action::PauseMonitoring, Some(until)) => Err(format!(
            "It is paused already, until {}. {} resumes it.",
            time::second(until),
            ctx.key(Context::Deployment, Action::ResumeMonitoring)
        )),
        (Action::ResumeMonitoring, None) => Err("Automatic rollback is not paused.".to_owned()),
        _ => Ok(()),
    }
}
