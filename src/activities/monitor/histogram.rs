//! Arithmetic on counters: what happened between two scrapes, and quantiles of it.

use std::collections::BTreeMap;

use crate::contracts::health::Scrape;

/// Adds the histograms of several label sets into one.
#[derive(Debug, Default)]
pub struct Merger {
    /// By the bits of the bound, which order positive floats as numbers do; infinity is last.
    counts: BTreeMap<u64, f64>,
}

impl Merger {
    /// Cumulative counts by upper bound in seconds.
    pub fn add(&mut self, counts: impl Iterator<Item = (f64, f64)>) {
        for (bound, count) in counts.filter(|(bound, count)| *bound >= 0.0 && count.is_finite()) {
            *self.counts.entry(bound.to_bits()).or_default() += count;
        }
    }

    pub fn finish(self) -> Vec<(Option<f64>, f64)> {
        let bound = |bits: u64| Some(f64::from_bits(bits)).filter(|bound| bound.is_finite());
        self.counts.into_iter().map(|(bits, count)| (bound(bits), count)).collect()
    }
}

/// What was counted after `before`. Counters only grow; where one is smaller the process was started anew, and all
/// that it counts happened since.
pub fn between(before: &Scrape, now: &Scrape) -> Scrape {
    let same_bounds = before.buckets.len() == now.buckets.len()
        && before.buckets.iter().zip(&now.buckets).all(|((a, _), (b, _))| a == b);
    let shrunk = now.requests < before.requests
        || now.errors < before.errors
        || (same_bounds && before.buckets.iter().zip(&now.buckets).any(|((_, a), (_, b))| b < a));
    if shrunk || !same_bounds {
        return now.clone();
    }
    Scrape {
        requests: now.requests - before.requests,
        errors: now.errors - before.errors,
        buckets: before.buckets.iter().zip(&now.buckets).map(|((_, a), (bound, b))| (*bound, b - a)).collect(),
    }
}

/// The quantile in milliseconds, as Prometheus computes it: linear within its bucket, and the highest finite bound for
/// what lies above all bounds. `None` of no observations.
pub fn quantile(buckets: &[(Option<f64>, f64)], q: f64) -> Option<f64> {
    let total = buckets.iter().map(|(_, count)| *count).fold(0.0, f64::max);
    if total <= 0.0 {
        return None;
    }
    let rank = q.clamp(0.0, 1.0) * total;
    let (mut lower, mut below) = (0.0, 0.0_f64);
    for (bound, count) in buckets {
        // A scrape is not atomic: a bucket may be behind the one before it.
        let count = count.max(below);
        match bound {
            Some(bound) if count >= rank => {
                let share = if count > below { (rank - below) / (count - below) } else { 0.0 };
                return Some((lower + (bound - lower) * share.clamp(0.0, 1.0)) * 1000.0);
            }
            Some(bound) => (lower, below) = (*bound, count),
            None => return Some(lower * 1000.0),
        }
    }
    Some(lower * 1000.0)
}

/// A count as a whole number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits, exactly")]
pub fn whole(count: f64) -> u64 {
    // Beyond 2^53 floats are no longer exact, and nothing counts that far between two looks.
    count.round().clamp(0.0, 9_007_199_254_740_992.0) as u64
}
