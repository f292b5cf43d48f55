//! Who plays: which service, which releases, under which workflow ids, watched how. Data only.

use crate::contracts::clock::Millis;
use crate::contracts::delivery::{
    Authority, DeploymentInput, MonitorSettings, ReadinessInput, SignalPolicy, ThenDeploy,
};
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::health::TriggerRules;
use crate::contracts::ids::{Environment, WorkflowId};
use crate::devstack::world::repository;
use crate::devstack::world::running::{ReleaseCommit, RunningService};

/// What a request may take, in milliseconds, when the machine has other things to do. The latency fault adds more.
const BUSY_MS: f64 = 200.0;

/// A delivery of the newest release over the first.
#[derive(Clone, Debug)]
pub struct Cast {
    pub service: RunningService,
    /// How long the new version is watched before it counts as good.
    pub watched: Millis,
    /// How many bad looks in a row the error rate takes to roll back.
    pub bad_looks: u32,
}

impl Cast {
    pub fn name(&self) -> &str {
        self.service.name.as_str()
    }

    /// What serves when the story begins, and has to serve when it ends.
    pub fn old_release(&self) -> Result<&ReleaseCommit, Failure> {
        self.service.releases.first().ok_or_else(Self::no_release)
    }

    pub fn new_release(&self) -> Result<&ReleaseCommit, Failure> {
        self.service.releases.last().ok_or_else(Self::no_release)
    }

    fn no_release() -> Failure {
        Failure::new(FailureKind::Internal, "The demo's service has no release.", "This is a bug.")
    }

    pub fn readiness_id(&self) -> WorkflowId {
        WorkflowId::new(format!("prod-{}", self.release_name()))
    }

    pub fn deployment_id(&self) -> WorkflowId {
        WorkflowId::new(format!("deploy-{}", self.release_name()))
    }

    /// `checkout-42`.
    fn release_name(&self) -> String {
        let version = self.service.releases.last().map_or("", |release| release.version.as_str());
        format!("{}-{}", self.name(), version.trim_start_matches('v'))
    }

    /// What the readiness workflow is started with. `decider` is the coordinator's public key.
    pub fn readiness(&self, decider: &str) -> Result<ReadinessInput, Failure> {
        Ok(ReadinessInput {
            service: self.service.name.clone(),
            commit_sha: self.new_release()?.commit.clone(),
            requirement_id: None,
            requested_by: "release-bot".to_owned(),
            deadline_ms: ReadinessInput::default_deadline(),
            authority: Authority { signals: SignalPolicy::Proven, deciders: vec![decider.to_owned()] },
            then_deploy: Some(ThenDeploy { workflow_id: self.deployment_id(), input: self.deployment()? }),
        })
    }

    /// What the deployment is started with, by the approval or by somebody.
    pub fn deployment(&self) -> Result<DeploymentInput, Failure> {
        Ok(DeploymentInput {
            service: self.service.name.clone(),
            branch_name: repository::BRANCH.to_owned(),
            commit_sha: self.new_release()?.commit.clone(),
            environment: Environment::production(),
            requested_by: "release-bot".to_owned(),
            monitor: self.monitor(),
            max_pause_ms: DeploymentInput::default_pause(),
        })
    }

    /// The seeds' rules at a demo's pace: looks are a second apart, and what has to last minutes lasts seconds.
    fn monitor(&self) -> MonitorSettings {
        MonitorSettings {
            interval_ms: Millis::from_secs(1),
            duration_ms: self.watched,
            baseline_samples: 3,
            recovery_samples: 3,
            rules: TriggerRules {
                response_time_sustained_ms: Millis::from_secs(5),
                error_rate_samples: self.bad_looks,
                // Everything runs on one machine: that it is busy is not the release's doing.
                response_time_floor_ms: BUSY_MS,
                ..TriggerRules::default()
            },
        }
    }
}
