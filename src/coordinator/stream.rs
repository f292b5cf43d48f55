//! Live health, fanned out: one poller per deployment describes its workflow once per look, however many listen.
//!
//! A poller keeps the latest [`Snapshot`] and nothing else. The report a workflow heartbeats holds its last samples,
//! so a listener that was slow, or away, catches up from the snapshot by sequence number; no queue can grow.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::contracts::delivery::DeploymentStage;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::health::HealthReport;
use crate::contracts::ids::WorkflowId;
use crate::contracts::temporal::names::workflow;
use crate::contracts::workflow::WorkflowDetail;
use crate::gateway::Gateway;

/// Between two looks, whatever the monitor's own interval says.
const FASTEST: Duration = Duration::from_millis(250);
const SLOWEST: Duration = Duration::from_secs(5);
/// Before the monitor runs nobody knows its interval.
const IDLE: Duration = Duration::from_secs(1);

/// What is known about a deployment's health now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The latest heartbeat of the monitor, kept when a look fails.
    pub report: Option<Arc<HealthReport>>,
    pub look: Look,
}

/// How the latest look went.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Look {
    /// The first answer is still awaited.
    #[default]
    Pending,
    Seen,
    /// Temporal did not answer, and the report is as old as its last sample says; or it is no deployment.
    Failed(Failure),
    /// Monitoring is over, and why, as a sentence. Nothing will follow.
    Ended(String),
}

/// Everybody who listens, by deployment.
#[derive(Clone)]
pub struct Streams {
    gateway: Gateway,
    pollers: Arc<Mutex<HashMap<WorkflowId, watch::Sender<Snapshot>>>>,
}

impl Streams {
    pub fn new(gateway: Gateway) -> Self {
        Self { gateway, pollers: Arc::default() }
    }

    /// Joins the deployment's poller, or starts it.
    pub fn subscribe(&self, deployment: &WorkflowId) -> watch::Receiver<Snapshot> {
        let mut pollers = self.pollers.lock().unwrap_or_else(PoisonError::into_inner);
        match pollers.entry(deployment.clone()) {
            Entry::Occupied(poller) => poller.get().subscribe(),
            Entry::Vacant(place) => {
                let (sender, receiver) = watch::channel(Snapshot::default());
                place.insert(sender.clone());
                tokio::spawn(self.clone().poll(deployment.clone(), sender));
                receiver
            }
        }
    }

    /// How many deployments are looked at.
    pub fn pollers(&self) -> usize {
        self.pollers.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    async fn poll(self, deployment: WorkflowId, sender: watch::Sender<Snapshot>) {
        loop {
            let answer = self.gateway.describe(&deployment, None).await;
            let wait = sender.borrow().report.as_deref().map_or(IDLE, interval);
            sender.send_if_modified(|snapshot| {
                let next = after(snapshot, answer);
                let changed = *snapshot != next;
                *snapshot = next;
                changed
            });
            let over = matches!(sender.borrow().look, Look::Ended(_));
            tokio::select! {
                () = tokio::time::sleep(wait), if !over => {}
                () = sender.closed() => {}
            }
            if self.leave(&deployment, &sender) {
                return;
            }
        }
    }

    /// Removes the poller when nobody listens any more. Under the lock, so that nobody can join a poller that leaves.
    fn leave(&self, deployment: &WorkflowId, sender: &watch::Sender<Snapshot>) -> bool {
        let mut pollers = self.pollers.lock().unwrap_or_else(PoisonError::into_inner);
        let alone = sender.receiver_count() == 0;
        if alone {
            pollers.remove(deployment);
        }
        alone
    }
}

fn interval(report: &HealthReport) -> Duration {
    report.interval_ms.as_duration().clamp(FASTEST, SLOWEST)
}

/// What is known after one more look.
fn after(before: &Snapshot, answer: Result<WorkflowDetail, Failure>) -> Snapshot {
    match answer {
        Ok(detail) if before.report.is_none() && !is_deployment(&detail) => {
            Snapshot { report: None, look: Look::Failed(no_deployment(&detail)) }
        }
        Ok(detail) => {
            let end = ended(&detail);
            let report = detail.health.map(|report| Arc::new(*report)).or_else(|| before.report.clone());
            Snapshot { report, look: end.map_or(Look::Seen, Look::Ended) }
        }
        Err(failure) if failure.kind == FailureKind::NotFound && before.look == Look::Seen => {
            Snapshot { report: before.report.clone(), look: Look::Ended("The workflow is gone.".to_owned()) }
        }
        Err(failure) => Snapshot { report: before.report.clone(), look: Look::Failed(failure) },
    }
}

/// Whether its health is watched, or will be: also by a workflow of another SDK.
fn is_deployment(detail: &WorkflowDetail) -> bool {
    let published = detail.row.published.as_ref();
    detail.row.workflow_type.as_str() == workflow::PRODUCTION_DEPLOYMENT
        || detail.health.is_some()
        || published.is_some_and(|published| published.deployment.is_some())
}

fn no_deployment(detail: &WorkflowDetail) -> Failure {
    let (id, kind) = (&detail.row.id, &detail.row.workflow_type);
    let hint = match kind.as_str() {
        workflow::ENGINE | workflow::CODEGEN => format!("Ask `GET /v1/goals/{id}` how the goal stands."),
        workflow::PRODUCTION_READINESS => "Ask for the deployment that it starts.".to_owned(),
        _ => "Ask for a workflow that deploys, or `gatewatch show` for this one.".to_owned(),
    };
    Failure::new(
        FailureKind::Conflict,
        format!("{id} is of type {kind}, which is no deployment: nobody watches its health."),
        hint,
    )
}

/// Why no sample can come any more, if so. Until the workflow has ended a rollback can start and watch again.
fn ended(detail: &WorkflowDetail) -> Option<String> {
    if !detail.row.status.is_open() {
        return Some(format!("Monitoring is over: the workflow is {}.", detail.row.status.as_str()));
    }
    if detail.health.is_some() {
        return None;
    }
    let stage = detail.row.published.as_ref()?.deployment.as_ref()?.stage;
    matches!(stage, DeploymentStage::RolledBack | DeploymentStage::Failed)
        .then(|| format!("Monitoring is over: the deployment is {}.", stage.as_str()))
}
