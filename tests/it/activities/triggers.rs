//! The eight triggers at their boundaries, and held against a naive reading of the specification.

use gatewatch::activities::monitor::triggers::{is_good, judge};
use gatewatch::contracts::clock::{Millis, Timestamp};
use gatewatch::contracts::health::{
    Baseline, HealthReport, Sample, Trigger, TriggerRules, TriggerState, TriggerStatus,
};
use gatewatch::contracts::temporal::activities::{FiredTrigger, MonitorMode};
use proptest::prelude::*;

const INTERVAL: u64 = 15_000;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_unix_millis(1_800_000_000_000).unwrap().plus(Millis(millis))
}

/// A look at second `n * 15` that finds nothing wrong.
fn good(n: u64) -> Sample {
    Sample {
        seq: n + 1,
        at: at(n * INTERVAL),
        healthy: true,
        http_status: Some(200),
        error_rate: Some(0.01),
        p50_ms: Some(10.0),
        p95_ms: Some(20.0),
        p99_ms: Some(30.0),
        requests: 100,
        database_ok: Some(true),
        version: Some("v42".to_owned()),
    }
}

fn report() -> HealthReport {
    HealthReport {
        baseline: Some(Baseline { samples: 10, error_rate: 0.01, p95_ms: 20.0 }),
        interval_ms: Millis(INTERVAL),
        started_at: Some(at(0)),
        ..HealthReport::default()
    }
}

/// The number of the look on which something fired, and what.
fn first_fired(mut report: HealthReport, samples: Vec<Sample>) -> Option<(u64, FiredTrigger)> {
    for sample in samples {
        let n = sample.seq - 1;
        let (next, fired) = judge(report, sample, MonitorMode::Watch);
        if let Some(fired) = fired {
            return Some((n, fired));
        }
        report = next;
    }
    None
}

/// Looks that are good but for what `change` does to them.
fn looks(n_looks: u64, change: impl Fn(u64, &mut Sample)) -> Vec<Sample> {
    let look = |n| {
        let mut sample = good(n);
        change(n, &mut sample);
        sample
    };
    (0..n_looks).map(look).collect()
}

#[track_caller]
fn check(samples: Vec<Sample>, expected: Option<(u64, Trigger)>) {
    let fired = first_fired(report(), samples);
    assert_eq!(fired.as_ref().map(|(n, fired)| (*n, fired.trigger)), expected, "{fired:?}");
}

#[test]
fn health_fires_on_the_fourth_in_a_row() {
    check(looks(40, |n, sample| sample.healthy = n >= 3), None);
    check(looks(40, |n, sample| sample.healthy = n >= 4), Some((3, Trigger::HealthEndpoint)));
    check(looks(40, |n, sample| sample.healthy = n % 4 == 3), None);
    check(looks(40, |n, sample| sample.healthy = n < 20), Some((23, Trigger::HealthEndpoint)));
}

#[test]
fn error_rate_fires_above_three_times_the_baseline_twice() {
    // Baseline 1 %: the limit is 3 %.
    check(looks(40, |_, sample| sample.error_rate = Some(0.03)), None);
    check(looks(40, |_, sample| sample.error_rate = Some(0.0301)), Some((1, Trigger::ErrorRate)));
    check(looks(40, |n, sample| sample.error_rate = Some(if n % 2 == 0 { 0.9 } else { 0.0 })), None);
    // Too little traffic says nothing, one way or the other.
    let thin = |n: u64, sample: &mut Sample| {
        sample.error_rate = Some(1.0);
        sample.requests = if n == 0 || n == 3 { 100 } else { 4 };
    };
    check(looks(3, thin), None);
    check(looks(4, thin), Some((3, Trigger::ErrorRate)));
    let silent = |_: u64, sample: &mut Sample| (sample.error_rate, sample.requests) = (None, 0);
    check(looks(40, silent), None);
}

#[test]
fn a_spotless_baseline_does_not_make_one_error_a_disaster() {
    let spotless = Baseline { samples: 10, error_rate: 0.0, p95_ms: 20.0 };
    let with = |baseline: Option<Baseline>, rate: f64| {
        let report = HealthReport { baseline, ..report() };
        first_fired(report, looks(40, |_, sample| sample.error_rate = Some(rate))).map(|(n, _)| n)
    };
    assert_eq!(with(Some(spotless.clone()), 0.01), None, "at the floor");
    assert_eq!(with(Some(spotless), 0.011), Some(1));
    // Nothing was live before: the floor stands for the baseline.
    assert_eq!(with(None, 0.03), None);
    assert_eq!(with(None, 0.031), Some(1));
    assert_eq!(with(Some(Baseline::default()), 0.031), Some(1), "a baseline of no samples is none");
}

