//! `gatewatch demo-load`: steady traffic, so that health is measured on real requests.
//!
//! The loop is open: requests leave on time however slow the answers are, up to a bound, as people's would. It must not
//! know what answers.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::io::Write as _;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use reqwest::StatusCode;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use url::Url;

use crate::headless::signals;

/// Requests without an answer at one time. More would pile up on a service that is down already.
const IN_FLIGHT: usize = 64;
/// Nobody waits longer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The latest answers that the summary's response times are taken from.
const REMEMBERED: usize = 10_000;

/// Arguments of `gatewatch demo-load`.
#[derive(Clone, Debug, clap::Args)]
pub struct LoadArgs {
    /// What is asked for
    #[arg(long, value_name = "URL")]
    pub url: Url,
    /// Requests per second
    #[arg(long, value_name = "N", default_value = "20")]
    pub rate: NonZeroU32,
}

/// What came back.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    pub answers: BTreeMap<StatusCode, u64>,
    /// Refused, broken off or too late.
    pub unanswered: u64,
    /// Not sent, because too many were waiting.
    pub skipped: u64,
    pub lasted: Duration,
    took: VecDeque<Duration>,
}

/// How one request ended.
type Answer = (Option<StatusCode>, Duration);

/// Asks until SIGTERM or SIGINT, then sums up in one line.
pub async fn run(args: LoadArgs) -> anyhow::Result<()> {
    let summary = drive(&args, signals::stopped(signals::listen()?)).await?;
    writeln!(std::io::stdout(), "{summary}").context("the summary cannot be written")
}

/// Asks until `stop`, and for what is on its way then.
pub async fn drive(args: &LoadArgs, stop: impl Future<Output = ()>) -> anyhow::Result<Summary> {
    // Whoever was first is fine: every part of gatewatch installs the same provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().context("no HTTP client")?;
    tracing::info!(url = %args.url, rate = args.rate, "asking");
    let (mut summary, mut waiting, began) = (Summary::default(), JoinSet::new(), Instant::now());
    let mut tick = interval(Duration::from_secs(1) / args.rate.get());
    // After a pause of the machine, no flood.
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(answer) = waiting.join_next() => summary.count(answer?),
            _ = tick.tick() => {
                if waiting.len() < IN_FLIGHT {
                    waiting.spawn(ask(http.clone(), args.url.clone()));
                } else {
                    summary.skipped += 1;
                }
            }
        }
    }
    summary.lasted = began.elapsed();
    while let Some(answer) = waiting.join_next().await {
        summary.count(answer?);
    }
    Ok(summary)
}

async fn ask(http: reqwest::Client, url: Url) -> Answer {
    let began = Instant::now();
    let whole = async {
        let answer = http.get(url).send().await?;
        let status = answer.status();
        // An answer that breaks off in the middle is none.
        answer.bytes().await.map(|_| status)
    };
    let status = whole.await.inspect_err(|error| tracing::debug!(%error, "no answer")).ok();
    (status, began.elapsed())
}

impl Summary {
    fn count(&mut self, (status, took): Answer) {
        match status {
            Some(status) => *self.answers.entry(status).or_default() += 1,
            None => self.unanswered += 1,
        }
        if self.took.len() == REMEMBERED {
            self.took.pop_front();
        }
        self.took.push_back(took);
    }

    pub fn sent(&self) -> u64 {
        self.answers.values().sum::<u64>() + self.unanswered
    }

    /// Requests that did not succeed.
    pub fn failed(&self) -> u64 {
        let refused = self.answers.iter().filter(|(status, _)| !status.is_success());
        refused.map(|(_, count)| count).sum::<u64>() + self.unanswered
    }

    /// The response time that this many percent of the latest requests stayed within.
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut took: Vec<Duration> = self.took.iter().copied().collect();
        took.sort_unstable();
        let rank = (took.len() * percent).div_ceil(100).saturating_sub(1);
        took.get(rank).copied().unwrap_or_default()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.lasted.as_secs_f64();
        write!(f, "{} requests in {seconds:.1} s, {} failed", self.sent(), self.failed())?;
        let refused = self.answers.iter().filter(|(status, _)| !status.is_success());
        let mut reasons: Vec<String> = refused.map(|(status, count)| format!("{}: {count}", status.as_u16())).collect();
        if self.unanswered > 0 {
            reasons.push(format!("no answer: {}", self.unanswered));
        }
        if !reasons.is_empty() {
            write!(f, " ({})", reasons.join(", "))?;
        }
        if self.skipped > 0 {
            write!(f, ", {} not sent because {IN_FLIGHT} were waiting", self.skipped)?;
        }
        let millis = |percent| self.percentile(percent).as_secs_f64() * 1000.0;
        write!(f, "; p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms", millis(50), millis(95), millis(99))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_names_every_kind_of_failure() {
        let mut summary = Summary { lasted: Duration::from_secs(5), ..Summary::default() };
        for n in 1..=100 {
            let status = match n {
                1..=20 => Some(StatusCode::INTERNAL_SERVER_ERROR),
                21 => None,
                _ => Some(StatusCode::OK),
            };
            summary.count((status, Duration::from_millis(n)));
        }
        assert_eq!(
            summary.to_string(),
            "100 requests in 5.0 s, 21 failed (500: 20, no answer: 1); p50 50.0 ms, p95 95.0 ms, p99 99.0 ms"
        );
    }

    #[test]
    fn nothing_sent_is_nothing_measured() {
        assert_eq!(Summary::default().percentile(95), Duration::ZERO);
    }
}
