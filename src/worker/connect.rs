//! A worker's own connection: two workers of one queue may not share one.

use std::time::Duration;

use anyhow::Context;
use temporalio_client::{Client, RetryOptions};

use crate::config::settings;
use crate::gateway::connect;

/// A server that takes the connection and says nothing is as good as none.
const CONNECT: Duration = Duration::from_secs(10);

/// What a worker has done must reach the server, so its client repeats a report that fails.
pub async fn client(temporal: &settings::Temporal, index: usize) -> anyhow::Result<Client> {
    let identity = format!("{}@gatewatch-worker/{index}", std::process::id());
    let dialling = connect::dial(temporal, &identity, RetryOptions::default());
    Ok(tokio::time::timeout(CONNECT, dialling).await.context("Temporal took the connection but did not answer")??)
}