#[test]
fn response_time_must_last_longer_than_five_minutes() {
    // Baseline 20 ms: the limit is 100 ms. Look 20 is at 300 s, look 21 at 315 s.
    check(looks(60, |_, sample| sample.p95_ms = Some(100.0)), None);
    check(looks(21, |_, sample| sample.p95_ms = Some(100.1)), None);
    check(looks(60, |_, sample| sample.p95_ms = Some(100.1)), Some((21, Trigger::ResponseTime)));
    check(
        looks(60, |n, sample| sample.p95_ms = Some(if n == 20 { 99.0 } else { 500.0 })),
        Some((42, Trigger::ResponseTime)),
    );
    // No traffic is no break, and no reason to act either.
    let quiet = |n: u64, sample: &mut Sample| {
        sample.p95_ms = Some(500.0);
        sample.requests = if (10..30).contains(&n) { 0 } else { 100 };
    };
    check(looks(60, quiet), Some((30, Trigger::ResponseTime)));
}

#[test]
fn time_that_nobody_watched_proves_nothing() {
    let gone = |n: u64, sample: &mut Sample| {
        sample.p95_ms = Some(500.0);
        // The worker was away for an hour after the second look.
        sample.at = if n < 2 { at(n * INTERVAL) } else { at(3_600_000 + n * INTERVAL) };
    };
    let fired = first_fired(report(), looks(60, gone)).unwrap();
    assert!((19..=21).contains(&fired.0), "{fired:?}");
}

#[test]
fn without_a_baseline_response_times_are_not_judged() {
    let report = HealthReport { baseline: None, ..report() };
    assert_eq!(first_fired(report, looks(60, |_, sample| sample.p95_ms = Some(9_000.0))), None);
}

#[test]
fn a_lost_database_fires_on_the_third_in_a_row() {
    check(looks(40, |n, sample| sample.database_ok = Some(n % 3 == 2)), None);
    check(looks(40, |n, sample| sample.database_ok = Some(n < 5)), Some((7, Trigger::DatabaseConnection)));
    check(looks(40, |_, sample| sample.database_ok = None), None);
    // What it does not say neither counts nor forgives.
    let lost = |n: u64, sample: &mut Sample| sample.database_ok = if n == 1 { None } else { Some(false) };
    check(looks(40, lost), Some((3, Trigger::DatabaseConnection)));
}

#[test]
fn paused_triggers_measure_and_do_not_act() {
    let mut report = HealthReport { paused_until: Some(at(10 * INTERVAL)), ..report() };
    for sample in looks(10, |_, sample| sample.healthy = false) {
        let (next, fired) = judge(report, sample, MonitorMode::Watch);
        assert_eq!(fired, None);
        report = next;
    }
    let held = row(&report, Trigger::HealthEndpoint).status.clone();
    assert_eq!(held, TriggerStatus::Failing { count: 10, of: 4, fires_in_ms: Millis(INTERVAL) }, "when the pause ends");
    let (report, fired) =
        judge(report, looks(11, |_, sample| sample.healthy = false).pop().unwrap(), MonitorMode::Watch);
    assert_eq!(fired.unwrap().trigger, Trigger::HealthEndpoint);
    assert_eq!(row(&report, Trigger::HealthEndpoint).status, TriggerStatus::Fired);
}

#[test]
fn a_rollback_that_is_watched_is_not_rolled_back() {
    let mut report = report();
    for sample in looks(40, |_, sample| (sample.healthy, sample.error_rate) = (false, Some(1.0))) {
        assert!(!is_good(&report, &sample));
        let (next, fired) = judge(report, sample, MonitorMode::Recover);
        assert_eq!(fired, None);
        report = next;
    }
    assert!(is_good(&report, &good(41)));
}

