//! The link: nothing there at first, something that never answers, death and return.

use std::time::{Duration, Instant};

use gatewatch::config::settings::Temporal;
use gatewatch::contracts::failure::FailureKind;
use gatewatch::contracts::link::Link;
use gatewatch::gateway::Gateway;
use rustix::process::Signal;
use tokio::net::TcpListener;

use crate::gateway::{bounded, connected};
use crate::support::{self, OwnServer};

async fn becomes(gateway: &Gateway, what: &str, wanted: impl Fn(&Link) -> bool) -> Link {
    support::wait_until(what, support::PATIENCE, async || {
        Some(gateway.link().borrow().clone()).filter(|link| wanted(link))
    })
    .await
}

fn is_down(link: &Link) -> bool {
    matches!(link, Link::Down { .. })
}

#[tokio::test]
async fn a_server_that_is_absent_at_start_is_found_when_it_comes() {
    bounded(async {
        let mut server = OwnServer::start().await;
        let temporal = server.temporal();
        server.kill();
        let begun = Instant::now();
        let gateway = Gateway::start(&temporal);
        let mut watching = gateway.link();
        assert!(matches!(&*watching.borrow(), Link::Connecting { attempt: 1, .. }), "it returns before it knows");
        let failure = gateway.list("", None, 10).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unavailable);
        assert!(failure.message.to_lowercase().contains("connection re"), "{failure}");
        assert!(begun.elapsed() < Duration::from_secs(2), "nobody waits for a deadline to learn of a refusal");
        let Link::Down { retry_at, since, attempt, .. } = becomes(&gateway, "the link is down", is_down).await else {
            panic!("not down")
        };
        assert!(retry_at >= since && attempt >= 2);
        let failure = gateway.connected(Duration::from_millis(50)).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unavailable);

        server.resume().await;
        gateway.retry_now();
        watching.wait_for(Link::is_up).await.unwrap();
        assert!(gateway.list("", None, 10).await.unwrap().rows.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_server_that_takes_the_connection_and_says_nothing_is_down() {
    bounded(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let silent = tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.push(stream);
            }
        });
        let url = format!("http://{address}").parse().unwrap();
        let gateway = Gateway::start(&Temporal::plain(url, "default", "q"));
        let begun = Instant::now();
        let failure = gateway.describe(&"x".into(), None).await.unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(6), "every call has a deadline");
        assert!(matches!(failure.kind, FailureKind::DeadlineExceeded | FailureKind::Unavailable), "{failure}");
        let Link::Down { failure, .. } = becomes(&gateway, "the link is down", is_down).await else {
            panic!("not down")
        };
        assert!(failure.message.contains("does not answer"), "{failure}");
        let begun = Instant::now();
        gateway.list("", None, 10).await.unwrap_err();
        assert!(begun.elapsed() < Duration::from_millis(200), "while it is known to be down nobody waits");
        silent.abort();
    })
    .await;
}

#[tokio::test]
async fn a_killed_server_is_noticed_and_found_again_by_itself() {
    bounded(async {
        let mut server = OwnServer::start().await;
        let gateway = connected(&server.temporal()).await;
        gateway.list("", None, 10).await.unwrap();
        server.kill();
        gateway.list("", None, 10).await.unwrap_err();
        becomes(&gateway, "the link is down", is_down).await;
        server.resume().await;
        becomes(&gateway, "the link is up by itself", Link::is_up).await;
        gateway.list("", None, 10).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_server_that_hangs_is_noticed_before_the_deadline() {
    bounded(async {
        let server = OwnServer::start().await;
        let gateway = connected(&server.temporal()).await;
        server.freeze().await;
        let begun = Instant::now();
        let failure = gateway.list("", None, 10).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unavailable, "{failure}");
        assert!(begun.elapsed() < Duration::from_secs(8), "took {:?}", begun.elapsed());
        server.send(Signal::CONT);
        becomes(&gateway, "the link is up again", Link::is_up).await;
    })
    .await;
}
