//! What is live, what was before, and whether the way back is open.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::console::screens::deployment::scene::Scene;
use crate::console::theme::Theme;
use crate::console::theme::role::Role;
use crate::console::theme::sign::Sign;
use crate::console::widgets::card::{self, Field};
use crate::console::widgets::time;
use crate::contracts::clock::Timestamp;
use crate::contracts::rollback::RollbackReadiness;
use crate::contracts::temporal::memo::Published;

pub fn draw(scene: &Scene<'_>, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let lines = card::card(&fields(scene), area.width, theme);
    for (y, line) in (area.top()..area.bottom()).zip(lines) {
        buffer.set_line(area.x, y, &line, area.width);
    }
}

fn fields(scene: &Scene<'_>) -> Vec<Field<'static>> {
    let mut fields = vec![live(scene)];
    let Some(published) = scene.published() else { return fields };
    let rolling = published.rolling_back.as_ref();
    if let Some(summary) = scene.summary().filter(|_| rolling.is_some_and(|rolling| rolling.verified_at.is_some())) {
        fields.push(Field::new("taken back", format!("{} {}", summary.version, summary.commit.short()), Role::Text));
        fields.extend(about(published));
        return fields;
    }
    let before = published.deployment.as_ref().and_then(|summary| summary.previous.as_ref());
    let ready = published.rollback.as_ref();
    let previous = match (before, ready) {
        (Some(live), _) => Field::new("previous", format!("{} {}", live.version, live.commit.short()), Role::Text),
        (None, Some(ready)) if !ready.previous_version.is_empty() => {
            let text = format!("{} {}", ready.previous_version, ready.previous_commit.short());
            Field::new("previous", text, Role::Text)
        }
        (None, _) => Field::new("previous", "none known: nothing to go back to", Role::StatusWarning),
    };
    fields.push(previous);
    if let Some(ready) = ready.filter(|_| rolling.is_none()) {
        fields.extend(way_back(ready, scene.now));
    }
    fields.extend(about(published));
    fields
}

/// Who decided it, and what else is recorded of it.
fn about(published: &Published) -> Vec<Field<'static>> {
    let mut fields = Vec::new();
    if let Some(decided) = &published.decided {
        let evidence =
            decided.evidence.as_ref().map(|digest| format!(" (evidence {})", digest.short())).unwrap_or_default();
        let text = format!("{} {}{evidence}", decided.actor.name, time::minute(decided.at));
        fields.push(Field::new("decided by", text, Role::Text));
    }
    if let Some(incident) = &published.incident_id {
        fields.push(Field::new("incident", incident.clone(), Role::StatusWarning));
    }
    if let Some(refused) = &published.refused {
        let text = format!("{} at {}: {}", refused.name, time::second(refused.at), refused.why);
        fields.push(Field::new("not obeyed", text, Role::StatusWarning));
    }
    fields
}

/// What answers, which may be another version than the one that was deployed.
fn live(scene: &Scene<'_>) -> Field<'static> {
    let Some(summary) = scene.summary() else {
        return Field::new("live", "not known: this workflow publishes no deployment", Role::StatusUnknown);
    };
    let (ok, failed) = (Sign::Ok.glyph(), Sign::Failed.glyph());
    let back = scene.rolling().is_some_and(|rolling| rolling.verified_at.is_some());
    let (version, commit) = match summary.previous.as_ref().filter(|_| back) {
        Some(previous) => (&previous.version, &previous.commit),
        None => (&summary.version, &summary.commit),
    };
    let wanted = format!("{version} {}", commit.short());
    let looked_at = scene.is_monitoring() || back;
    // What was seen before the old version was verified says nothing against it.
    let verified_at = scene.rolling().and_then(|rolling| rolling.verified_at);
    let newest = scene.last_sample().filter(|sample| verified_at.is_none_or(|at| sample.at >= at));
    match newest.and_then(|sample| sample.version.as_ref()).filter(|_| looked_at) {
        Some(answers) if *answers != version.as_str() => {
            Field::new("live", format!("{failed} {answers} answers, not {wanted}"), Role::StatusFailed)
        }
        Some(_) if scene.last_looked_at().is_none() => Field::new("live", format!("{ok} {wanted}"), Role::TextStrong),
        Some(_) | None => Field::new("live", wanted, Role::TextStrong),
    }
}

fn way_back(ready: &RollbackReadiness, now: Timestamp) -> Vec<Field<'static>> {
    let backup = match ready.backup_verified_at {
        Some(at) => Field::new("backup", format!("verified {}", time::when(now, at)), Role::Text),
        None => Field::new("backup", "not verified", Role::StatusWarning),
    };
    let migrations = match (ready.migrations.len(), ready.reversible) {
        (0, _) => Field::new("migrations", "none to take back", Role::Text),
        (1, true) => Field::new("migrations", "1, reversible", Role::Text),
        (count, true) => Field::new("migrations", format!("{count}, all reversible"), Role::Text),
        (count, false) => Field::new(
            "migrations",
            format!("{count}, NOT all reversible: the backup is restored"),
            Role::StatusWarning,
        ),
    };
    let estimate = ready.estimate_ms.map(|estimate| format!(" ~{}", time::fine(estimate))).unwrap_or_default();
    let rollback = if ready.ready {
        Field::new("rollback", format!("READY{estimate}"), Role::StatusOk)
    } else {
        let why = ready.why_not.clone().unwrap_or_else(|| "nobody said why".to_owned());
        Field::new("rollback", format!("NOT READY: {why}"), Role::StatusFailed)
    };
    vec![backup, migrations, rollback]
}
