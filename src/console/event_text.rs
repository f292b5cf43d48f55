//! An event in full, as text to read: its facts, its failure, its payloads.

use std::fmt::Write as _;

use crate::console::chronicle::Group;
use crate::console::widgets::time;
use crate::contracts::workflow::HistoryEvent;

/// Everything about a group, event by event, the latest first: what went wrong is at the end of a story.
pub fn group(group: &Group) -> String {
    let events: Vec<String> = group.events.iter().rev().map(event).collect();
    events.join("\n")
}

/// Everything about one event.
pub fn event(event: &HistoryEvent) -> String {
    let mut text = format!("{}  event {}", event.event_type, event.id);
    let mut fact = |name: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {name}: {value}");
    };
    if let Some(at) = event.at {
        fact("at", time::date(at));
    }
    if !event.subject.is_empty() {
        fact("subject", event.subject.clone());
    }
    if let Some(attempt) = event.attempt {
        fact("attempt", attempt.to_string());
    }
    if let Some(identity) = &event.identity {
        fact("identity", identity.clone());
    }
    if let Some(failure) = &event.failure {
        fact("failure", indented(failure, "    "));
    }
    for payload in &event.payloads {
        let head = format!("{} ({}, {} bytes)", payload.name, payload.encoding, payload.bytes);
        let body = if payload.text.is_empty() { "nothing".to_owned() } else { indented(&payload.text, "  ") };
        fact(&head, format!("\n  {body}"));
    }
    text.push('\n');
    text
}

fn indented(text: &str, by: &str) -> String {
    text.replace('\n', &format!("\n{by}"))
}
