//! One deployment at its turning points, as the server would describe it.

use gatewatch::contracts::actor::{Actor, Via};
use gatewatch::contracts::clock::{Millis, Timestamp};
use gatewatch::contracts::decision::{DecisionRecord, Verdict};
use gatewatch::contracts::delivery::{DeploymentStage, DeploymentSummary, LiveVersion};
use gatewatch::contracts::health::{
    Baseline, HealthReport, HealthStatus, Sample, Trigger, TriggerState, TriggerStatus,
};
use gatewatch::contracts::ids::{CommitSha, EvidenceDigest};
use gatewatch::contracts::phase::{Phase, PhaseStatus};
use gatewatch::contracts::rollback::{
    RollbackCause, RollbackProgress, RollbackReadiness, RollbackStep, StepReport, StepStatus,
};
use gatewatch::contracts::temporal::memo::Published;
use gatewatch::contracts::workflow::{
    ExecutionStatus, PendingActivity, PendingActivityState, WorkflowDetail, WorkflowRow,
};

use super::at;

/// A moment of the deployment.
#[derive(Clone)]
pub(in crate::console) struct Story {
    pub(in crate::console) now: Timestamp,
    pub(in crate::console) stage: DeploymentStage,
    pub(in crate::console) status: ExecutionStatus,
    /// Looks so far, one every two seconds from 14:00:12 on: error rate in percent and p95 in ms; none without traffic.
    pub(in crate::console) looks: Vec<Option<(f64, f64)>>,
    pub(in crate::console) failing: Option<(Trigger, u32, u32, Millis)>,
    /// What fails has failed for long enough.
    pub(in crate::console) fired: bool,
    pub(in crate::console) paused_until: Option<Timestamp>,
    pub(in crate::console) rolling: Option<RollbackProgress>,
    pub(in crate::console) pending: Vec<PendingActivity>,
    pub(in crate::console) version_answering: &'static str,
}

/// Everything is in order for so many looks.
fn calm(looks: u32) -> Vec<Option<(f64, f64)>> {
    (0..looks)
        .map(|n| {
            let wave = f64::from(n % 7) * 0.25;
            // Nobody came by for a while.
            (!(30..34).contains(&n)).then_some((1.6 + wave, 180.0 + wave * 30.0))
        })
        .collect()
}

impl Story {
    pub(in crate::console) fn quiet(now: Timestamp) -> Self {
        Self {
            now,
            stage: DeploymentStage::Monitoring,
            status: ExecutionStatus::Running,
            looks: calm(90),
            failing: None,
            fired: false,
            paused_until: None,
            rolling: None,
            pending: Vec::new(),
            version_answering: "v42",
        }
    }

    pub(in crate::console) fn failing(now: Timestamp) -> Self {
        let mut looks = calm(88);
        looks.extend((0..6u32).map(|n| Some((2.0 + f64::from(n) * 1.1, 200.0 + f64::from(n) * 42.0))));
        Self { looks, failing: Some((Trigger::ErrorRate, 1, 2, Millis::from_secs(15))), ..Self::quiet(now) }
    }

    pub(in crate::console) fn paused(now: Timestamp) -> Self {
        Self { paused_until: Some(at(480)), ..Self::failing(now) }
    }

    pub(in crate::console) fn rolling(now: Timestamp) -> Self {
        let step = |step, status, from: u64, to: u64| StepReport {
            step,
            status,
            started_at: (from > 0).then(|| at(from)),
            ended_at: (to > 0).then(|| at(to)),
        };
        let done = |detail: &str| StepStatus::Done { detail: detail.into() };
        Self {
            stage: DeploymentStage::RollingBack,
            looks: Vec::new(),
            failing: None,
            rolling: Some(RollbackProgress {
                cause: RollbackCause {
                    trigger: None,
                    reason: "checkout fails for everybody".into(),
                    actor: Actor::new("mira", Via::Console),
                    at: at(201),
                },
                steps: vec![
                    step(RollbackStep::Migrations, done("took back 0042_add_retry, 0041_idx"), 201, 203),
                    step(RollbackStep::Code, done("6ab1f0e restores 9b7d00f"), 203, 204),
                    step(RollbackStep::Deploy, StepStatus::Running, 204, 0),
                    step(RollbackStep::Verify, StepStatus::Pending, 0, 0),
                    step(RollbackStep::Monitor, StepStatus::Pending, 0, 0),
                    step(RollbackStep::Document, StepStatus::Pending, 0, 0),
                ],
                verified_at: None,
                completed_at: None,
            }),
            ..Self::quiet(now)
        }
    }

