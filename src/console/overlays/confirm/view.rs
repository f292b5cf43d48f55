//! Draws a question: where it goes, what it is about, what will happen, what has to be typed, the equal command.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use crate::console::action::Action;
use crate::console::ctx::Ctx;
use crate::console::field::{Lines, TextField};
use crate::console::overlays;
use crate::console::overlays::confirm::state::{Phase, State};
use crate::console::question::{Field, Mood};
use crate::console::screen::{Context, Focus};
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::theme::sign::Sign;
use crate::console::widgets::panel::panel;
use crate::console::widgets::{text, time};
use crate::console::world::Upstream;
use crate::contracts::link::Link;

/// One line of the question, or the place of a field.
enum Part {
    Line(Line<'static>),
    Field(usize, u16),
}

impl Part {
    fn height(&self) -> u16 {
        match self {
            Self::Line(_) => 1,
            Self::Field(_, height) => *height,
        }
    }
}

/// How much of the equal command is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Command {
    Whole,
    OneLine,
}

pub fn view(state: &State, ctx: &Ctx<'_>, theme: &Theme, frame: &mut Frame<'_>, body: Rect) {
    let width = overlays::width(body, 96);
    let columns = usize::from(width.saturating_sub(4));
    let mut parts = parts(state, ctx, columns, theme, Command::Whole);
    if parts.iter().map(Part::height).sum::<u16>() + 2 > body.height {
        // What is failing must stay in sight; the command can be copied whole.
        parts = self::parts(state, ctx, columns, theme, Command::OneLine);
    }
    let lines: u16 = parts.iter().map(Part::height).sum();
    let height = (lines + 2).min(body.height);
    let area = Rect { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 2, width, height };
    frame.render_widget(Clear, area);
    frame.buffer_mut().set_style(area, theme.style(Role::Background));
    let border = if state.question.production { Role::Production } else { Role::BorderFocused };
    let title = format!(" {} ", text::cut(&state.question.title, columns));
    let mut block = panel(Span::styled(title, theme.style(Role::TextStrong)), border, theme);
    if state.question.production {
        block = block.title(Line::styled(" PRODUCTION ", theme.style(Role::ProductionTag)).right_aligned());
    }
    let inside = block.inner(area);
    frame.render_widget(block, area);
    // Where there is no room for all, the end stays: it asks for the answer. What is missing is said.
    let skip = lines.saturating_sub(inside.height);
    let first = inside.y + u16::from(skip > 0);
    if skip > 0 {
        let words = format!("{} {} lines above: make the window taller", Sign::Warning.glyph(), skip + 1);
        let line = Line::styled(text::cut(&words, columns).into_owned(), theme.style(Role::StatusWarning));
        frame.buffer_mut().set_line(inside.x + 1, inside.y, &line, inside.width.saturating_sub(2));
    }
    let mut y = i32::from(inside.y) - i32::from(skip);
    for part in parts {
        let tall = part.height();
        if let Ok(top) = u16::try_from(y)
            && top >= first
            && top < inside.bottom()
        {
            let place = Rect {
                x: inside.x + 1,
                y: top,
                width: inside.width.saturating_sub(2),
                height: tall.min(inside.bottom() - top),
            };
            draw(&part, state, theme, (frame, place));
        }
        y += i32::from(tall);
    }
}

