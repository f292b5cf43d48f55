//! The wire from a worker to the server, which can be cut: from then on the server is rid of the worker, which notices
//! nothing, lives and works on. Made for the worst moment of all: done, and not yet reported.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

/// One worker's wire.
pub(super) struct Wire {
    pub(super) address: SocketAddr,
    cut: watch::Sender<bool>,
    carrying: AbortHandle,
}

impl Wire {
    pub(super) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let cut = watch::Sender::new(false);
        let seen = cut.subscribe();
        let carrying = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                connections.spawn(carry(near, server, seen.clone()));
            }
        });
        Self { address, cut, carrying: carrying.abort_handle() }
    }

    /// From now on nothing passes, on new connections too.
    pub(super) fn cut(&self) {
        self.cut.send_replace(true);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

async fn carry(mut near: TcpStream, server: SocketAddr, mut cut: watch::Receiver<bool>) {
    if !*cut.borrow() {
        let Ok(mut far) = TcpStream::connect(server).await else { return };
        let told = async {
            let _ = cut.wait_for(|cut| *cut).await;
        };
        tokio::select! {
            // First, so that not one more byte passes.
            biased;
            () = told => {}
            _ = tokio::io::copy_bidirectional(&mut near, &mut far) => return,
        }
    }
    // It talks on, to nobody.
    let _ = tokio::io::copy(&mut near, &mut tokio::io::sink()).await;
}
