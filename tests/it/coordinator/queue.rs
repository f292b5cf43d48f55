//! Answers from a queue, on a real nats-server: each has one effect, whatever is sent twice, killed or wrong.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::stream::{Config, RetentionPolicy};
use futures_util::StreamExt as _;
use gatewatch::contracts::engine::state::StepStatus;
use gatewatch::contracts::http::{FieldProblem, Readiness};
use serde_json::json;

use crate::coordinator::callbacks::{draft, goal, state, times};
use crate::coordinator::proof::Processes;
use crate::coordinator::rig::{BUILDERS, Rig, answer, settings};
use crate::support::nats::{self, REFUSED, STREAM, SUBJECT, Server, TOKEN};
use crate::support::{self, PATIENCE, wait_until};
use crate::workflows::bench::{Bench, bounded, with};

async fn rig(server: &Server, account: &str) -> Rig {
    let (mut settings, folder) = settings(support::temporal());
    settings.coordinator.nats = Some(server.settings(account));
    Rig::with(settings, folder).await
}

async fn until_up(rig: &Rig, up: bool) -> Readiness {
    let seen = async || {
        let readiness: Readiness = rig.get("/readyz").send().await.ok()?.json().await.ok()?;
        Some(readiness).filter(|readiness| readiness.queue.as_ref().is_some_and(|queue| queue.up == up))
    };
    wait_until("the coordinator sees the queue so", PATIENCE, seen).await
}

