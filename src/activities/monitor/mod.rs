//! Watching a live service: probing it, the baseline, the triggers, the standing watch.

use std::sync::Arc;

use temporalio_sdk::activities::{ActivityContext, ActivityError, activities};

use crate::activities::error::report;
use crate::activities::heartbeat;
use crate::activities::monitor::control::ControlSource;
use crate::activities::monitor::watch::Watch;
use crate::activities::services::Services;
use crate::contracts::health::Baseline;
use crate::contracts::temporal::activities::{
    DeploymentRef, MeasureBaseline, MonitorHealth, MonitorOutcome, MonitoringSetup, definition,
};

pub mod baseline;
pub mod control;
pub mod histogram;
pub mod probe;
pub mod setup;
pub mod triggers;
pub mod watch;

/// Activities of [`crate::contracts::temporal::activities::Monitor`].
pub struct MonitorActivities {
    pub services: Arc<Services>,
    pub control: Arc<dyn ControlSource>,
}

#[activities]
impl MonitorActivities {
    #[activity(definition = definition::GetMetrics)]
    pub async fn get_metrics(
        self: Arc<Self>,
        ctx: ActivityContext,
        measure: MeasureBaseline,
    ) -> Result<Baseline, ActivityError> {
        let service = self.services.get(&measure.service).map_err(report)?;
        let looks = async { Ok(baseline::measure(&self.services, service, &measure.settings).await) };
        heartbeat::beside(&ctx, looks).await.map_err(report)
    }

    #[activity(definition = definition::MonitorHealth)]
    pub async fn monitor_health(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: MonitorHealth,
    ) -> Result<MonitorOutcome, ActivityError> {
        let watch = Watch { services: &self.services, control: &*self.control, ctx: &ctx, input: &input };
        watch.run().await.map_err(report)
    }

    #[activity(definition = definition::SetupMonitoring)]
    pub async fn setup_monitoring(
        self: Arc<Self>,
        _ctx: ActivityContext,
        deployment: DeploymentRef,
    ) -> Result<MonitoringSetup, ActivityError> {
        let service = self.services.get(&deployment.service).map_err(report)?;
        setup::leave(&self.services, service, &deployment).await.map_err(report)
    }
}
