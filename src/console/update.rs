//! One event in, effects out. The only place that changes the model.

use std::collections::VecDeque;

use crate::console::act;
use crate::console::effect::{Effect, Fetch, Generation, Interest, Note, Notice};
use crate::console::event::{Answer, Event, Input, Stamped};
use crate::console::gates::{self, GateKey, GateView};
use crate::console::guide::Guide;
use crate::console::model::Model;
use crate::console::overlays::Overlay;
use crate::console::overlays::confirm::state::State as Confirm;
use crate::console::overlays::confirm::update::{self as confirm, Stay};
use crate::console::press;
use crate::console::screen::{Focus, Place, ScreenId};
use crate::console::typing::Pace;
use crate::console::world::{Decided, Upstream};
use crate::contracts::clock::Millis;
use crate::contracts::decision::{Outcome, Verdict};
use crate::contracts::engine::message::{Message, Told};
use crate::contracts::failure::Failure;
use crate::contracts::http::DecisionRequest;
use crate::contracts::ids::GateId;
use crate::contracts::link::Link;
use crate::contracts::mutation::{Done, Mutation, Tell};

/// Takes in one event and says what the outside has to do.
pub fn update(model: &mut Model, stamped: Stamped) -> Vec<Effect> {
    // Measured before time passes: an alert that comes with the hour takes a line of the body as well.
    let before = model.body();
    pass(model, &stamped);
    let wanted = happened(model, stamped.event);
    let mut effects = settle(model, wanted);
    if model.body() != before {
        let wanted = to_screen(model, Input::Resized);
        effects.extend(settle(model, wanted));
    }
    let interests = interests(model);
    effects.extend(model.watched.want(interests, model.now));
    effects.extend(model.told.title(&model.world, &model.profile));
    effects
}

/// The effects of the very beginning, before anything has happened.
pub fn begin(model: &mut Model) -> Vec<Effect> {
    let wanted = to_screen(model, Input::Opened(&Place::Now));
    let mut effects = settle(model, wanted);
    let interests = interests(model);
    effects.extend(model.watched.want(interests, model.now));
    effects
}

/// A wall clock that goes back by more than this was set; by less, it only trembles.
const SET_BACK: Millis = Millis::from_secs(1);

/// Time passes. Threads race for the channel, so an event may come late; what is late does not turn the clock back, but
/// somebody who sets it does.
fn pass(model: &mut Model, stamped: &Stamped) {
    model.turn += 1;
    if stamped.up < model.typing.up {
        return;
    }
    model.typing.up = stamped.up;
    if model.now.since(stamped.at) < SET_BACK {
        model.now = model.now.max(stamped.at);
        return;
    }
    model.now = stamped.at;
    model.watched.clock_set(model.now);
    model.world.clock_set(model.now);
    model.messages.clock_set(model.now);
}

fn happened(model: &mut Model, event: Event) -> Vec<Effect> {
    match event {
        Event::Key(key) => press::press(model, key),
        Event::Paste(text) => paste(model, &text),
        Event::Resize { width, height } => {
            model.size = crate::console::ctx::Size { width, height };
            if model.layout().is_none() {
                // What was confirmed is out of sight.
                model.typing.held = None;
            }
            Vec::new()
        }
        Event::FocusGained => focused(model, true),
        Event::FocusLost => focused(model, false),
        Event::Tick => {
            let released = model.typing.release();
            let mut effects = released.map(|action| act::confirmed(model, action, Pace::Human)).unwrap_or_default();
            effects.extend(to_screen(model, Input::Tick));
            effects
        }
        Event::Answer { generation, answer } => answered(model, generation, &answer),
        Event::Same { generation } => same(model, generation),
        Event::Fetched { fetch, answer } => fetched(model, &fetch, &answer),
        Event::Mutated { id, result } => mutated(model, &id, &result),
        Event::Link { upstream, link } => {
            linked(model, upstream, link);
            Vec::new()
        }
        Event::Look(Ok(look)) => {
            model.look = *look;
            vec![Effect::Say(Note::done("Theme and keymap were read again."))]
        }
        Event::Look(Err(failure)) | Event::Failed(failure) => vec![Effect::Say(Note::failed(&failure))],
        Event::Said(text) => vec![Effect::Say(Note::done(text))],
        Event::Shutdown => vec![Effect::Quit],
        Event::Stop => vec![Effect::Suspend],
        Event::Resumed => Vec::new(),
    }
}

/// How an upstream stands now. When one is back, what could not be sent while it was away is history.
fn linked(model: &mut Model, upstream: Upstream, link: Link) {
    let is_up = link.is_up();
    let before = model.world.links.insert(upstream, link);
    if is_up && before.is_some_and(|before| !before.is_up()) {
        model.stage.forget_failure();
    }
}

