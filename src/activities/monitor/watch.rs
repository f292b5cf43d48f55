//! `monitorHealth`: looks at the service until told otherwise. Each heartbeat carries the whole report, so the next
//! attempt goes on where the last one was killed, and anybody can read the live series from the server.

use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use temporalio_sdk::activities::ActivityContext;

use crate::activities::error::Cancelled;
use crate::activities::monitor::control::{Control, ControlSource};
use crate::activities::monitor::{probe, triggers};
use crate::activities::services::Services;
use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::delivery::MonitorSettings;
use crate::contracts::health::HealthReport;
use crate::contracts::temporal::activities::{MonitorHealth, MonitorMode, MonitorOutcome};

/// The time between two looks. No service is asked more often than it may be, whatever the settings say.
pub fn interval(configured: Millis) -> Duration {
    configured.max(MonitorSettings::SHORTEST_INTERVAL).as_duration()
}

/// One run of `monitorHealth`.
pub struct Watch<'a> {
    pub services: &'a Services,
    pub control: &'a dyn ControlSource,
    pub ctx: &'a ActivityContext,
    pub input: &'a MonitorHealth,
}

impl Watch<'_> {
    pub async fn run(&self) -> anyhow::Result<MonitorOutcome> {
        tokio::select! {
            outcome = self.looks() => outcome,
            () = self.ctx.cancelled() => Err(Cancelled.into()),
        }
    }

    async fn looks(&self) -> anyhow::Result<MonitorOutcome> {
        let service = self.services.get(&self.input.service)?;
        let every = interval(self.input.settings.interval_ms);
        let deadline = HealthReport::longest_look(every.into()).as_duration();
        let mut report = self.resume();
        loop {
            let next = tokio::time::Instant::now() + every;
            let (look, control) =
                tokio::join!(probe::look(self.services, service, deadline), self.control.read(self.ctx),);
            self.obey(&mut report, control);
            let sample = probe::sample(&look, &report);
            let (judged, fired) = triggers::judge(report, sample, self.input.mode);
            report = judged;
            report.last_scrape = look.scrape.or(report.last_scrape);
            self.ctx.record_heartbeat(report.clone()).await.context("the report could not be sent")?;
            if fired.is_some() || self.is_over(&report) {
                return Ok(MonitorOutcome { fired, report });
            }
            tokio::time::sleep_until(self.wake(&report, next)).await;
        }
    }

    /// Goes on from the last heartbeat of the attempt before, when there was one of this very watch.
    fn resume(&self) -> HealthReport {
        let settings = &self.input.settings;
        let fresh = HealthReport {
            baseline: self.input.baseline.clone(),
            rules: settings.rules.clone(),
            interval_ms: Millis::from(interval(settings.interval_ms)),
            started_at: Some(self.input.started_at),
            until: (self.input.mode == MonitorMode::Watch).then(|| self.input.started_at.plus(settings.duration_ms)),
            ..HealthReport::default()
        };
        match self.ctx.heartbeat_details().deserialize::<HealthReport>() {
            Ok(Some(before)) if before.started_at == fresh.started_at => before,
            Ok(_) => fresh,
            Err(error) => {
                tracing::warn!(%error, "the last heartbeat cannot be read: the watch begins anew");
                fresh
            }
        }
    }

    fn obey(&self, report: &mut HealthReport, control: anyhow::Result<Option<Control>>) {
        match control {
            Ok(Some(control)) if self.input.mode == MonitorMode::Watch => {
                report.until = control.until.or(report.until);
                report.paused_until = control.paused_until;
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(error = format!("{error:#}"), "the last known control stays in force"),
        }
    }

    fn is_over(&self, report: &HealthReport) -> bool {
        match self.input.mode {
            MonitorMode::Watch => {
                let last = report.samples.last().map(|sample| sample.at);
                report.until.is_some_and(|until| last.is_some_and(|last| last >= until))
            }
            MonitorMode::Recover => {
                let wanted = usize::try_from(self.input.settings.recovery_samples.max(1)).unwrap_or(usize::MAX);
                let good = report.samples.iter().rev().take_while(|sample| triggers::is_good(report, sample));
                good.take(wanted).count() >= wanted
            }
        }
    }

    /// The next look; the last one falls on the end exactly.
    fn wake(&self, report: &HealthReport, next: tokio::time::Instant) -> tokio::time::Instant {
        let left = report.until.map(|until| until.since(Timestamp::from(SystemTime::now())));
        match left {
            Some(left) if self.input.mode == MonitorMode::Watch => {
                next.min(tokio::time::Instant::now() + left.as_duration().max(Duration::from_millis(1)))
            }
            Some(_) | None => next,
        }
    }
}
