//! The evidence an approver is shown, read from the history: no worker is needed.

use std::collections::HashMap;

use temporalio_common::protos::temporal::api::common::v1::Payload;
use temporalio_common::protos::temporal::api::history::v1::HistoryEvent;
use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;

use crate::contracts::evidence::{EvidencePackage, ShownEvidence};
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::ids::WorkflowId;
use crate::contracts::temporal::names::activity;
use crate::gateway::{Gateway, payload};

/// How far back it is looked for: the newest events come first, and evidence is collected just before a gate opens.
const MAX_PAGES: usize = 50;

impl Gateway {
    /// What the last `collectAllEvidence` of the current run returned; none when it has not run.
    pub async fn evidence(&self, id: &WorkflowId) -> Result<Option<ShownEvidence>, Failure> {
        let mut found = Search::default();
        let mut page = None;
        for _ in 0..MAX_PAGES {
            let (events, next) = self.reverse_page(id, None, page).await?;
            if let Some(result) = events.into_iter().find_map(|event| found.look(event)) {
                return shown(&result).map(Some);
            }
            page = next;
            if page.is_none() {
                break;
            }
        }
        Ok(None)
    }
}

/// Newest first, a result comes before the event that says whose it is.
#[derive(Default)]
struct Search {
    results: HashMap<i64, Payload>,
}

impl Search {
    fn look(&mut self, event: HistoryEvent) -> Option<Payload> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the server's enum: two of its sixty kinds matter")]
        match event.attributes? {
            Attributes::ActivityTaskCompletedEventAttributes(done) => {
                let result = done.result?.payloads.into_iter().next()?;
                self.results.insert(done.scheduled_event_id, result);
                None
            }
            Attributes::ActivityTaskScheduledEventAttributes(scheduled) => {
                let result = self.results.remove(&event.event_id);
                result
                    .filter(|_| scheduled.activity_type.is_some_and(|kind| kind.name == activity::COLLECT_ALL_EVIDENCE))
            }
            _ => None,
        }
    }
}

fn shown(result: &Payload) -> Result<ShownEvidence, Failure> {
    let unreadable = || {
        Failure::new(
            FailureKind::Internal,
            "The evidence in the history cannot be read.",
            "The workers may be of another version than this gatewatch: compare them.",
        )
    };
    let raw = payload::raw_json(result).ok_or_else(unreadable)?;
    let package: EvidencePackage = serde_json::from_value(raw.clone()).map_err(|_| unreadable())?;
    let safe = serde_json::from_value(payload::safe(raw)).map_err(|_| unreadable())?;
    Ok(ShownEvidence { digest: package.digest(), package: safe })
}