fn focused(model: &mut Model, focused: bool) -> Vec<Effect> {
    model.told.focused = focused;
    Vec::new()
}

fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    if model.focus() != Focus::Text {
        let note = "Pasted text was refused: it would have been read as keys. Paste into a text field.";
        return vec![Effect::Say(Note::warning(note))];
    }
    let height = usize::from(model.body().height);
    match model.overlays.last_mut() {
        Some(Overlay::Confirm(state)) => confirm::paste(state, text),
        Some(Overlay::Palette(state)) => {
            state.input.paste(text);
            state.find(height);
        }
        Some(Overlay::Help(state)) => {
            if let Some(search) = &mut state.search {
                search.paste(text);
            }
        }
        None => return to_screen(model, Input::Paste(text)),
    }
    Vec::new()
}

fn answered(model: &mut Model, generation: Generation, answer: &Answer) -> Vec<Effect> {
    if !model.watched.stands(generation) {
        return Vec::new();
    }
    if answer.is_ok() {
        model.watched.heard(generation, model.now);
    }
    model.world.apply(answer, model.now);
    let mut effects = if matches!(answer, Answer::Overview(Ok(_))) {
        notices(model.told.news(&model.world, &model.profile, model.now))
    } else {
        Vec::new()
    };
    if let Some(guide) = &mut model.guide {
        guide.look(&model.world);
    }
    let (overlays, ctx) = model.over();
    for overlay in overlays {
        if let Overlay::Confirm(state) = overlay {
            confirm::look_again(state, &ctx);
        }
    }
    effects.extend(to_screen(model, Input::Answer(answer)));
    effects
}

/// Nothing came but the assurance that it is so still. A deadline comes nearer all the same.
fn same(model: &mut Model, generation: Generation) -> Vec<Effect> {
    let Some(interest) = model.watched.heard(generation, model.now) else { return Vec::new() };
    model.world.same(interest, model.now);
    if *interest != Interest::Overview {
        return Vec::new();
    }
    notices(model.told.news(&model.world, &model.profile, model.now))
}

fn notices(notices: Vec<Notice>) -> Vec<Effect> {
    notices.into_iter().map(Effect::Notify).collect()
}

fn fetched(model: &mut Model, fetch: &Fetch, answer: &Answer) -> Vec<Effect> {
    let screen = match fetch {
        Fetch::MoreWorkflows { .. } => ScreenId::Workflows,
        Fetch::OlderHistory { .. } => ScreenId::History,
    };
    let (stage, ctx) = model.halves();
    stage.update(screen, Input::Fetched(fetch, answer), &ctx)
}

fn mutated(model: &mut Model, id: &str, result: &Result<Done, Failure>) -> Vec<Effect> {
    let Some((mutation, note)) = model.sent.news(id, result) else { return Vec::new() };
    let mut effects = vec![Effect::Say(note)];
    let (overlays, ctx) = model.over();
    let asked = |overlay: &mut Overlay| match overlay {
        Overlay::Confirm(state) if state.question.mutation.id() == id => Some(confirm::news(state, result, &ctx)),
        Overlay::Confirm(_) | Overlay::Help(_) | Overlay::Palette(_) => None,
    };
    let stays: Vec<Option<Stay>> = overlays.iter_mut().map(asked).collect();
    let mut stays = stays.into_iter();
    model.overlays.retain(|_| !matches!(stays.next().flatten(), Some(Stay::Close(_))));
    for screen in ScreenId::ALL {
        let (stage, ctx) = model.halves();
        effects.extend(stage.update(screen, Input::Mutated(&mutation, result), &ctx));
    }
    if let Mutation::Decide(request) = &mutation {
        decided(model, request, result);
    } else if let Mutation::Tell(tell) = &mutation {
        told(model, tell, result);
    } else if let (Mutation::Rollback(rollback), Err(_)) = (&mutation, result) {
        let workflow = &rollback.target.workflow_id;
        if !model.sent.may_roll_back(workflow) {
            model.world.take_back_asking(workflow);
        }
    }
    guided(model, &mutation, result);
    // What was changed is worth looking at again at once.
    effects.push(Effect::Refresh);
    effects
}

/// The demo's guide goes on when the person has approved.
fn guided(model: &mut Model, mutation: &Mutation, result: &Result<Done, Failure>) {
    let Some(guide) = &mut model.guide else { return };
    let approved = matches!(mutation, Mutation::Decide(request) if request.verdict == Verdict::Approve);
    if approved && matches!(result, Ok(Done::Decided { result: Outcome::Applied { .. } })) {
        guide.done(Guide::Wait);
    }
}

