//! One look at a live service, through the address people use: health, version, counters.
//!
//! Nothing here fails: a service that does not answer is what was seen.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, ensure};
use prometheus_parse::Value;
use serde::Deserialize;
use url::Url;

use crate::activities::body;
use crate::activities::deploy::process::Identity;
use crate::activities::monitor::histogram;
use crate::activities::services::Services;
use crate::config::settings::Service;
use crate::contracts::clock::Timestamp;
use crate::contracts::health::{HealthReport, Sample, Scrape};

/// Names of what is read from `/metrics`.
const REQUESTS: &str = "http_requests_total";
const DURATIONS: &str = "http_request_duration_seconds";
const DATABASE_UP: &str = "database_up";

/// What was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    pub at: Timestamp,
    pub http_status: Option<u16>,
    pub healthy: bool,
    pub database_ok: Option<bool>,
    pub version: Option<String>,
    pub scrape: Option<Scrape>,
}

/// What `/metrics` holds for us.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    pub scrape: Scrape,
    pub has_requests: bool,
    pub has_durations: bool,
    pub database_up: Option<bool>,
}

#[derive(Deserialize)]
struct HealthBody {
    database: Option<String>,
}

/// Looks once. No part of it takes longer than `deadline`.
pub async fn look(services: &Services, service: &Service, deadline: Duration) -> Look {
    let at = Timestamp::from(SystemTime::now());
    let (health, version, metrics) = tokio::join!(
        health(services, service, deadline),
        version(services, service, deadline),
        metrics(services, service, deadline),
    );
    let (http_status, said) = health.unwrap_or((None, None));
    let metrics = metrics.ok();
    Look {
        at,
        http_status,
        healthy: http_status.is_some_and(|status| (200..300).contains(&status)),
        database_ok: said.or_else(|| metrics.as_ref().and_then(|metrics| metrics.database_up)),
        version: version.ok().map(|identity| identity.version),
        scrape: metrics.filter(|metrics| metrics.has_requests || metrics.has_durations).map(|metrics| metrics.scrape),
    }
}

/// A look as the next sample of a report: counters become what happened since the look before.
pub fn sample(look: &Look, before: &HealthReport) -> Sample {
    // Counters of another version are another process's: nothing can be taken from them.
    let known = before.samples.iter().rev().find_map(|sample| sample.version.as_ref());
    let same = known.is_none() || look.version.is_none() || known == look.version.as_ref();
    let between = match (&before.last_scrape, &look.scrape) {
        (Some(before), Some(now)) if same => Some(histogram::between(before, now)),
        _ => None,
    };
    let milliseconds = |q: f64| between.as_ref().and_then(|between| histogram::quantile(&between.buckets, q));
    Sample {
        seq: before.taken + 1,
        at: look.at,
        healthy: look.healthy,
        http_status: look.http_status,
        error_rate: between.as_ref().filter(|b| b.requests > 0.0).map(|b| (b.errors / b.requests).clamp(0.0, 1.0)),
        p50_ms: milliseconds(0.50),
        p95_ms: milliseconds(0.95),
        p99_ms: milliseconds(0.99),
        requests: between.as_ref().map_or(0, |between| histogram::whole(between.requests)),
        database_ok: look.database_ok,
        version: look.version.clone(),
    }
}

async fn health(
    services: &Services,
    service: &Service,
    deadline: Duration,
) -> anyhow::Result<(Option<u16>, Option<bool>)> {
    let (status, body) = get(services, service.public(&service.health_path)?, deadline).await?;
    let said = serde_json::from_slice::<HealthBody>(&body).ok().and_then(|body| body.database);
    Ok((Some(status), said.map(|word| word == "ok")))
}

async fn version(services: &Services, service: &Service, deadline: Duration) -> anyhow::Result<Identity> {
    let (status, body) = get(services, service.public(&service.version_path)?, deadline).await?;
    ensure!(status == 200, "it answers {status}");
    serde_json::from_slice(&body).context("the answer names no version")
}

/// What `/metrics` says, or why nothing can be read there.
pub async fn metrics(services: &Services, service: &Service, deadline: Duration) -> anyhow::Result<Metrics> {
    let (status, body) = get(services, service.public(&service.metrics_path)?, deadline).await?;
    ensure!(status == 200, "it answers {status}");
    parse(&String::from_utf8_lossy(&body))
}

async fn get(services: &Services, url: Url, deadline: Duration) -> anyhow::Result<(u16, Vec<u8>)> {
    let answer = services.http().get(url).timeout(deadline).send().await?;
    Ok((answer.status().as_u16(), body::read(answer).await?))
}

/// Reads Prometheus text. Requests are summed over all their labels; those answered with 5xx are errors.
pub fn parse(text: &str) -> anyhow::Result<Metrics> {
    let lines = text.lines().map(|line| Ok(line.to_owned()));
    let parsed = prometheus_parse::Scrape::parse(lines).context("this is no Prometheus text")?;
    let mut metrics = Metrics::default();
    let mut buckets = histogram::Merger::default();
    for sample in parsed.samples {
        match (sample.metric.as_str(), sample.value) {
            (REQUESTS, Value::Counter(count) | Value::Untyped(count) | Value::Gauge(count)) if count.is_finite() => {
                metrics.has_requests = true;
                metrics.scrape.requests += count;
                let status = sample.labels.get("status").or_else(|| sample.labels.get("code"));
                if status.is_some_and(|status| status.starts_with('5')) {
                    metrics.scrape.errors += count;
                }
            }
            (DURATIONS, Value::Histogram(counts)) => {
                metrics.has_durations = true;
                buckets.add(counts.iter().map(|bucket| (bucket.less_than, bucket.count)));
            }
            (DATABASE_UP, Value::Counter(up) | Value::Untyped(up) | Value::Gauge(up)) => {
                metrics.database_up = Some(up >= 1.0);
            }
            _ => {}
        }
    }
    metrics.scrape.buckets = buckets.finish();
    Ok(metrics)
}