    pub(in crate::console) fn stuck(now: Timestamp) -> Self {
        let failure = "switch 127.0.0.1:4100: connection refused";
        let mut story = Self::rolling(now);
        story.step(2).status = StepStatus::Retrying { failure: failure.into() };
        story.pending = vec![PendingActivity {
            activity_id: "17".into(),
            activity_type: "rollbackVercelDeployment".into(),
            state: PendingActivityState::Scheduled,
            attempt: 4,
            maximum_attempts: 0,
            scheduled_at: Some(at(204)),
            last_started_at: Some(at(236)),
            last_heartbeat_at: None,
            next_attempt_at: Some(now.plus(Millis::from_secs(8))),
            last_failure: Some(failure.into()),
            last_worker: Some("4711@worker-1".into()),
        }];
        story
    }

    pub(in crate::console) fn verified(now: Timestamp) -> Self {
        let mut story = Self::rolling(now);
        story.looks = vec![Some((1.2, 170.0)), Some((1.0, 165.0))];
        story.version_answering = "v41";
        *story.step(2) = StepReport {
            step: RollbackStep::Deploy,
            status: StepStatus::Done { detail: "v41 has the traffic".into() },
            started_at: Some(at(204)),
            ended_at: Some(at(206)),
        };
        *story.step(3) = StepReport {
            step: RollbackStep::Verify,
            status: StepStatus::Done { detail: "v41 answers, commit 9b7d00f".into() },
            started_at: Some(at(206)),
            ended_at: Some(at(212)),
        };
        story.step(4).status = StepStatus::Running;
        story.step(4).started_at = Some(at(212));
        story.progress().verified_at = Some(at(212));
        story
    }

    pub(in crate::console) fn progress(&mut self) -> &mut RollbackProgress {
        self.rolling.as_mut().unwrap()
    }

    pub(in crate::console) fn step(&mut self, number: usize) -> &mut StepReport {
        &mut self.progress().steps[number]
    }
}

fn sample(seq: usize, look: Option<(f64, f64)>, story: &Story) -> Sample {
    let version = story.version_answering;
    let begun = if story.rolling.is_some() { 213 } else { 12 };
    let seconds = begun + 2 * u64::try_from(seq).unwrap();
    Sample {
        seq: u64::try_from(seq).unwrap() + 1,
        at: at(seconds),
        healthy: true,
        http_status: Some(200),
        error_rate: look.map(|(percent, _)| percent / 100.0),
        p50_ms: look.map(|(_, p95)| p95 / 3.0),
        p95_ms: look.map(|(_, p95)| p95),
        p99_ms: look.map(|(_, p95)| p95 * 1.5),
        requests: if look.is_some() { 40 } else { 0 },
        database_ok: Some(true),
        version: Some(version.into()),
    }
}

fn triggers(story: &Story) -> Vec<TriggerState> {
    let words = |trigger| match trigger {
        Trigger::MigrationFailure => ("applied", "any failure"),
        Trigger::DeploymentFailure => ("serving", "any failure"),
        Trigger::HealthEndpoint => ("answers 200", "> 3 in a row"),
        Trigger::ErrorRate => ("3.4× (7.2 %)", "> 3× (6.3 %)"),
        Trigger::ResponseTime => ("2.2× (410 ms)", "> 5× (950 ms) for > 5.0 min"),
        Trigger::UserAcceptance => ("not run yet", "critical journey"),
        Trigger::SevereBug => ("none reported", "any P0 or P1"),
        Trigger::DatabaseConnection => ("reached", "3 in a row"),
    };
    Trigger::ALL
        .into_iter()
        .map(|trigger| {
            let (now, limit) = words(trigger);
            let status = match story.failing {
                Some((failing, ..)) if failing == trigger && story.fired => TriggerStatus::Fired,
                Some((failing, count, of, fires_in_ms)) if failing == trigger => {
                    TriggerStatus::Failing { count, of, fires_in_ms }
                }
                _ if trigger == Trigger::UserAcceptance => TriggerStatus::Unknown,
                _ => TriggerStatus::Ok,
            };
            let now = if story.failing.is_none() && trigger == Trigger::ErrorRate { "0.9× (1.9 %)" } else { now };
            TriggerState { trigger, status, now: now.into(), limit: limit.into() }
        })
        .collect()
}

