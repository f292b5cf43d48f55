//! Records for people: the incident of a rollback, and how it went.

use std::sync::Arc;

use temporalio_sdk::activities::{ActivityContext, ActivityError, activities};

use crate::activities::error::report;
use crate::activities::heartbeat;
use crate::activities::services::Services;
use crate::contracts::temporal::activities::{IncidentTicket, RecordRollback, definition};

pub mod record;

/// Activities of [`crate::contracts::temporal::activities::Incident`].
pub struct IncidentActivities {
    pub services: Arc<Services>,
}

#[activities]
impl IncidentActivities {
    #[activity(definition = definition::CreateIncidentTicket)]
    pub async fn create_incident_ticket(
        self: Arc<Self>,
        _ctx: ActivityContext,
        rollback: RecordRollback,
    ) -> Result<IncidentTicket, ActivityError> {
        let service = self.services.get(&rollback.deployment.service).map_err(report)?;
        let incident = record::open(service, &rollback).await.map_err(report)?;
        Ok(IncidentTicket { incident_id: incident.id })
    }

    #[activity(definition = definition::DocumentRollback)]
    pub async fn document_rollback(
        self: Arc<Self>,
        ctx: ActivityContext,
        rollback: RecordRollback,
    ) -> Result<IncidentTicket, ActivityError> {
        let service = self.services.get(&rollback.deployment.service).map_err(report)?;
        let incident = heartbeat::beside(&ctx, record::document(service, &rollback)).await.map_err(report)?;
        Ok(IncidentTicket { incident_id: incident.id })
    }
}