#[test]
fn the_board_has_all_eight_rows_in_order_and_is_bounded() {
    let mut report = report();
    for sample in looks(500, |_, _| {}) {
        report = judge(report, sample, MonitorMode::Watch).0;
    }
    let rows: Vec<Trigger> = report.triggers.iter().map(|row| row.trigger).collect();
    assert_eq!(rows, Trigger::ALL);
    assert_eq!(report.samples.len(), HealthReport::KEPT);
    assert_eq!((report.taken, report.samples.last().unwrap().seq), (500, 500));
    for row in &report.triggers {
        let unknown = row.trigger == Trigger::UserAcceptance;
        assert_eq!(row.status, if unknown { TriggerStatus::Unknown } else { TriggerStatus::Ok }, "{row:?}");
        assert!(!row.now.is_empty() && !row.limit.is_empty(), "{row:?}");
    }
    assert_eq!(row(&report, Trigger::ErrorRate).now, "1.0× (1.0 %)");
    assert_eq!(row(&report, Trigger::ErrorRate).limit, "> 3× (3.0 %)");
    assert_eq!(row(&report, Trigger::ResponseTime).limit, "> 5× (100 ms) for > 5.0 min");
}

fn row(report: &HealthReport, trigger: Trigger) -> &TriggerState {
    report.triggers.iter().find(|row| row.trigger == trigger).unwrap()
}

/// What a look may find: `None` is "cannot say".
fn finding() -> impl Strategy<Value = Option<bool>> {
    prop_oneof![3 => Just(Some(false)), 5 => Just(Some(true)), 1 => Just(None)]
}

/// The first look at which `n` failing ones were seen in a row, not counting those that cannot say.
fn naive(found: &[Option<bool>], n_needed: usize) -> Option<u64> {
    let mut n_failing = 0;
    for (n, failing) in found.iter().enumerate() {
        match failing {
            Some(true) => n_failing += 1,
            Some(false) => n_failing = 0,
            None => {}
        }
        if *failing == Some(true) && n_failing >= n_needed {
            return u64::try_from(n).ok();
        }
    }
    None
}

proptest! {
    #[test]
    fn counts_agree_with_a_naive_reading(
        found in proptest::collection::vec((any::<bool>(), finding(), finding()), 1..60),
        health in 0_u32..6, errors in 1_u32..5, database in 1_u32..5,
    ) {
        let rules = TriggerRules {
            health_failures: health, error_rate_samples: errors, database_failures: database, ..TriggerRules::default()
        };
        let samples = looks(found.len() as u64, |n, sample| {
            let (sick, error, lost) = found[usize::try_from(n).unwrap()];
            sample.healthy = !sick;
            sample.error_rate = error.map(|above| if above { 0.5 } else { 0.0 });
            sample.database_ok = lost.map(|lost| !lost);
        });
        let fired = first_fired(HealthReport { rules, ..report() }, samples).map(|(n, _)| n);
        let sick: Vec<_> = found.iter().map(|(sick, _, _)| Some(*sick)).collect();
        let error: Vec<_> = found.iter().map(|(_, error, _)| *error).collect();
        let lost: Vec<_> = found.iter().map(|(_, _, lost)| *lost).collect();
        let expected = [
            naive(&sick, health as usize + 1), naive(&error, errors as usize), naive(&lost, database as usize),
        ];
        prop_assert_eq!(fired, expected.into_iter().flatten().min());
    }

    #[test]
    fn the_countdown_is_kept(
        which in 0_usize..4, sustained in 0_u64..200_000, interval in 50_u64..20_000, limit in 0_u32..6,
    ) {
        let rules = TriggerRules {
            health_failures: limit, error_rate_samples: limit.max(1), database_failures: limit.max(1),
            response_time_sustained_ms: Millis(sustained), ..TriggerRules::default()
        };
        let trigger =
            [Trigger::HealthEndpoint, Trigger::ErrorRate, Trigger::DatabaseConnection, Trigger::ResponseTime][which];
        let mut report = HealthReport { rules, interval_ms: Millis(interval), ..report() };
        let mut promised = None;
        for n in 0..10_000 {
            let mut sample = Sample { at: at(n * interval), ..good(n) };
            match which {
                0 => sample.healthy = false,
                1 => sample.error_rate = Some(0.5),
                2 => sample.database_ok = Some(false),
                _ => sample.p95_ms = Some(900.0),
            }
            let now = sample.at;
            let (next, fired) = judge(report, sample, MonitorMode::Watch);
            report = next;
            match (&row(&report, trigger).status, fired) {
                (TriggerStatus::Failing { count, of, fires_in_ms }, None) => {
                    prop_assert!(count < of, "{count} of {of} has not fired");
                    let promise = now.plus(*fires_in_ms);
                    prop_assert_eq!(*promised.get_or_insert(promise), promise, "the promise is kept");
                }
                (TriggerStatus::Fired, Some(fired)) => {
                    prop_assert_eq!(fired.trigger, trigger);
                    prop_assert_eq!(promised.unwrap_or(now), now);
                    return Ok(());
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
        prop_assert!(false, "it never fired");
    }
}
