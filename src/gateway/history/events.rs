//! Events: each of the server's kinds as the one shape that screens know. A kind this client has never heard of is
//! shown by its number, not dropped.

use std::collections::HashMap;

use temporalio_common::protos::temporal::api::common::v1::{
    ActivityType, Payload, Payloads, WorkflowExecution, WorkflowType,
};
use temporalio_common::protos::temporal::api::enums::v1::{
    EventType, StartChildWorkflowExecutionFailedCause, TimeoutType, WorkflowTaskFailedCause,
};
use temporalio_common::protos::temporal::api::failure::v1::Failure;
use temporalio_common::protos::temporal::api::history::v1::HistoryEvent as Proto;
use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes as A;
use temporalio_common::protos::temporal::api::update::v1::{self as update, outcome};

use crate::contracts::text;
use crate::contracts::workflow::EventKind::{
    Activity, Child, Marker, Other, SearchAttributes, Signal, Timer, Update, Workflow, WorkflowTask,
};
use crate::contracts::workflow::{EventKind, HistoryEvent, PayloadText};
use crate::gateway::failure::failure_text;
use crate::gateway::{payload, rows};

/// One event, safe to show.
pub(crate) fn event(event: Proto) -> HistoryEvent {
    let facts = event.attributes.map_or_else(|| facts(Other), attributes);
    let event_type = EventType::try_from(event.event_type)
        .map_or_else(|_| format!("EventType{}", event.event_type), |known| format!("{known:?}"));
    HistoryEvent {
        id: event.event_id,
        at: event.event_time.and_then(|time| rows::timestamp(time.seconds, time.nanos)),
        kind: facts.kind,
        event_type,
        subject: text::line(&facts.subject).into_owned(),
        group: if facts.group > 0 { facts.group } else { event.event_id },
        attempt: facts.attempt,
        failure: facts.failure,
        identity: facts.identity,
        payloads: facts.payloads,
    }
}

/// The run that continues this one, when its last event says so.
pub(crate) fn successor(event: &Proto) -> Option<String> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the server's enum: four of its sixty kinds end a run")]
    let run = match event.attributes.as_ref()? {
        A::WorkflowExecutionContinuedAsNewEventAttributes(a) => &a.new_execution_run_id,
        A::WorkflowExecutionCompletedEventAttributes(a) => &a.new_execution_run_id,
        A::WorkflowExecutionFailedEventAttributes(a) => &a.new_execution_run_id,
        A::WorkflowExecutionTimedOutEventAttributes(a) => &a.new_execution_run_id,
        _ => return None,
    };
    (!run.is_empty()).then(|| run.clone())
}

/// Whether it is the last event of its run.
pub(crate) fn is_close(event: &Proto) -> bool {
    matches!(
        event.attributes,
        Some(
            A::WorkflowExecutionCompletedEventAttributes(_)
                | A::WorkflowExecutionFailedEventAttributes(_)
                | A::WorkflowExecutionTimedOutEventAttributes(_)
                | A::WorkflowExecutionCanceledEventAttributes(_)
                | A::WorkflowExecutionTerminatedEventAttributes(_)
                | A::WorkflowExecutionContinuedAsNewEventAttributes(_)
        )
    )
}

/// What the kinds of events have in common.
struct Facts {
    kind: EventKind,
    subject: String,
    group: i64,
    attempt: Option<u32>,
    failure: Option<String>,
    identity: Option<String>,
    payloads: Vec<PayloadText>,
}

fn facts(kind: EventKind) -> Facts {
    Facts { kind, subject: String::new(), group: 0, attempt: None, failure: None, identity: None, payloads: Vec::new() }
}

impl Facts {
    /// What it is about: the activity type, the signal's name.
    fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }

    /// The event that opened its group.
    fn of(mut self, group: i64) -> Self {
        self.group = group;
        self
    }

    fn by(mut self, identity: &str) -> Self {
        self.identity = (!identity.is_empty()).then(|| text::line(identity).into_owned());
        self
    }

    fn attempt(mut self, attempt: i32) -> Self {
        self.attempt = u32::try_from(attempt).ok().filter(|attempt| *attempt > 0);
        self
    }

    fn failed(mut self, failure: Option<&Failure>) -> Self {
        self.failure = failure.map(failure_text).or(self.failure);
        self
    }

    /// A failure that is told in a word, where the server sends no failure.
    fn because(mut self, why: String) -> Self {
        self.failure = self.failure.or(Some(why));
        self
    }

    fn payloads(mut self, name: &str, payloads: Option<&Payloads>) -> Self {
        self.payloads.extend(payload::show_all(name, payloads));
        self
    }

    fn payload(mut self, name: &str, payload: Option<&Payload>) -> Self {
        self.payloads.extend(payload.map(|payload| payload::show(name, payload)));
        self
    }

    /// Named payloads, in the order of their names.
    fn fields(mut self, fields: Option<&HashMap<String, Payload>>) -> Self {
        let mut fields: Vec<_> = fields.into_iter().flatten().collect();
        fields.sort_by_key(|(name, _)| *name);
        self.payloads.extend(fields.into_iter().map(|(name, payload)| payload::show(name, payload)));
        self
    }
}

