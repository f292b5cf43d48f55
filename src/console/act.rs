//! What an action does: the root's own, the topmost overlay's, or the screen's.

use crate::console::action::Action;
use crate::console::cursor::Move;
use crate::console::effect::{Effect, Note};
use crate::console::event::Input;
use crate::console::model::Model;
use crate::console::overlays::Overlay;
use crate::console::overlays::confirm::update::{self as confirm, Stay};
use crate::console::overlays::help::state::State as Help;
use crate::console::overlays::palette::state::{Entry, State as Palette};
use crate::console::screen::{Context, Focus, Place, ScreenId};
use crate::console::screens::deployment::state::Asked;
use crate::console::typing::Pace;
use crate::console::update::to_screen;
use crate::contracts::ids::WorkflowId;

/// An action that was asked for. One that sends something to the world has to be a person's: it is held for a moment.
pub fn act(model: &mut Model, action: Action, pace: Pace) -> Vec<Effect> {
    let confirms = match model.overlays.last() {
        Some(Overlay::Confirm(state)) => confirm::confirms(state, action),
        Some(Overlay::Help(_) | Overlay::Palette(_)) => false,
        None => model.stage.confirms(model.screen(), action),
    };
    if !confirms {
        return confirmed(model, action, pace);
    }
    if model.layout().is_none() {
        return vec![Effect::Say(Note::warning("Not done: the terminal is too small to show what it would do."))];
    }
    if pace == Pace::Machine {
        return vec![Effect::Say(Note::warning("Too fast for a person, so not done. Press the key once, and wait."))];
    }
    model.typing.hold(action);
    Vec::new()
}

/// An action that counts. What it leads to in the palette is asked for at the same pace.
pub fn confirmed(model: &mut Model, action: Action, pace: Pace) -> Vec<Effect> {
    // These two work whatever is on top.
    if action == Action::Quit {
        return vec![Effect::Quit];
    }
    if action == Action::Suspend {
        return vec![Effect::Suspend];
    }
    match model.overlays.last() {
        Some(Overlay::Confirm(_)) => in_confirm(model, action),
        Some(Overlay::Palette(_)) => in_palette(model, action, pace),
        Some(Overlay::Help(_)) => in_help(model, action),
        None => on_screen(model, action),
    }
}

fn in_confirm(model: &mut Model, action: Action) -> Vec<Effect> {
    let (overlays, ctx) = model.over();
    let Some(Overlay::Confirm(state)) = overlays.last_mut() else { return Vec::new() };
    match confirm::update(state, action, &ctx) {
        Stay::Open(effects) => effects,
        Stay::Close(effects) => {
            model.overlays.pop();
            effects
        }
    }
}

fn in_palette(model: &mut Model, action: Action, pace: Pace) -> Vec<Effect> {
    let height = usize::from(model.body().height);
    let Some(Overlay::Palette(state)) = model.overlays.last_mut() else { return Vec::new() };
    if let Some(movement) = Move::of(action) {
        state.cursor.step(movement, state.shown.len(), height);
        return Vec::new();
    }
    if !matches!(action, Action::Open | Action::Submit | Action::NewLine) {
        model.overlays.pop();
        return Vec::new();
    }
    let Some(entry) = state.selected().cloned() else {
        let back = model.ctx().key(Context::Palette, Action::Back);
        return vec![Effect::Say(Note::info(format!("Nothing matches. {back} closes the palette.")))];
    };
    if let Some(why) = entry.why_not {
        return vec![Effect::Say(Note::info(why))];
    }
    model.overlays.pop();
    act(model, entry.action, pace)
}

fn in_help(model: &mut Model, action: Action) -> Vec<Effect> {
    let height = usize::from(model.body().height);
    let Some(Overlay::Help(state)) = model.overlays.last_mut() else { return Vec::new() };
    if let Some(movement) = Move::of(action) {
        let total = state.shown().len();
        state.cursor.step(movement, total, height);
    } else if action == Action::Find {
        state.begin_search();
    } else if state.focus() == Focus::Text && matches!(action, Action::Back | Action::NewLine | Action::Submit) {
        state.searching = Focus::Keys;
        if action == Action::Back {
            state.search = None;
        }
    } else {
        model.overlays.pop();
    }
    Vec::new()
}

fn on_screen(model: &mut Model, action: Action) -> Vec<Effect> {
    // While a filter is typed, the screen says what its keys do.
    if model.stage.focus(model.screen()) == Focus::Text {
        return to_screen(model, Input::Action(action));
    }
    if !belongs_to_a_preview(action) {
        model.stage.disarm();
    }
    if let Err(why) = can(model, action) {
        return vec![Effect::Say(Note::info(why))];
    }
    if action == Action::Help {
        let help = Help::new(model.screen(), &model.look.keymap, |action| can(model, action));
        model.overlays.push(Overlay::Help(help));
    } else if action == Action::Palette {
        model.overlays.push(Overlay::Palette(Palette::new(palette(model))));
    } else if action == Action::Dismiss {
        model.messages.dismiss();
        model.stage.forget_failure();
    } else if action == Action::Back {
        return back(model);
    } else if action == Action::Refresh {
        return vec![Effect::Refresh, Effect::Say(Note::info("Asking again."))];
    } else if action == Action::RollBack {
        return roll_back(model);
    } else if action == Action::GoSteps {
        // No tab of its own: it is one step deeper than where the goal is.
        return go(model, Place::Steps(None));
    } else if action == Action::GoAgents {
        return go(model, Place::Agents);
    } else if let Some(place) = tab(model, action) {
        return to_tab(model, place);
    } else if let Some(fault) = fault(action) {
        return vec![Effect::Fault(fault)];
    } else {
        return to_screen(model, Input::Action(action));
    }
    Vec::new()
}

