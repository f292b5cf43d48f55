//! One workflow in detail: the truth from its mutable state, with what hangs, retries and beats.

use temporalio_client::grpc::WorkflowService as _;
use temporalio_common::protos::temporal::api::common::v1::WorkflowExecution;
use temporalio_common::protos::temporal::api::enums::v1::{PendingActivityState as State, PendingWorkflowTaskState};
use temporalio_common::protos::temporal::api::workflow::v1::{
    PendingActivityInfo, PendingChildExecutionInfo, PendingWorkflowTaskInfo,
};
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    DescribeWorkflowExecutionRequest, DescribeWorkflowExecutionResponse,
};

use crate::contracts::clock::Timestamp;
use crate::contracts::failure::Failure;
use crate::contracts::health::{HealthReport, HealthStatus};
use crate::contracts::ids::{RunId, WorkflowId, WorkflowType};
use crate::contracts::temporal::names;
use crate::contracts::text;
use crate::contracts::workflow::{PendingActivity, PendingActivityState, PendingChild, WorkflowDetail};
use crate::gateway::failure::{Trouble, failure_text};
use crate::gateway::{Call, Gateway, payload, rows};

impl Gateway {
    /// The current run, or the one named.
    pub async fn describe(&self, id: &WorkflowId, run: Option<&RunId>) -> Result<WorkflowDetail, Failure> {
        Ok(self.describe_or_trouble(id, run).await?)
    }

    pub(crate) async fn describe_or_trouble(
        &self,
        id: &WorkflowId,
        run: Option<&RunId>,
    ) -> Result<WorkflowDetail, Trouble> {
        let request =
            DescribeWorkflowExecutionRequest { namespace: self.namespace(), execution: Some(execution(id, run)) };
        let what = format!("describe workflow {id}");
        let answer = self
            .call(Call::read(&what), request, |mut client, request| async move {
                client.describe_workflow_execution(request).await
            })
            .await?;
        Ok(detail(answer))
    }
}

/// A run as the server knows it: ids are sent as they were before they were made safe to show.
pub(crate) fn execution(id: &WorkflowId, run: Option<&RunId>) -> WorkflowExecution {
    WorkflowExecution {
        workflow_id: text::original(id.as_str()).into_owned(),
        run_id: run.map(|run| text::original(run.as_str()).into_owned()).unwrap_or_default(),
    }
}

fn detail(answer: DescribeWorkflowExecutionResponse) -> WorkflowDetail {
    let mut row = rows::row(answer.workflow_execution_info.unwrap_or_default());
    if row.task_queue.is_empty() {
        let queue = answer.execution_config.and_then(|config| config.task_queue).unwrap_or_default();
        row.task_queue = text::id(&queue.name).into_owned();
    }
    let health = health(&answer.pending_activities);
    // A workflow cannot publish this while its monitor runs: only the heartbeat has it.
    if row.health == Some(HealthStatus::Watching) && health.as_deref().is_some_and(HealthReport::is_arming) {
        row.health = Some(HealthStatus::Degraded);
    }
    WorkflowDetail {
        health,
        activities: answer.pending_activities.into_iter().map(activity).collect(),
        children: answer.pending_children.iter().map(child).collect(),
        workflow_task_attempt: answer.pending_workflow_task.as_ref().map_or(0, |task| count(task.attempt)),
        workflow_task_waiting_since: answer.pending_workflow_task.and_then(waiting_since),
        row,
    }
}

/// The last heartbeat of the monitor; of several, the newest.
fn health(activities: &[PendingActivityInfo]) -> Option<Box<HealthReport>> {
    let monitors = activities.iter().filter(|activity| {
        activity.activity_type.as_ref().is_some_and(|kind| kind.name == names::activity::MONITOR_HEALTH)
            && activity.heartbeat_details.is_some()
    });
    let newest =
        monitors.max_by_key(|monitor| monitor.last_heartbeat_time.as_ref().map(|time| (time.seconds, time.nanos)))?;
    payload::first(newest.heartbeat_details.as_ref()).map(Box::new)
}

fn waiting_since(task: PendingWorkflowTaskInfo) -> Option<Timestamp> {
    let waits = task.state() == PendingWorkflowTaskState::Scheduled;
    let since = task.scheduled_time.filter(|_| waits)?;
    rows::timestamp(since.seconds, since.nanos)
}

fn activity(info: PendingActivityInfo) -> PendingActivity {
    let said = |text: String| (!text.is_empty()).then(|| text::line(&text).into_owned());
    PendingActivity {
        activity_id: text::id(&info.activity_id).into_owned(),
        activity_type: text::id(&info.activity_type.unwrap_or_default().name).into_owned(),
        state: if info.paused { PendingActivityState::Paused } else { state(info.state) },
        attempt: count(info.attempt),
        maximum_attempts: count(info.maximum_attempts),
        scheduled_at: info.scheduled_time.and_then(|time| rows::timestamp(time.seconds, time.nanos)),
        last_started_at: info.last_started_time.and_then(|time| rows::timestamp(time.seconds, time.nanos)),
        last_heartbeat_at: info.last_heartbeat_time.and_then(|time| rows::timestamp(time.seconds, time.nanos)),
        next_attempt_at: info.next_attempt_schedule_time.and_then(|time| rows::timestamp(time.seconds, time.nanos)),
        last_failure: info.last_failure.as_ref().map(failure_text),
        last_worker: said(info.last_worker_identity),
    }
}

fn state(number: i32) -> PendingActivityState {
    match State::try_from(number).unwrap_or_default() {
        State::Scheduled => PendingActivityState::Scheduled,
        State::Started => PendingActivityState::Started,
        State::CancelRequested => PendingActivityState::CancelRequested,
        State::Paused | State::PauseRequested => PendingActivityState::Paused,
        State::Unspecified => PendingActivityState::Unknown,
    }
}

fn child(info: &PendingChildExecutionInfo) -> PendingChild {
    PendingChild {
        id: rows::workflow_id(&info.workflow_id),
        run_id: rows::run_id(&info.run_id),
        workflow_type: WorkflowType::new(text::id(&info.workflow_type_name)),
    }
}

fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
