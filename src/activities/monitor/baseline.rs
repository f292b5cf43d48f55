//! What "normal" means for a service now: the same looks, taken before anything changes.

use crate::activities::monitor::probe;
use crate::activities::monitor::watch::interval;
use crate::activities::services::Services;
use crate::config::settings::Service;
use crate::contracts::delivery::MonitorSettings;
use crate::contracts::health::{Baseline, HealthReport, Sample, TriggerRules};

/// Takes the looks. A service that nobody uses, or that is not there yet, has a baseline of no samples.
pub async fn measure(services: &Services, service: &Service, settings: &MonitorSettings) -> Baseline {
    let every = interval(settings.interval_ms);
    let deadline = HealthReport::longest_look(every.into()).as_duration();
    let mut report = HealthReport::default();
    let mut ticks = tokio::time::interval(every);
    // One more than asked for: the first only gives the counters that the second is held against.
    for _ in 0..=settings.baseline_samples {
        ticks.tick().await;
        let look = probe::look(services, service, deadline).await;
        let sample = probe::sample(&look, &report);
        report.taken = sample.seq;
        report.last_scrape = look.scrape.or(report.last_scrape);
        report.samples.push(sample);
    }
    of(&report.samples, &settings.rules)
}

/// Mean error rate and median p95 of the samples that had enough traffic to say anything.
pub fn of(samples: &[Sample], rules: &TriggerRules) -> Baseline {
    let telling: Vec<&Sample> = samples.iter().filter(|sample| sample.requests >= rules.min_requests.max(1)).collect();
    let rates: Vec<f64> = telling.iter().filter_map(|sample| sample.error_rate).collect();
    let mut p95: Vec<f64> = telling.iter().filter_map(|sample| sample.p95_ms).collect();
    p95.sort_by(f64::total_cmp);
    let Ok(n_rates) = u32::try_from(rates.len()) else { return Baseline::default() };
    Baseline {
        samples: n_rates,
        error_rate: if n_rates == 0 { 0.0 } else { rates.iter().sum::<f64>() / f64::from(n_rates) },
        p95_ms: median(&p95),
    }
}

/// Of sorted values; 0 of none.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match (sorted.get(middle), sorted.len().is_multiple_of(2)) {
        (Some(upper), true) => sorted.get(middle.wrapping_sub(1)).map_or(*upper, |lower| f64::midpoint(*lower, *upper)),
        (Some(middle), false) => *middle,
        (None, _) => 0.0,
    }
}
