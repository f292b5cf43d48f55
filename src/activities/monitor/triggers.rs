//! The eight rollback triggers: one function from what was known and one more sample to what is known now.
//!
//! No clock, no I/O. Two of the eight are over when watching begins (migration, deployment), one comes after it
//! (acceptance), one arrives as a signal (a severe bug); they have their row on the board all the same. A sample that says
//! nothing, for want of traffic or of an answer, neither counts towards a trigger nor against it.

use crate::contracts::clock::Millis;
use crate::contracts::health::{HealthReport, Sample, Trigger, TriggerState, TriggerStatus};
use crate::contracts::temporal::activities::{FiredTrigger, MonitorMode};

/// How a measured trigger stands, before it is known whether it may act.
struct Finding {
    trigger: Trigger,
    /// Failing looks in a row; `None` while nothing could be measured.
    count: Option<u32>,
    /// Of how many.
    of: u32,
    /// This very look failed. A trigger never fires on a look that says nothing.
    failing: bool,
    /// How long until it fires if nothing gets better; zero when it is due.
    left: Millis,
    now: String,
    limit: String,
}

/// Takes one more sample into the report. The trigger that asks for the rollback, when one does: never while paused
/// and never while a rollback is watched already.
pub fn judge(mut report: HealthReport, sample: Sample, mode: MonitorMode) -> (HealthReport, Option<FiredTrigger>) {
    count(&mut report, &sample);
    let held_until = report.paused_until.filter(|until| *until > sample.at);
    let acting = mode == MonitorMode::Watch && held_until.is_none();
    let held = held_until.map_or(Millis(0), |until| until.since(sample.at));
    let mut findings = [
        health(&report, &sample),
        error_rate(&report, &sample),
        response_time(&report, &sample),
        database(&report, &sample),
    ];
    for finding in findings.iter_mut().filter(|finding| !finding.failing) {
        finding.left = finding.left.max(report.interval_ms);
    }
    let due = |finding: &&Finding| acting && finding.count.is_some_and(|count| count > 0) && finding.left == Millis(0);
    let fired = findings.iter().find(due).map(|finding| FiredTrigger {
        trigger: finding.trigger,
        detail: format!("{}: {} (limit {})", finding.trigger.title(), finding.now, finding.limit),
        at: sample.at,
    });
    report.triggers = Trigger::ALL.map(|trigger| state(trigger, &findings, acting, held)).to_vec();
    report.samples.push(sample);
    let surplus = report.samples.len().saturating_sub(HealthReport::KEPT);
    report.samples.drain(..surplus);
    (report, fired)
}

/// Whether a sample shows nothing wrong: what a service must be, several times in a row, to count as recovered.
pub fn is_good(report: &HealthReport, sample: &Sample) -> bool {
    sample.healthy
        && sample.database_ok != Some(false)
        && errors_above(report, sample) != Some(true)
        && slow(report, sample) != Some(true)
}

/// Advances the counters.
fn count(report: &mut HealthReport, sample: &Sample) {
    let gap = report.samples.last().map_or(Millis(0), |last| sample.at.since(last.at));
    report.taken = report.taken.max(sample.seq);
    report.consecutive_health_failures = counted(report.consecutive_health_failures, Some(!sample.healthy));
    let above = errors_above(report, sample);
    report.consecutive_error_rate_failures = counted(report.consecutive_error_rate_failures, above);
    let lost = sample.database_ok.map(|ok| !ok);
    report.consecutive_database_failures = counted(report.consecutive_database_failures, lost);
    report.response_time_above_since = match slow(report, sample) {
        Some(false) => None,
        // Nobody looked in a gap (a worker was replaced): that time proves nothing, so it does not count.
        unbroken => {
            let unseen = Millis(gap.0.saturating_sub(report.interval_ms.0.saturating_mul(2)));
            let since = report.response_time_above_since.map(|since| since.plus(unseen).min(sample.at));
            since.or((unbroken == Some(true)).then_some(sample.at))
        }
    };
}

fn counted(before: u32, failing: Option<bool>) -> u32 {
    match failing {
        Some(true) => before.saturating_add(1),
        Some(false) => 0,
        None => before,
    }
}

fn health(report: &HealthReport, sample: &Sample) -> Finding {
    let (count, of) = (report.consecutive_health_failures, report.rules.health_failures.saturating_add(1));
    let now = match (sample.http_status, count) {
        (Some(status), 0) => format!("answers {status}"),
        (Some(status), count) => format!("{count} in a row, answers {status}"),
        (None, count) => format!("{count} in a row, no answer"),
    };
    Finding {
        trigger: Trigger::HealthEndpoint,
        count: Some(count),
        of,
        failing: !sample.healthy,
        left: looks_left(report, count, of),
        now,
        limit: format!("> {} in a row", report.rules.health_failures),
    }
}

