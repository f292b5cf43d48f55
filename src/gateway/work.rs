//! Work of goals from outside: what waits, and who takes it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use temporalio_client::grpc::WorkflowService as _;
use temporalio_common::protos::temporal::api::common::v1::Payloads;
use temporalio_common::protos::temporal::api::workflow::v1::WorkflowExecutionInfo;
use temporalio_common::protos::temporal::api::workflowservice::v1::ListWorkflowExecutionsRequest;

use crate::contracts::engine::budget::{Budget, BudgetLevel};
use crate::contracts::engine::output::{EngineReply, LeaseReply};
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::ids::{AttemptId, StepId, WorkflowId};
use crate::contracts::temporal::memo::{Published, Reminder, WaitingStep};
use crate::contracts::temporal::names::{DECISION, attribute, update};
use crate::contracts::text;
use crate::gateway::update::{Ask, Asked};
use crate::gateway::{Call, Gateway, payload, rows};

/// Goals of one page, and pages of one look: beyond, the newest goals come first.
const PAGE: i32 = 500;
const PAGES: usize = 8;

/// A goal with steps that wait for an agent, or whose agents are to be reminded.
#[derive(Clone, Debug, PartialEq)]
pub struct WaitingGoal {
    pub workflow: WorkflowId,
    /// Empty when it has none.
    pub tenant: String,
    pub steps: Vec<WaitingStep>,
    pub reminders: Vec<Reminder>,
    pub budget: Option<Budget>,
}

/// An agent takes a step.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    pub step_id: StepId,
    #[serde(rename = "runId")]
    pub attempt_id: AttemptId,
    pub agent: String,
    /// When it ends by itself, in milliseconds from now; never when it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_ms: Option<u64>,
    /// The attempt it goes on from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<AttemptId>,
    /// The workflow that does the work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub child: Option<WorkflowId>,
}

/// What became of a message to a goal.
#[derive(Clone, Debug, PartialEq)]
pub enum Sent<T> {
    Done(T),
    /// The goal refused it, in these words; or it has ended.
    Refused(String),
    /// No worker has answered yet; it may still happen. Sent again it has no second effect.
    InDoubt,
}

impl Gateway {
    /// Goals with waiting steps of these kinds, `*` for any: one call for all of them, and only hints.
    pub async fn waiting_work(&self, kinds: &[String]) -> Result<Vec<WaitingGoal>, Failure> {
        let name = attribute::WAITING_WORK;
        let wanted = if kinds.iter().any(|kind| kind == "*") {
            format!("{name} IS NOT NULL")
        } else {
            let quoted: Vec<String> = kinds.iter().map(|kind| format!("'{}'", kind.replace('\'', "''"))).collect();
            format!("{name} IN ({})", quoted.join(", "))
        };
        let mut goals = Vec::new();
        for info in self.running(&wanted, "look for work that waits").await? {
            let attributes = info.search_attributes.clone().unwrap_or_default();
            let tenant = rows::attribute::<String>(&attributes, attribute::TENANT).unwrap_or_default();
            let workflow = rows::workflow_id(&info.execution.clone().unwrap_or_default().workflow_id);
            let memo = rows::published(info.memo.as_ref()).map(|memo| *memo).unwrap_or_default();
            let Published { work: steps, reminders, budget, .. } = memo;
            if !steps.is_empty() || !reminders.is_empty() {
                goals.push(WaitingGoal { workflow, tenant, steps, reminders, budget });
            }
        }
        Ok(goals)
    }

    /// Goals in which something waits for a decision of the coordinator.
    pub async fn undecided_goals(&self) -> Result<Vec<WorkflowId>, Failure> {
        let wanted = format!("{} = '{DECISION}'", attribute::WAITING_WORK);
        let goals = self.running(&wanted, "look for what waits for a decision").await?;
        Ok(goals.into_iter().map(|info| rows::workflow_id(&info.execution.unwrap_or_default().workflow_id)).collect())
    }

    /// Running workflows that are as wanted, the newest first.
    async fn running(&self, wanted: &str, what: &str) -> Result<Vec<WorkflowExecutionInfo>, Failure> {
        let mut found = Vec::new();
        let mut page = Vec::new();
        for _ in 0..PAGES {
            let request = ListWorkflowExecutionsRequest {
                namespace: self.namespace(),
                page_size: PAGE,
                next_page_token: page,
                query: format!("ExecutionStatus = 'Running' AND {wanted}"),
            };
            let call = Call::long_read(what);
            let answer =
                self.call(call, request, |mut client, request| async move {
                    client.list_workflow_executions(request).await
                })
                .await?;
            found.extend(answer.executions);
            page = answer.next_page_token;
            if page.is_empty() {
                break;
            }
        }
        Ok(found)
    }

    /// Takes a step for an agent. What is to be done comes with the answer, as it was written: it is for an agent, not
    /// for a terminal.
    pub async fn lease_step(&self, id: &WorkflowId, lease: &Lease) -> Result<Sent<LeaseReply>, Failure> {
        let mut argument = json!(lease);
        argument["stepId"] = original(&lease.step_id);
        let ask = Ask { name: update::LEASE, id: &format!("lease:{}", lease.attempt_id) };
        self.tell(id, ask, &argument).await
    }

    /// Gives a step back, if it is still this attempt's.
    pub async fn requeue_step(
        &self,
        id: &WorkflowId,
        step: &StepId,
        attempt: &AttemptId,
        reason: &str,
    ) -> Result<Sent<EngineReply>, Failure> {
        let argument = json!({"stepId": original(step), "runId": attempt, "reason": reason});
        let ask = Ask { name: update::REQUEUE, id: &format!("requeue:{attempt}") };
        self.tell(id, ask, &argument).await
    }

    /// Tells a goal how much of its budget is used. What it cost is not told: that enters no history.
    pub async fn report_budget(
        &self,
        id: &WorkflowId,
        round: u32,
        level: BudgetLevel,
    ) -> Result<Sent<EngineReply>, Failure> {
        let argument = json!({"round": round, "level": level});
        let ask = Ask { name: update::BUDGET_REACHED, id: &format!("budget:{round}:{}", level.as_str()) };
        self.tell(id, ask, &argument).await
    }

    async fn tell<T: DeserializeOwned>(
        &self,
        id: &WorkflowId,
        ask: Ask<'_>,
        argument: &Value,
    ) -> Result<Sent<T>, Failure> {
        match self.update(id, ask, argument).await {
            Ok(Asked::Answered(payloads)) => read(id, payloads.as_ref()).map(Sent::Done),
            Ok(Asked::Rejected(why)) => Ok(Sent::Refused(why)),
            Ok(Asked::InDoubt) => Ok(Sent::InDoubt),
            Err(failure) if failure.kind == FailureKind::NotFound => Ok(Sent::Refused(failure.message)),
            Err(failure) => Err(failure),
        }
    }
}

fn original(step: &StepId) -> Value {
    Value::String(text::original(step.as_str()).into_owned())
}

fn read<T: DeserializeOwned>(id: &WorkflowId, payloads: Option<&Payloads>) -> Result<T, Failure> {
    let first = payloads.and_then(|payloads| payloads.payloads.first());
    let read = first.and_then(payload::raw_json).and_then(|value| serde_json::from_value(value).ok());
    read.ok_or_else(|| {
        Failure::new(
            FailureKind::Invalid,
            format!("What {id} answered cannot be read."),
            "Goals are workflows of the types EngineWorkflow and CodegenWorkflow.",
        )
    })
}
