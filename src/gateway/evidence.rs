//! The evidence an approver is shown, read from the history: no worker is needed.

use std::collections::HashMap;
use std::ops::ControlFlow;

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

/// What was collected in the current run.
#[derive(Clone, Debug, Default)]
pub struct Collected {
    /// Newest first.
    pub packages: Vec<ShownEvidence>,
    /// Why there may be more, where there may.
    pub incomplete: Option<Failure>,
}

impl Gateway {
    /// What the last `collectAllEvidence` of the current run returned; none when it has not run.
    pub async fn evidence(&self, id: &WorkflowId) -> Result<Option<ShownEvidence>, Failure> {
        let mut newest = None;
        let take = |result| {
            newest = Some(result);
            ControlFlow::Break(())
        };
        self.collections(id, take).await?;
        newest.as_ref().map(shown).transpose()
    }

    /// Everything that `collectAllEvidence` returned in the current run, as far as it can be read.
    pub async fn collected_evidence(&self, id: &WorkflowId) -> Collected {
        let mut collected = Collected::default();
        let mut unreadable = None;
        let take = |result| {
            match shown(&result) {
                Ok(package) => collected.packages.push(package),
                Err(failure) => unreadable = Some(failure),
            }
            ControlFlow::Continue(())
        };
        collected.incomplete = match self.collections(id, take).await {
            Ok(true) => unreadable,
            Ok(false) => Some(Failure::new(
                FailureKind::Invalid,
                format!("The history of {id} is too long to be read to its beginning."),
                "Read it with `temporal workflow show`.",
            )),
            Err(failure) => Some(failure),
        };
        collected
    }

    /// Hands over the results, newest first, until it is told that this is enough. False when it gave up before that
    /// and before the first event.
    async fn collections(
        &self,
        id: &WorkflowId,
        mut each: impl FnMut(Payload) -> ControlFlow<()>,
    ) -> Result<bool, Failure> {
        let mut found = Search::default();
        let mut page = None;
        for _ in 0..MAX_PAGES {
            let (events, next) = self.reverse_page(id, None, page).await?;
            if events.into_iter().filter_map(|event| found.look(event)).try_for_each(&mut each).is_break() {
                return Ok(true);
            }
            page = next;
            if page.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
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
