//! What goes on when nobody can be heard: an answer that is lost, a proxy that speaks for the coordinator, an audit trail
//! that somebody keeps locked.

use std::fs::File;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gatewatch::config::settings::{CoordinatorClient, Temporal};
use gatewatch::contracts::actor::{Actor, Via};
use gatewatch::contracts::clock::Millis;
use gatewatch::contracts::decision::{Decide, Outcome, Proof, Verdict};
use gatewatch::contracts::http::RollbackOutcome;
use gatewatch::contracts::ids::WorkflowId;
use gatewatch::contracts::mutation::{Done, Mutation, Pause, Rollback, Start, Target};
use gatewatch::gateway::Gateway;
use gatewatch::gateway::coordinator::Coordinator;
use gatewatch::gateway::operate::{Operator, Policy};
use gatewatch::gateway::signal::request_id;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::gateway::desk::{DESK, DeskInput, DeskWorker, decision, with_gate};
use crate::gateway::{bounded, connected, number, signal, start, until};
use crate::support;

/// A person with a trail of their own.
struct Person {
    policy: Policy,
    _folder: tempfile::TempDir,
}

impl Person {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let policy = Policy {
            read_only: false,
            direct_rollback: true,
            actor: Actor::new("mira", Via::Cli),
            audit: folder.path().join("audit.jsonl"),
        };
        Self { policy, _folder: folder }
    }

    fn operator(&self, gateway: &Gateway, coordinator: Option<Coordinator>) -> Operator {
        Operator::new(gateway.clone(), coordinator, self.policy.clone())
    }
}

fn target(id: &WorkflowId) -> Target {
    Target { workflow_id: id.clone(), request_id: request_id() }
}

fn rollback(id: &WorkflowId) -> Mutation {
    Mutation::Rollback(Rollback { target: target(id), reason: Some("errors".to_owned()) })
}

fn is_accepted(done: &Done) -> bool {
    matches!(done, Done::RolledBack { result: RollbackOutcome::Accepted { .. } })
}

/// In front of a server. Once armed, the connection with the next request but so many hears nothing more.
struct Muffler {
    address: SocketAddr,
    left: Arc<AtomicUsize>,
}

/// Not armed.
const NEVER: usize = usize::MAX;

impl Muffler {
    async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let left = Arc::new(AtomicUsize::new(NEVER));
        let counting = Arc::clone(&left);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(server).await.unwrap();
                tokio::spawn(between(near, far, Arc::clone(&counting)));
            }
        });
        Self { address, left }
    }

    /// So many requests are answered, and the one after them is not.
    fn arm(&self, answered: usize) {
        self.left.store(answered, Ordering::SeqCst);
    }

    fn settings(&self, temporal: &Temporal) -> Temporal {
        Temporal { address: format!("http://{}", self.address).parse().unwrap(), ..temporal.clone() }
    }
}

