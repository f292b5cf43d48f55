//! Agents' answers from a queue: a durable pull consumer of NATS JetStream, shared by all coordinators.
//!
//! A message takes the way of a posted answer: the same intake, the same idempotency. It is acknowledged when its
//! workflow has the answer durably, offered again when that cannot be had now, and ended, with the reasons, when it
//! can never be valid. Whatever is killed in between, NATS offers it again, and the intake knows it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::stream::{self, RetentionPolicy};
use async_nats::jetstream::{AckKind, Message};
use async_nats::{Client, ConnectOptions, Event, HeaderMap, PublishError};
use futures_util::StreamExt as _;
use secrecy::ExposeSecret as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::config::settings::{Nats, NatsLogin};
use crate::contracts::callback::Fate;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::http::{FieldProblem, QueueStanding};
use crate::contracts::text;
use crate::coordinator::backoff;
use crate::coordinator::dispatcher::board::Board;
use crate::coordinator::intake::{Intake, check};
use crate::coordinator::metrics::Metrics;
use crate::coordinator::senders::Sender;

/// Messages in hand at once.
const TOGETHER: usize = 32;
/// How long one request for messages stands.
const EXPIRES: Duration = Duration::from_secs(5);
/// How long NATS waits for an acknowledgement: longer than any handling takes.
const ACK_WAIT: Duration = Duration::from_mins(1);
/// Between two tries to find stream and consumer, and before a message is offered again: it doubles up to the longest.
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(30);
/// How often Temporal may say of a message that nobody knows its workflow: it may be about to start.
const UNKNOWN_TRIES: u32 = 5;
/// Messages of which that is counted at once.
const MOST_COUNTED: usize = 10_000;
/// How long what is in hand may take once told to stop.
const DRAIN: Duration = Duration::from_secs(8);
/// Says, in a message that is passed on as refused, what was wrong with it.
const ERRORS: &str = "Gatewatch-Errors";
/// Characters of that.
const LONGEST_ERRORS: usize = 4000;

/// Takes answers from a queue.
pub struct Queue {
    pub settings: Nats,
    /// In whose name the answers come.
    pub sender: Arc<Sender>,
    pub intake: Intake,
    pub board: Arc<Board>,
    pub metrics: Metrics,
    pub standing: watch::Sender<QueueStanding>,
    pub unknown: Unknown,
}

/// How often Temporal has said of a message, by its place in the stream, that nobody knows its workflow. How often it was
/// offered does not tell: that counts what an outage sent back as well.
#[derive(Debug, Default)]
pub struct Unknown(Mutex<HashMap<u64, u32>>);

impl Unknown {
    /// Counts one more answer. Whether it is worth another try.
    fn may_be_soon(&self, place: u64) -> bool {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.len() >= MOST_COUNTED {
            // Their messages are offered some more times.
            counted.clear();
        }
        let tries = counted.entry(place).or_default();
        *tries += 1;
        let is_worth_it = *tries < UNKNOWN_TRIES;
        if !is_worth_it {
            counted.remove(&place);
        }
        is_worth_it
    }

    fn forget(&self, place: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&place);
    }
}

/// What a queue looks like before anything was tried.
pub fn unconnected(settings: &Nats) -> QueueStanding {
    QueueStanding {
        address: settings.url.to_string(),
        stream: settings.stream.clone(),
        consumer: settings.consumer.clone(),
        up: false,
        trouble: "It has not answered yet.".to_owned(),
    }
}

/// What becomes of a message.
enum Verdict {
    /// Its workflow has the answer durably, or had ended.
    Done,
    /// It is worth another try.
    Again(String),
    /// It can never be valid.
    Never(Vec<FieldProblem>),
}

