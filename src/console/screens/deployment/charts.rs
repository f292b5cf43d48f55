//! Error rate and response times over time, against the baseline and the limit that rolls back.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::console::screens::deployment::scene::Scene;
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::theme::sign::Sign;
use crate::console::widgets::chart::{self, Chart, Mark, Point};
use crate::console::widgets::{strip, text, time};
use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::health::{HealthReport, Sample};

/// One of the charts.
struct Series {
    title: &'static str,
    value: fn(&Sample) -> Option<f64>,
    baseline: Option<f64>,
    limit: Option<f64>,
    /// What multiple of the baseline the limit is.
    factor: Option<f64>,
}

/// A chart narrower than this is left out.
const NARROW: u16 = 34;

pub fn draw(scene: &Scene<'_>, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let Some(report) = scene.health().filter(|report| !report.samples.is_empty()) else {
        return phases(scene, theme, buffer, area);
    };
    let fitting = usize::from(area.width / NARROW).clamp(1, 3);
    let series = series(report);
    let shown = series.len().min(if area.width >= 3 * 60 { fitting } else { fitting.min(2) });
    let Ok(count) = u16::try_from(shown) else { return };
    let width = (area.width + 2) / count.max(1);
    for (nth, series) in (0..count).zip(series.iter()) {
        let place = Rect { x: area.x + nth * width, width: width.saturating_sub(2), ..area };
        one(scene, report, series, (theme, buffer, place));
    }
}

fn series(report: &HealthReport) -> [Series; 3] {
    let percent = |share: f64| share * 100.0;
    let baseline = report.measured_baseline();
    let factor = |limit: f64, baseline: f64, factor: f64| (limit <= baseline * factor).then_some(factor);
    let (errors, times) = (report.error_rate_limit(), report.response_time_limit());
    [
        Series {
            title: "error rate %",
            value: |sample| sample.error_rate.map(|share| share * 100.0),
            baseline: baseline.map(|baseline| percent(baseline.error_rate)),
            limit: Some(percent(errors)),
            factor: baseline.and_then(|known| factor(errors, known.error_rate, report.rules.error_rate_factor)),
        },
        Series {
            title: "p95 ms",
            value: |sample| sample.p95_ms,
            baseline: baseline.map(|baseline| baseline.p95_ms),
            limit: times,
            factor: baseline
                .zip(times)
                .and_then(|(known, limit)| factor(limit, known.p95_ms, report.rules.response_time_factor)),
        },
        Series {
            title: "requests per look",
            value: |sample| Some(f64::from(u32::try_from(sample.requests).unwrap_or(u32::MAX))),
            baseline: None,
            limit: None,
            factor: None,
        },
    ]
}

fn one(scene: &Scene<'_>, report: &HealthReport, series: &Series, target: (&Theme, &mut Buffer, Rect)) {
    let (theme, buffer, area) = target;
    if area.height == 0 {
        return;
    }
    let points: Vec<Point> =
        report.samples.iter().map(|sample| Point { at: sample.at, value: (series.value)(sample) }).collect();
    let now = points.last().and_then(|point| point.value);
    let line = heading(scene, series, now, (usize::from(area.width), theme));
    buffer.set_line(area.x, area.y, &line, area.width);
    let (from, to) = span(scene, report);
    let chart = Chart {
        points: &points,
        from,
        to,
        baseline: series.baseline,
        limit: series.limit,
        marks: &marks(scene),
        gap: Millis(report.interval_ms.0.saturating_mul(5) / 2),
    };
    chart::render(&chart, theme, buffer, Rect { y: area.y + 1, height: area.height - 1, ..area });
}