async fn between(near: TcpStream, far: TcpStream, left: Arc<AtomicUsize>) {
    let ((mut from_near, mut to_near), (mut from_far, mut to_far)) = (near.into_split(), far.into_split());
    let muted = Arc::new(AtomicBool::new(false));
    let muting = Arc::clone(&muted);
    let there = async move {
        let (mut buffer, mut requests) = (vec![0; 64 * 1024], Requests::default());
        while let Ok(n_read @ 1..) = from_near.read(&mut buffer).await {
            for _ in 0..requests.begun(&buffer[..n_read]) {
                match left.load(Ordering::SeqCst) {
                    NEVER => {}
                    0 => {
                        left.store(NEVER, Ordering::SeqCst);
                        muting.store(true, Ordering::SeqCst);
                    }
                    more => left.store(more - 1, Ordering::SeqCst),
                }
            }
            if to_far.write_all(&buffer[..n_read]).await.is_err() {
                return;
            }
        }
    };
    let back = async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(n_read @ 1..) = from_far.read(&mut buffer).await {
            if !muted.load(Ordering::SeqCst) && to_near.write_all(&buffer[..n_read]).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(there, back);
}

/// What a client sends, as far as it is HTTP/2 frames.
#[derive(Default)]
struct Requests {
    bytes: Vec<u8>,
    greeted: bool,
}

impl Requests {
    /// How many requests begin with these bytes.
    fn begun(&mut self, bytes: &[u8]) -> usize {
        const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
        const HEADERS: u8 = 1;
        self.bytes.extend_from_slice(bytes);
        if !self.greeted && self.bytes.len() >= PREFACE {
            self.bytes.drain(..PREFACE);
            self.greeted = true;
        }
        let mut begun = 0;
        while let (true, &[a, b, c, kind, _, _, _, _, _, ..]) = (self.greeted, &self.bytes[..]) {
            let frame = 9 + usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap();
            if self.bytes.len() < frame {
                break;
            }
            self.bytes.drain(..frame);
            begun += usize::from(kind == HEADERS);
        }
        begun
    }
}

fn server(temporal: &Temporal) -> SocketAddr {
    temporal.cluster().address.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_and_not_answered_is_followed_under_its_own_id() {
    bounded(async {
        let temporal = support::temporal();
        let muffler = Muffler::start(server(&temporal)).await;
        let gateway = connected(&muffler.settings(&temporal)).await;
        let person = Person::new();
        let operator = person.operator(&gateway, None);
        let id = start(&gateway, &temporal, &DeskInput::default()).await;

        let hello = Mutation::Signal(signal(&id, "unheard-of"));
        // The look at the workflow is answered.
        muffler.arm(1);
        assert_eq!(operator.perform(hello.clone()).await.unwrap(), Done::Unanswered);
        let done = operator.follow(&hello, support::PATIENCE).await.unwrap();
        assert_eq!(done, Done::Signalled { seen_at: None }, "the server has it");
        let page = gateway.history(&id, None, None).await.unwrap();
        let n_signals = page.events.iter().filter(|event| event.subject == "unheard-of").count();
        assert_eq!(n_signals, 1, "it was sent twice and arrived once");

        let begin = Mutation::Start(Start {
            target: target(&support::unique("unheard-of").as_str().into()),
            workflow_type: DESK.into(),
            task_queue: temporal.task_queue.clone(),
            input: Vec::new(),
        });
        muffler.arm(0);
        assert_eq!(operator.perform(begin.clone()).await.unwrap(), Done::Unanswered);
        let done = operator.follow(&begin, support::PATIENCE).await.unwrap();
        assert!(
            matches!(done, Done::Started { .. }),
            "the server knows it by its id, and there is no conflict: {done:?}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_in_doubt_stays_in_doubt_when_its_signal_is_lost_too() {
    bounded(async {
        let temporal = support::temporal();
        let muffler = Muffler::start(server(&temporal)).await;
        let gateway = connected(&muffler.settings(&temporal)).await;
        let id = start(&gateway, &temporal, &with_gate()).await;
        let proof = Proof { key: "aa".to_owned(), signature: "bb".to_owned() };
        let reject = Decide { proof: Some(proof), ..decision("d-unheard", Verdict::Reject) };
        muffler.arm(0);
        let outcome = gateway.decide(&id, &reject).await.unwrap();
        assert_eq!(outcome, Outcome::InDoubt { decision_id: "d-unheard".into() });
    })
    .await;
}

/// Answers every request with this status and no word of a coordinator's.
async fn somebody_else(status: u16) -> Coordinator {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    Coordinator::new(&CoordinatorClient { url, token: None }).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_coordinator_itself_can_keep_a_rollback_from_going_past_it() {
    bounded(async {
        let temporal = support::temporal();
        let _worker = DeskWorker::start(&temporal);
        let gateway = connected(&temporal).await;
        for status in [302, 403, 404] {
            let id = start(&gateway, &temporal, &with_gate()).await;
            until(&gateway, &id, |detail| detail.row.published.is_some()).await;
            let operator = Person::new().operator(&gateway, Some(somebody_else(status).await));
            let done = operator.perform(rollback(&id)).await.unwrap();
            assert!(is_accepted(&done), "{status}: {done:?}");
            assert_eq!(number(&gateway, &id, "rollbacks").await, 1);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trail_that_somebody_keeps_locked_stops_everything_but_a_rollback() {
    bounded(async {
        let temporal = support::temporal();
        let _worker = DeskWorker::start(&temporal);
        let gateway = connected(&temporal).await;
        let person = Person::new();
        let operator = person.operator(&gateway, None);
        let id = start(&gateway, &temporal, &with_gate()).await;
        until(&gateway, &id, |detail| detail.row.published.is_some()).await;
        let held = File::create(&person.policy.audit).unwrap();
        held.lock().unwrap();

        let begun = Instant::now();
        let pause = Pause { target: target(&id), for_ms: Millis(60_000), reason: "known".to_owned() };
        let failure = operator.perform(Mutation::PauseMonitoring(pause)).await.unwrap_err();
        assert!(
            failure.message.contains("Not done: the audit trail") && failure.message.contains("locked"),
            "{failure}"
        );
        let done = operator.perform(rollback(&id)).await.unwrap();
        assert!(is_accepted(&done), "{done:?}");
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
        drop(held);
        assert_eq!(std::fs::metadata(&person.policy.audit).unwrap().len(), 0, "nothing is written late");
        let done = operator.perform(rollback(&id)).await.unwrap();
        assert!(is_accepted(&done), "{done:?}");
        assert_eq!(gatewatch::gateway::audit::verify(&person.policy.audit).unwrap().len(), 2);
    })
    .await;
}
