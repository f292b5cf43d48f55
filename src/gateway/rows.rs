//! Rows of lists: search attributes and memo of one execution, decoded so that one bad field never loses a row.

use serde::de::DeserializeOwned;
use serde_json::Value;
use temporalio_common::protos::temporal::api::common::v1::{Memo, SearchAttributes};
use temporalio_common::protos::temporal::api::enums::v1::WorkflowExecutionStatus;
use temporalio_common::protos::temporal::api::workflow::v1::WorkflowExecutionInfo;

use crate::contracts::clock::Timestamp;
use crate::contracts::health::HealthStatus;
use crate::contracts::ids::{Environment, GateId, RunId, WorkflowId, WorkflowType};
use crate::contracts::temporal::memo::Published;
use crate::contracts::temporal::names::{attribute, memo};
use crate::contracts::text;
use crate::contracts::workflow::{ExecutionStatus, WorkflowRow};
use crate::gateway::payload;

pub(crate) fn row(info: WorkflowExecutionInfo) -> WorkflowRow {
    let execution = info.execution.unwrap_or_default();
    let attributes = info.search_attributes.unwrap_or_default();
    let word = |name: &str| attribute::<String>(&attributes, name);
    WorkflowRow {
        id: workflow_id(&execution.workflow_id),
        run_id: run_id(&execution.run_id),
        workflow_type: WorkflowType::new(text::id(&info.r#type.unwrap_or_default().name)),
        status: status(info.status),
        task_queue: text::id(&info.task_queue).into_owned(),
        started_at: info.start_time.and_then(|time| timestamp(time.seconds, time.nanos)),
        closed_at: info.close_time.and_then(|time| timestamp(time.seconds, time.nanos)),
        phase: word(attribute::PHASE),
        environment: word(attribute::ENVIRONMENT).map(Environment::new),
        health: word(attribute::HEALTH).as_deref().and_then(HealthStatus::parse),
        gates: words(&attributes, attribute::GATES).into_iter().map(GateId::new).collect(),
        gate_deadline: attribute(&attributes, attribute::GATE_DEADLINE),
        published: published(info.memo.as_ref()),
        history_length: info.history_length,
    }
}

pub(crate) fn workflow_id(id: &str) -> WorkflowId {
    WorkflowId::new(text::id(id))
}

pub(crate) fn run_id(id: &str) -> RunId {
    RunId::new(text::id(id))
}

/// The `gatewatch` memo; none when there is none, or when it is not what it should be.
pub(crate) fn published(memo: Option<&Memo>) -> Option<Box<Published>> {
    let mut memo = payload::raw_json(memo?.fields.get(memo::PUBLISHED)?)?;
    // Gates are decided by the ids that stand here: like any id they must be found again.
    let gates = memo.get_mut("gates").and_then(Value::as_array_mut).into_iter().flatten();
    gates.filter_map(|gate| gate.get_mut("id")).for_each(as_id);
    let work = memo.get_mut("work").and_then(Value::as_array_mut).into_iter().flatten();
    work.filter_map(|step| step.get_mut("id")).for_each(as_id);
    let reminders = memo.get_mut("reminders").and_then(Value::as_array_mut).into_iter().flatten();
    reminders.filter_map(|reminder| reminder.get_mut("id")).for_each(as_id);
    memo.get_mut("decided").and_then(|decided| decided.get_mut("gate")).into_iter().for_each(as_id);
    let published = serde_json::from_value::<Published>(payload::safe(memo)).ok();
    if published.is_none() {
        tracing::debug!("a `gatewatch` memo cannot be read");
    }
    published.map(Box::new)
}

fn as_id(value: &mut Value) {
    if let Value::String(id) = value {
        *id = text::id(id).into_owned();
    }
}

pub(crate) fn status(number: i32) -> ExecutionStatus {
    match WorkflowExecutionStatus::try_from(number).unwrap_or_default() {
        WorkflowExecutionStatus::Running => ExecutionStatus::Running,
        WorkflowExecutionStatus::Completed => ExecutionStatus::Completed,
        WorkflowExecutionStatus::Failed => ExecutionStatus::Failed,
        WorkflowExecutionStatus::Canceled => ExecutionStatus::Cancelled,
        WorkflowExecutionStatus::Terminated => ExecutionStatus::Terminated,
        WorkflowExecutionStatus::ContinuedAsNew => ExecutionStatus::ContinuedAsNew,
        WorkflowExecutionStatus::TimedOut => ExecutionStatus::TimedOut,
        WorkflowExecutionStatus::Paused => ExecutionStatus::Paused,
        WorkflowExecutionStatus::Unspecified => ExecutionStatus::Unknown,
    }
}

/// Temporal's name of a status in visibility: `Running`, `ContinuedAsNew`.
pub(crate) fn status_named(word: &str) -> ExecutionStatus {
    match word {
        "Running" => ExecutionStatus::Running,
        "Completed" => ExecutionStatus::Completed,
        "Failed" => ExecutionStatus::Failed,
        "Canceled" => ExecutionStatus::Cancelled,
        "Terminated" => ExecutionStatus::Terminated,
        "ContinuedAsNew" => ExecutionStatus::ContinuedAsNew,
        "TimedOut" => ExecutionStatus::TimedOut,
        "Paused" => ExecutionStatus::Paused,
        _ => ExecutionStatus::Unknown,
    }
}

pub(crate) fn timestamp(seconds: i64, nanos: i32) -> Option<Timestamp> {
    chrono::DateTime::from_timestamp(seconds, u32::try_from(nanos).ok()?).map(Timestamp)
}

pub(crate) fn attribute<T: DeserializeOwned>(attributes: &SearchAttributes, name: &str) -> Option<T> {
    payload::decode(attributes.indexed_fields.get(name)?)
}

/// A list of words. A list of one may come as the word itself.
fn words(attributes: &SearchAttributes, name: &str) -> Vec<String> {
    let one = || attribute::<String>(attributes, name).map(|word| vec![word]);
    attribute(attributes, name).or_else(one).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::row;
    use crate::contracts::health::HealthStatus;
    use crate::contracts::text;
    use crate::contracts::workflow::ExecutionStatus;
    use temporalio_common::protos::temporal::api::common::v1::{Memo, Payload, SearchAttributes, WorkflowExecution};
    use temporalio_common::protos::temporal::api::workflow::v1::WorkflowExecutionInfo;

    fn json(text: &str) -> Payload {
        Payload {
            metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
            data: text.as_bytes().to_vec(),
            ..Payload::default()
        }
    }

    fn info(id: &str, attributes: &[(&str, &str)], memo: &str) -> WorkflowExecutionInfo {
        WorkflowExecutionInfo {
            execution: Some(WorkflowExecution { workflow_id: id.to_owned(), run_id: "r".to_owned() }),
            status: 1,
            search_attributes: Some(SearchAttributes {
                indexed_fields: attributes.iter().map(|(name, value)| ((*name).to_owned(), json(value))).collect(),
            }),
            memo: Some(Memo { fields: [("gatewatch".to_owned(), json(memo))].into() }),
            ..WorkflowExecutionInfo::default()
        }
    }

    #[test]
    fn attributes_and_memo_become_a_row() {
        let row = row(info(
            "prod-checkout-42",
            &[
                ("phase", "\"monitoring\""),
                ("environment", "\"production\""),
                ("health", "\"degraded\""),
                ("gates", "[\"qa\",\"production-approval\"]"),
                ("gateDeadline", "\"2026-11-21T14:00:00.5Z\""),
            ],
            "{\"v\":1,\"title\":\"checkout v42\"}",
        ));
        assert_eq!(row.status, ExecutionStatus::Running);
        assert_eq!(row.phase.as_deref(), Some("monitoring"));
        assert!(row.environment.unwrap().is_production());
        assert_eq!(row.health, Some(HealthStatus::Degraded));
        assert_eq!(row.gates.len(), 2);
        assert_eq!(row.gate_deadline.unwrap().to_string(), "2026-11-21T14:00:00.500Z");
        assert_eq!(row.published.unwrap().title, "checkout v42");
    }

    #[test]
    fn one_bad_field_loses_that_field_alone() {
        let bad = [("phase", "17"), ("health", "\"purple\""), ("gates", "\"one\""), ("gateDeadline", "\"soon\"")];
        let row = row(info("w", &bad, "{\"gates\":17}"));
        assert_eq!((row.phase, row.health, row.gate_deadline, row.published), (None, None, None, None));
        assert_eq!(row.gates, ["one".into()], "a list of one may come as the word itself");
        assert_eq!(row.id.as_str(), "w");
    }

    #[test]
    fn an_id_is_shown_safe_and_can_still_be_sent() {
        let hostile = "prod\u{202e}-1\x1b[2J";
        let shown = row(info(hostile, &[], "")).id;
        assert!(!shown.as_str().contains('\u{202e}') && !shown.as_str().contains('\x1b'));
        assert_eq!(text::original(shown.as_str()), hostile);
        let memo = "{\"gates\":[{\"id\":\"qa\\\\u{202e}\",\"title\":\"t\",\"openedAt\":\"2026-11-21T14:00:00Z\"}]}";
        let gate = row(info("w", &[], memo)).published.unwrap().gates.remove(0).id;
        assert_eq!(text::original(gate.as_str()), "qa\\u{202e}", "a gate is an id as well");
        let lookalike = row(info("prod\\u{202e}-1\\u{1b}[2J", &[], "")).id;
        assert_ne!(shown, lookalike);
    }
}