impl Queue {
    /// Takes messages until told to stop, then finishes what is in hand.
    pub async fn run(self, mut stopping: watch::Receiver<bool>) {
        let slots = Arc::new(Semaphore::new(TOGETHER));
        let queue = Arc::new(self);
        let (reconnected, reconnects) = watch::channel(());
        let client = tokio::select! {
            client = queue.connect(reconnected) => client,
            // A dropped sender means stop as well.
            _ = stopping.wait_for(|stopping| *stopping) => return,
        };
        tokio::select! {
            () = queue.consume(&client, &slots, reconnects) => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
        let all = u32::try_from(TOGETHER).unwrap_or(u32::MAX);
        if tokio::time::timeout(DRAIN, slots.acquire_many(all)).await.is_err() {
            tracing::warn!("some messages were not finished in time; the queue offers them again");
        }
        if client.connection_state() == State::Connected
            && let Err(error) = client.flush().await
        {
            tracing::warn!(%error, "the queue may not have the last acknowledgements; it offers those messages again");
        }
    }

    /// A client that connects, and connects again, for ever.
    async fn connect(self: &Arc<Self>, reconnected: watch::Sender<()>) -> Client {
        let mut rest = FIRST_REST;
        loop {
            let (queue, reconnected) = (Arc::clone(self), reconnected.clone());
            let options = ConnectOptions::new().name("gatewatch").retry_on_initial_connect().max_reconnects(None);
            let options = options.event_callback(move |event| {
                queue.heard(&event);
                if event == Event::Connected {
                    reconnected.send_replace(());
                }
                std::future::ready(())
            });
            let options = match &self.settings.login {
                None => options,
                Some(NatsLogin::Token(token)) => options.token(token.expose_secret().to_owned()),
                Some(NatsLogin::Password { user, password }) => {
                    options.user_and_password(user.clone(), password.expose_secret().to_owned())
                }
            };
            match options.connect(self.settings.url.as_str()).await {
                Ok(client) => return client,
                // What is wrong with the address or with TLS itself; a server that is away is no error here.
                Err(error) => self.down(format!("No connection can be made: {error}.")),
            }
            tokio::time::sleep(rest).await;
            rest = (rest * 2).min(LONGEST_REST);
        }
    }

    fn heard(&self, event: &Event) {
        match event {
            Event::Connected | Event::Draining | Event::LameDuckMode | Event::SlowConsumer(_) => {
                tracing::info!(%event, "queue");
            }
            Event::Disconnected | Event::Closed | Event::ServerError(_) | Event::ClientError(_) => {
                self.down(format!("NATS: {}.", text::line(&event.to_string())));
            }
        }
    }

    fn down(&self, why: String) {
        tracing::warn!(why, "the queue is away");
        self.metrics.queue_up(false);
        self.standing.send_modify(|standing| (standing.up, standing.trouble) = (false, why));
    }

    fn up(&self) {
        let is_news = self.standing.send_if_modified(|standing| {
            let news = !standing.up;
            (standing.up, standing.trouble) = (true, String::new());
            news
        });
        if is_news {
            self.metrics.queue_up(true);
            tracing::info!(
                stream = self.settings.stream,
                consumer = self.settings.consumer,
                "answers come from the queue"
            );
        }
    }

    async fn consume(self: &Arc<Self>, client: &Client, slots: &Arc<Semaphore>, mut reconnects: watch::Receiver<()>) {
        let mut rest = FIRST_REST;
        loop {
            let began = tokio::time::Instant::now();
            let broke = tokio::select! {
                broke = self.pull(client, slots) => broke,
                // What was asked for before is forgotten by a server that has started again.
                _ = reconnects.changed() => continue,
            };
            match broke {
                Ok(never) => match never {},
                Err(error) => self.down(format!("{}.", text::line(&error.to_string()))),
            }
            if began.elapsed() > LONGEST_REST {
                rest = FIRST_REST;
            }
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                _ = reconnects.changed() => {}
            }
            rest = (rest * 2).min(LONGEST_REST);
        }
    }

    /// Asks for as many messages as there is room for, again and again.
    async fn pull(
        self: &Arc<Self>,
        client: &Client,
        slots: &Arc<Semaphore>,
    ) -> Result<Infallible, Box<dyn std::error::Error + Send + Sync>> {
        let consumer = self.consumer(client).await?;
        loop {
            // Without a connection requests wait in the client, and end as if there were no messages.
            if client.connection_state() == State::Connected {
                self.up();
            }
            drop(slots.acquire().await?);
            let room = slots.available_permits().max(1);
            let mut batch = consumer.batch().max_messages(room).expires(EXPIRES).messages().await?;
            while let Some(message) = batch.next().await {
                let (message, slot) = (message?, Arc::clone(slots).acquire_owned().await?);
                tokio::spawn(Arc::clone(self).handle(client.clone(), message, slot));
            }
        }
    }

    /// The consumer there is; stream and consumer are made where there are none.
    async fn consumer(&self, client: &Client) -> Result<PullConsumer, Box<dyn std::error::Error + Send + Sync>> {
        let Nats { stream, consumer, subject, .. } = &self.settings;
        let jetstream = async_nats::jetstream::new(client.clone());
        let wanted = stream::Config {
            name: stream.clone(),
            subjects: vec![subject.clone()],
            retention: RetentionPolicy::WorkQueue,
            ..stream::Config::default()
        };
        let stream = jetstream.get_or_create_stream(wanted).await?;
        let wanted = pull::Config {
            durable_name: Some(consumer.clone()),
            filter_subject: subject.clone(),
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            ..pull::Config::default()
        };
        Ok(stream.get_or_create_consumer(consumer, wanted).await?)
    }

