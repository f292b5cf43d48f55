//! The history of one run, grouped by what its events belong to: an activity with all its attempts is one thing. It
//! grows at both ends, one page or one event at a time, and forgets its oldest end before it grows without bound.

use std::collections::BTreeMap;

use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::ids::RunId;
use crate::contracts::workflow::{EventKind, HistoryBatch, HistoryEvent, HistoryPage, PageToken};

/// Events of one run, as far as they were read.
#[derive(Clone, Debug, Default)]
pub struct Chronicle {
    groups: BTreeMap<i64, Group>,
    run: Option<RunId>,
    older: Option<PageToken>,
    events: usize,
    payload_bytes: usize,
    /// Some of what was read is not kept any more.
    forgot: bool,
    /// Grows with every change: what is computed from this can tell whether it is out of date.
    version: u64,
}

/// What belongs together: the events of one activity, timer, child, update...
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub id: i64,
    pub kind: EventKind,
    pub subject: String,
    /// Oldest first. The opening one may be on a page that was not read yet.
    pub events: Vec<HistoryEvent>,
}

/// How a group ended, if it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Open,
    Done,
    Failed,
    /// It ended without success or failure: cancelled, terminated, continued as new.
    Stopped,
}

/// The server's own limit on a history.
const EVENTS_KEPT: usize = 51_200;
/// What payloads may take of memory; the oldest lose theirs first.
const PAYLOADS_KEPT: usize = 24 << 20;

impl Chronicle {
    /// The newest page; whatever was known before is read anew.
    pub fn replace(&mut self, page: &HistoryPage) {
        *self = Self { version: self.version + 1, older: page.next.clone(), ..Self::default() };
        self.add(&page.events);
    }

    /// Events that followed. A new run begins a new history.
    pub fn append(&mut self, batch: &HistoryBatch) {
        if self.run.as_ref().is_some_and(|run| *run != batch.run_id) {
            *self = Self { version: self.version, ..Self::default() };
        }
        self.run = Some(batch.run_id.clone());
        self.add(&batch.events);
    }

    /// The page before the oldest that is known.
    pub fn prepend(&mut self, page: &HistoryPage) {
        self.older.clone_from(&page.next);
        self.add(&page.events);
    }

    /// Where the next older page begins; none when the first event is known, or no more fits.
    pub fn older(&self) -> Option<&PageToken> {
        self.older.as_ref().filter(|_| !self.forgot)
    }

    pub fn version(&self) -> u64 {
        self.version
    }

    pub fn events(&self) -> usize {
        self.events
    }

    pub fn forgot(&self) -> bool {
        self.forgot
    }

    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    pub fn group(&self, id: i64) -> Option<&Group> {
        self.groups.get(&id)
    }

    /// Newest first, by when they began: an order that never changes under a cursor.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values().rev()
    }

    fn add(&mut self, events: &[HistoryEvent]) {
        for event in events {
            let group = self.groups.entry(event.group).or_insert_with(|| Group {
                id: event.group,
                kind: event.kind,
                subject: event.subject.clone(),
                events: Vec::new(),
            });
            let Err(place) = group.events.binary_search_by_key(&event.id, |known| known.id) else { continue };
            if place == 0 || group.subject.is_empty() {
                // The opening event knows best what it is about.
                group.kind = event.kind;
                if !event.subject.is_empty() {
                    group.subject.clone_from(&event.subject);
                }
            }
            self.events += 1;
            self.payload_bytes += bytes(event);
            group.events.insert(place, event.clone());
        }
        self.version += 1;
        self.forget();
    }

    /// Lets go of the oldest: payloads first, then whole groups.
    fn forget(&mut self) {
        if self.payload_bytes > PAYLOADS_KEPT {
            for event in self.groups.values_mut().flat_map(|group| &mut group.events) {
                if self.payload_bytes <= PAYLOADS_KEPT {
                    break;
                }
                for payload in &mut event.payloads {
                    self.payload_bytes = self.payload_bytes.saturating_sub(payload.text.len());
                    payload.text =
                        format!("{} bytes, not kept in memory: `temporal workflow show` has them.", payload.bytes);
                    self.payload_bytes += payload.text.len();
                }
            }
        }
        while self.events > EVENTS_KEPT {
            let Some((_, oldest)) = self.groups.pop_first() else { break };
            self.events -= oldest.events.len();
            self.payload_bytes = self.payload_bytes.saturating_sub(oldest.events.iter().map(bytes).sum());
            self.forgot = true;
        }
    }
}

fn bytes(event: &HistoryEvent) -> usize {
    event.payloads.iter().map(|payload| payload.text.len()).sum()
}

