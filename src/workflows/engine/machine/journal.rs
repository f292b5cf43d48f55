//! The bounded log, and the bounds of what is kept.

use serde_json::{Value, json};

use crate::contracts::clock::UnixMillis;
use crate::contracts::engine::state::LogEntry;
use crate::workflows::engine::machine::Machine;

/// Entries that are kept; older ones are counted.
const KEPT: usize = 200;
/// Bytes of one entry's data. The log is to be read, and travels with continue-as-new.
const ENTRY: usize = 1_000;
/// Bytes of what is kept of a payload, an answer or an artifact.
const CONTENT: usize = 8_000;
/// Bytes of all of them: with steps and log they must fit a message of 2 MiB.
const ALL: usize = 700_000;

impl Machine {
    /// Writes an entry.
    pub(super) fn note(&mut self, at: UnixMillis, event: &str, data: Value) {
        let state = &mut self.memory.state;
        if state.log.len() == KEPT {
            state.log.pop_front();
            state.log_dropped += 1;
        }
        state.log.push_back(LogEntry { at, event: event.to_owned(), data: bounded(data, ENTRY) });
    }

    /// What is kept of a value that replaces `old`.
    pub(super) fn kept(&mut self, old: &Value, new: Value) -> Value {
        let others = self.memory.kept_bytes.saturating_sub(size(old));
        let new = bounded(new, CONTENT.min(ALL.saturating_sub(others)));
        self.memory.kept_bytes = others + size(&new);
        new
    }
}

fn bounded(value: Value, most: usize) -> Value {
    let bytes = size(&value);
    if bytes <= most { value } else { json!({ "omittedBytes": bytes }) }
}

/// Bytes as JSON; nothing takes no room.
fn size(value: &Value) -> usize {
    if value.is_null() { 0 } else { value.to_string().len() }
}
