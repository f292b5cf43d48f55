//! Live health as server-sent events: one poller for many listeners, no sample lost or told twice, a true end.

use std::time::Duration;

use serde_json::Value;

use crate::coordinator::rig::{GUEST, Rig, answer};
use crate::coordinator::steps;
use crate::support;
use crate::workflows::bench::{Bench, bounded, deployment_input};

/// One event of a stream.
#[derive(Clone, Debug, Default)]
struct Event {
    name: String,
    id: Option<u64>,
    data: Value,
}

/// A listener that reads event by event.
struct Listener {
    response: reqwest::Response,
    buffer: String,
}

impl Listener {
    async fn open(rig: &Rig, id: &str, last: Option<u64>) -> Self {
        let mut request = rig.get(&format!("/v1/deployments/{id}/health")).bearer_auth(GUEST);
        if let Some(last) = last {
            request = request.header("last-event-id", last.to_string());
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, buffer: String::new() }
    }

    /// The next event; none when the stream is over.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.buffer.find("\n\n") {
                let block: String = self.buffer.drain(..end + 2).collect();
                if let Some(event) = parse(&block) {
                    return Some(event);
                }
                continue;
            }
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.response.chunk()).await.expect("silence");
            match chunk {
                Ok(Some(bytes)) => self.buffer.push_str(std::str::from_utf8(&bytes).unwrap()),
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// Sequence numbers of the next samples.
    async fn samples(&mut self, wanted: usize) -> Vec<u64> {
        let mut seen = Vec::new();
        while seen.len() < wanted {
            let event = self.next().await.expect("the stream broke off");
            if event.name == "sample" {
                assert_eq!(event.id, event.data["seq"].as_u64(), "the id is the sample's number");
                seen.extend(event.id);
            }
        }
        seen
    }
}

/// Comments are no events.
fn parse(block: &str) -> Option<Event> {
    let mut event = Event::default();
    for line in block.lines() {
        match line.split_once(": ") {
            Some(("event", name)) => name.clone_into(&mut event.name),
            Some(("id", id)) => event.id = Some(id.parse().unwrap()),
            Some(("data", data)) => event.data = serde_json::from_str(data).unwrap(),
            Some(_) | None => {}
        }
    }
    (!event.name.is_empty()).then_some(event)
}

/// A deployment that is being watched, until the world lets go.
async fn watched(bench: &Bench) -> String {
    bench.world.holds("monitorHealth");
    let handle = bench.deployment(deployment_input()).await;
    let id = handle.info().workflow_id.clone();
    bench.world.reached("monitorHealth").await;
    id
}

async fn metric(rig: &Rig, name: &str) -> Option<String> {
    let text = rig.get("/metrics").send().await.unwrap().text().await.unwrap();
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned))
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_share_a_poller_and_resume_where_they_were() {
    bounded(async || {
        let (bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        let id = watched(&bench).await;
        let mut first = Listener::open(&rig, &id, None).await;
        let mut second = Listener::open(&rig, &id, None).await;
        let (mine, theirs) = tokio::join!(first.samples(5), second.samples(5));
        for seen in [&mine, &theirs] {
            assert!(seen.windows(2).all(|pair| pair[1] == pair[0] + 1), "{seen:?}");
        }
        assert_eq!(metric(&rig, "gatewatch_coordinator_stream_listeners").await.as_deref(), Some("2"));
        assert_eq!(metric(&rig, "gatewatch_coordinator_stream_pollers").await.as_deref(), Some("1"));

        // The link breaks, and comes back some samples later.
        drop(first);
        second.samples(3).await;
        let last = *mine.last().unwrap();
        let mut again = Listener::open(&rig, &id, Some(last)).await;
        let resumed = again.samples(4).await;
        assert_eq!(resumed[0], last + 1, "nothing is lost and nothing told twice: {resumed:?}");

        bench.world.heals("monitorHealth");
        let end = loop {
            let event = again.next().await.expect("it breaks off without saying why");
            if event.name == "end" {
                break event;
            }
        };
        assert!(end.data["why"].as_str().unwrap().contains("completed"), "{end:?}");
        assert!(again.next().await.is_none(), "nothing follows the end");
        drop((again, second));
        support::wait_until("the poller leaves", support::PATIENCE, async || {
            (metric(&rig, "gatewatch_coordinator_stream_pollers").await.as_deref() == Some("0")).then_some(())
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_that_nobody_keeps_any_more_are_told_as_a_gap() {
    bounded(async || {
        let (bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        let id = watched(&bench).await;
        // More than are kept: six seconds' worth at the fake's pace.
        let mut listener = Listener::open(&rig, &id, None).await;
        while listener.samples(1).await[0] < 130 {}
        let mut late = Listener::open(&rig, &id, Some(2)).await;
        let gap = loop {
            let event = late.next().await.unwrap();
            assert_ne!(event.name, "sample", "a gap is told before what follows it");
            if event.name == "gap" {
                break event;
            }
        };
        assert_eq!(gap.data["from"], 3);
        let next = late.samples(1).await[0];
        assert_eq!(gap.data["to"].as_u64().unwrap() + 1, next);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_none_is_refused_and_stopping_ends_streams() {
    bounded(async || {
        let (bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        let id = watched(&bench).await;
        let path = format!("/v1/deployments/{id}/health");
        let bad = rig.get(&path).bearer_auth(GUEST).header("last-event-id", "yesterday").send().await.unwrap();
        assert_eq!(bad.status(), 422);
        let mut listener = Listener::open(&rig, &id, None).await;
        listener.samples(1).await;
        let stopping = std::time::Instant::now();
        rig.stop().await.unwrap();
        assert!(stopping.elapsed() < Duration::from_secs(5), "an open stream keeps it: {:?}", stopping.elapsed());
        while let Some(event) = listener.next().await {
            assert_ne!(event.name, "end", "monitoring goes on, only this coordinator stops");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_deployment_is_refused_with_what_to_ask_instead() {
    bounded(async || {
        let (bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        let goal = steps::with_approval(&bench, "no-deployment").await;
        let path = format!("/v1/deployments/{goal}/health");
        for _ in 0..2 {
            let (status, body) = answer(rig.get(&path).bearer_auth(GUEST)).await;
            assert_eq!(status, 409, "{body}");
            let said = format!("{goal} is of type EngineWorkflow, which is no deployment: nobody watches its health.");
            assert_eq!(body["error"]["message"], said);
            assert_eq!(body["error"]["hint"], format!("Ask `GET /v1/goals/{goal}` how the goal stands."));
        }
        // One that does not watch yet is one all the same.
        bench.world.holds("verifyBackup");
        let handle = bench.deployment(deployment_input()).await;
        drop(Listener::open(&rig, &handle.info().workflow_id, None).await);
        bench.world.heals("verifyBackup");
    })
    .await;
}
