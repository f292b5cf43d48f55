//! The one list of activities: registers them on a worker and describes them to people and scripts.

use std::sync::Arc;

use serde::Serialize;
use temporalio_sdk::WorkerOptions;

use crate::activities::checks::CheckActivities;
use crate::activities::database::DatabaseActivities;
use crate::activities::deploy::DeployActivities;
use crate::activities::git::GitActivities;
use crate::activities::incident::IncidentActivities;
use crate::activities::monitor::MonitorActivities;
use crate::activities::monitor::control::WorkflowMemo;
use crate::activities::services::Services;

/// Puts every activity on a worker.
pub fn register(options: &mut WorkerOptions, services: &Arc<Services>) {
    let services = || Arc::clone(services);
    options
        .register_activities(CheckActivities { services: services() })
        .register_activities(DatabaseActivities { services: services() })
        .register_activities(DeployActivities { services: services() })
        .register_activities(GitActivities { services: services() })
        .register_activities(IncidentActivities { services: services() })
        .register_activities(MonitorActivities { services: services(), control: Arc::new(WorkflowMemo) });
}

/// An activity, as `describe --json` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Description {
    pub name: &'static str,
    pub doc: &'static str,
}

const fn about(name: &'static str, doc: &'static str) -> Description {
    Description { name, doc }
}

/// Every activity that [`register`] registers, by area.
pub const DESCRIPTIONS: &[Description] = &[
    about("validateAllGates", "Runs the catalogue of gates against the commit and the live service."),
    about("collectAllEvidence", "Puts checks, commit and rollback readiness together."),
    about("generateReadinessReport", "Computes the score and writes a report for people."),
    about("checkDocumentation", "Looks whether the change is documented."),
    about("checkMonitoring", "Looks whether the live service can be watched at all."),
    about("runProductionUAT", "Walks the user journeys on the live service."),
    about("validateProduction", "Holds everything measured of a deployment together."),
    about("createProductionBackup", "Copies the live database, once per deployment."),
    about("verifyBackup", "Opens a backup and reads all of it."),
    about("runProductionMigrations", "Applies the migrations of a commit."),
    about("rollbackMigration", "Takes migrations back, or restores the backup, and checks the data."),
    about("getDeploymentStatus", "Says what serves the traffic now."),
    about("getRollbackReadiness", "Says what a rollback from a commit would do."),
    about("deployToProduction", "Starts a version beside the live one."),
    about("waitForDeployment", "Waits until a version is healthy, then sends it all traffic."),
    about("verifyDeployment", "Asks through the public address which version answers, and ends what was undone."),
    about("rollbackVercelDeployment", "Serves the previous version again, starting it where it is gone."),
    about("rollbackToCommit", "Puts the content of an earlier commit on top of the release branch, and says why."),
    about("createIncidentTicket", "Opens one incident per rolled-back deployment."),
    about("documentRollback", "Writes into the incident why and how a rollback went."),
    about("getMetrics", "Measures the baseline that a deployment is held against."),
    about("monitorHealth", "Looks at the service until told otherwise, and says which trigger fired."),
    about("setupMonitoring", "Leaves the standing watch over the service in place."),
];
