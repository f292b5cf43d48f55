//! Starting, serving and stopping.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::settings::Settings;
use crate::contracts::http::QueueStanding;
use crate::coordinator::auth::People;
use crate::coordinator::background::Background;
use crate::coordinator::dispatcher::board::Board;
use crate::coordinator::dispatcher::follow::{Followed, follow};
use crate::coordinator::dispatcher::run::Dispatcher;
use crate::coordinator::intake::Intake;
use crate::coordinator::intake::route::Routes;
use crate::coordinator::key::SigningKey;
use crate::coordinator::metrics::Metrics;
use crate::coordinator::queue::{self, Queue, Unknown};
use crate::coordinator::router::router;
use crate::coordinator::senders::Senders;
use crate::coordinator::siblings::{self, Siblings};
use crate::coordinator::specs::Specs;
use crate::coordinator::state::{AppState, Shared};
use crate::coordinator::stream::Streams;
use crate::gateway::Gateway;
use crate::store::Store;

/// How long open requests may take to finish once told to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves until `shutdown` resolves, then lets open requests finish.
pub async fn run(settings: &Settings, shutdown: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
    let listen = settings.coordinator.listen;
    let listener =
        TcpListener::bind(listen).await.with_context(|| format!("the coordinator cannot listen on {listen}"))?;
    run_with_listener(settings, listener, shutdown).await
}

/// The same on a listener that is there already: tests bind port 0.
pub async fn run_with_listener(
    settings: &Settings,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let (stop, stopping) = watch::channel(false);
    let (standing, stands) = settings.coordinator.nats.as_ref().map(queue::unconnected).map(watch::channel).unzip();
    let state = build(settings, stopping.clone(), stands).await?;
    let siblings = siblings(&state);
    let mut dispatching = dispatch(settings, &state, siblings.clone())?;
    tracing::info!(
        address = %listener.local_addr()?,
        key = state.key().public(),
        people = settings.coordinator.people.len(),
        agents = settings.agents.len(),
        "coordinator listens"
    );
    let signal = async move {
        shutdown.await;
        // Whoever listens has gone already when this fails.
        let _ = stop.send(true);
    };
    // What it leaves behind is resumed by the next one.
    let mut background = Background::default();
    background.spawn("the resuming of answers", state.intake().clone().resume(stopping.clone()));
    background.spawn("the deciding on what happened", state.intake().clone().decide_what_happened(stopping.clone()));
    background.spawn("the following of sibling workflows", siblings.follow(stopping.clone()));
    let consuming = consume(settings, &state, standing)?;
    let told = wait_for_stop(stopping.clone());
    let store = state.store().clone();
    // Its routes are put together once, not for every connection.
    let serving = axum::serve(listener, router(state).into_make_service()).with_graceful_shutdown(told);
    let serving = async { serving.await.context("the coordinator stopped serving") };
    let late = async {
        wait_for_stop(stopping).await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::pin!(serving);
    let mut signal = tokio::spawn(signal);
    let result = tokio::select! {
        result = &mut serving => result,
        // One that ends was told to; the others finish what they have.
        Err(broken) = &mut dispatching => Err(broken).context("the dispatcher broke"),
        broken = background.broken() => Err(broken),
        () = late => {
            tracing::warn!("some requests did not finish in time");
            Ok(())
        }
    };
    if !dispatching.is_finished() && tokio::time::timeout(DRAIN, &mut dispatching).await.is_err() {
        tracing::warn!("some agents were not let go in time; their leases end by themselves");
        dispatching.abort();
    }
    if let Some(mut consuming) = consuming
        && tokio::time::timeout(DRAIN, &mut consuming).await.is_err()
    {
        consuming.abort();
    }
    drop(background);
    signal.abort();
    // Aborting is the point.
    let _ = (&mut signal).await;
    if let Err(error) = store.flush().await {
        tracing::warn!(%error, "what was just done may be gone through again");
    }
    tracing::info!("coordinator stopped");
    result
}

/// Takes answers from the queue, where there is one, until the coordinator stops.
fn consume(
    settings: &Settings,
    state: &AppState,
    standing: Option<watch::Sender<QueueStanding>>,
) -> anyhow::Result<Option<JoinHandle<()>>> {
    let Some((nats, standing)) = settings.coordinator.nats.clone().zip(standing) else { return Ok(None) };
    state.metrics().with_queue()?;
    let sender = state.senders().named(&nats.account).context("the queue's service account is not known")?;
    let queue = Queue {
        settings: nats,
        sender,
        intake: state.intake().clone(),
        board: Arc::clone(state.board()),
        metrics: state.metrics().clone(),
        standing,
        unknown: Unknown::default(),
    };
    Ok(Some(tokio::spawn(queue.run(state.stopping()))))
}

fn siblings(state: &AppState) -> Siblings {
    Siblings::new(siblings::Inner {
        gateway: state.gateway().clone(),
        store: state.store().clone(),
        intake: state.intake().clone(),
        board: Arc::clone(state.board()),
        metrics: state.metrics().clone(),
    })
}

/// Gives work to agents until the coordinator stops.
fn dispatch(settings: &Settings, state: &AppState, siblings: Siblings) -> anyhow::Result<JoinHandle<()>> {
    let (follow_on, followed) = watch::channel(Arc::new(Followed::of(settings)?));
    let stopping = state.stopping();
    let following = follow(settings.sources.clone(), follow_on, Arc::clone(state.board()), stopping.clone());
    let dispatcher = Dispatcher {
        gateway: state.gateway().clone(),
        board: Arc::clone(state.board()),
        metrics: state.metrics().clone(),
        intake: state.intake().clone(),
        store: state.store().clone(),
        siblings,
        followed,
        stopping,
    };
    Ok(tokio::spawn(async move {
        tokio::join!(dispatcher.run(), following);
    }))
}

async fn wait_for_stop(mut stopping: watch::Receiver<bool>) {
    // A dropped sender means stop as well.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

async fn build(
    settings: &Settings,
    stopping: watch::Receiver<bool>,
    queue: Option<watch::Receiver<QueueStanding>>,
) -> anyhow::Result<AppState> {
    let people = People::new(settings.coordinator.people.clone()).map_err(anyhow::Error::msg)?;
    let key = SigningKey::load_or_create(&settings.coordinator.signing_key)?;
    let gateway = Gateway::start(&settings.temporal);
    let streams = Streams::new(gateway.clone());
    let board = Arc::new(Board::default());
    board.follow(Arc::new(settings.agents.clone()));
    let metrics = Metrics::new()?;
    let senders = Senders::new(&settings.coordinator.service_accounts).map_err(anyhow::Error::msg)?;
    let store = Store::open(&settings.coordinator.store).await?;
    let routes = Routes::compile(&settings.coordinator.routes)?;
    let intake = Intake::new(gateway.clone(), store.clone(), metrics.clone(), routes);
    let audit = settings.console.audit_file();
    let shared = Shared {
        gateway,
        key,
        people,
        metrics,
        senders,
        intake,
        store,
        streams,
        board,
        specs: Specs::open(&settings.specs_folder),
        task_queue: settings.temporal.task_queue.clone(),
        audit,
        queue,
        stopping,
    };
    Ok(AppState::new(shared))
}