fn error_rate(report: &HealthReport, sample: &Sample) -> Finding {
    let (count, of) = (report.consecutive_error_rate_failures, report.rules.error_rate_samples.max(1));
    let limit = report.error_rate_limit();
    let baseline = report.measured_baseline().map(|baseline| baseline.error_rate);
    let now = match (sample.error_rate, errors_above(report, sample)) {
        (Some(rate), Some(_)) => match baseline.filter(|baseline| *baseline > 0.0) {
            Some(baseline) => format!("{:.1}× ({})", rate / baseline, percent(rate)),
            None => percent(rate),
        },
        _ => format!("{} requests", sample.requests),
    };
    Finding {
        trigger: Trigger::ErrorRate,
        count: errors_above(report, sample).map(|_| count).or((count > 0).then_some(count)),
        of,
        failing: errors_above(report, sample) == Some(true),
        left: looks_left(report, count, of),
        now,
        limit: match baseline {
            Some(baseline) if baseline * report.rules.error_rate_factor > report.rules.error_rate_floor => {
                format!("> {}× ({})", report.rules.error_rate_factor, percent(limit))
            }
            Some(_) | None => format!("> {}", percent(limit)),
        },
    }
}

fn response_time(report: &HealthReport, sample: &Sample) -> Finding {
    let sustained = report.rules.response_time_sustained_ms;
    let interval = report.interval_ms.0.max(1);
    // The first look that is later than `sustained` after the first slow one.
    let looks = |time: Millis| u32::try_from(time.0 / interval).unwrap_or(u32::MAX);
    let lasted = report.response_time_above_since.map(|since| sample.at.since(since));
    let now = match (sample.p95_ms, report.measured_baseline()) {
        (Some(p95), Some(baseline)) if baseline.p95_ms > 0.0 => {
            format!("{:.1}× ({p95:.0} ms)", p95 / baseline.p95_ms)
        }
        (Some(p95), _) => format!("{p95:.0} ms"),
        (None, _) => format!("{} requests", sample.requests),
    };
    let limit = match report.response_time_limit() {
        Some(limit) => {
            let minutes = f64::from(u32::try_from(sustained.0).unwrap_or(u32::MAX)) / 60_000.0;
            format!("> {}× ({limit:.0} ms) for > {minutes:.1} min", report.rules.response_time_factor)
        }
        None => "no baseline".to_owned(),
    };
    let left = lasted.map_or(Millis(0), |lasted| match sustained.0.checked_sub(lasted.0) {
        Some(left) => Millis((left / interval + 1) * interval),
        None => Millis(0),
    });
    let measured = slow(report, sample).is_some() || lasted.is_some();
    Finding {
        trigger: Trigger::ResponseTime,
        count: measured.then(|| lasted.map_or(0, |lasted| looks(lasted).saturating_add(1))),
        of: looks(sustained).saturating_add(2),
        failing: slow(report, sample) == Some(true),
        left,
        now,
        limit,
    }
}

fn database(report: &HealthReport, sample: &Sample) -> Finding {
    let (count, of) = (report.consecutive_database_failures, report.rules.database_failures.max(1));
    Finding {
        trigger: Trigger::DatabaseConnection,
        count: sample.database_ok.map(|_| count).or((count > 0).then_some(count)),
        of,
        failing: sample.database_ok == Some(false),
        left: looks_left(report, count, of),
        now: match sample.database_ok {
            Some(true) => "reached".to_owned(),
            Some(false) => format!("lost, {count} in a row"),
            None => "not said".to_owned(),
        },
        limit: format!("{of} in a row"),
    }
}

/// The row of a trigger.
fn state(trigger: Trigger, findings: &[Finding], acting: bool, held: Millis) -> TriggerState {
    let row =
        |status, now: &str, limit: &str| TriggerState { trigger, status, now: now.to_owned(), limit: limit.to_owned() };
    let Some(finding) = findings.iter().find(|finding| finding.trigger == trigger) else {
        return match trigger {
            Trigger::MigrationFailure => row(TriggerStatus::Ok, "applied", "any failure"),
            Trigger::DeploymentFailure => row(TriggerStatus::Ok, "serving", "any failure"),
            Trigger::SevereBug => row(TriggerStatus::Ok, "none reported", "any P0 or P1"),
            Trigger::UserAcceptance => row(TriggerStatus::Unknown, "not run yet", "critical journey"),
            Trigger::HealthEndpoint | Trigger::ErrorRate | Trigger::ResponseTime | Trigger::DatabaseConnection => {
                row(TriggerStatus::Unknown, "", "")
            }
        };
    };
    let status = match finding.count {
        None => TriggerStatus::Unknown,
        Some(0) => TriggerStatus::Ok,
        Some(_) if finding.left == Millis(0) && acting => TriggerStatus::Fired,
        Some(count) => TriggerStatus::Failing { count, of: finding.of, fires_in_ms: finding.left.max(held) },
    };
    row(status, &finding.now, &finding.limit)
}

fn looks_left(report: &HealthReport, count: u32, of: u32) -> Millis {
    Millis(u64::from(of.saturating_sub(count)).saturating_mul(report.interval_ms.0))
}

/// Whether the error rate is above its limit; `None` when the sample cannot say.
fn errors_above(report: &HealthReport, sample: &Sample) -> Option<bool> {
    let rate = sample.error_rate.filter(|_| sample.requests >= report.rules.min_requests)?;
    Some(rate > report.error_rate_limit())
}

/// Whether p95 is above its limit; `None` when the sample cannot say, or there is nothing to hold it against.
fn slow(report: &HealthReport, sample: &Sample) -> Option<bool> {
    let p95 = sample.p95_ms.filter(|_| sample.requests >= report.rules.min_requests)?;
    Some(p95 > report.response_time_limit()?)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
