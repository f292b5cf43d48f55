//! Lifelines: TCP connections that say nothing, and close when the process at the other end is gone.
//!
//! A deployed version outlives the worker that started it, so nothing above it ends it. It holds a lifeline to the
//! demo itself instead: a worker or a traffic switch that ends and is started again finds it still serving.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// An accept fails when file descriptors run out; asking again at once would only burn the processor.
const AFTER_A_FAILURE: Duration = Duration::from_millis(100);

/// One end of a lifeline, or none: then it never closes.
#[derive(Debug)]
pub struct Lifeline(Option<TcpStream>);

impl Lifeline {
    /// Takes hold of a lifeline.
    pub async fn grasp(holder: Option<SocketAddr>) -> anyhow::Result<Self> {
        let Some(address) = holder else { return Ok(Self(None)) };
        let stream = TcpStream::connect(address).await;
        stream.map(|stream| Self(Some(stream))).with_context(|| format!("nobody holds the lifeline at {address}"))
    }

    /// Resolves when the other end lets go, however.
    pub async fn closed(self) {
        match self.0 {
            Some(stream) => until_closed(stream).await,
            None => std::future::pending().await,
        }
    }
}

/// Holds every lifeline that somebody grasps. Dropped, it lets go of all of them.
#[derive(Debug)]
pub struct Holder(JoinHandle<()>);

impl Holder {
    pub async fn listen(address: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| format!("lifelines cannot be held at {address}"))?;
        Ok(Self(tokio::spawn(hold(listener))))
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn hold(listener: TcpListener) {
    let mut held = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    held.spawn(until_closed(stream));
                }
                Err(error) => {
                    tracing::warn!(%error, "a lifeline could not be accepted");
                    tokio::time::sleep(AFTER_A_FAILURE).await;
                }
            },
            Some(_) = held.join_next() => {}
        }
    }
}

async fn until_closed(mut stream: TcpStream) {
    let mut ignored = [0; 64];
    while stream.read(&mut ignored).await.is_ok_and(|n_read| n_read > 0) {}
}