impl Group {
    pub fn outcome(&self) -> Outcome {
        self.events.iter().rev().find_map(|event| ended(&event.event_type)).unwrap_or(Outcome::Open)
    }

    /// What happened last, in words: `completed`, `timed out`, `started`.
    pub fn last_word(&self) -> String {
        self.events.last().map(|event| word(&event.event_type)).unwrap_or_default()
    }

    /// How often it was tried, where that is said.
    pub fn attempts(&self) -> Option<u32> {
        self.events.iter().filter_map(|event| event.attempt).max()
    }

    /// The last failure, also of an attempt that was tried again.
    pub fn failure(&self) -> Option<&str> {
        self.events.iter().rev().find_map(|event| event.failure.as_deref())
    }

    pub fn began(&self) -> Option<Timestamp> {
        self.events.first().and_then(|event| event.at)
    }

    /// From its first event to its last; none while it is open or only one event is known.
    pub fn took(&self) -> Option<Millis> {
        let (first, last) = (self.events.first()?, self.events.last()?);
        (first.id != last.id && self.outcome() != Outcome::Open).then_some(last.at?.since(first.at?))
    }

    /// What people call it.
    pub fn name(&self) -> String {
        if self.subject.is_empty() {
            return self.events.first().map(|event| spaced(&event.event_type)).unwrap_or_default();
        }
        self.subject.clone()
    }

    /// Whether a text is found in it, ignoring case. `wanted` is lower case.
    pub fn holds(&self, wanted: &str) -> bool {
        let found = |text: &str| text.to_lowercase().contains(wanted);
        found(&self.subject)
            || self.events.iter().any(|event| {
                found(&event.event_type)
                    || event.failure.as_deref().is_some_and(found)
                    || event.identity.as_deref().is_some_and(found)
            })
    }
}

/// Whether an event ends what it belongs to, and how. Temporal's names end in what happened.
fn ended(event_type: &str) -> Option<Outcome> {
    // The first that fits counts.
    const ENDS: [(&str, Outcome); 16] = [
        ("ExternalWorkflowExecutionCancelRequested", Outcome::Done),
        ("CancelRequested", Outcome::Open),
        // What is asked to end a Nexus operation has its own end; the operation goes on.
        ("CancelRequestCompleted", Outcome::Open),
        ("CancelRequestFailed", Outcome::Open),
        ("Completed", Outcome::Done),
        ("Fired", Outcome::Done),
        ("Signaled", Outcome::Done),
        ("Recorded", Outcome::Done),
        ("Failed", Outcome::Failed),
        ("TimedOut", Outcome::Failed),
        ("Rejected", Outcome::Failed),
        ("Canceled", Outcome::Stopped),
        ("Terminated", Outcome::Stopped),
        ("ContinuedAsNew", Outcome::Stopped),
        ("Modified", Outcome::Done),
        ("UpsertWorkflowSearchAttributes", Outcome::Done),
    ];
    let (_, outcome) = ENDS.iter().find(|(end, _)| event_type.ends_with(end))?;
    (*outcome != Outcome::Open).then_some(*outcome)
}

/// What happened, without what it happened to: `ActivityTaskTimedOut` is `timed out`.
pub fn word(event_type: &str) -> String {
    const PREFIXES: [&str; 9] = [
        "ActivityTask",
        "StartChildWorkflowExecution",
        "ChildWorkflowExecution",
        "WorkflowExecutionUpdate",
        "WorkflowExecution",
        "WorkflowTask",
        "Timer",
        "Marker",
        "NexusOperation",
    ];
    let rest = PREFIXES.iter().find_map(|prefix| event_type.strip_prefix(prefix)).unwrap_or(event_type);
    spaced(rest)
}

/// `TimedOut` as `timed out`.
fn spaced(camel: &str) -> String {
    let mut words = String::with_capacity(camel.len() + 4);
    for (at, c) in camel.char_indices() {
        if c.is_uppercase() && at > 0 {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::{Outcome, ended};

    #[test]
    fn the_name_of_an_event_says_how_what_it_belongs_to_ended() {
        for (event_type, outcome) in [
            ("ActivityTaskCompleted", Some(Outcome::Done)),
            ("ActivityTaskCancelRequested", None),
            ("ExternalWorkflowExecutionCancelRequested", Some(Outcome::Done)),
            ("RequestCancelExternalWorkflowExecutionFailed", Some(Outcome::Failed)),
            ("NexusOperationCancelRequestCompleted", None),
            ("NexusOperationCancelRequestFailed", None),
            ("NexusOperationCompleted", Some(Outcome::Done)),
            ("WorkflowExecutionStarted", None),
        ] {
            assert_eq!(ended(event_type), outcome, "{event_type}");
        }
    }
}
