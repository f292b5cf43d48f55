//! Starting, keeping alive and draining the workers of this process.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use temporalio_client::{Client, NamespacedClient};
use temporalio_common::telemetry::TelemetryOptions;
use temporalio_sdk::runtime::RuntimeOptions;
use temporalio_sdk::{Runtime, Worker};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use crate::activities::services::Services;
use crate::config::settings::Settings;
use crate::contracts::clock::Timestamp;
use crate::gateway::Gateway;
use crate::worker::connect::{self, Unfit};
use crate::worker::metrics::Metrics;
use crate::worker::monitor::{self, Monitored};
use crate::worker::options;
use crate::worker::status::{Status, WorkerState};

/// An activity that ignores its cancellation must not keep the process for ever.
const AFTER_DRAIN: Duration = Duration::from_secs(5);
const FIRST_RETRY: Duration = Duration::from_millis(250);
const SLOWEST_RETRY: Duration = Duration::from_secs(5);

/// Runs workers until `shutdown` resolves and what they were doing is finished or handed back. Fails when one of them
/// breaks, because whoever started the process starts a whole one again, and in a namespace without our search
/// attributes.
pub async fn run(settings: &Settings, shutdown: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
    let listener = match settings.worker.listen {
        Some(address) => {
            let bound = TcpListener::bind(address).await;
            Some(bound.with_context(|| format!("the worker cannot listen on {address}"))?)
        }
        None => None,
    };
    run_with_listener(settings, listener, shutdown).await
}

/// The same on a listener that is there already: tests bind port 0.
pub async fn run_with_listener(
    settings: &Settings,
    listener: Option<TcpListener>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let (stop, stopping) = watch::channel(false);
    let (metrics, meter) = Metrics::start()?;
    let telemetry = TelemetryOptions::builder().metrics(meter).build();
    let options = RuntimeOptions::builder().telemetry_options(telemetry).build().map_err(anyhow::Error::msg)?;
    let runtime = Runtime::from_current_tokio(options)?;
    let workers = settings.worker.workers;
    let status = Arc::new(Status::new(workers));
    let (failing, mut failed) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared {
        settings: settings.clone(),
        services: Arc::new(Services::new(settings.services.clone())?),
        runtime,
        status: Arc::clone(&status),
        stopping: stopping.clone(),
        unfit: failing.clone(),
    });
    let monitor = listener.map(|listener| {
        let gateway = Gateway::start(&settings.temporal);
        let monitored = Monitored { status: Arc::clone(&status), metrics: Arc::new(metrics), gateway };
        tokio::spawn(monitor::serve(listener, monitored, wait_for_stop(stopping)))
    });
    let ended = (0..workers).map(|index| spawn(&shared, index, &failing)).collect::<anyhow::Result<Vec<_>>>()?;

    let failure = tokio::select! {
        () = shutdown => None,
        failure = failed.recv() => failure,
    };
    tracing::info!(drain = ?settings.worker.drain, "draining: no new tasks, running ones may finish");
    status.drain();
    // Nobody listens only when every worker has ended already.
    let _ = stop.send(true);
    let all = futures_util::future::join_all(ended);
    if tokio::time::timeout(settings.worker.drain + AFTER_DRAIN, all).await.is_err() {
        tracing::warn!("some activities ignored their cancellation; Temporal will give them to another worker");
    }
    if let Some(monitor) = monitor {
        monitor.abort();
    }
    tracing::info!("worker stopped");
    failure.map_or(Ok(()), Err)
}

