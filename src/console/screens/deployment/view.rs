//! Draws the screen. Nothing changes place between calm and rolled back: the plan of the rollback has its own part where
//! there is room, and the trigger board's where there is not.
//!
//! ```text
//!  checkout v42 → production   live 03:12 of 10:00  ▕██████░░░░░░▏ 31%     headline
//!  ▲ error rate 3.4×, limit > 3× · 2 of 4 · automatic rollback in 00:30    standing
//!  error rate %                        p95 ms                              charts
//!  TRIGGER    NOW    LIMIT    STATE    live version   v42 9f31c2e          board, facts
//!  roll back v42 → v41                                                     plan
//! ```

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::console::ctx::Ctx;
use crate::console::remote::Remote;
use crate::console::screens::deployment::scene::Scene;
use crate::console::screens::deployment::state::{Asked, State};
use crate::console::screens::deployment::words::{self, Tone, Words};
use crate::console::screens::deployment::{board, charts, facts, plan};
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::widgets::{meter, text, time};

/// Rows of the trigger board with its header, and of the plan.
const BOARD: u16 = 9;
const PLAN: u16 = 9;
/// Charts shorter than this say nothing.
const CHARTS: u16 = 4;

pub fn title(state: &State, ctx: &Ctx<'_>) -> String {
    let Some(id) = &state.workflow else { return "deployment".to_owned() };
    Scene::of(state, ctx).map_or_else(|| id.to_string(), |scene| format!("{id} · {}", scene.row.workflow_type))
}

pub fn view(state: &State, ctx: &Ctx<'_>, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let buffer = frame.buffer_mut();
    let Some(scene) = Scene::of(state, ctx) else { return nothing(state, ctx, theme, buffer, area) };
    let places = Places::of(area, wants_plan(state, &scene));
    headline(&scene, theme, buffer, places.headline);
    standing(&words::standing(state, &scene, ctx), theme, buffer, places.standing);
    charts::draw(&scene, theme, buffer, places.charts);
    if let Some((left, right)) = places.board {
        board::draw(&scene, theme, buffer, left);
        facts::draw(&scene, theme, buffer, right);
    }
    if let Some(place) = places.plan {
        let typing = plan::draw(state, &scene, ctx, (theme, buffer, place));
        if let (Some(place), Some(field)) = (typing, &state.reason) {
            field.view(theme.style(Role::Input), frame, place);
        }
    }
}

/// Whether the plan of the rollback has to be on screen.
fn wants_plan(state: &State, scene: &Scene<'_>) -> bool {
    state.asked != Asked::No || scene.rolling().is_some()
}

/// Where the parts are.
struct Places {
    headline: Rect,
    standing: Rect,
    charts: Rect,
    board: Option<(Rect, Rect)>,
    plan: Option<Rect>,
}

impl Places {
    fn of(area: Rect, wants_plan: bool) -> Self {
        let row = |y: u16, height: u16| {
            let y = y.min(area.height);
            Rect { y: area.y + y, height: height.min(area.height - y), ..area }
        };
        let both = area.height >= 2 + CHARTS + BOARD + 1 + PLAN;
        let below = if both { BOARD + 1 + PLAN } else { BOARD };
        let charts = area.height.saturating_sub(2 + below);
        let lower = row(2 + charts, BOARD);
        let plan = if both { Some(row(2 + charts + BOARD + 1, PLAN)) } else { wants_plan.then_some(lower) };
        let board = (both || !wants_plan).then(|| halves(lower));
        Self { headline: row(0, 1), standing: row(1, 1), charts: row(2, charts), board, plan }
    }
}

/// Facts are no wider than this: the board has more to say.
const FACTS: u16 = 43;

/// The board and the facts beside it.
fn halves(area: Rect) -> (Rect, Rect) {
    let left = (area.width * 3 / 5).max(area.width.saturating_sub(FACTS + 2));
    let right = Rect { x: area.x + left + 2, width: area.width.saturating_sub(left + 2), ..area };
    (Rect { width: left, ..area }, right)
}

