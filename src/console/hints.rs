//! The last line: the keys that are possible here and now, and what happened last.

use std::borrow::Cow;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::console::act;
use crate::console::action::{ACTIONS, Action};
use crate::console::cursor::Move;
use crate::console::model::Model;
use crate::console::overlays::{Overlay, toast};
use crate::console::screen::{Context, Focus, ScreenId};
use crate::console::theme::role::Role;
use crate::console::widgets::text;

/// The action behind a tab.
pub fn tab_action(tab: ScreenId) -> Action {
    match tab {
        ScreenId::Now => Action::GoNow,
        ScreenId::Gates => Action::GoGates,
        ScreenId::Workflows | ScreenId::Workflow | ScreenId::Steps => Action::GoWorkflows,
        ScreenId::Deployment => Action::GoDeployment,
        ScreenId::History => Action::GoHistory,
        ScreenId::Agents => Action::GoAgents,
    }
}

pub fn view(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let theme = &model.look.theme;
    let said = said(model, area.width).unwrap_or_default();
    let taken = u16::try_from(said.width()).unwrap_or(area.width);
    let room = usize::from(area.width.saturating_sub(taken + 3));
    let mut line = Line::from(Span::raw(" "));
    for (key, title) in hints(model).into_iter().filter_map(|hint| words(model, hint)) {
        // A hint is whole or not at all.
        if line.width() + width_of(&key, &title) > room {
            break;
        }
        line.push_span(Span::styled(key, theme.style(Role::Key)));
        line.push_span(Span::styled(format!(" {title}  "), theme.style(Role::TextMuted)));
    }
    frame.buffer_mut().set_line(area.x, area.y, &line, area.width);
    frame.buffer_mut().set_line(area.right().saturating_sub(taken + 1), area.y, &said, taken);
}

/// What happened last, when it fits into this line beside the keys that act on the world.
pub fn said(model: &Model, width: u16) -> Option<Line<'static>> {
    if model.messages.shown(model.now).next().is_none() {
        return Some(Line::default());
    }
    let acting = hints(model).into_iter().filter(|(_, action)| action.writes());
    let taken: usize = acting.filter_map(|hint| words(model, hint)).map(|(key, title)| width_of(&key, &title)).sum();
    let room = usize::from(width).saturating_sub(taken + 3);
    toast::line(&model.messages, model.now, room, &model.look.theme)
}

/// A key, and what it is called here.
fn words(model: &Model, (context, action): (Context, Action)) -> Option<(String, Cow<'static, str>)> {
    Some((model.look.keymap.label(context, action)?, title(model, action)))
}

fn width_of(key: &str, title: &str) -> usize {
    text::width(key) + text::width(title) + 3
}

/// What an action is called here. Which deployment is rolled back is said wherever the screen does not.
fn title(model: &Model, action: Action) -> Cow<'static, str> {
    let title = action.spec().title;
    match (model.overlays.last(), action) {
        (Some(Overlay::Confirm(_)), Action::Open) => "yes".into(),
        // A filter or a query has one line.
        (None, Action::NewLine) => "accept".into(),
        (Some(_), Action::Back) => "close".into(),
        (None, Action::RollBack) if model.screen() != ScreenId::Deployment => match to_roll_back(model) {
            Some(what) => format!("{title} {what}").into(),
            None => title.into(),
        },
        _ => title.into(),
    }
}

/// `checkout v42`
fn to_roll_back(model: &Model) -> Option<String> {
    let id = act::rollback_target(model).ok()?;
    let row = model.live().into_iter().find(|row| row.id == id)?;
    let deployment = row.published.as_ref()?.deployment.as_ref()?;
    Some(format!("{} {}", deployment.service, deployment.version))
}

/// Actions worth a hint, in order.
fn hints(model: &Model) -> Vec<(Context, Action)> {
    match (model.overlays.last(), model.focus()) {
        (Some(Overlay::Confirm(_)), Focus::Text) => {
            in_context(Context::Text, &[Action::Submit, Action::NextField, Action::Back])
        }
        (Some(Overlay::Confirm(_)), Focus::Keys) => {
            in_context(Context::Confirm, &[Action::Open, Action::Copy, Action::Back])
        }
        (Some(Overlay::Palette(_)), _) => in_context(Context::Palette, &[Action::Open, Action::Back]),
        (Some(Overlay::Help(_)), _) => in_context(Context::Help, &[Action::Find, Action::Back]),
        (None, Focus::Text) => in_context(Context::Text, &[Action::NewLine, Action::Back]),
        (None, Focus::Keys) => on_screen(model),
    }
}

fn in_context(context: Context, actions: &[Action]) -> Vec<(Context, Action)> {
    actions.iter().map(|action| (context, *action)).collect()
}

/// The screen's own actions first, as far as they are possible; then the way to everything else.
fn on_screen(model: &Model) -> Vec<(Context, Action)> {
    let context = model.screen().context();
    let own = ACTIONS
        .iter()
        .filter(|spec| spec.contexts.contains(&context) && Move::of(spec.action).is_none())
        .map(|spec| spec.action)
        .filter(|action| !matches!(action, Action::NextPane | Action::PreviousPane));
    let mut shown: Vec<Action> = own.collect();
    // What acts on the world comes first: it is what the screen is for.
    shown.sort_by_key(|action| !action.writes());
    // On the screen of the deployment nothing matters more than the way back.
    let first =
        if model.screen() == ScreenId::Deployment { 0 } else { shown.iter().take_while(|a| a.writes()).count() };
    shown.insert(first, Action::RollBack);
    shown.extend(model.messages.has_error().then_some(Action::Dismiss));
    shown.extend([Action::Back, Action::Palette, Action::Help, Action::Quit]);
    shown.retain(|action| {
        let first = *action == Action::Back && model.trail.is_empty();
        !first && act::can(model, *action).is_ok()
    });
    shown.into_iter().map(|action| (context, action)).collect()
}
