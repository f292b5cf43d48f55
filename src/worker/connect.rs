//! A worker's own connection: two workers of one queue may not share one.

use std::time::Duration;

use anyhow::Context;
use temporalio_client::{Client, RetryOptions};

use crate::config::settings;
use crate::contracts::failure::{Failure, FailureKind};
use crate::gateway::{Gateway, connect};

/// A server that takes the connection and says nothing is as good as none.
const CONNECT: Duration = Duration::from_secs(10);

/// What a worker has done must reach the server, so its client repeats a report that fails.
pub async fn client(temporal: &settings::Temporal, index: usize) -> anyhow::Result<Client> {
    let identity = format!("{}@gatewatch-worker/{index}", std::process::id());
    let dialling = connect::dial(temporal, &identity, RetryOptions::default());
    Ok(tokio::time::timeout(CONNECT, dialling).await.context("Temporal took the connection but did not answer")??)
}

/// A namespace that no worker can work in until a person mends it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(pub Failure);

/// Makes sure that workflows can set their search attributes: one that cannot is stuck at its first task. Fails with
/// [`Unfit`] where they cannot, with anything else where nobody answers yet.
pub async fn attributes(temporal: &settings::Temporal) -> anyhow::Result<()> {
    let gateway = Gateway::start(temporal);
    gateway.connected(CONNECT).await?;
    match gateway.missing_attributes().await {
        Ok(missing) => gateway.lacking(&missing).map_or(Ok(()), |failure| Err(Unfit(failure).into())),
        Err(failure) => match failure.kind {
            FailureKind::Conflict => Err(Unfit(failure).into()),
            // Who may poll but not ask is let in: nothing says that they are missing.
            FailureKind::Denied | FailureKind::Invalid => {
                tracing::warn!(%failure, "nobody knows whether the search attributes are registered");
                Ok(())
            }
            FailureKind::Unauthenticated
            | FailureKind::NotFound
            | FailureKind::Unavailable
            | FailureKind::DeadlineExceeded
            | FailureKind::ReadOnly
            | FailureKind::Internal => Err(failure.into()),
        },
    }
}
