//! The coordinator's client: against a real coordinator, and against whatever else may listen at its address.

use std::time::{Duration, Instant};

use gatewatch::config::settings::CoordinatorClient;
use gatewatch::contracts::actor::{Actor, Via};
use gatewatch::contracts::decision::{Outcome, RefusalCode, Verdict};
use gatewatch::contracts::failure::{Failure, FailureKind};
use gatewatch::contracts::http::{DecisionRequest, RollbackBody, RollbackOutcome};
use gatewatch::contracts::ids::WorkflowId;
use gatewatch::contracts::mutation::{Done, Mutation};
use gatewatch::gateway::coordinator::Coordinator;
use gatewatch::gateway::operate::{Operator, Policy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::coordinator::rig::{GUEST, MIRA, ONCALL, Rig, nowhere};
use crate::gateway::desk::{DeskWorker, with_gate};
use crate::gateway::{bounded, connected, number, start, until};
use crate::support;

fn client(address: impl std::fmt::Display, token: Option<&str>) -> Coordinator {
    let url = format!("http://{address}").parse().unwrap();
    Coordinator::new(&CoordinatorClient { url, token: token.map(|token| token.to_owned().into()) }).unwrap()
}

fn approval(id: &WorkflowId) -> DecisionRequest {
    DecisionRequest {
        decision_id: support::unique("d").into(),
        workflow_id: id.clone(),
        gate: "production-approval".into(),
        verdict: Verdict::Approve,
        evidence: None,
        reason: None,
    }
}

fn wanted(reason: &str) -> RollbackBody {
    RollbackBody { request_id: support::unique("r").into(), reason: Some(reason.to_owned()) }
}

fn kind<T: std::fmt::Debug>(result: Result<T, Failure>) -> FailureKind {
    result.unwrap_err().kind
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_coordinator_decides_in_the_name_of_the_tokens_owner() {
    bounded(async {
        let temporal = support::temporal();
        let _worker = DeskWorker::start(&temporal);
        let gateway = connected(&temporal).await;
        let rig = Rig::start(temporal.clone()).await;
        let (mira, guest) = (client(rig.address, Some(MIRA)), client(rig.address, Some(GUEST)));
        support::wait_until("the coordinator is ready", support::PATIENCE, async || mira.ready().await.ok()).await;
        mira.health().await.unwrap();
        assert_eq!(mira.public_key().await.unwrap().len(), 64);
        assert!(mira.clock_skew().await.unwrap() < Duration::from_secs(5), "it is this machine's clock");

        let id = start(&gateway, &temporal, &with_gate()).await;
        until(&gateway, &id, |detail| detail.row.published.is_some()).await;
        let approve = approval(&id);
        assert_eq!(kind(client(rig.address, None).decide(&approve).await), FailureKind::Unauthenticated);
        assert_eq!(kind(client(rig.address, Some("guess")).decide(&approve).await), FailureKind::Unauthenticated);
        assert_eq!(kind(guest.decide(&approve).await), FailureKind::Denied);
        assert_eq!(kind(guest.rollback(&id, &wanted("errors")).await), FailureKind::Denied);
        assert_eq!(kind(client(rig.address, Some(ONCALL)).decide(&approve).await), FailureKind::Denied);
        let nobody = DecisionRequest { workflow_id: support::unique("nobody").as_str().into(), ..approve.clone() };
        assert_eq!(kind(mira.decide(&nobody).await), FailureKind::NotFound);
        let nameless = DecisionRequest { gate: "".into(), ..approve.clone() };
        assert_eq!(kind(mira.decide(&nameless).await), FailureKind::Invalid);
        assert_eq!(number(&gateway, &id, "applied").await, 0);

        let Outcome::Applied { record } = mira.decide(&approve).await.unwrap() else { panic!("not applied") };
        assert_eq!(record.actor, Actor::new("mira", Via::Coordinator));
        let again = mira.decide(&approve).await.unwrap();
        assert!(matches!(again, Outcome::Applied { .. } | Outcome::Repeated { .. }), "{again:?}");
        let Outcome::Refused { refusal } = mira.decide(&approval(&id)).await.unwrap() else { panic!("not refused") };
        assert_eq!(refusal.code, RefusalCode::NotOpen);
        assert_eq!(number(&gateway, &id, "applied").await, 1);

        for already in [false, true] {
            let outcome = client(rig.address, Some(ONCALL)).rollback(&id, &wanted("errors")).await.unwrap();
            let RollbackOutcome::Accepted { reply } = outcome else { panic!("{outcome:?}") };
            assert_eq!((reply.already, reply.cause.actor.name.as_str()), (already, "oncall"));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_without_temporal_is_unavailable_and_nothing_was_sent() {
    let rig = Rig::start(nowhere()).await;
    let mira = client(rig.address, Some(MIRA));
    let id = WorkflowId::new("prod-1");
    mira.health().await.unwrap();
    assert_eq!(kind(mira.ready().await), FailureKind::Unavailable);
    let failure = mira.decide(&approval(&id)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unavailable, "not in doubt: {failure}");
    assert_eq!(kind(mira.rollback(&id, &wanted("errors")).await), FailureKind::Unavailable);
}

/// Answers every request with these bytes, and hangs up.
async fn saying(answer: impl Into<Vec<u8>>) -> Coordinator {
    let answer = answer.into();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                request(&mut stream).await;
                let _ = stream.write_all(&answer).await;
            });
        }
    });
    client(address, Some(MIRA))
}

/// Reads one request to its end.
async fn request(stream: &mut TcpStream) -> Vec<u8> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return bytes;
            }
        }
        match stream.read(&mut buffer).await {
            Ok(n_read @ 1..) => bytes.extend_from_slice(&buffer[..n_read]),
            _ => return bytes,
        }
    }
}