fn health(story: &Story) -> HealthReport {
    let samples = story.looks.iter().enumerate().map(|(seq, look)| sample(seq, *look, story));
    HealthReport {
        samples: samples.collect(),
        baseline: Some(Baseline { samples: 10, error_rate: 0.021, p95_ms: 190.0 }),
        triggers: triggers(story),
        interval_ms: Millis::from_secs(2),
        started_at: Some(at(12)),
        until: Some(at(612)),
        taken: u64::try_from(story.looks.len()).unwrap(),
        consecutive_error_rate_failures: story.failing.map_or(0, |(_, count, ..)| count),
        ..HealthReport::default()
    }
}

fn phases(story: &Story) -> Vec<Phase> {
    let reached = |name: &str, status, from: u64, to: u64| Phase {
        name: name.into(),
        status,
        started_at: Some(at(from)),
        ended_at: (to > 0).then(|| at(to)),
    };
    let last = if story.rolling.is_some() { PhaseStatus::RollingBack } else { PhaseStatus::Running };
    vec![
        reached("backup", PhaseStatus::Done, 0, 3),
        reached("migrate", PhaseStatus::Done, 3, 5),
        reached("deploy", PhaseStatus::Done, 5, 12),
        reached("monitor", last, 12, 0),
        Phase {
            name: "accept".into(),
            ..Phase { name: String::new(), status: PhaseStatus::Pending, started_at: None, ended_at: None }
        },
    ]
}

/// The deployment at that moment.
pub(in crate::console) fn checkout(story: &Story) -> WorkflowDetail {
    let before = CommitSha::new("9b7d00f3c0ffee");
    let published = Published {
        v: Published::VERSION,
        title: "checkout v42 → production".into(),
        service: Some("checkout".into()),
        environment: Some("production".into()),
        phases: phases(story),
        decided: Some(DecisionRecord {
            decision_id: "d1".into(),
            gate: "production-approval".into(),
            verdict: Verdict::Approve,
            actor: Actor::new("mira", Via::Coordinator),
            reason: None,
            evidence: Some(EvidenceDigest::new("5d2c0000000091")),
            at: at(0).minus(Millis::from_secs(120)),
        }),
        deployment: Some(DeploymentSummary {
            service: "checkout".into(),
            deployment_id: "dep-42".into(),
            commit: CommitSha::new("9f31c2e00ddba11"),
            version: "v42".into(),
            stage: story.stage,
            previous: Some(LiveVersion {
                deployment_id: "dep-41".into(),
                version: "v41".into(),
                commit: before.clone(),
                since: at(0).minus(Millis::from_hours(70)),
            }),
            live_since: Some(at(12)),
            monitor_until: Some(at(612)),
            paused_until: story.paused_until,
        }),
        rollback: Some(RollbackReadiness {
            ready: true,
            why_not: None,
            previous_version: "v41".into(),
            previous_commit: before,
            backup_verified_at: Some(at(3)),
            migrations: vec!["0042_add_retry".into(), "0041_idx".into()],
            reversible: true,
            estimate_ms: Some(Millis::from_secs(40)),
        }),
        rolling_back: story.rolling.clone(),
        updated_at: Some(story.now),
        ..Published::default()
    };
    WorkflowDetail {
        row: WorkflowRow {
            id: "deploy-checkout-v42".into(),
            run_id: "run-1".into(),
            workflow_type: "ProductionDeploymentWorkflow".into(),
            status: story.status,
            task_queue: "gatewatch".into(),
            started_at: Some(at(0)),
            closed_at: None,
            phase: Some("production".into()),
            environment: Some("production".into()),
            health: Some(HealthStatus::Watching),
            gates: Vec::new(),
            gate_deadline: None,
            published: Some(Box::new(published)),
            history_length: 120,
        },
        activities: story.pending.clone(),
        children: Vec::new(),
        health: (!story.looks.is_empty()).then(|| Box::new(health(story))),
        workflow_task_attempt: 1,
        workflow_task_waiting_since: None,
    }
}