async fn wait_for_stop(mut stopping: watch::Receiver<bool>) {
    // A dropped sender means stop as well.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// What the workers of this process share.
struct Shared {
    settings: Settings,
    services: Arc<Services>,
    runtime: Runtime,
    status: Arc<Status>,
    stopping: watch::Receiver<bool>,
    /// Why no worker can work here, for a person to mend.
    unfit: mpsc::UnboundedSender<anyhow::Error>,
}

/// Gives a worker its thread. What is returned resolves when that has ended.
fn spawn(
    shared: &Arc<Shared>,
    index: usize,
    failing: &mpsc::UnboundedSender<anyhow::Error>,
) -> anyhow::Result<oneshot::Receiver<()>> {
    let (ended, waiting) = oneshot::channel();
    let place = Place { index, status: Arc::clone(&shared.status), failing: failing.clone(), _ended: ended };
    let shared = Arc::clone(shared);
    let handle = Handle::current();
    run_thread(place, move || handle.block_on(shared.keep_alive(index)))?;
    Ok(waiting)
}

fn run_thread(place: Place, work: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    let name = format!("worker-{}", place.index);
    let run = move || {
        let _place = place;
        work();
    };
    std::thread::Builder::new().name(name).spawn(run).context("no thread for a worker")?;
    Ok(())
}

/// A worker's place among the others; given up however its thread ends.
struct Place {
    index: usize,
    status: Arc<Status>,
    failing: mpsc::UnboundedSender<anyhow::Error>,
    /// Whoever waits for the end notices that it is gone.
    _ended: oneshot::Sender<()>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.status.set(self.index, WorkerState::Stopped);
        if std::thread::panicking() {
            // Nobody listens only when the process is ending already.
            let _ = self.failing.send(anyhow!("worker {} broke: the log has why", self.index));
        }
    }
}

impl Shared {
    /// Runs one worker, again and again, until told to stop.
    async fn keep_alive(&self, index: usize) {
        let mut retry = FIRST_RETRY;
        for attempt in 1.. {
            let polled = match self.attempt(index).await {
                Ok(()) => return,
                Err(failed) => failed,
            };
            if *self.stopping.borrow() {
                return;
            }
            if polled.error.is::<Unfit>() {
                // Nobody listens only when the process is ending already.
                let _ = self.unfit.send(polled.error);
                return;
            }
            if polled.began {
                retry = FIRST_RETRY;
            }
            let why = format!("{:#}", polled.error);
            let pause = retry.mul_f64(0.5 + fastrand::f64() / 2.0);
            tracing::warn!(worker = index, attempt, %why, retry_in = ?pause, "Temporal does not let this worker in");
            self.status.set(index, WorkerState::Waiting { attempt: attempt + 1, why: Some(why) });
            retry = (retry * 2).min(SLOWEST_RETRY);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = wait_for_stop(self.stopping.clone()) => return,
            }
        }
    }

    async fn attempt(&self, index: usize) -> Result<(), Failed> {
        let early = |error| Failed { error, began: false };
        let connecting = async {
            connect::attributes(&self.settings.temporal).await?;
            connect::client(&self.settings.temporal, index).await
        };
        let client = tokio::select! {
            client = connecting => client.map_err(early)?,
            () = wait_for_stop(self.stopping.clone()) => return Ok(()),
        };
        let mut worker = self.worker(client).map_err(early)?;
        let stop = worker.shutdown_handle();
        self.status.set(index, WorkerState::Polling { since: Timestamp(chrono::Utc::now()) });
        tracing::info!(worker = index, queue = worker.task_queue(), "polling");
        let told = async {
            wait_for_stop(self.stopping.clone()).await;
            stop();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            result = worker.run() => result.map_err(|error| Failed { error: anyhow!(error), began: true }),
            () = told => Ok(()),
        }
    }

    fn worker(&self, client: Client) -> anyhow::Result<Worker> {
        let queue = &self.settings.temporal.task_queue;
        let options = options::build(queue, &self.settings.worker, &self.services)?;
        let namespace = client.namespace();
        Worker::new(&self.runtime, client, options).with_context(|| format!("no worker for {namespace}/{queue}"))
    }
}

/// A worker that did not get in, or fell out again.
struct Failed {
    error: anyhow::Error,
    began: bool,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::{mpsc, oneshot};

    use super::{Place, run_thread};
    use crate::worker::status::{Status, WorkerState};

    #[tokio::test]
    async fn a_thread_that_breaks_is_stopped_and_told_of() {
        for breaks in [false, true] {
            let status = Arc::new(Status::new(1));
            let ((failing, mut failed), (ended, waiting)) = (mpsc::unbounded_channel(), oneshot::channel());
            let place = Place { index: 0, status: Arc::clone(&status), failing, _ended: ended };
            run_thread(place, move || assert!(!breaks, "broken on purpose")).unwrap();
            waiting.await.unwrap_err();
            assert_eq!(status.now(), [WorkerState::Stopped]);
            assert_eq!(failed.recv().await.is_some(), breaks);
        }
    }
}