fn workflow_type(kind: Option<WorkflowType>) -> String {
    kind.unwrap_or_default().name
}

fn activity_type(kind: Option<ActivityType>) -> String {
    kind.unwrap_or_default().name
}

fn execution(execution: Option<WorkflowExecution>) -> String {
    execution.unwrap_or_default().workflow_id
}

fn timeout(kind: i32) -> String {
    TimeoutType::try_from(kind).map_or_else(|_| "timed out".to_owned(), |kind| format!("timed out: {kind:?}"))
}

fn update_name(request: Option<&update::Request>) -> String {
    request.and_then(|request| request.input.as_ref()).map(|input| input.name.clone()).unwrap_or_default()
}

fn update_facts(request: Option<&update::Request>) -> Facts {
    let identity = request.and_then(|request| request.meta.as_ref()).map(|meta| meta.identity.as_str());
    let input = request.and_then(|request| request.input.as_ref()).and_then(|input| input.args.as_ref());
    facts(Update).about(update_name(request)).by(identity.unwrap_or_default()).payloads("input", input)
}

fn update_outcome(facts: Facts, outcome: Option<&update::Outcome>) -> Facts {
    match outcome.and_then(|outcome| outcome.value.as_ref()) {
        Some(outcome::Value::Success(result)) => facts.payloads("result", Some(result)),
        Some(outcome::Value::Failure(failure)) => facts.failed(Some(failure)),
        None => facts,
    }
}

