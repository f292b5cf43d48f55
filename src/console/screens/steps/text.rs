//! The selected thing in full, as text to read.

use std::fmt::Write as _;

use serde_json::Value;

use crate::console::ctx::Ctx;
use crate::console::screens::steps::state::{Line, Pane, State};
use crate::console::widgets::aside::LABEL;
use crate::console::widgets::time;
use crate::contracts::clock::UnixMillis;
use crate::contracts::engine::state::{LogEntry, StepState};
use crate::contracts::ids::StepId;

/// Bytes of a payload that stands on one line.
const SHORT: usize = 100;

/// Title and text of what is under the cursor; none when nothing is.
pub fn selected(state: &State, ctx: &Ctx<'_>) -> Option<(String, String)> {
    match state.pane {
        Pane::Steps => match state.selected()? {
            Line::Step { id, .. } => {
                let step = state.state(ctx)?.open_steps.get(id)?;
                Some((format!("{id} · {}", step.kind), of_step(step, ctx)))
            }
            Line::Approval(id) => {
                let gate = state.published(ctx)?.gates.iter().find(|gate| gate.id == *id)?;
                let mut text = fact("asks", &gate.title);
                text.push_str(&fact("opened", &format!("{} ago", time::age(ctx.now, gate.opened_at))));
                Some((id.to_string(), text))
            }
            Line::Kind(name) => {
                let words = "Which steps there are, a worker tells; none answers now. This is the latest of its kind.";
                Some((name.clone(), words.to_owned()))
            }
        },
        Pane::Artifacts => {
            let key = state.artifacts.get(state.cursor().index)?;
            Some((key.clone(), pretty(state.state(ctx)?.artifacts.get(key)?)))
        }
        Pane::Log => {
            let entry = state.entry(state.cursor().index, ctx)?;
            Some((entry.event.clone(), of_entry(entry)))
        }
    }
}

fn of_step(step: &StepState, ctx: &Ctx<'_>) -> String {
    let mut text = String::new();
    let mut say = |label: &str, words: &str| text.push_str(&fact(label, words));
    let asks = step.payload.get("title").and_then(Value::as_str).filter(|_| step.is_approval());
    if let Some(asks) = asks {
        say("asks", asks);
    }
    let since = step.updated_at.timestamp();
    let since = since.map(|at| format!(", since {} ({} ago)", time::when(ctx.now, at), time::age(ctx.now, at)));
    say("state", &format!("{}{}", step.standing(), since.unwrap_or_default()));
    if let Some(reason) = &step.reason {
        say("why", reason);
    }
    if let Some(due) = step.due.and_then(UnixMillis::timestamp) {
        say("due", &format!("{} ({})", time::until(ctx.now, due), time::date(due)));
    }
    if let Some(agent) = &step.agent {
        let attempt = step.attempt_id.as_ref().map(|attempt| format!(", run {attempt}")).unwrap_or_default();
        let tries = if step.attempts > 1 { format!(", attempt {}", step.attempts) } else { String::new() };
        let reminded = if step.reminders > 0 { format!(", reminded {}×", step.reminders) } else { String::new() };
        say("agent", &format!("{agent}{tries}{attempt}{reminded}"));
    }
    if let Some(at) = step.requested_at.timestamp() {
        let after: Vec<&str> = step.after.iter().map(StepId::as_str).collect();
        let after = if after.is_empty() { String::new() } else { format!(" after {}", after.join(", ")) };
        say("asked for", &format!("{} ({} ago){after}", time::when(ctx.now, at), time::age(ctx.now, at)));
    }
    for child in &step.children {
        say("workflow", child.as_str());
    }
    for (label, value) in [("answered", &step.content), ("given", &step.payload)] {
        // The title of an approval is said already.
        let said =
            step.is_approval() && value.as_object().is_some_and(|fields| fields.keys().all(|key| key == "title"));
        if !value.is_null() && !said {
            // Writing to a string cannot fail.
            let short = value.to_string();
            let _ = if short.len() <= SHORT {
                text.write_str(&fact(label, &short))
            } else {
                write!(text, "{label}\n{}\n", pretty(value))
            };
        }
    }
    text
}

fn of_entry(entry: &LogEntry) -> String {
    let at = entry.at.timestamp().map(time::date).unwrap_or_default();
    format!("{}{}", fact("at", &at), pretty(&entry.data))
}

/// An artifact's link, or its value in one line.
pub fn artifact(value: &Value) -> String {
    let url = value.get("url").and_then(Value::as_str);
    url.or(value.as_str()).map_or_else(|| value.to_string(), str::to_owned)
}

fn fact(label: &str, words: &str) -> String {
    format!("{label:<LABEL$}{words}\n")
}

fn pretty(value: &Value) -> String {
    let pretty = || serde_json::to_string_pretty(value).unwrap_or_default();
    value.as_str().map_or_else(pretty, str::to_owned)
}
