//! The load generator: steady whatever answers, and honest about what came back.

use std::num::NonZeroU32;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use gatewatch::devstack::load::{self, LoadArgs};
use reqwest::StatusCode;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;
use url::Url;

use crate::devstack::stack::listener;
use crate::support::{GATEWATCH, PATIENCE, wait_until};

/// A server that counts what it is asked, and answers as told.
async fn server(status: StatusCode) -> (Url, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let routes = Router::new().fallback(move || async move {
        count.fetch_add(1, Ordering::Relaxed);
        status
    });
    let listener = listener().await;
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (url, asked)
}

fn args(url: Url, rate: u32) -> LoadArgs {
    LoadArgs { url, rate: NonZeroU32::new(rate).unwrap() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rate_is_kept_and_every_answer_counted() {
    let (url, asked) = server(StatusCode::SERVICE_UNAVAILABLE).await;
    let summary = load::drive(&args(url, 100), tokio::time::sleep(Duration::from_secs(2))).await.unwrap();
    // Ticks that a busy machine misses are not made up for, so it may be fewer and never more.
    assert!((100..=202).contains(&summary.sent()), "{summary}");
    assert_eq!(usize::try_from(summary.sent()).unwrap(), asked.load(Ordering::Relaxed));
    assert_eq!(summary.failed(), summary.sent(), "{summary}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_leave_on_time_though_nothing_answers_until_too_many_wait() {
    // Accepts, as the system does for a listener, and never answers.
    let silent = listener().await;
    let url = Url::parse(&format!("http://{}/", silent.local_addr().unwrap())).unwrap();
    let summary = load::drive(&args(url, 200), tokio::time::sleep(Duration::from_secs(2))).await.unwrap();
    assert_eq!((summary.sent(), summary.unanswered), (64, 64), "{summary}");
    assert!(summary.skipped > 0, "{summary}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_it_with_a_summary() {
    let (url, asked) = server(StatusCode::OK).await;
    let process = Command::new(GATEWATCH)
        .args(["demo-load", "--rate", "50", "--url", url.as_str()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    wait_until("it asks", PATIENCE, async || (asked.load(Ordering::Relaxed) > 5).then_some(())).await;
    kill_process(Pid::from_raw(process.id().unwrap().cast_signed()).unwrap(), Signal::TERM).unwrap();
    let output = tokio::time::timeout(PATIENCE, process.wait_with_output()).await.expect("it ends").unwrap();
    assert!(output.status.success(), "{}", output.status);
    let output = String::from_utf8(output.stdout).unwrap();
    let summary = output.lines().last().unwrap();
    let sent: usize = summary.split(' ').next().unwrap().parse().unwrap();
    assert_eq!(sent, asked.load(Ordering::Relaxed), "{summary}");
    assert!(summary.contains(", 0 failed; p50 "), "{summary}");
}
