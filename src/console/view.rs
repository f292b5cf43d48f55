//! The frame of every screen: header, tabs, alert, body, guide, hints. It draws what the model says and changes nothing.

use ratatui::Frame;
use ratatui::layout::{Margin, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use crate::console::act::{TABS, tab_of};
use crate::console::effect::Level;
use crate::console::event::Whole;
use crate::console::gates;
use crate::console::header;
use crate::console::hints;
use crate::console::model::Model;
use crate::console::overlays::{Overlay, confirm, help, palette, toast, too_small, whichkey};
use crate::console::screen::{Context, ScreenId};
use crate::console::screens::{agents, deployment, gates as gates_screen, history, now, steps, workflow, workflows};
use crate::console::theme::role::Role;
use crate::console::theme::sign::Sign;
use crate::console::widgets::panel::panel;
use crate::console::widgets::text;
use crate::contracts::clock::Millis;
use crate::contracts::ids::Environment;

/// From this age on, what is shown is dimmed. Younger, the header's words are enough: a late answer is no outage.
const OLD: Millis = Millis::from_secs(10);

pub fn view(model: &Model, frame: &mut Frame<'_>) {
    let area = frame.area();
    let theme = &model.look.theme;
    frame.buffer_mut().set_style(area, theme.style(Role::Background));
    // The model's size is the one `update` laid out for; a frame of another size is about to be told.
    let fits = model.size.width == area.width && model.size.height == area.height;
    let Some(layout) = model.layout().filter(|_| fits) else {
        return too_small::view(model, frame);
    };
    let row = |y: u16| Rect { x: 0, y, width: layout.width, height: 1 };
    header::view(model, frame, row(layout.header));
    tabs(model, frame, row(layout.tabs));
    if let Some(y) = layout.alert {
        alert(model, frame, row(y));
    }
    let (y, height) = layout.body;
    let body = Rect { x: 0, y, width: layout.width, height };
    screen(model, frame, body);
    if let Some(y) = layout.guide {
        guide(model, frame, row(y));
    }
    hints::view(model, frame, row(layout.hints));
    if !model.overlays.is_empty() || model.overdue().is_some_and(|age| age >= OLD) {
        recede(model, frame, body);
    }
    for overlay in &model.overlays {
        match overlay {
            Overlay::Help(state) => help::view::view(state, theme, frame, body),
            Overlay::Palette(state) => palette::view::view(state, theme, frame, body),
            Overlay::Confirm(state) => confirm::view::view(state, &model.ctx(), theme, frame, body),
        }
    }
    whichkey::view(model, frame, body);
    if hints::said(model, layout.width).is_none() {
        toast::view(&model.messages, model.now, theme, frame, body);
    }
}

/// Dims the screen below an overlay, and one that is old; its border still says whether this is production.
fn recede(model: &Model, frame: &mut Frame<'_>, body: Rect) {
    let theme = &model.look.theme;
    let inside = body.inner(Margin { horizontal: 1, vertical: 1 });
    let plain = Style::default().remove_modifier(Modifier::all());
    let style = plain.patch(theme.style(Role::Background)).patch(theme.style(Role::TextMuted));
    frame.buffer_mut().set_style(inside, style);
}

/// ` 1 Now   2 Gates 3   3 Workflows 41 …                 [PRODUCTION]`
fn tabs(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let theme = &model.look.theme;
    let mut spans = vec![Span::raw(" ")];
    let narrow = area.width < 90;
    for tab in TABS {
        let here = tab_of(model.screen()) == tab;
        let key = model.look.keymap.label(Context::Global, hints::tab_action(tab)).unwrap_or_default();
        let title = tab.title();
        let words = match tab_count(model, tab) {
            Some((count, Whole::Yes)) if count > 0 => format!("{title} {count}"),
            Some((count, Whole::No)) => format!("{title} {count}+"),
            Some((_, Whole::Yes)) | None => title.to_owned(),
        };
        let style = if here { theme.style(Role::TextStrong) } else { theme.style(Role::TextMuted) };
        let key_style = if here { theme.style(Role::Key) } else { theme.style(Role::TextMuted) };
        let (left, right) = if here { ("▸", " ") } else { (" ", " ") };
        spans.push(Span::styled(left, theme.style(Role::Key)));
        spans.push(Span::styled(key, key_style));
        spans.push(Span::raw(" "));
        spans.push(Span::styled(words, style));
        spans.push(Span::raw(if narrow { right } else { "  " }));
    }
    frame.buffer_mut().set_line(
        area.x,
        area.y,
        &text::cut_line(Line::from(spans), usize::from(area.width)),
        area.width,
    );
    if is_production(model) {
        let tag = Span::styled(" PRODUCTION ", theme.style(Role::ProductionTag));
        let width = u16::try_from(tag.width()).unwrap_or(0);
        if width + 1 < area.width {
            frame.buffer_mut().set_span(area.right() - width - 1, area.y, &tag, width);
        }
    }
}

/// What a tab counts, where that is known, and whether that is all of it.
fn tab_count(model: &Model, tab: ScreenId) -> Option<(u64, Whole)> {
    let overview = model.world.overview.value();
    let count = |n: usize, whole: Whole| Some((u64::try_from(n).ok()?, whole));
    match tab {
        ScreenId::Gates => count(gates::open(overview?).len(), overview?.all_gates),
        ScreenId::Workflows => Some((model.world.counts(&model.stage.workflows.query)?.total, Whole::Yes)),
        ScreenId::Deployment => count(overview?.live.len(), overview?.all_live),
        ScreenId::Now | ScreenId::Workflow | ScreenId::Steps | ScreenId::History | ScreenId::Agents => None,
    }
}

/// Whether what is on screen touches production.
pub fn is_production(model: &Model) -> bool {
    let production = |environment: Option<&Environment>| environment.is_some_and(Environment::is_production);
    let ctx = model.ctx();
    let Some(id) = model.stage.subject(model.screen(), &ctx) else { return false };
    if let Some(detail) = model.world.detail(&id).value() {
        return production(detail.row.environment.as_ref());
    }
    let overview = model.world.overview.value();
    let mut rows = overview.map(|all| all.gates.iter().chain(&all.live).chain(&all.troubled)).into_iter().flatten();
    let row = rows.find(|row| row.id == id).or_else(|| model.stage.workflows.find(&id));
    row.is_some_and(|row| production(row.environment.as_ref()))
}

fn alert(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let Some(alert) = model.alert() else { return };
    let (sign, role) = match alert.level {
        Level::Passing | Level::Error => (Sign::Failed, Role::StatusFailed),
        Level::Warning => (Sign::Warning, Role::StatusWarning),
        Level::Info | Level::Done => (Sign::Waiting, Role::StatusWaiting),
    };
    let style = model.look.theme.style(role);
    let words = Line::from(vec![Span::styled(format!("{} ", sign.glyph()), style), Span::styled(alert.text, style)]);
    frame.buffer_mut().set_line(area.x, area.y, &text::cut_line(words, usize::from(area.width)), area.width);
}

fn screen(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let ctx = model.ctx();
    let theme = &model.look.theme;
    let stage = &model.stage;
    let title = match model.screen() {
        ScreenId::Now => now::view::title(&stage.now, &ctx),
        ScreenId::Gates => gates_screen::view::title(&stage.gates, &ctx),
        ScreenId::Workflows => workflows::view::title(&stage.workflows, &ctx),
        ScreenId::Workflow => workflow::view::title(&stage.workflow, &ctx),
        ScreenId::Steps => steps::view::title(&stage.steps, &ctx),
        ScreenId::Deployment => deployment::view::title(&stage.deployment, &ctx),
        ScreenId::History => history::view::title(&stage.history, &ctx),
        ScreenId::Agents => agents::view::title(&stage.agents, &ctx),
    };
    let border = if is_production(model) { Role::Production } else { Role::Border };
    let title = text::cut(&title, usize::from(area.width.saturating_sub(6))).into_owned();
    let title = if title.is_empty() { title } else { format!(" {title} ") };
    let block = panel(Span::styled(title, theme.style(Role::TextStrong)), border, theme);
    let inside = block.inner(area);
    frame.render_widget(block, area);
    match model.screen() {
        ScreenId::Now => now::view::view(&stage.now, &ctx, theme, frame, inside),
        ScreenId::Gates => gates_screen::view::view(&stage.gates, &ctx, theme, frame, inside),
        ScreenId::Workflows => workflows::view::view(&stage.workflows, &ctx, theme, frame, inside),
        ScreenId::Workflow => workflow::view::view(&stage.workflow, &ctx, theme, frame, inside),
        ScreenId::Steps => steps::view::view(&stage.steps, &ctx, theme, frame, inside),
        ScreenId::Deployment => deployment::view::view(&stage.deployment, &ctx, theme, frame, inside),
        ScreenId::History => history::view::view(&stage.history, &ctx, theme, frame, inside),
        ScreenId::Agents => agents::view::view(&stage.agents, &ctx, theme, frame, inside),
    }
}

fn guide(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let Some(guide) = model.guide else { return };
    let theme = &model.look.theme;
    let words = guide.line(|action| {
        let keymap = &model.look.keymap;
        [Context::Global, Context::Gates]
            .into_iter()
            .find_map(|context| keymap.label(context, action))
            .unwrap_or_default()
    });
    let line = Line::from(vec![
        Span::styled(" demo ", theme.style(Role::Badge)),
        Span::raw(" "),
        Span::styled(words, theme.style(Role::TextStrong)),
    ]);
    frame.buffer_mut().set_line(area.x, area.y, &text::cut_line(line, usize::from(area.width)), area.width);
}