async fn until_taken(context: &jetstream::Context) {
    wait_until("the queue is empty", PATIENCE, async || nats::left(context).await.filter(|left| *left == 0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_from_the_queue_has_one_effect_across_restarts_of_the_queue() {
    let name = "an_answer_from_the_queue_has_one_effect_across_restarts_of_the_queue";
    let Some(mut server) = Server::start(name).await else { return };
    bounded(async || {
        let (bench, rig) = (Bench::new().await, rig(&server, "builders").await);
        let ids = [goal(&bench, "queued").await, goal(&bench, "queued").await];
        until_up(&rig, true).await;
        let context = jetstream::new(server.client().await);
        for _ in 0..3 {
            nats::publish(&context, draft(&ids[0]).to_string()).await;
        }
        until_taken(&context).await;
        let (status, receipt) = answer(rig.post("/agent/callback", &draft(&ids[0])).bearer_auth(BUILDERS)).await;
        assert_eq!((status.as_u16(), &receipt["outcome"]), (200, &json!("delivered")), "the webhook knows it, too");
        assert_eq!(times(&state(&bench, &ids[0]).await, "AGENT_COMPLETED"), 1);

        server.kill().await;
        let queue = until_up(&rig, false).await.queue.unwrap();
        assert!(!queue.trouble.is_empty(), "{queue:?}");
        server.resume();
        until_up(&rig, true).await;
        let context = jetstream::new(server.client().await);
        nats::publish(&context, draft(&ids[1]).to_string()).await;
        until_taken(&context).await;
        assert_eq!(times(&state(&bench, &ids[1]).await, "AGENT_COMPLETED"), 1);
        let metrics = rig.get("/metrics").send().await.unwrap().text().await.unwrap();
        for line in [
            r#"gatewatch_coordinator_queue_messages_total{outcome="done"} 4"#,
            "gatewatch_coordinator_queue_up 1",
            r#"gatewatch_coordinator_agent_answers_total{outcome="delivered",repeated="false"} 2"#,
        ] {
            assert!(metrics.contains(line), "{line} is not in {metrics}");
        }
        server.kill().await;
        // It stops in time with the queue away.
        rig.stop().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_from_the_queue_is_ended_with_its_errors() {
    let Some(server) = Server::start("garbage_from_the_queue_is_ended_with_its_errors").await else { return };
    bounded(async || {
        // The account may answer for the role `qa` of the tenant `acme`.
        let (bench, rig) = (Bench::new().await, rig(&server, "qa").await);
        let id = goal(&bench, "acme:queued").await;
        until_up(&rig, true).await;
        let client = server.client().await;
        let mut refused = client.subscribe(REFUSED).await.unwrap();
        client.flush().await.unwrap();
        let context = jetstream::new(client);
        let wrong = with(draft(&id), json!({"agentRole": "qa", "status": "GREAT", "metrics": {"costUsd": "much"}}));
        let elsewhere = with(draft("other:goal"), json!({"agentRole": "qa"}));
        let bodies = [
            String::new(),
            "{".to_owned(),
            "[1]".to_owned(),
            "\u{0}\u{1b}".to_owned(),
            "x".repeat(900_000),
            "[".repeat(100_000),
            draft(&id).to_string(),
            elsewhere.to_string(),
            wrong.to_string(),
        ];
        for body in &bodies {
            nats::publish(&context, body.clone()).await;
        }
        until_taken(&context).await;
        let mut fields = Vec::new();
        for _ in &bodies {
            let message = tokio::time::timeout(PATIENCE, refused.next()).await.unwrap().unwrap();
            let headers = message.headers.unwrap();
            let errors: Vec<FieldProblem> =
                serde_json::from_str(headers.get("Gatewatch-Errors").unwrap().as_str()).unwrap();
            assert!(!errors.is_empty() && bodies.iter().any(|body| body.as_bytes() == message.payload));
            fields.extend(errors.into_iter().map(|error| error.field));
        }
        fields.sort();
        assert_eq!(fields, ["", "", "", "", "", "", "agentRole", "agentRole", "metrics.costUsd", "status"]);
        let state = state(&bench, &id).await;
        let step = &state.open_steps[&"draft-1".into()];
        assert_eq!((step.status, times(&state, "AGENT_COMPLETED")), (StepStatus::Failed, 1), "its workflow was told");
        rig.stop().await.unwrap();
    })
    .await;
}

/// Coordinators are killed with messages in hand: what was not acknowledged is offered again, and has one effect.
#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_is_killed_with_messages_in_hand_loses_none() {
    const GOALS: usize = 30;
    const KILLS: usize = 3;
    let name = "a_coordinator_that_is_killed_with_messages_in_hand_loses_none";
    let Some(server) = Server::start(name).await else { return };
    let bench = Bench::new().await;
    let context = jetstream::new(server.client().await);
    // As an operator may have made them: what is in hand comes back after a second, also from one that still works.
    let wanted = Config {
        name: STREAM.to_owned(),
        subjects: vec![SUBJECT.to_owned()],
        retention: RetentionPolicy::WorkQueue,
        ..Config::default()
    };
    let stream = context.create_stream(wanted).await.unwrap();
    let wanted = pull::Config {
        durable_name: Some("gatewatch".to_owned()),
        filter_subject: SUBJECT.to_owned(),
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_secs(1),
        ..pull::Config::default()
    };
    let mut consumer = stream.create_consumer(wanted).await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..GOALS {
        ids.push(goal(&bench, "killed").await);
    }
    let queue = format!(
        "[coordinator.nats]\nurl = \"{}\"\naccount = \"builders\"\ntoken_file = \"nats-token\"\n",
        server.url()
    );
    let processes = Processes::new(bench.queue(), &queue);
    processes.write("nats-token", TOKEN);
    let mut coordinator = processes.start("coordinator");
    let mut inhand = 0;
    for (at, ids) in ids.chunks(GOALS / KILLS).enumerate() {
        for id in ids {
            nats::publish(&context, draft(id).to_string()).await;
        }
        let taken = async || Some(consumer.info().await.unwrap().num_ack_pending).filter(|pending| *pending > 0);
        inhand += wait_until("it has some in hand", PATIENCE, taken).await;
        coordinator.start_kill().unwrap();
        coordinator.wait().await.unwrap();
        assert!(nats::left(&context).await.unwrap() > 0 || at > 0, "it was too fast to be killed in the middle");
        coordinator = processes.start("coordinator");
    }
    until_taken(&context).await;
    for id in &ids {
        let one = async || Some(state(&bench, id).await).filter(|state| times(state, "AGENT_COMPLETED") > 0);
        let state = wait_until("the goal has its answer", PATIENCE, one).await;
        assert_eq!((times(&state, "AGENT_COMPLETED"), times(&state, "REFUSED")), (1, 0), "{state:?}");
        assert_eq!(state.open_steps[&"draft-1".into()].status, StepStatus::Done);
    }
    let offered = consumer.info().await.unwrap().delivered.consumer_sequence;
    eprintln!("{GOALS} messages, {KILLS} kills with {inhand} seen in hand, offered {offered} times");
    assert!(offered > u64::try_from(GOALS).unwrap(), "nothing was offered again");
}
