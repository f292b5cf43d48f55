//! Incidents: one per rolled-back deployment, as JSON for machines and Markdown for people.
//!
//! The JSON file is the truth and is written once for opening and once for documenting; the Markdown is drawn from it
//! each time, so that a kill between the two is mended by the next attempt.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::activities::error::{Cause, permanent};
use crate::activities::files;
use crate::config::settings::Service;
use crate::contracts::clock::Timestamp;
use crate::contracts::delivery::LiveVersion;
use crate::contracts::ids::{CommitSha, DeploymentId, Environment, ServiceName, Version, WorkflowId};
use crate::contracts::rollback::{RollbackCause, StepReport, StepStatus};
use crate::contracts::temporal::activities::RecordRollback;
use crate::contracts::text;

/// An incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    pub id: String,
    pub opened_at: Timestamp,
    /// Requirements §6.6: a rolled-back production deployment is level 4.
    pub escalation_level: u8,
    pub service: ServiceName,
    pub environment: Environment,
    pub workflow_id: WorkflowId,
    pub deployment_id: DeploymentId,
    pub version: Version,
    pub commit: CommitSha,
    pub previous: LiveVersion,
    pub cause: RollbackCause,
    #[serde(default)]
    pub documented: Option<Documented>,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Documented {
    pub at: Timestamp,
    pub steps: Vec<StepReport>,
    pub verified_at: Option<Timestamp>,
}

/// Opens the incident of a deployment; finds it when it was opened before.
pub async fn open(service: &Service, record: &RecordRollback) -> anyhow::Result<Incident> {
    change(service, record, |_| {}).await
}

/// Adds how the rollback went, once.
pub async fn document(service: &Service, record: &RecordRollback) -> anyhow::Result<Incident> {
    change(service, record, |incident| {
        incident.documented.get_or_insert_with(|| Documented {
            at: now(),
            steps: record.steps.clone(),
            verified_at: record.verified_at,
        });
    })
    .await
}

async fn change(
    service: &Service,
    record: &RecordRollback,
    change: impl FnOnce(&mut Incident),
) -> anyhow::Result<Incident> {
    let id = record.deployment.deployment_id.as_str();
    if id.is_empty() {
        return Err(permanent(Cause::InvalidRequest, "an incident is named after its deployment, which has no id"));
    }
    let _lock =
        files::Lock::acquire(&service.records.join(".lock"), &format!("the incident of deployment {id}")).await?;
    let path = place(service, id, "json");
    let before: Option<Incident> = files::read_json(&path)?;
    let mut incident = before.clone().unwrap_or_else(|| Incident {
        id: format!("inc-{}", files::name(id)),
        opened_at: now(),
        escalation_level: 4,
        service: service.name.clone(),
        environment: service.environment.clone(),
        workflow_id: record.workflow_id.clone(),
        deployment_id: record.deployment.deployment_id.clone(),
        version: record.version.clone(),
        commit: record.deployment.commit.clone(),
        previous: record.previous.clone(),
        cause: record.cause.clone(),
        documented: None,
    });
    change(&mut incident);
    if before.as_ref() != Some(&incident) {
        files::write_json(&path, &incident)?;
    }
    files::write(&place(service, id, "md"), markdown(&incident).as_bytes())?;
    Ok(incident)
}

fn place(service: &Service, id: &str, ending: &str) -> PathBuf {
    service.records.join("incidents").join(format!("{}.{ending}", files::name(id)))
}

/// The incident for people. What others wrote stands in it as text that does nothing.
pub fn markdown(incident: &Incident) -> String {
    let Incident { cause, previous, .. } = incident;
    let mut out = String::new();
    // Writing to a string cannot fail.
    let mut line = |line: String| {
        let _ = writeln!(out, "{line}");
    };
    line(format!(
        "# {}: {} {} was rolled back in {}\n",
        incident.id,
        plain(incident.service.as_str()),
        plain(incident.version.as_str()),
        plain(incident.environment.as_str())
    ));
    line(format!("- Why: {}", plain(&cause.reason)));
    line(format!(
        "- Asked for by: {}",
        cause
            .trigger
            .map_or_else(|| plain(&cause.actor.name), |trigger| format!("the trigger \"{}\"", trigger.title()),)
    ));
    line(format!("- At: {}", cause.at));
    line(format!(
        "- Deployment: {} (commit {})",
        plain(incident.deployment_id.as_str()),
        plain(incident.commit.as_str())
    ));
    line(format!("- Back to: {} (commit {})", plain(previous.version.as_str()), plain(previous.commit.as_str())));
    line(format!("- Workflow: {}", plain(incident.workflow_id.as_str())));
    line(format!("- Escalation: level {}", incident.escalation_level));
    let Some(documented) = &incident.documented else {
        line("\nThe rollback is running.".to_owned());
        return out;
    };
    line("\n## What was done\n".to_owned());
    for (n, report) in documented.steps.iter().enumerate() {
        let status = match &report.status {
            StepStatus::Pending => "not reached".to_owned(),
            StepStatus::Running => "running".to_owned(),
            StepStatus::Retrying { failure } => format!("failing: {}", plain(failure)),
            StepStatus::Done { detail } => format!("done: {}", plain(detail)),
            StepStatus::Skipped { why } => format!("skipped: {}", plain(why)),
        };
        line(format!("{}. {}: {status}", n + 1, report.step.title()));
    }
    line(match documented.verified_at {
        Some(at) => format!(
            "\n{} was seen serving again at {at}, {:.1} s after the cause.",
            plain(previous.version.as_str()),
            seconds(cause.at, at)
        ),
        None => "\nThe previous version was not seen serving again.".to_owned(),
    });
    out
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.since(from).as_duration().as_secs_f64()
}

/// One line, without anything that Markdown or a terminal would obey.
fn plain(said: &str) -> String {
    let mut out = String::new();
    for c in text::line(said).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '!') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}
