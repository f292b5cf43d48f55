//! A worker's own connection: two workers of one queue may not share one.

use std::time::Duration;

use anyhow::Context;
use temporalio_client::{Client, ClientOptions, ConnectionOptions};

use crate::config::settings;

/// A server that takes the connection and says nothing is as good as none.
const CONNECT: Duration = Duration::from_secs(5);

pub async fn client(temporal: &settings::Temporal, index: usize) -> anyhow::Result<Client> {
    let options = ConnectionOptions::new(temporal.address.clone())
        .identity(format!("{}@gatewatch-worker/{index}", std::process::id()))
        .connect_timeout(CONNECT)
        .build();
    let connecting = Client::connect(options, ClientOptions::new(&temporal.namespace).build());
    let client = tokio::time::timeout(CONNECT * 2, connecting).await;
    client.context("it took the connection but did not answer")?.context("connecting")
}
