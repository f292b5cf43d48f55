//! What both of the SDK's contexts can do and blocks need: tell the time and publish.

use temporalio_sdk::{MemoValue, SyncWorkflowContext, WorkflowContext};

use crate::contracts::clock::Timestamp;
use crate::contracts::temporal::names;
use crate::workflows::blocks::publish::Upserts;

/// A change of what workflows do that histories of before would not replay with. Its name is in the histories of after:
/// it is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Overriding a failed step withdraws what was to replace it.
    Withdraws,
    /// Reminders are published, so that somebody brings them to the agent.
    Reminders,
    /// What happens waits for its decision, where somebody outside decides.
    FactsWait,
    /// Approvals, and steps that are not wanted any more, are no attempts.
    Attempts,
    /// Adopting a spec publishes that it was.
    Pins,
    /// What a goal is told under an id counts once.
    Once,
    /// So does what it is asked for: work, and what people do to a step.
    AskedOnce,
    /// A sibling workflow that says which attempt it was answers the step.
    Siblings,
    /// Nothing but an event is given up undecided, and a goal is not complete while something waits for a decision.
    FactsStay,
}

impl Change {
    fn name(self) -> &'static str {
        match self {
            Self::Withdraws => "override-withdraws-replacements",
            Self::Reminders => "reminders-are-published",
            Self::FactsWait => "facts-wait-for-decisions",
            Self::Pins => "adopted-specs-are-published",
            Self::Attempts => "only-work-counts-as-attempts",
            Self::Once => "told-once-under-an-id",
            Self::AskedOnce => "asked-for-once-under-an-id",
            Self::Siblings => "siblings-answer-their-step",
            Self::FactsStay => "facts-stay-until-decided",
        }
    }
}

/// The context of `run` and the context of a handler.
pub trait Context {
    /// The workflow's clock: the same on every replay.
    fn now(&self) -> Timestamp;

    /// Whether this run does it the new way: from now on, or as it did before on replay.
    fn has(&self, change: Change) -> bool;

    /// Sends what changed to the server.
    fn upsert(&self, upserts: Upserts);
}

macro_rules! context {
    ($($context:ident),+) => {$(
        impl<W> Context for $context<W> {
            fn now(&self) -> Timestamp {
                let now: Timestamp = self.workflow_time().unwrap_or(std::time::UNIX_EPOCH).into();
                // Nobody reads nanoseconds, and in a memo of 2 KB every digit counts.
                Timestamp::from_unix_millis(now.unix_millis()).unwrap_or(now)
            }

            fn has(&self, change: Change) -> bool {
                self.patched(change.name())
            }

            fn upsert(&self, upserts: Upserts) {
                if !upserts.attributes.is_empty() {
                    self.upsert_search_attributes(upserts.attributes);
                }
                if let Some(memo) = upserts.memo
                    && let Err(error) = self.upsert_memo([(names::memo::PUBLISHED, Some(MemoValue::new(memo)))])
                {
                    // Plain data always serialises. If it ever does not, the task fails loudly and is tried again.
                    self.force_task_fail(error);
                }
            }
        }
    )+};
}

context!(WorkflowContext, SyncWorkflowContext);