/// Remembers what became of a gate until the lists show it.
fn decided(model: &mut Model, request: &DecisionRequest, result: &Result<Done, Failure>) {
    let key = GateKey { workflow: request.workflow_id.clone(), gate: request.gate.clone() };
    match result {
        // That leaves the gate open, at a new revision.
        Ok(_) if request.verdict == Verdict::RequestEvidence => {}
        Ok(Done::Decided { result: Outcome::Applied { record } | Outcome::Repeated { record } }) => {
            let said = format!("{} by {}", record.verdict.done(), record.who());
            remember(model, key, |gate| Decided::of(gate, said));
        }
        Ok(done) if done.is_in_doubt() => remember(model, key, Decided::in_doubt),
        Ok(_) | Err(_) => forget_doubt(model, &key),
    }
}

/// The same for an approval of a goal.
fn told(model: &mut Model, tell: &Tell, result: &Result<Done, Failure>) {
    let (step, verdict) = match &tell.message {
        Message::Approve { step_id } => (step_id, Verdict::Approve),
        Message::Reject { step_id, .. } => (step_id, Verdict::Reject),
        Message::AgentCompleted { .. }
        | Message::Override { .. }
        | Message::Nudge { .. }
        | Message::Requeue { .. }
        | Message::Lease { .. }
        | Message::RequestWork { .. }
        | Message::Custom { .. }
        | Message::AdoptSpec { .. }
        | Message::Cancel { .. } => return,
    };
    let key = GateKey { workflow: tell.target.workflow_id.clone(), gate: GateId::new(step.as_str()) };
    match result {
        Ok(Done::Told { result: Told::Taken { .. } }) => {
            let said = format!("{} by {}", verdict.done(), model.profile.actor);
            remember(model, key, |gate| Decided::of(gate, said));
        }
        Ok(done) if done.is_in_doubt() => remember(model, key, Decided::in_doubt),
        Ok(_) | Err(_) => forget_doubt(model, &key),
    }
}

fn remember(model: &mut Model, key: GateKey, how: impl FnOnce(&GateView<'_>) -> Decided) {
    let decided = gates::find(&model.ctx(), &key).map(|gate| how(&gate));
    if let Some(decided) = decided {
        model.world.decided.insert(key, decided);
    }
}

/// It is known now that nothing came of it, or it is followed no more.
fn forget_doubt(model: &mut Model, key: &GateKey) {
    if model.world.decided.get(key).is_some_and(|decided| decided.in_doubt) {
        model.world.decided.remove(key);
    }
}

/// Sends an input to the screen that is shown.
pub fn to_screen(model: &mut Model, input: Input<'_>) -> Vec<Effect> {
    let screen = model.screen();
    let (stage, ctx) = model.halves();
    stage.update(screen, input, &ctx)
}

/// Does what the root does itself; the rest is the outside's.
pub fn settle(model: &mut Model, wanted: Vec<Effect>) -> Vec<Effect> {
    let mut outside = Vec::new();
    let mut queue = VecDeque::from(wanted);
    while let Some(effect) = queue.pop_front() {
        match effect {
            Effect::Go(place) => queue.extend(act::go(model, place)),
            Effect::Back => queue.extend(act::back_to_before(model)),
            Effect::Ask(question) => {
                model.overlays.push(Overlay::Confirm(Box::new(Confirm::new(*question))));
            }
            Effect::Say(note) => model.messages.say(note, model.now),
            Effect::Mutate(mutation) => {
                if model.sent.begin(&mutation, model.now) {
                    if let Mutation::Rollback(rollback) = mutation.as_ref() {
                        model.world.ask_back(rollback.target.workflow_id.clone());
                    }
                    outside.push(Effect::Mutate(mutation));
                }
            }
            Effect::Fault(fault) => {
                if let Some(guide) = model.guide.as_mut().filter(|_| fault != "none") {
                    guide.done(Guide::RollBack);
                }
                outside.push(effect);
            }
            Effect::Watch(_)
            | Effect::Refresh
            | Effect::Fetch(_)
            | Effect::Copy(_)
            | Effect::Notify(_)
            | Effect::Title(_)
            | Effect::Suspend
            | Effect::Quit => outside.push(effect),
        }
    }
    outside
}

/// What is on screen and so has to be kept fresh: always the overview, the screen's own, what a question is about, and live
/// deployments that are not well, because the alert line counts down for them.
fn interests(model: &Model) -> Vec<Interest> {
    let ctx = model.ctx();
    let mut wanted = model.stage.interests(model.screen(), &ctx);
    wanted.push(Interest::Overview);
    let asked = model.overlays.iter().filter_map(Overlay::subject);
    wanted.extend(asked.map(|id| Interest::Workflow(id.clone())));
    wanted.extend(model.unwell().map(|row| Interest::Workflow(row.id.clone())));
    wanted
}
