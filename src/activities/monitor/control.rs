//! How extending, pausing and resuming reach a running monitor: through the memo of the workflow that started it,
//! which outlives every worker.

use std::time::Duration;

use anyhow::Context as _;
use futures::future::BoxFuture;
use temporalio_common::UntypedWorkflow;
use temporalio_sdk::activities::ActivityContext;

use crate::contracts::clock::Timestamp;
use crate::contracts::temporal::memo::Published;
use crate::contracts::temporal::names;

/// What people changed while watching.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Control {
    pub until: Option<Timestamp>,
    pub paused_until: Option<Timestamp>,
}

/// Where control comes from.
pub trait ControlSource: Send + Sync {
    /// `None` when nobody controls this monitor. An error leaves the last known control in force.
    fn read<'a>(&'a self, ctx: &'a ActivityContext) -> BoxFuture<'a, anyhow::Result<Option<Control>>>;
}

/// The memo `gatewatch` of the workflow that started the activity.
#[derive(Clone, Copy, Debug)]
pub struct WorkflowMemo;

impl WorkflowMemo {
    /// Health is looked at whether or not the server answers; it gets no longer than this.
    const DEADLINE: Duration = Duration::from_secs(2);
}

impl ControlSource for WorkflowMemo {
    #[expect(clippy::default_trait_access, reason = "the name of these options belongs to the gateway's crate")]
    fn read<'a>(&'a self, ctx: &'a ActivityContext) -> BoxFuture<'a, anyhow::Result<Option<Control>>> {
        Box::pin(async {
            let Some(workflow) = ctx.workflow_handle::<UntypedWorkflow>() else { return Ok(None) };
            let described = tokio::time::timeout(Self::DEADLINE, workflow.describe(Default::default()))
                .await
                .context("the server did not describe the workflow in time")?
                .context("the workflow could not be described")?;
            let published = described.memo().get::<Published>(names::memo::PUBLISHED);
            let deployment = published.context("the workflow's memo could not be read")?.and_then(|it| it.deployment);
            Ok(deployment
                .map(|deployment| Control { until: deployment.monitor_until, paused_until: deployment.paused_until }))
        })
    }
}