/// What can be done with the preview of a rollback; anything else means something else.
fn belongs_to_a_preview(action: Action) -> bool {
    matches!(
        action,
        Action::RollBack
            | Action::Back
            | Action::Copy
            | Action::Dismiss
            | Action::Help
            | Action::NextPane
            | Action::Palette
            | Action::PreviousPane
    )
}

/// Whether an action is possible here and now, or why not.
pub fn can(model: &Model, action: Action) -> Result<(), String> {
    let ctx = model.ctx();
    if action.writes() {
        ctx.may_write()?;
    }
    if fault(action).is_some() {
        let needs = "Faults belong to the demo: start it with `gatewatch demo`.".to_owned();
        return if model.profile.demo { Ok(()) } else { Err(needs) };
    }
    if action == Action::RollBack && model.screen() != ScreenId::Deployment {
        let id = rollback_target(model)?;
        let why = || format!("{id} is over: there is nothing left to roll back in it.");
        return if is_over(model, &id) { Err(why()) } else { Ok(()) };
    }
    if action == Action::GoHistory && model.stage.subject(model.screen(), &ctx).is_none() {
        let last = model.stage.subject(ScreenId::History, &ctx);
        return last.map(|_| ()).ok_or_else(|| "Select a workflow first: its history opens then.".to_owned());
    }
    if action == Action::GoSteps {
        let selected = model.stage.subject(model.screen(), &ctx).filter(|id| model.is_goal(id));
        let last = || model.stage.subject(ScreenId::Steps, &ctx).filter(|_| !is_about_one(model.screen()));
        let why = "This is no goal: steps are of the types EngineWorkflow and CodegenWorkflow. Select one first.";
        return selected.or_else(last).map(|_| ()).ok_or_else(|| why.to_owned());
    }
    if action.spec().contexts.contains(&Context::Global) && action != Action::RollBack && action != Action::Copy {
        return Ok(());
    }
    model.stage.can(model.screen(), action, &ctx)
}

fn palette(model: &Model) -> Vec<Entry> {
    let context = model.screen().context();
    Palette::listed()
        .filter(|action| model.profile.demo || fault(*action).is_none())
        .map(|action| Entry {
            action,
            key: model.look.keymap.label(context, action).unwrap_or_default(),
            why_not: can(model, action).err(),
        })
        .collect()
}

/// The demo's faults, in the words of `PUT /fault`.
fn fault(action: Action) -> Option<&'static str> {
    [
        (Action::FaultErrors, "errors"),
        (Action::FaultLatency, "latency"),
        (Action::FaultHealth, "health"),
        (Action::FaultDatabase, "database"),
        (Action::FaultNone, "none"),
    ]
    .into_iter()
    .find_map(|(known, word)| (known == action).then_some(word))
}

/// The tabs, in the order in which they stand.
pub const TABS: [ScreenId; 5] =
    [ScreenId::Now, ScreenId::Gates, ScreenId::Workflows, ScreenId::Deployment, ScreenId::History];

/// The tab a screen belongs to.
pub fn tab_of(screen: ScreenId) -> ScreenId {
    if matches!(screen, ScreenId::Workflow | ScreenId::Steps) { ScreenId::Workflows } else { screen }
}

fn tab(model: &Model, action: Action) -> Option<Place> {
    let here = TABS.iter().position(|tab| *tab == tab_of(model.screen())).unwrap_or(0);
    let step = |by: usize| TABS.get((here + by) % TABS.len()).copied();
    let screen = [
        (Action::GoNow, Some(ScreenId::Now)),
        (Action::GoGates, Some(ScreenId::Gates)),
        (Action::GoWorkflows, Some(ScreenId::Workflows)),
        (Action::GoDeployment, Some(ScreenId::Deployment)),
        (Action::GoHistory, Some(ScreenId::History)),
        (Action::NextTab, step(1)),
        (Action::PreviousTab, step(TABS.len() - 1)),
    ]
    .into_iter()
    .find_map(|(known, screen)| (known == action).then_some(screen))??;
    Some(match screen {
        ScreenId::Now => Place::Now,
        ScreenId::Gates => Place::Gates(None),
        ScreenId::Workflows | ScreenId::Workflow => Place::Workflows,
        ScreenId::Deployment => Place::Deployment(None),
        ScreenId::History => Place::History(None),
        ScreenId::Agents => Place::Agents,
        ScreenId::Steps => Place::Steps(None),
    })
}