fn draw(part: &Part, state: &State, theme: &Theme, (frame, place): (&mut Frame<'_>, Rect)) {
    match part {
        Part::Line(line) => {
            frame.buffer_mut().set_line(place.x, place.y, line, place.width);
        }
        Part::Field(nth, _) => {
            let Some(input) = state.inputs.get(*nth) else { return };
            let marker = if *nth == state.focused { "▸ " } else { "  " };
            frame.buffer_mut().set_string(place.x, place.y, marker, theme.style(Role::Key));
            let field = Rect { x: place.x + 2, width: place.width.saturating_sub(2), ..place };
            if *nth == state.focused {
                input.view(theme.style(Role::Input), frame, field);
            } else {
                input.view_idle(theme.style(Role::Input), frame, field);
            }
        }
    }
}

fn parts(state: &State, ctx: &Ctx<'_>, columns: usize, theme: &Theme, command: Command) -> Vec<Part> {
    let mut parts = Vec::new();
    let question = &state.question;
    let cluster = &ctx.profile.cluster;
    let place = format!("{} ▸ {} at {}", cluster.profile, cluster.namespace, cluster.address);
    let mut fact = |label: &str, words: &str, role: Role| {
        const LABEL: usize = 10;
        for (nth, line) in text::wrap(words, columns.saturating_sub(LABEL)).into_iter().enumerate() {
            let label = if nth == 0 { text::fit(label, LABEL) } else { " ".repeat(LABEL) };
            parts.push(Part::Line(Line::from(vec![
                Span::styled(label, theme.style(Role::TextMuted)),
                Span::styled(line, theme.style(role)),
            ])));
        }
    };
    fact("cluster", &place, Role::Text);
    for each in &question.facts {
        let role = match each.mood {
            Mood::Plain => Role::Text,
            Mood::Bad => Role::StatusFailed,
        };
        fact(&each.label, &each.value.words(ctx.now), role);
    }
    fact("then", &question.effect, Role::TextStrong);
    if let Some(warning) = &question.warning {
        fact("", &format!("{} {warning}", Sign::Warning.glyph()), Role::StatusFailed);
    }
    let same = state.command(ctx.profile);
    let same = if command == Command::Whole { same } else { one_line(&same, state, ctx, columns.saturating_sub(10)) };
    fact("same as", &same, Role::TextMuted);
    if state.phase == Phase::Prompting || state.phase == Phase::Leaving {
        fields(state, columns, theme, &mut parts);
    }
    parts.push(Part::Line(Line::default()));
    parts.extend(standing(state, ctx, columns, theme).into_iter().map(Part::Line));
    parts
}

/// As much of the command as a line holds, and the key that copies the whole where keys do not type.
fn one_line(command: &str, state: &State, ctx: &Ctx<'_>, columns: usize) -> String {
    if text::width(command) <= columns || state.focus() == Focus::Text {
        return text::cut(command, columns).into_owned();
    }
    let copies = format!(" ({} copies it whole)", ctx.key(Context::Confirm, Action::Copy));
    format!("{}{copies}", text::cut(command, columns.saturating_sub(text::width(&copies))))
}

fn fields(state: &State, columns: usize, theme: &Theme, parts: &mut Vec<Part>) {
    for (nth, (field, input)) in state.question.fields.iter().zip(&state.inputs).enumerate() {
        let label = match field {
            Field::Reason { .. } => "Reason".to_owned(),
            Field::Duration { .. } => "For how long".to_owned(),
            Field::Word { what, expected } => format!("Type the name of {what}, `{expected}`, to say that you mean it"),
        };
        parts.push(Part::Line(Line::default()));
        parts.push(Part::Line(Line::styled(text::cut(&label, columns).into_owned(), theme.style(Role::TextMuted))));
        parts.push(Part::Field(nth, if input.lines() == Lines::Many { 4 } else { 1 }));
    }
}

/// The last lines: what to press, or what became of it.
fn standing(state: &State, ctx: &Ctx<'_>, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (role, words) = match &state.phase {
        Phase::Prompting if state.moved.is_some() => {
            (Role::StatusWarning, format!("{} {}", Sign::Warning.glyph(), state.moved.clone().unwrap_or_default()))
        }
        Phase::Prompting => return vec![answer_keys(state, ctx, theme)],
        Phase::Leaving => {
            let back = ctx.key(Context::Text, Action::Back);
            (Role::StatusWarning, format!("{back} again throws away what you typed; any key goes on."))
        }
        Phase::Waiting { since } => {
            let waited = time::coarse(ctx.now.since(*since));
            (
                Role::StatusRunning,
                format!("{} Sent {waited} ago, waiting for the workflow's answer.", Sign::Running.glyph()),
            )
        }
        Phase::Refused(why) => (Role::StatusFailed, format!("{} Not done: {why}", Sign::Failed.glyph())),
        Phase::InDoubt { since } => {
            let waited = time::coarse(ctx.now.since(*since));
            let coordinator = ctx.world.links.get(&Upstream::Coordinator).filter(|_| state.goes_by_coordinator());
            let who = match coordinator {
                Some(Link::Down { .. }) => "the coordinator does not answer",
                Some(_) | None => "no worker has taken it yet",
            };
            let rest = "It may still be applied, and is followed under its id.";
            (Role::StatusWarning, format!("{} In doubt: {who}. {rest} {waited}", Sign::Warning.glyph()))
        }
        Phase::Failed(failure) => {
            let again = ctx.key(Context::Confirm, Action::Open);
            (Role::StatusFailed, format!("{} {failure} {again} tries again under the same id.", Sign::Failed.glyph()))
        }
    };
    text::wrap(&words, columns).into_iter().map(|line| Line::styled(line, theme.style(role))).collect()
}

fn answer_keys(state: &State, ctx: &Ctx<'_>, theme: &Theme) -> Line<'static> {
    let (context, yes) = match state.inputs.get(state.focused).map(TextField::lines) {
        None => (Context::Confirm, Action::Open),
        Some(Lines::One) => (Context::Text, Action::NewLine),
        Some(Lines::Many) => (Context::Text, Action::Submit),
    };
    let problem = state.first_problem().map(|(_, problem)| problem);
    // A yes that does not count yet is not lit.
    let (lit, role) = if problem.is_none() { (Role::Key, Role::Text) } else { (Role::TextMuted, Role::TextMuted) };
    let key = |action: Action, role: Role| Span::styled(ctx.key(context, action), theme.style(role));
    let mut line = Line::from(vec![
        key(yes, lit),
        Span::styled(" do it    ", theme.style(role)),
        key(Action::Back, Role::Key),
        Span::styled(" leave it", theme.style(Role::Text)),
    ]);
    if let Some(problem) = problem {
        line.push_span(Span::styled(format!("    {problem}"), theme.style(Role::StatusWarning)));
    }
    line
}
