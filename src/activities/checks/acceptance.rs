//! The acceptance test in production: the user journeys of the settings, over real HTTP.

use std::time::{Duration, Instant};

use crate::activities::body;
use crate::activities::services::Services;
use crate::config::settings::{Journey as Configured, Service};
use crate::contracts::delivery::Journey;

/// A journey that fails is walked again: one lost packet is no reason to roll back.
const ATTEMPTS: u32 = 2;
const BETWEEN: Duration = Duration::from_millis(200);

/// Walks every journey, in order.
pub async fn run(services: &Services, service: &Service) -> anyhow::Result<Vec<Journey>> {
    let mut journeys = Vec::with_capacity(service.journeys.len());
    for configured in &service.journeys {
        journeys.push(walk(services, service, configured).await?);
    }
    Ok(journeys)
}

async fn walk(services: &Services, service: &Service, configured: &Configured) -> anyhow::Result<Journey> {
    let url = service.public(&configured.path)?;
    let mut outcome = Err(String::new());
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(BETWEEN).await;
        }
        outcome = step(services, url.clone(), configured).await;
        if outcome.is_ok() {
            break;
        }
    }
    let passed = outcome.is_ok();
    let detail = outcome.unwrap_or_else(|why| why);
    Ok(Journey { name: configured.name.clone(), critical: configured.critical, passed, detail })
}

/// One request, and what its answer must hold. What was seen, or what was wrong.
async fn step(services: &Services, url: url::Url, configured: &Configured) -> Result<String, String> {
    let asked = Instant::now();
    let answer = services.http().get(url).send().await.map_err(|error| format!("no answer: {error}"))?;
    let status = answer.status().as_u16();
    if status != configured.expect_status {
        return Err(format!("it answers {status}, not {}", configured.expect_status));
    }
    let text = body::read(answer).await.map_err(|error| format!("the answer cannot be read: {error}"))?;
    let text = String::from_utf8_lossy(&text);
    match &configured.expect_text {
        Some(expected) if !text.contains(expected) => Err(format!("the answer does not hold \"{expected}\"")),
        Some(_) | None => Ok(format!("{status} in {} ms", asked.elapsed().as_millis())),
    }
}