/// `checkout v42 → production   live 03:12 of 10:00  ▕██████░░░░░░▏ 31%`
fn headline(scene: &Scene<'_>, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let strong = theme.style(Role::TextStrong);
    let muted = theme.style(Role::TextMuted);
    let mut spans = Vec::new();
    if let Some(summary) = scene.summary() {
        spans.push(Span::styled(format!("{} {}", summary.service, summary.version), strong));
        if let Some(back) = scene.previous_version().filter(|_| scene.rolling().is_some()) {
            spans.push(Span::styled(" ↺ ", theme.style(Role::StatusWarning)));
            spans.push(Span::styled(back.to_string(), strong));
        }
    } else {
        spans.push(Span::styled(scene.row.id.to_string(), strong));
    }
    if let Some(environment) = scene.environment() {
        spans.push(Span::styled(" → ", muted));
        let role = if environment.is_production() { Role::Production } else { Role::TextStrong };
        spans.push(Span::styled(environment.to_string(), theme.style(role)));
    }
    let old = scene
        .at
        .filter(|_| scene.stale)
        .map(|at| format!("   as of {} ({} ago)", time::second(at), time::age(scene.now, at)));
    if let Some(old) = old {
        spans.push(Span::styled(old, theme.style(Role::StatusWarning)));
    }
    if let Some((from, until)) = scene.watch().filter(|_| scene.is_monitoring()) {
        let (done, whole) = (scene.now.since(from).0.min(until.since(from).0), until.since(from).0.max(1));
        spans.push(Span::styled("   live ", muted));
        let clock = time::clock(crate::contracts::clock::Millis(done));
        spans.push(Span::styled(clock, strong));
        spans.push(Span::styled(format!(" of {}  ", time::clock(until.since(from))), muted));
        spans.extend(meter::meter(share(done, whole), 20, Role::StatusRunning, theme));
        spans.push(Span::styled(format!(" {}%", done * 100 / whole), muted));
    }
    let line = text::cut_line(Line::from(spans), usize::from(area.width));
    buffer.set_line(area.x, area.y, &line, area.width);
}

#[expect(clippy::cast_precision_loss, reason = "a share of some minutes, drawn on twenty columns")]
fn share(done: u64, whole: u64) -> f64 {
    done as f64 / whole as f64
}

fn standing(words: &Words, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    if area.is_empty() {
        return;
    }
    let (sign, body) = match words.tone {
        Tone::Calm => (words.sign.role(), Role::TextMuted),
        Tone::Notice => (words.sign.role(), Role::Text),
        Tone::Bad => (Role::StatusFailed, Role::StatusFailed),
        Tone::Alarm => (Role::BannerBad, Role::BannerBad),
        Tone::Triumph => (Role::BannerGood, Role::BannerGood),
    };
    if matches!(words.tone, Tone::Alarm | Tone::Triumph) {
        buffer.set_style(area, theme.style(body));
    }
    let room = usize::from(area.width).saturating_sub(2);
    let text = words.short.as_ref().filter(|_| text::width(&words.text) > room).unwrap_or(&words.text);
    let line = Line::from(vec![
        Span::styled(format!("{} ", words.sign.glyph()), theme.style(sign)),
        Span::styled(text.clone(), theme.style(body)),
    ]);
    buffer.set_line(area.x, area.y, &text::cut_line(line, usize::from(area.width)), area.width);
}

/// Nothing to show: what would be here, and what makes it so.
fn nothing(state: &State, ctx: &Ctx<'_>, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let mut lines: Vec<(String, Role)> = Vec::new();
    if let Some(id) = &state.workflow {
        match ctx.world.detail(id) {
            Remote::Failed { failure, .. } => {
                lines.push((format!("{id} cannot be shown. {failure}"), Role::StatusFailed));
            }
            Remote::Idle | Remote::Fresh { .. } | Remote::Stale { .. } => {
                lines.push((format!("Asking about {id}."), Role::TextMuted));
            }
        }
    } else {
        let words = [
            "No deployment is live.",
            "",
            "A deployment that is running appears here by itself: its health against the baseline,",
            "the eight triggers that roll it back, and the key that does so at once.",
            "It starts when a production gate is approved, or with: gatewatch start ProductionDeploymentWorkflow",
        ];
        lines.extend(words.map(|line| (line.to_owned(), Role::TextMuted)));
    }
    let wrapped = lines
        .iter()
        .flat_map(|(line, role)| text::wrap(line, usize::from(area.width)).into_iter().map(|part| (part, *role)));
    for (y, (line, role)) in (area.y + 1..area.bottom()).zip(wrapped) {
        buffer.set_string(area.x, y, line, theme.style(role));
    }
}