fn http(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn own_words(kind: &str) -> String {
    serde_json::json!({ "error": { "kind": kind, "message": "No, \u{1b}[31mno.", "hint": "Ask mira." } }).to_string()
}

#[tokio::test]
async fn the_coordinators_own_words_arrive_with_their_kind_and_cannot_draw() {
    let id = WorkflowId::new("prod-1");
    for (status, word, expected) in [
        (401, "unauthenticated", FailureKind::Unauthenticated),
        (403, "denied", FailureKind::Denied),
        (404, "not-found", FailureKind::NotFound),
        (409, "conflict", FailureKind::Conflict),
        (422, "invalid", FailureKind::Invalid),
        (500, "internal", FailureKind::Internal),
        (503, "unavailable", FailureKind::Unavailable),
        (504, "deadline-exceeded", FailureKind::DeadlineExceeded),
    ] {
        let coordinator = saying(http(status, &own_words(word))).await;
        for failure in [
            coordinator.decide(&approval(&id)).await.unwrap_err(),
            coordinator.rollback(&id, &wanted("errors")).await.unwrap_err(),
            coordinator.health().await.unwrap_err(),
        ] {
            assert_eq!(failure.kind, expected, "{status}");
            assert!(failure.message.starts_with("No, ") && failure.hint == "Ask mira.", "{failure}");
            assert!(!failure.message.contains('\u{1b}'), "it may not draw: {failure:?}");
        }
    }
}

/// A proxy's error page, or a web server that is no coordinator.
#[tokio::test]
async fn a_refusal_in_other_words_is_one_and_anything_else_is_a_doubt() {
    let id = WorkflowId::new("prod-1");
    for (status, expected) in [
        (301, FailureKind::Invalid),
        (400, FailureKind::Invalid),
        (401, FailureKind::Unauthenticated),
        (403, FailureKind::Denied),
        (404, FailureKind::NotFound),
        (409, FailureKind::Conflict),
    ] {
        let coordinator = saying(http(status, "<html>")).await;
        let failure = coordinator.decide(&approval(&id)).await.unwrap_err();
        assert_eq!(failure.kind, expected, "{status}: {failure}");
        assert!(failure.message.contains(&status.to_string()) && !failure.hint.is_empty(), "{failure}");
    }
    for (status, body) in [(200, "<html>"), (200, ""), (202, "{}"), (500, ""), (502, "<html>"), (503, ""), (504, "{}")]
    {
        let coordinator = saying(http(status, body)).await;
        let approve = approval(&id);
        let outcome = coordinator.decide(&approve).await.unwrap();
        let expected = Outcome::InDoubt { decision_id: approve.decision_id.clone() };
        assert_eq!(outcome, expected, "whoever answers {status} cannot say what became of it");
        assert!(coordinator.rollback(&id, &wanted("errors")).await.is_err(), "{status}: there is another way");
    }
}

#[tokio::test]
async fn an_answer_cut_off_in_the_middle_is_a_doubt_and_one_without_end_is_not_read() {
    let id = WorkflowId::new("prod-1");
    let endless = format!("HTTP/1.1 200 X\r\n\r\n{}", "x".repeat(1024 * 1024));
    for cut in ["", "HTTP/1.1 2", "HTTP/1.1 200 X\r\ncontent-length: 100\r\n\r\n{\"outcome\":\"appl", &endless] {
        let coordinator = saying(cut).await;
        let outcome = coordinator.decide(&approval(&id)).await.unwrap();
        assert!(matches!(outcome, Outcome::InDoubt { .. }), "{outcome:?}");
        let failure = coordinator.rollback(&id, &wanted("errors")).await.unwrap_err();
        assert!(matches!(failure.kind, FailureKind::Unavailable | FailureKind::Internal), "{failure}");
        assert!(coordinator.health().await.is_err() || cut == endless, "{cut:.20}");
    }
}

#[tokio::test]
async fn nothing_is_waited_for_beyond_its_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let coordinator = client(silent.local_addr().unwrap(), Some(MIRA));
    let id = WorkflowId::new("prod-1");
    let timed = async |call: &mut (dyn Future<Output = Option<FailureKind>> + Unpin)| {
        let begun = Instant::now();
        (call.await, begun.elapsed())
    };
    let (health, rollback, decided) = tokio::join!(
        async { timed(&mut Box::pin(async { Some(kind(coordinator.health().await)) })).await },
        async { timed(&mut Box::pin(async { Some(kind(coordinator.rollback(&id, &wanted("e")).await)) })).await },
        async {
            timed(&mut Box::pin(async {
                let outcome = coordinator.decide(&approval(&id)).await.unwrap();
                assert!(matches!(outcome, Outcome::InDoubt { .. }), "{outcome:?}");
                None
            }))
            .await
        },
    );
    assert_eq!(health.0, Some(FailureKind::DeadlineExceeded));
    assert_eq!(rollback.0, Some(FailureKind::DeadlineExceeded));
    // 2 s, 4 s and 6 s; the rest is for a machine with better things to do.
    let slack = Duration::from_secs(4);
    for ((_, took), deadline) in [(health, 2), (rollback, 4), (decided, 6)] {
        let deadline = Duration::from_secs(deadline);
        assert!(took >= deadline && took < deadline + slack, "{took:?} instead of {deadline:?}");
    }
}