/// `error rate %  now 7.2  limit 6.3 (3×)  base 2.1`, as much of it as fits: the limit before the baseline. While nobody
/// looks it is what it was.
fn heading(scene: &Scene<'_>, series: &Series, now: Option<f64>, (columns, theme): (usize, &Theme)) -> Line<'static> {
    let muted = theme.style(Role::TextMuted);
    let (word, calm, loud) = match scene.last_looked_at() {
        None => ("now", Role::TextStrong, Role::StatusFailed),
        Some(_) => ("was", Role::TextMuted, Role::TextMuted),
    };
    let above = now.zip(series.limit).is_some_and(|(now, limit)| now > limit);
    let value = now.map_or_else(|| "–".to_owned(), chart::label);
    let mut line = Line::from(vec![
        Span::styled(series.title, theme.style(Role::TextStrong)),
        Span::styled(format!("  {word} "), muted),
        Span::styled(value, theme.style(if above { loud } else { calm })),
    ]);
    if above {
        line.push_span(Span::styled(format!(" {}", Sign::Warning.glyph()), theme.style(loud)));
    }
    let factor = series.factor.map(|factor| format!(" ({}×)", chart::label(factor)));
    let limit = series.limit.map(|limit| ("  ", format!("limit {}", chart::label(limit)), Role::ChartLimit));
    let factor = series.limit.and(factor).map(|factor| ("", factor, Role::ChartLimit));
    let base = |baseline| ("  ", format!("base {}", chart::label(baseline)), Role::ChartBaseline);
    for (gap, part, role) in [limit, factor, series.baseline.map(base)].into_iter().flatten() {
        if line.width() + text::width(gap) + text::width(&part) <= columns {
            line.push_span(Span::raw(gap));
            line.push_span(Span::styled(part, theme.style(role)));
        }
    }
    line
}

/// The deploy, the moment the rollback began, and the moment the old version was seen serving.
fn marks(scene: &Scene<'_>) -> Vec<Mark> {
    let deployed = scene.summary().and_then(|summary| summary.live_since).map(|at| Mark { at, word: "deploy" });
    let asked = scene.rolling().map(|rolling| Mark { at: rolling.cause.at, word: "rollback" });
    let verified = scene.rolling().and_then(|rolling| rolling.verified_at).map(|at| Mark { at, word: "verified" });
    deployed.into_iter().chain(asked).chain(verified).collect()
}

/// From the first look to the last; to now when the next look is late, so that silence shows as silence.
fn span(scene: &Scene<'_>, report: &HealthReport) -> (Timestamp, Timestamp) {
    let at = |sample: Option<&Sample>| sample.map_or(scene.now, |sample| sample.at);
    let (first, last) = (at(report.samples.first()), at(report.samples.last()));
    let to = if scene.stale || scene.held_up().is_some() { scene.now.max(last) } else { last };
    // The deploy itself is on the chart when it is near enough not to squeeze everything else.
    let deployed = scene.summary().and_then(|summary| summary.live_since);
    let near = deployed.filter(|at| first.since(*at).0 <= to.since(first).0.max(report.interval_ms.0 * 4));
    let from = near.map_or(first, |deployed| deployed.min(first));
    // A minute at least, so that the first looks do not jump about.
    (from, to.max(from.plus(Millis::from_secs(10))))
}

/// Before the first look: the phases, with what each took.
fn phases(scene: &Scene<'_>, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let phases = scene.published().map(|published| published.phases.as_slice()).unwrap_or_default();
    if area.height == 0 {
        return;
    }
    buffer.set_line(area.x, area.y, &strip::strip(phases, usize::from(area.width), theme), area.width);
    let lines = phases.iter().filter_map(|phase| {
        let started = phase.started_at?;
        let sign = Sign::from(phase.status);
        let took = phase.ended_at.unwrap_or(scene.now).since(started);
        Some(Line::from(vec![
            Span::styled(format!("{} ", sign.glyph()), theme.style(sign.role())),
            Span::styled(text::fit(&phase.name, 20), theme.style(Role::Text)),
            Span::styled(format!("  {}  {}", time::second(started), time::took(took)), theme.style(Role::TextMuted)),
        ]))
    });
    let mut y = area.y + 2;
    for line in lines.take(usize::from(area.height.saturating_sub(3))) {
        buffer.set_line(area.x, y, &text::cut_line(line, usize::from(area.width)), area.width);
        y += 1;
    }
    let hint = "Health appears here with the first look after the deploy.";
    if y < area.bottom() {
        buffer.set_stringn(area.x, y.max(area.y + 2), hint, usize::from(area.width), theme.style(Role::TextMuted));
    }
}
