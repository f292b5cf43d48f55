//! What goes on when nobody can be heard: an answer that is lost, a proxy that speaks for the coordinator, an audit trail
//! that somebody keeps locked.

use std::collections::BTreeSet;
use std::fs::File;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gatewatch::config::settings::{CoordinatorClient, Temporal};
use gatewatch::console::effect::{Generation, Interest};
use gatewatch::console::outbox::Outbox;
use gatewatch::console::perform::unanswered::Unanswered;
use gatewatch::console::perform::watch::Watcher;
use gatewatch::console::screen::ScreenId;
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
    wire: Arc<Wire>,
}

/// What the connections of a muffler share.
struct Wire {
    left: AtomicUsize,
    /// Requests without an answer, by connection and stream.
    open: Mutex<BTreeSet<Call>>,
    /// Requests that are never answered.
    unheard: Mutex<BTreeSet<Call>>,
}

type Call = (SocketAddr, u32);

/// Not armed.
const NEVER: usize = usize::MAX;

impl Muffler {
    async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let wire = Arc::new(Wire { left: AtomicUsize::new(NEVER), open: Mutex::default(), unheard: Mutex::default() });
        let shared = Arc::clone(&wire);
        tokio::spawn(async move {
            while let Ok((near, from)) = listener.accept().await {
                let far = TcpStream::connect(server).await.unwrap();
                tokio::spawn(between(near, far, from, Arc::clone(&shared)));
            }
        });
        Self { address, wire }
    }

    /// So many requests are answered, and the one after them is not.
    fn arm(&self, answered: usize) {
        self.wire.left.store(answered, Ordering::SeqCst);
    }

    /// Whoever waits for an answer now waits in vain; who asks from now on does not.
    fn forget(&self) -> usize {
        let mut open = self.wire.open.lock().unwrap();
        let mut unheard = self.wire.unheard.lock().unwrap();
        unheard.append(&mut open);
        unheard.len()
    }

    fn settings(&self, temporal: &Temporal) -> Temporal {
        Temporal { address: format!("http://{}", self.address).parse().unwrap(), ..temporal.clone() }
    }
}

async fn between(near: TcpStream, far: TcpStream, from: SocketAddr, wire: Arc<Wire>) {
    let ((mut from_near, mut to_near), (mut from_far, mut to_far)) = (near.into_split(), far.into_split());
    let muted = AtomicBool::new(false);
    let there = async {
        let (mut buffer, mut frames) = (vec![0; 64 * 1024], Frames::default());
        while let Ok(n_read @ 1..) = from_near.read(&mut buffer).await {
            for frame in frames.whole(&buffer[..n_read]).iter().filter(|frame| frame.kind == Frame::HEADERS) {
                wire.open.lock().unwrap().insert((from, frame.stream));
                match wire.left.load(Ordering::SeqCst) {
                    NEVER => {}
                    0 => {
                        wire.left.store(NEVER, Ordering::SeqCst);
                        muted.store(true, Ordering::SeqCst);
                    }
                    more => wire.left.store(more - 1, Ordering::SeqCst),
                }
            }
            if to_far.write_all(&buffer[..n_read]).await.is_err() {
                return;
            }
        }
    };
    let back = async {
        let (mut buffer, mut frames) = (vec![0; 64 * 1024], Frames { greeted: true, ..Frames::default() });
        while let Ok(n_read @ 1..) = from_far.read(&mut buffer).await {
            for frame in frames.whole(&buffer[..n_read]) {
                let call = (from, frame.stream);
                if frame.ends_stream() {
                    wire.open.lock().unwrap().remove(&call);
                }
                let heard = !muted.load(Ordering::SeqCst) && !wire.unheard.lock().unwrap().contains(&call);
                if heard && to_near.write_all(&frame.bytes).await.is_err() {
                    return;
                }
            }
        }
    };
    tokio::join!(there, back);
}

/// A frame of HTTP/2.
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    bytes: Vec<u8>,
}

impl Frame {
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const RST_STREAM: u8 = 3;

    fn ends_stream(&self) -> bool {
        self.kind == Self::RST_STREAM || (matches!(self.kind, Self::DATA | Self::HEADERS) && self.flags & 1 == 1)
    }
}

/// Bytes on their way to becoming frames.
#[derive(Default)]
struct Frames {
    bytes: Vec<u8>,
    /// A client says a word first.
    greeted: bool,
}

impl Frames {
    /// The frames that are whole with these bytes.
    fn whole(&mut self, bytes: &[u8]) -> Vec<Frame> {
        const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
        self.bytes.extend_from_slice(bytes);
        if !self.greeted && self.bytes.len() >= PREFACE {
            self.bytes.drain(..PREFACE);
            self.greeted = true;
        }
        let mut whole = Vec::new();
        while let (true, &[a, b, c, kind, flags, s, t, u, v, ..]) = (self.greeted, &self.bytes[..]) {
            let length = 9 + usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap();
            if self.bytes.len() < length {
                break;
            }
            let stream = u32::from_be_bytes([s & 0x7f, t, u, v]);
            whole.push(Frame { kind, flags, stream, bytes: self.bytes.drain(..length).collect() });
        }
        whole
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

/// A poll whose connection has died without a word would be waited for for more than a minute.
#[tokio::test(flavor = "multi_thread")]
async fn who_wishes_for_a_look_at_a_history_is_not_left_with_a_poll_that_died() {
    bounded(async {
        let temporal = support::temporal();
        let direct = connected(&temporal).await;
        let muffler = Muffler::start(server(&temporal)).await;
        let gateway = connected(&muffler.settings(&temporal)).await;
        let id = start(&direct, &temporal, &DeskInput::default()).await;
        let (outbox, events) = Outbox::new();
        let refresh = tokio::sync::watch::Sender::new(0_u64);
        let watcher = Watcher {
            gateway: gateway.clone(),
            coordinator: None,
            queue: temporal.task_queue.clone(),
            generation: Generation(1),
            first: None,
            unanswered: Unanswered::default(),
            refresh: refresh.subscribe(),
            outbox,
        };
        let interest = Interest::History { workflow: id.clone(), run: None, on: ScreenId::History };
        let watching = tokio::spawn(watcher.run(interest));
        let tells = async |what: &str| {
            let told = || events.try_iter().any(|stamped| format!("{:?}", stamped.event).contains(what));
            support::wait_until(what, support::PATIENCE, async || told().then_some(())).await;
        };
        tells("WorkflowExecutionStarted").await;
        direct.signal(&signal(&id, "first")).await.unwrap();
        tells("first").await;

        support::wait_until("its poll has died", support::PATIENCE, async || (muffler.forget() > 0).then_some(()))
            .await;
        direct.signal(&signal(&id, "second")).await.unwrap();
        refresh.send_modify(|wishes| *wishes += 1);
        tells("second").await;
        watching.abort();
    })
    .await;
}
