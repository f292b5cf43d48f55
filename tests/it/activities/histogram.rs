//! Counters and quantiles against what they stand for.

use gatewatch::activities::monitor::histogram::{between, quantile};
use gatewatch::activities::monitor::probe::parse;
use gatewatch::contracts::health::Scrape;
use proptest::prelude::*;

const TEXT: &str = r#"
# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{status="200",path="/"} 90
http_requests_total{status="404",path="/"} 4
http_requests_total{status="500",path="/"} 5
http_requests_total{status="503",path="/pay"} 1
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{path="/",le="0.1"} 50
http_request_duration_seconds_bucket{path="/",le="0.5"} 80
http_request_duration_seconds_bucket{path="/",le="+Inf"} 90
http_request_duration_seconds_sum{path="/"} 12.5
http_request_duration_seconds_count{path="/"} 90
http_request_duration_seconds_bucket{path="/pay",le="0.1"} 0
http_request_duration_seconds_bucket{path="/pay",le="0.5"} 10
http_request_duration_seconds_bucket{path="/pay",le="+Inf"} 10
# TYPE database_up gauge
database_up 1
something_else NaN
"#;

#[test]
fn a_scrape_is_summed_over_its_labels() {
    let metrics = parse(TEXT).unwrap();
    assert!(metrics.has_requests && metrics.has_durations);
    assert_eq!((metrics.scrape.requests, metrics.scrape.errors), (100.0, 6.0));
    assert_eq!(metrics.scrape.buckets, [(Some(0.1), 50.0), (Some(0.5), 90.0), (None, 100.0)]);
    assert_eq!(metrics.database_up, Some(true));
    assert_eq!(parse(&TEXT.replace("database_up 1", "database_up 0")).unwrap().database_up, Some(false));
    let nothing = parse("<html>not metrics at all</html>").unwrap();
    assert!(!nothing.has_requests && !nothing.has_durations && nothing.database_up.is_none());
}

#[test]
fn quantiles_are_those_of_prometheus() {
    let buckets = [(Some(0.1), 50.0), (Some(0.5), 90.0), (None, 100.0)];
    let close = |q: f64, expected: f64| {
        let found = quantile(&buckets, q).unwrap();
        assert!((found - expected).abs() < 1e-9, "{q}: {found}");
    };
    close(0.5, 100.0);
    close(0.25, 50.0);
    close(0.7, 300.0);
    // Above all bounds: the highest finite one.
    close(0.95, 500.0);
    assert_eq!(quantile(&[], 0.5), None);
    assert_eq!(quantile(&[(Some(0.1), 0.0), (None, 0.0)], 0.5), None);
}

#[test]
fn counters_that_shrank_began_anew() {
    let scrape = |requests: f64, errors: f64| Scrape { requests, errors, buckets: vec![(None, requests)] };
    assert_eq!(between(&scrape(100.0, 3.0), &scrape(150.0, 4.0)), scrape(50.0, 1.0));
    assert_eq!(between(&scrape(100.0, 3.0), &scrape(7.0, 1.0)), scrape(7.0, 1.0));
    // Errors restart even when the requests have caught up already.
    assert_eq!(between(&scrape(100.0, 3.0), &scrape(120.0, 1.0)), scrape(120.0, 1.0));
    let finer = Scrape { buckets: vec![(Some(0.1), 5.0), (None, 120.0)], ..scrape(120.0, 3.0) };
    assert_eq!(between(&scrape(100.0, 3.0), &finer), finer, "other buckets are another process's");
}

/// Bounds of a histogram in seconds, without +Inf.
const BOUNDS: [f64; 6] = [0.005, 0.01, 0.05, 0.1, 0.5, 1.0];

fn observe(seconds: &[f64]) -> Vec<(Option<f64>, f64)> {
    let up_to = |bound: f64| f64::from(u32::try_from(seconds.iter().filter(|s| **s <= bound).count()).unwrap());
    BOUNDS.iter().map(|bound| (Some(*bound), up_to(*bound))).chain([(None, up_to(f64::INFINITY))]).collect()
}

proptest! {
    #[test]
    fn a_quantile_is_in_the_bucket_of_the_true_one(
        mut seconds in proptest::collection::vec(0.0001_f64..0.999, 1..200), q in 0.01_f64..1.0,
    ) {
        let found = quantile(&observe(&seconds), q).unwrap() / 1000.0;
        seconds.sort_by(f64::total_cmp);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "of at most 200")]
        let rank = ((q * f64::from(u32::try_from(seconds.len()).unwrap())).ceil() as usize).clamp(1, seconds.len());
        let exact = seconds[rank - 1];
        let upper = BOUNDS.iter().copied().find(|bound| exact <= *bound).unwrap();
        let lower = BOUNDS.iter().copied().rev().find(|bound| *bound < exact).unwrap_or(0.0);
        prop_assert!((lower..=upper).contains(&found), "{found} is not between {lower} and {upper}");
    }

    #[test]
    fn quantiles_do_not_cross(counts in proptest::collection::vec(0_u32..50, 7), a in 0.0_f64..1.0, b in 0.0_f64..1.0) {
        // Not even of a scrape whose buckets are not cumulative.
        let bounds = BOUNDS.iter().map(|bound| Some(*bound)).chain([None]);
        let buckets: Vec<_> = bounds.zip(counts.into_iter().map(f64::from)).collect();
        let (low, high) = (quantile(&buckets, a.min(b)), quantile(&buckets, a.max(b)));
        prop_assert!(low <= high, "{low:?} > {high:?}");
    }
}