/// In front of a real coordinator: the first decision arrives, its answer does not.
async fn losing_the_first_answer(coordinator: std::net::SocketAddr) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut lost = false;
        while let Ok((mut near, _)) = listener.accept().await {
            let mut far = TcpStream::connect(coordinator).await.unwrap();
            if std::mem::replace(&mut lost, true) {
                tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
                continue;
            }
            let asked = request(&mut near).await;
            far.write_all(&asked).await.unwrap();
            let mut answer = [0; 1];
            far.read_exact(&mut answer).await.unwrap();
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_whose_answer_was_lost_is_followed_to_its_one_effect() {
    bounded(async {
        let temporal = support::temporal();
        let _worker = DeskWorker::start(&temporal);
        let gateway = connected(&temporal).await;
        let rig = Rig::start(temporal.clone()).await;
        support::wait_until("the coordinator is ready", support::PATIENCE, async || {
            client(rig.address, Some(MIRA)).ready().await.ok()
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        let policy = Policy {
            read_only: false,
            direct_rollback: false,
            actor: Actor::new("mira", Via::Cli),
            audit: folder.path().join("audit.jsonl"),
        };
        let lossy = client(losing_the_first_answer(rig.address).await, Some(MIRA));
        let operator = Operator::new(gateway.clone(), Some(lossy), policy);
        let id = start(&gateway, &temporal, &with_gate()).await;
        until(&gateway, &id, |detail| detail.row.published.is_some()).await;
        let approve = Mutation::Decide(approval(&id));
        let done = operator.perform(approve.clone()).await.unwrap();
        assert!(done.is_in_doubt(), "{done:?}");
        let done = operator.follow(&approve, Duration::from_secs(20)).await.unwrap();
        let Done::Decided { result: Outcome::Applied { record } | Outcome::Repeated { record } } = done else {
            panic!("{done:?}")
        };
        assert_eq!((record.decision_id.as_str(), record.actor.name.as_str()), (approve.id(), "mira"));
        assert_eq!(number(&gateway, &id, "applied").await, 1);
    })
    .await;
}
