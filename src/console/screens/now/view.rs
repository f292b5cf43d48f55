//! Draws the first screen.
//!
//! ```text
//!  GATE                  WORKFLOW           ENV         WAITS  DEADLINE      THEN
//! ▸◌ production approval prod-checkout-42   production  4m     in 71h 56m    rejected
//!
//!  LIVE                            ENV         STATE       WATCHED         ERRORS
//!  checkout v42 → production       production  ● watching  03:12 of 10:00  ▁▁▂▃▅▇ 7.2%
//!
//!  WITHIN THE HOUR                 TYPE                         STATE     AGO
//!  search v7 → production          ProductionDeploymentWorkflow ✗ failed  12m
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::ctx::Ctx;
use crate::console::event::Overview;
use crate::console::gates;
use crate::console::remote::Remote;
use crate::console::screens::now::row;
use crate::console::screens::now::state::State;
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::theme::sign::Sign;
use crate::console::widgets::table::{self, Column, Row, Window};
use crate::console::widgets::text;

pub fn title(_state: &State, ctx: &Ctx<'_>) -> String {
    let title = "What needs somebody now";
    let all = ctx.world.overview.value().map_or(0, |overview| overview.live.len());
    match ctx.world.not_looked_at().count() {
        0 => title.to_owned(),
        some => format!("{title} · {some} of {all} live as last published: {}", Sign::Unknown.glyph()),
    }
}

pub fn view(state: &State, ctx: &Ctx<'_>, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    match &ctx.world.overview {
        Remote::Fresh { value, .. } | Remote::Stale { value, .. } => blocks(state, value, ctx, (theme, frame, area)),
        Remote::Failed { failure, .. } => {
            say(&[failure.message.as_str(), failure.hint.as_str()], Role::StatusFailed, (theme, frame, area));
        }
        Remote::Idle => {
            let asking = format!("Asking {} for gates and deployments…", ctx.profile.cluster.address);
            say(&[asking.as_str()], Role::TextMuted, (theme, frame, area));
        }
    }
}

type Canvas<'a, 'b> = (&'a Theme, &'a mut Frame<'b>, Rect);

fn say(lines: &[&str], role: Role, (theme, frame, area): Canvas<'_, '_>) {
    let wrapped = lines.iter().flat_map(|line| text::wrap(line, usize::from(area.width.saturating_sub(2))));
    for (y, line) in (area.y + 1..area.bottom()).zip(wrapped) {
        frame.buffer_mut().set_line(area.x + 1, y, &Line::styled(line, theme.style(role)), area.width);
    }
}

/// One of the three, as far as drawing it needs to know.
struct Block<'a> {
    columns: &'a [Column],
    total: usize,
    /// What it says while there is nothing in it.
    empty: &'a str,
    /// Index of its first row among all rows of the screen.
    first: usize,
}

fn blocks(state: &State, overview: &Overview, ctx: &Ctx<'_>, (theme, frame, area): Canvas<'_, '_>) {
    let open = gates::open(overview);
    let (live, troubled) = (&overview.live, &overview.troubled);
    let no_gate = match &overview.unreadable {
        None => "No gate waits for anybody.",
        Some(_) => "No gate can be seen: this namespace lacks search attributes.",
    };
    let blocks = [
        Block { columns: &row::GATES, total: open.len(), empty: no_gate, first: 0 },
        Block {
            columns: &row::LIVE,
            total: live.len(),
            empty: "No deployment is live. Approving a production gate starts one.",
            first: open.len(),
        },
        Block {
            columns: &row::TROUBLED,
            total: troubled.len(),
            empty: "Nothing failed or got stuck in the last hour.",
            first: open.len() + live.len(),
        },
    ];
    let heights = share(area.height, [open.len(), live.len(), troubled.len()]);
    let mut y = area.y;
    for (nth, (block, height)) in blocks.iter().zip(heights).enumerate() {
        let place = Rect { y, height: height.min(area.bottom().saturating_sub(y)), ..area };
        let formatted = |at: usize| match nth {
            0 => open.get(at).map(|gate| row::gate(gate, ctx.now, theme)),
            1 => live.get(at).map(|live| row::live(live, ctx, theme)),
            _ => troubled.get(at).map(|failed| row::troubled(failed, ctx.now, theme)),
        };
        draw(block, state, (theme, frame, place), |at| formatted(at).unwrap_or_default());
        y = y.saturating_add(height + 1);
    }
}

fn draw<'a>(
    block: &Block<'_>,
    state: &State,
    (theme, frame, place): Canvas<'_, '_>,
    row: impl FnMut(usize) -> Row<'a>,
) {
    let cursor = state.cursor.index.checked_sub(block.first).filter(|at| *at < block.total);
    let cursor = cursor.filter(|_| state.selected.is_some());
    let visible = usize::from(place.height.saturating_sub(1)).max(1);
    let offset = cursor.map_or(0, |at| (at + 1).saturating_sub(visible));
    table::render(
        block.columns,
        Window { total: block.total, offset, cursor },
        theme,
        (frame.buffer_mut(), place),
        row,
    );
    if block.total == 0 && place.height > 1 {
        let line = Line::styled(block.empty, theme.style(Role::TextMuted));
        frame.buffer_mut().set_line(place.x + 1, place.y + 1, &line, place.width.saturating_sub(1));
    }
}

/// Lines for each block: what it needs, header included; where that is too much, the longest give way first.
fn share(height: u16, rows: [usize; 3]) -> [u16; 3] {
    let mut heights = rows.map(|rows| u16::try_from(rows.max(1)).unwrap_or(u16::MAX).saturating_add(1));
    let room = height.saturating_sub(2);
    while heights.iter().fold(0u16, |sum, part| sum.saturating_add(*part)) > room {
        let Some(longest) = heights.iter_mut().max() else { break };
        if *longest <= 2 {
            break;
        }
        *longest -= 1;
    }
    heights
}