#[expect(clippy::too_many_lines, reason = "one arm a kind of event")]
fn attributes(attributes: A) -> Facts {
    match attributes {
        A::WorkflowExecutionStartedEventAttributes(a) => facts(Workflow)
            .about(workflow_type(a.workflow_type))
            .by(&a.identity)
            .attempt(a.attempt)
            .failed(a.continued_failure.as_ref())
            .payloads("input", a.input.as_ref()),
        A::WorkflowExecutionCompletedEventAttributes(a) => facts(Workflow).payloads("result", a.result.as_ref()),
        A::WorkflowExecutionFailedEventAttributes(a) => facts(Workflow).failed(a.failure.as_ref()),
        A::WorkflowExecutionTimedOutEventAttributes(_) => facts(Workflow).because("timed out".to_owned()),
        A::WorkflowExecutionTerminatedEventAttributes(a) => {
            facts(Workflow).about(a.reason).by(&a.identity).payloads("details", a.details.as_ref())
        }
        A::WorkflowExecutionCancelRequestedEventAttributes(a) => facts(Workflow).about(a.cause).by(&a.identity),
        A::WorkflowExecutionCanceledEventAttributes(a) => facts(Workflow).payloads("details", a.details.as_ref()),
        A::WorkflowExecutionContinuedAsNewEventAttributes(a) => {
            facts(Workflow).about(workflow_type(a.workflow_type)).payloads("input", a.input.as_ref())
        }
        A::WorkflowExecutionPausedEventAttributes(a) => facts(Workflow).about(a.reason).by(&a.identity),
        A::WorkflowExecutionUnpausedEventAttributes(a) => facts(Workflow).about(a.reason).by(&a.identity),
        A::WorkflowExecutionOptionsUpdatedEventAttributes(a) => facts(Workflow).by(&a.identity),
        A::WorkflowPropertiesModifiedExternallyEventAttributes(a) => {
            facts(Workflow).fields(a.upserted_memo.as_ref().map(|memo| &memo.fields))
        }
        A::WorkflowPropertiesModifiedEventAttributes(a) => {
            facts(SearchAttributes).about("memo").fields(a.upserted_memo.as_ref().map(|memo| &memo.fields))
        }
        A::WorkflowExecutionTimeSkippingTransitionedEventAttributes(_) => facts(Workflow).about("time skipping"),
        A::UpsertWorkflowSearchAttributesEventAttributes(a) => {
            facts(SearchAttributes).fields(a.search_attributes.as_ref().map(|attributes| &attributes.indexed_fields))
        }
        A::WorkflowTaskScheduledEventAttributes(a) => {
            facts(WorkflowTask).about(a.task_queue.unwrap_or_default().name).attempt(a.attempt)
        }
        A::WorkflowTaskStartedEventAttributes(a) => facts(WorkflowTask).of(a.scheduled_event_id).by(&a.identity),
        A::WorkflowTaskCompletedEventAttributes(a) => facts(WorkflowTask).of(a.scheduled_event_id).by(&a.identity),
        A::WorkflowTaskTimedOutEventAttributes(a) => {
            facts(WorkflowTask).of(a.scheduled_event_id).because(timeout(a.timeout_type))
        }
        A::WorkflowTaskFailedEventAttributes(a) => facts(WorkflowTask)
            .of(a.scheduled_event_id)
            .by(&a.identity)
            .about(WorkflowTaskFailedCause::try_from(a.cause).map(|cause| format!("{cause:?}")).unwrap_or_default())
            .failed(a.failure.as_ref()),
        A::ActivityTaskScheduledEventAttributes(a) => {
            facts(Activity).about(activity_type(a.activity_type)).payloads("input", a.input.as_ref())
        }
        A::ActivityTaskStartedEventAttributes(a) => {
            facts(Activity).of(a.scheduled_event_id).by(&a.identity).attempt(a.attempt).failed(a.last_failure.as_ref())
        }
        A::ActivityTaskCompletedEventAttributes(a) => {
            facts(Activity).of(a.scheduled_event_id).by(&a.identity).payloads("result", a.result.as_ref())
        }
        A::ActivityTaskFailedEventAttributes(a) => {
            facts(Activity).of(a.scheduled_event_id).by(&a.identity).failed(a.failure.as_ref())
        }
        A::ActivityTaskTimedOutEventAttributes(a) => {
            facts(Activity).of(a.scheduled_event_id).failed(a.failure.as_ref()).because("timed out".to_owned())
        }
        A::ActivityTaskCancelRequestedEventAttributes(a) => facts(Activity).of(a.scheduled_event_id),
        A::ActivityTaskCanceledEventAttributes(a) => {
            facts(Activity).of(a.scheduled_event_id).by(&a.identity).payloads("details", a.details.as_ref())
        }
        A::ActivityPropertiesModifiedExternallyEventAttributes(a) => facts(Activity).of(a.scheduled_event_id),
        A::TimerStartedEventAttributes(a) => {
            let length = a.start_to_fire_timeout.unwrap_or_default();
            let millis = length.seconds.saturating_mul(1000).saturating_add(i64::from(length.nanos) / 1_000_000);
            facts(Timer).about(format!("timer {} of {}", a.timer_id, lasting(millis)))
        }
        A::TimerFiredEventAttributes(a) => facts(Timer).of(a.started_event_id).about(a.timer_id),
        A::TimerCanceledEventAttributes(a) => facts(Timer).of(a.started_event_id).about(a.timer_id).by(&a.identity),
        A::WorkflowExecutionSignaledEventAttributes(a) => {
            facts(Signal).about(a.signal_name).by(&a.identity).payloads("input", a.input.as_ref())
        }
        A::SignalExternalWorkflowExecutionInitiatedEventAttributes(a) => facts(Signal)
            .about(format!("{} to {}", a.signal_name, execution(a.workflow_execution)))
            .payloads("input", a.input.as_ref()),
        A::SignalExternalWorkflowExecutionFailedEventAttributes(a) => facts(Signal)
            .of(a.initiated_event_id)
            .about(execution(a.workflow_execution))
            .because("the workflow could not be signalled".to_owned()),
        A::ExternalWorkflowExecutionSignaledEventAttributes(a) => {
            facts(Signal).of(a.initiated_event_id).about(execution(a.workflow_execution))
        }
        A::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(a) => {
            facts(Other).about(format!("{} {}", execution(a.workflow_execution), a.reason).trim())
        }
        A::RequestCancelExternalWorkflowExecutionFailedEventAttributes(a) => facts(Other)
            .of(a.initiated_event_id)
            .about(execution(a.workflow_execution))
            .because("the workflow could not be cancelled".to_owned()),
        A::ExternalWorkflowExecutionCancelRequestedEventAttributes(a) => {
            facts(Other).of(a.initiated_event_id).about(execution(a.workflow_execution))
        }
        A::MarkerRecordedEventAttributes(mut a) => {
            let mut details: Vec<_> = a.details.drain().collect();
            details.sort_by(|(left, _), (right, _)| left.cmp(right));
            let marker = facts(Marker).about(a.marker_name).failed(a.failure.as_ref());
            details.iter().fold(marker, |marker, (name, payloads)| marker.payloads(name, Some(payloads)))
        }
        A::StartChildWorkflowExecutionInitiatedEventAttributes(a) => facts(Child)
            .about(format!("{} {}", workflow_type(a.workflow_type), a.workflow_id))
            .payloads("input", a.input.as_ref()),
        A::StartChildWorkflowExecutionFailedEventAttributes(a) => {
            let cause = StartChildWorkflowExecutionFailedCause::try_from(a.cause);
            facts(Child)
                .of(a.initiated_event_id)
                .about(a.workflow_id)
                .because(cause.map_or_else(|_| "it could not be started".to_owned(), |cause| format!("{cause:?}")))
        }
        A::ChildWorkflowExecutionStartedEventAttributes(a) => {
            facts(Child).of(a.initiated_event_id).about(execution(a.workflow_execution))
        }
        A::ChildWorkflowExecutionCompletedEventAttributes(a) => facts(Child)
            .of(a.initiated_event_id)
            .about(execution(a.workflow_execution))
            .payloads("result", a.result.as_ref()),
        A::ChildWorkflowExecutionFailedEventAttributes(a) => {
            facts(Child).of(a.initiated_event_id).about(execution(a.workflow_execution)).failed(a.failure.as_ref())
        }
        A::ChildWorkflowExecutionCanceledEventAttributes(a) => facts(Child)
            .of(a.initiated_event_id)
            .about(execution(a.workflow_execution))
            .payloads("details", a.details.as_ref()),
        A::ChildWorkflowExecutionTimedOutEventAttributes(a) => {
            facts(Child).of(a.initiated_event_id).about(execution(a.workflow_execution)).because("timed out".to_owned())
        }
        A::ChildWorkflowExecutionTerminatedEventAttributes(a) => facts(Child)
            .of(a.initiated_event_id)
            .about(execution(a.workflow_execution))
            .because("terminated".to_owned()),
        A::WorkflowExecutionUpdateAdmittedEventAttributes(a) => update_facts(a.request.as_ref()),
        A::WorkflowExecutionUpdateAcceptedEventAttributes(a) => update_facts(a.accepted_request.as_ref()),
        A::WorkflowExecutionUpdateRejectedEventAttributes(a) => {
            update_facts(a.rejected_request.as_ref()).failed(a.failure.as_ref())
        }
        A::WorkflowExecutionUpdateCompletedEventAttributes(a) => {
            let identity = a.meta.as_ref().map(|meta| meta.identity.as_str()).unwrap_or_default();
            update_outcome(facts(Update).of(a.accepted_event_id).by(identity), a.outcome.as_ref())
        }
        A::NexusOperationScheduledEventAttributes(a) => {
            facts(Other).about(format!("{} {}", a.service, a.operation)).payload("input", a.input.as_ref())
        }
        A::NexusOperationStartedEventAttributes(a) => facts(Other).of(a.scheduled_event_id),
        A::NexusOperationCompletedEventAttributes(a) => {
            facts(Other).of(a.scheduled_event_id).payload("result", a.result.as_ref())
        }
        A::NexusOperationFailedEventAttributes(a) => facts(Other).of(a.scheduled_event_id).failed(a.failure.as_ref()),
        A::NexusOperationCanceledEventAttributes(a) => facts(Other).of(a.scheduled_event_id).failed(a.failure.as_ref()),
        A::NexusOperationTimedOutEventAttributes(a) => facts(Other).of(a.scheduled_event_id).failed(a.failure.as_ref()),
        A::NexusOperationCancelRequestedEventAttributes(a) => facts(Other).of(a.scheduled_event_id),
        A::NexusOperationCancelRequestCompletedEventAttributes(a) => facts(Other).of(a.scheduled_event_id),
        A::NexusOperationCancelRequestFailedEventAttributes(a) => {
            facts(Other).of(a.scheduled_event_id).failed(a.failure.as_ref())
        }
    }
}

/// A timer's length in the largest unit that says it whole: `72h`, `90s`, `1500ms`.
fn lasting(millis: i64) -> String {
    let units = [(3_600_000, "h"), (60_000, "m"), (1000, "s")];
    let whole = units.into_iter().find(|(unit, _)| millis >= *unit && millis % unit == 0);
    whole.map_or_else(|| format!("{millis}ms"), |(unit, name)| format!("{}{name}", millis / unit))
}
