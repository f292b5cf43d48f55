//! `gatewatch demo status`: what a running demo consists of, and what is live in it.

use serde::Serialize;

use crate::cli::exit::{Exit, Stop};
use crate::cli::output::Output;
use crate::contracts::ids::{CommitSha, Version};
use crate::devstack::demo::args::Demo;
use crate::devstack::service::fault::Fault;
use crate::devstack::story::customer::Customer;
use crate::devstack::world::running::{Running, RunningService};

/// A demo, and what its services answer now.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(flatten)]
    running: Running,
    live: Vec<Live>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Live {
    service: String,
    version: Version,
    commit: CommitSha,
    fault: Fault,
}

/// Prints it.
pub async fn run(out: Output, demo: &Demo) -> Result<Exit, Stop> {
    let running = Running::find(&demo.folder())?;
    let mut live = Vec::new();
    for service in &running.services {
        live.push(look(service).await?);
    }
    if out.is_json() {
        out.json(&Status { running, live })?;
        return Ok(Exit::Ok);
    }
    out.line(&format!("Temporal     {}", running.temporal))?;
    out.line(&format!("coordinator  http://{}", running.coordinator))?;
    for (service, live) in running.services.iter().zip(&live) {
        let Live { version, commit, fault, .. } = live;
        out.line(&format!("{:<12} http://{}", service.name, service.public))?;
        out.line(&format!("             {version} is live, commit {}, fault `{fault}`", commit.short()))?;
    }
    out.line(&format!("logs         {}", running.logs.display()))?;
    out.line(&format!("settings     gatewatch --config {}", running.config.display()))?;
    Ok(Exit::Ok)
}

async fn look(service: &RunningService) -> Result<Live, Stop> {
    let customer = Customer::of(service)?;
    let route = customer.route().await?;
    let fault = customer.fault().await?;
    Ok(Live { service: service.name.to_string(), version: route.version, commit: route.commit, fault })
}