/// Whether a screen is about one workflow, so that a key can only mean that one.
fn is_about_one(screen: ScreenId) -> bool {
    matches!(screen, ScreenId::Workflow | ScreenId::Deployment | ScreenId::History)
}

/// A tab is the beginning of a way: going back from it leads to the first screen.
fn to_tab(model: &mut Model, place: Place) -> Vec<Effect> {
    let effects = go(model, place);
    model.trail = if model.screen() == ScreenId::Now { Vec::new() } else { vec![Place::Now] };
    effects
}

/// Shows another place and remembers this one.
pub fn go(model: &mut Model, place: Place) -> Vec<Effect> {
    let place = named(model, place);
    if place != model.place {
        let before = std::mem::replace(&mut model.place, place.clone());
        model.trail.push(before);
    }
    to_screen(model, Input::Opened(&place))
}

/// Fills in what a place leaves open.
fn named(model: &Model, place: Place) -> Place {
    let ctx = model.ctx();
    match place {
        Place::Deployment(None) => {
            let selected = || model.stage.subject(model.screen(), &ctx).filter(|id| model.is_deployment(id));
            let urgent = || model.most_urgent().map(|row| row.id.clone());
            let last = || model.stage.subject(ScreenId::Deployment, &ctx);
            // The alert line names this key: it means the deployment that the line names, whatever is selected.
            let named = model.worst_off().map(|(row, _)| row.id.clone());
            Place::Deployment(named.or_else(selected).or_else(urgent).or_else(last))
        }
        Place::History(None) => {
            let selected = model.stage.subject(model.screen(), &ctx);
            Place::History(selected.or_else(|| model.stage.subject(ScreenId::History, &ctx)))
        }
        Place::Steps(None) => {
            let selected = model.stage.subject(model.screen(), &ctx).filter(|id| model.is_goal(id));
            Place::Steps(selected.or_else(|| model.stage.subject(ScreenId::Steps, &ctx)))
        }
        Place::Now
        | Place::Gates(_)
        | Place::Workflows
        | Place::Agents
        | Place::Workflow(_)
        | Place::Steps(Some(_))
        | Place::Deployment(Some(_))
        | Place::History(Some(_)) => place,
    }
}

fn back(model: &mut Model) -> Vec<Effect> {
    let screen = model.screen();
    let ctx = model.ctx();
    if model.stage.can(screen, Action::Back, &ctx).is_ok() {
        return to_screen(model, Input::Action(Action::Back));
    }
    back_to_before(model)
}

/// One screen back.
pub fn back_to_before(model: &mut Model) -> Vec<Effect> {
    let Some(place) = model.trail.pop() else {
        let quit = model.ctx().key(Context::Global, Action::Quit);
        return vec![Effect::Say(Note::info(format!("This is the first screen. {quit} leaves gatewatch.")))];
    };
    model.place = place.clone();
    to_screen(model, Input::Opened(&place))
}

/// The deployment that `R` means here. In a list it is the one that the alert line names, before a healthy one that
/// happens to be selected, and stays so until that is over: whoever is in a hurry reads the line and presses the key.
pub fn rollback_target(model: &Model) -> Result<WorkflowId, String> {
    let ctx = model.ctx();
    let selected = model.stage.subject(model.screen(), &ctx).filter(|id| model.is_deployment(id));
    let selected = selected.filter(|id| is_about_one(model.screen()) || !is_over(model, id));
    let unwell = match &selected {
        Some(id) if is_about_one(model.screen()) || model.unwell().any(|row| row.id == *id) => None,
        Some(_) | None => model.worst_off().map(|(row, _)| row.id.clone()),
    };
    let live = model.live();
    match (unwell.or(selected), live.as_slice()) {
        (Some(id), _) => Ok(id),
        (None, [only]) => Ok(only.id.clone()),
        (None, []) => Err("No deployment is live, so there is nothing to roll back.".to_owned()),
        (None, more) => Err(format!("{} deployments are live: select one first.", more.len())),
    }
}

/// Whether a workflow has ended, as far as is known: there is no way back in it any more.
fn is_over(model: &Model, id: &WorkflowId) -> bool {
    model.world.detail(id).value().is_some_and(|detail| !detail.row.status.is_open())
}

/// The first press shows what will happen; the deployment screen takes the second. From another screen it is always the
/// first: nothing that was asked there before counts, because nobody sees it.
fn roll_back(model: &mut Model) -> Vec<Effect> {
    if model.screen() == ScreenId::Deployment {
        return to_screen(model, Input::Action(Action::RollBack));
    }
    let Ok(id) = rollback_target(model) else { return Vec::new() };
    let mut effects = go(model, Place::Deployment(Some(id)));
    if model.stage.deployment.asked != Asked::No {
        return effects;
    }
    effects.extend(match model.stage.can(ScreenId::Deployment, Action::RollBack, &model.ctx()) {
        Ok(()) => to_screen(model, Input::Action(Action::RollBack)),
        Err(why) => vec![Effect::Say(Note::info(why))],
    });
    effects
}
