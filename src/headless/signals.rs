//! SIGTERM and SIGINT: the first asks to stop, the second does not ask.

use std::process;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Turns true at the first signal.
pub fn listen() -> anyhow::Result<watch::Receiver<bool>> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be listened to")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be listened to")?;
    let (stop, stopping) = watch::channel(false);
    tokio::spawn(async move {
        let name = either(&mut terminate, &mut interrupt).await;
        tracing::info!(signal = name, "stopping");
        // Nobody listens any more only when everything has ended.
        let _ = stop.send(true);
        let name = either(&mut terminate, &mut interrupt).await;
        tracing::warn!(signal = name, "told twice: stopping at once");
        process::exit(130);
    });
    Ok(stopping)
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}

/// Resolves at the first signal.
pub async fn stopped(mut stopping: watch::Receiver<bool>) {
    // A dropped sender means stop as well.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
