//! The first line: where we are, how every upstream stands, how old what is shown is, and the time.
//!
//! The age is that of the data, not of the connection. While all is well nothing here moves but the minute.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::console::model::Model;
use crate::console::theme::role::Role;
use crate::console::theme::sign::Sign;
use crate::console::widgets::{text, time};
use crate::console::world::Upstream;
use crate::contracts::clock::Millis;
use crate::contracts::ids::WorkflowId;
use crate::contracts::link::Link;

/// How much is told of what is not in order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    Reason,
    /// For how long.
    Age,
}

pub fn view(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let left = place(model);
    let room = usize::from(area.width).saturating_sub(left.width() + 1);
    let right = Some(upstreams(model, Detail::Reason)).filter(|line| line.width() <= room);
    // The alert line has the reason too; the other upstream, the place and the clock stand only here.
    let right = right.unwrap_or_else(|| upstreams(model, Detail::Age));
    let right = text::cut_line(right, usize::from(area.width.saturating_sub(12)));
    let taken = u16::try_from(right.width()).unwrap_or(area.width);
    let left = text::cut_line(left, usize::from(area.width.saturating_sub(taken + 1)));
    frame.buffer_mut().set_line(area.x, area.y, &left, area.width);
    frame.buffer_mut().set_line(area.right().saturating_sub(taken), area.y, &right, taken);
}

fn upstreams(model: &Model, detail: Detail) -> Line<'static> {
    let theme = &model.look.theme;
    let mut right = Vec::new();
    for upstream in [Upstream::Temporal, Upstream::Coordinator] {
        if upstream == Upstream::Coordinator && !model.profile.coordinator {
            continue;
        }
        let (sign, words) = standing(model, upstream, detail);
        right.push(Span::styled(sign.glyph(), theme.style(sign.role())));
        let loud = if sign == Sign::Running { Role::TextMuted } else { sign.role() };
        right.push(Span::styled(format!(" {words}   "), theme.style(loud)));
    }
    if let Some((words, role)) = workers(model, detail) {
        right.push(Span::styled(format!("{words}   "), theme.style(role)));
    }
    right.push(Span::styled(format!("{} ", time::minute(model.now)), theme.style(Role::Text)));
    Line::from(right)
}

/// Who polls the task queue. The server counts a worker that died for a minute more: what is not taken says sooner that it
/// may be none.
fn workers(model: &Model, detail: Detail) -> Option<(String, Role)> {
    let overview = model.world.overview.value()?;
    let words = match overview.workers? {
        0 => return Some(("no workers".to_owned(), Role::StatusWarning)),
        1 => "1 worker".to_owned(),
        n => format!("{n} workers"),
    };
    let Some(polled_at) = overview.polled_at else { return Some((words, Role::TextMuted)) };
    let ago = match detail {
        Detail::Reason => format!(" polled {} ago", time::coarse(model.now.since(polled_at))),
        Detail::Age => String::new(),
    };
    Some((format!("{words}?{ago}"), Role::StatusWarning))
}

fn place(model: &Model) -> Line<'static> {
    let theme = &model.look.theme;
    let cluster = &model.profile.cluster;
    let mut line = Line::from(vec![
        Span::styled(" gatewatch", theme.style(Role::TextMuted)),
        Span::styled(format!("  {}", cluster.profile), theme.style(Role::TextStrong)),
        Span::styled(" ▸ ", theme.style(Role::TextMuted)),
        Span::styled(cluster.namespace.clone(), theme.style(Role::TextStrong)),
    ]);
    if model.profile.read_only {
        line.push_span(Span::raw("  "));
        line.push_span(Span::styled(" read-only ", theme.style(Role::Badge)));
    }
    line
}

/// How an upstream stands: `● temporal`, `▲ temporal 7s`, `✗ temporal 48s: connection refused, retry in 4s`.
fn standing(model: &Model, upstream: Upstream, detail: Detail) -> (Sign, String) {
    let name = upstream.name();
    let overdue = if upstream == Upstream::Temporal { model.overdue() } else { None };
    match (model.world.links.get(&upstream), overdue) {
        (Some(Link::Down { failure, since, retry_at, .. }), _) => {
            let gone = time::coarse(overdue.unwrap_or_else(|| model.now.since(*since)));
            let why = failure.message.trim_end_matches('.');
            let retry = time::fine(retry_at.since(model.now));
            let words = match detail {
                Detail::Reason => format!("{name} {gone}: {why}, retry in {retry}"),
                Detail::Age => format!("{name} {gone}"),
            };
            (Sign::Failed, words)
        }
        (Some(Link::Up { .. }), None) => (Sign::Running, name.to_owned()),
        (Some(Link::Up { .. }), Some(age)) => (Sign::Warning, format!("{name} {}", time::coarse(age))),
        (Some(Link::Connecting { since, .. }), _) => {
            let waited = model.now.since(*since);
            // A moment of connecting is nothing to read.
            let age = if waited < Millis::from_secs(1) { String::new() } else { format!(" {}", time::coarse(waited)) };
            (Sign::Waiting, format!("{name}{age}"))
        }
        (None, _) => (Sign::Waiting, name.to_owned()),
    }
}

impl Model {
    /// Whether a workflow is looked at each second.
    fn is_live(&self, id: &WorkflowId) -> bool {
        self.world.detail(id).value().is_some_and(|detail| detail.row.is_watched())
    }

    /// Age of the oldest of what is shown, when it is older than it should be.
    pub fn overdue(&self) -> Option<Millis> {
        self.watched.overdue(self.now, |id| self.is_live(id))
    }

    /// When that will next be so, if nothing is heard.
    pub fn next_overdue(&self) -> Option<crate::contracts::clock::Timestamp> {
        self.watched.next_overdue(self.now, |id| self.is_live(id))
    }
}