    async fn handle(self: Arc<Self>, client: Client, message: Message, _slot: OwnedSemaphorePermit) {
        let info = message.info();
        let place = info.as_ref().map_or(0, |info| info.stream_sequence);
        let offered = info.map_or(1, |info| u32::try_from(info.delivered).unwrap_or(1));
        let verdict = self.verdict(&message.payload, place).await;
        if !matches!(verdict, Verdict::Again(_)) {
            self.unknown.forget(place);
        }
        let (outcome, kind) = match verdict {
            Verdict::Done => ("done", AckKind::Ack),
            Verdict::Again(why) => {
                let rest = backoff::doubling(offered, FIRST_REST, LONGEST_REST);
                tracing::warn!(why, offered, rest_s = rest.as_secs(), "a message will be offered again");
                ("again", AckKind::Nak(Some(rest)))
            }
            Verdict::Never(problems) => {
                let errors = serde_json::to_string(&problems).unwrap_or_default();
                tracing::warn!(errors, subject = %message.subject, "a message can never be valid");
                match self.pass_on(&client, &message, &errors).await {
                    Ok(()) => ("refused", AckKind::Term),
                    Err(error) => {
                        tracing::warn!(%error, "a refused message was not passed on; it is offered again");
                        ("again", AckKind::Nak(Some(backoff::doubling(offered, FIRST_REST, LONGEST_REST))))
                    }
                }
            }
        };
        self.metrics.queue_message(outcome);
        if let Err(error) = message.ack_with(kind).await {
            tracing::warn!(%error, outcome, "the queue was not told; it offers the message again");
        }
    }

    /// A message that is refused goes to those who look after such, with the reasons.
    async fn pass_on(&self, client: &Client, message: &Message, errors: &str) -> Result<(), PublishError> {
        let Some(subject) = &self.settings.refused_subject else { return Ok(()) };
        let mut headers = HeaderMap::new();
        // A message may be as large as NATS allows: its headers count too.
        headers.insert(ERRORS, errors.chars().take(LONGEST_ERRORS).collect::<String>());
        client.publish_with_headers(subject.clone(), headers, message.payload.clone()).await?;
        Ok(())
    }

    async fn verdict(&self, body: &[u8], place: u64) -> Verdict {
        if body.len() > check::MAX_BYTES {
            return never("", format!("It has {} bytes; {} are the most.", body.len(), check::MAX_BYTES));
        }
        let response = match check::read(body) {
            Ok(response) => response,
            Err(invalid) => {
                let problems = invalid.problems.clone();
                if invalid.failure.as_ref().is_some_and(|failure| self.sender.must(failure).is_err()) {
                    return Verdict::Never(problems);
                }
                return match self.intake.refuse(invalid, &self.sender).await {
                    Err(failure) if !is_final(&failure) => Verdict::Again(failure.to_string()),
                    Ok(()) | Err(_) => Verdict::Never(problems),
                };
            }
        };
        if let Err(denied) = self.sender.must(&response) {
            return never("agentRole", denied.to_string());
        }
        match self.intake.accept(response.clone(), &self.sender).await {
            Ok(answer) => {
                if !answer.repeated {
                    self.board.called_back(&response);
                }
                match answer.receipt.outcome {
                    Fate::Delivered | Fate::Late => Verdict::Done,
                    Fate::Pending => Verdict::Again("It is kept, and its workflow does not have it yet.".to_owned()),
                    Fate::Rejected => Verdict::Never(answer.receipt.errors),
                }
            }
            Err(failure) if failure.kind == FailureKind::NotFound && self.unknown.may_be_soon(place) => {
                Verdict::Again(failure.to_string())
            }
            Err(failure) if is_final(&failure) => never("workflowId", failure.to_string()),
            Err(failure) => Verdict::Again(failure.to_string()),
        }
    }
}

fn never(field: &str, why: String) -> Verdict {
    Verdict::Never(vec![FieldProblem::new(field, why)])
}

/// Whether another try would come to the same.
fn is_final(failure: &Failure) -> bool {
    match failure.kind {
        FailureKind::NotFound | FailureKind::Invalid | FailureKind::Conflict => true,
        FailureKind::Unauthenticated
        | FailureKind::Denied
        | FailureKind::ReadOnly
        | FailureKind::Unavailable
        | FailureKind::DeadlineExceeded
        | FailureKind::Internal => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_COUNTED, UNKNOWN_TRIES, Unknown};

    #[test]
    fn only_what_temporal_said_counts_and_for_each_message_alone() {
        let unknown = Unknown::default();
        for _ in 1..UNKNOWN_TRIES {
            assert!(unknown.may_be_soon(7));
        }
        assert!(unknown.may_be_soon(8));
        assert!(!unknown.may_be_soon(7), "that is enough");
        assert!(unknown.may_be_soon(7), "and it is forgotten");
        unknown.forget(8);
        for place in 0..=u64::try_from(MOST_COUNTED).unwrap() {
            unknown.may_be_soon(place);
        }
        assert!(unknown.0.lock().unwrap().len() <= MOST_COUNTED);
    }
}
