//! `gatewatch demo-service`: one version of a service that takes orders, for real: HTTP, a database, metrics, and faults
//! that can be switched on. It must not know who deploys it or what watches it.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, watch};

use crate::contracts::ids::{CommitSha, ServiceName, Version};
use crate::devstack::http::{self, Refusal, Stop};
use crate::devstack::lifeline::Lifeline;
use crate::devstack::service::database::Database;
use crate::devstack::service::fault::{Fault, FaultBody, Pattern};
use crate::devstack::service::metrics::{DatabaseState, Metrics};
use crate::headless::signals;

pub mod database;
pub mod fault;
pub mod metrics;

/// From this release on a payment that fails is tried again. It is what the migration of `v42` is for.
const RETRIES_SINCE: u32 = 42;
const ATTEMPTS: u32 = 3;
const ITEMS: [&str; 5] = ["green tea", "black tea", "kettle", "teapot", "strainer"];
const FAULT_EXAMPLE: &str = r#"{"fault":"errors|latency|health|database|none"}, one of the five"#;

/// Arguments of `gatewatch demo-service`.
#[derive(Clone, Debug, clap::Args)]
#[command(disable_version_flag = true)]
pub struct ServiceArgs {
    /// Where it answers
    #[arg(long, value_name = "ADDR")]
    pub listen: SocketAddr,
    #[command(flatten)]
    pub options: ServiceOptions,
}

/// Which version it is, and what it needs.
#[derive(Clone, Debug, clap::Args)]
pub struct ServiceOptions {
    /// What it calls itself
    #[arg(long, value_name = "NAME", default_value = "checkout")]
    pub name: ServiceName,
    /// Its release
    #[arg(long, value_name = "VERSION")]
    pub version: Version,
    /// What the release was made of
    #[arg(long, value_name = "SHA")]
    pub commit: CommitSha,
    /// Its SQLite database, already migrated
    #[arg(long, value_name = "FILE")]
    pub database: PathBuf,
    /// Ends when the connection to this address closes
    #[arg(long, value_name = "ADDR")]
    pub lifeline: Option<SocketAddr>,
}

/// Answer of `/version`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub version: Version,
    pub commit: CommitSha,
}

/// Answer of `/healthz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    pub healthy: bool,
    pub database: DatabaseState,
}

/// Answer of `/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    pub service: String,
    pub version: Version,
    pub order: i64,
    pub item: String,
    pub orders: i64,
    /// How often a payment is tried; releases that try once do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_attempts: Option<u32>,
    pub message: String,
}

#[derive(Debug)]
struct Service {
    name: ServiceName,
    identity: Identity,
    database: Database,
    metrics: Metrics,
    fault: watch::Sender<Fault>,
    pattern: Pattern,
    /// Held while a fault is switched, so that two at once end with one of them, whole.
    switching: Mutex<()>,
}

type Shared = State<Arc<Service>>;

/// Serves until SIGTERM, SIGINT or the end of its lifeline.
pub async fn run(args: ServiceArgs) -> anyhow::Result<()> {
    let told = signals::stopped(signals::listen()?);
    let listen = args.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("the service cannot listen on {listen}"))?;
    run_with_listener(args.options, listener, told).await
}

/// The same on a listener that is there already, until `shutdown`: tests bind port 0.
pub async fn run_with_listener(
    options: ServiceOptions,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let lifeline = Lifeline::grasp(options.lifeline).await?;
    let service = Arc::new(Service {
        name: options.name,
        identity: Identity { version: options.version, commit: options.commit },
        database: Database::open(&options.database),
        metrics: Metrics::new()?,
        fault: watch::Sender::new(Fault::None),
        pattern: Pattern::default(),
        switching: Mutex::new(()),
    });
    let stop = Stop::when(async move {
        tokio::select! {
            () = shutdown => tracing::info!("told to end"),
            () = lifeline.closed() => tracing::info!("the lifeline closed"),
        }
    });
    let Identity { version, commit } = &service.identity;
    tracing::info!(name = %service.name, %version, commit = commit.short(), address = %listener.local_addr()?, "listening");
    http::serve(listener, routes(&service), stop).await?;
    service.database.close().await;
    Ok(())
}

fn routes(service: &Arc<Service>) -> Router {
    let business = Router::new().route("/", get(order)).route_layer(from_fn_with_state(Arc::clone(service), count));
    Router::new()
        .merge(business)
        .route("/version", get(version))
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
        .route("/fault", get(read_fault).put(set_fault))
        .with_state(Arc::clone(service))
}

async fn count(State(service): Shared, request: Request, next: Next) -> Response {
    let counted = service.metrics.begin();
    let response = next.run(request).await;
    counted.served(response.status());
    response
}

async fn order(State(service): Shared) -> Result<Json<Receipt>, Refusal> {
    let fault = *service.fault.borrow();
    tokio::time::sleep(fault.delay()).await;
    if fault == Fault::Errors && service.pattern.next_fails() {
        return Err(Refusal::internal("The payment could not be taken.", "Order again."));
    }
    let item = *fastrand::choice(&ITEMS).unwrap_or(&"tea");
    let taken = service.database.order(item).await.map_err(|error| {
        tracing::warn!(%error, "an order was lost");
        Refusal::unavailable("No order can be taken: the database is lost.", "Order again later.")
    })?;
    let version = service.identity.version.clone();
    let payment_attempts = retries(&version).then_some(ATTEMPTS);
    let payment = match payment_attempts {
        Some(attempts) => format!("a payment that fails is tried {attempts} times"),
        None => "a payment is tried once".to_owned(),
    };
    Ok(Json(Receipt {
        message: format!("Order {} is taken by {} {version}: {payment}.", taken.number, service.name),
        service: service.name.to_string(),
        version,
        order: taken.number,
        item: item.to_owned(),
        orders: taken.orders,
        payment_attempts,
    }))
}

/// Whether this release tries a payment again.
fn retries(version: &Version) -> bool {
    let digits: String = version.as_str().trim_start_matches('v').chars().take_while(char::is_ascii_digit).collect();
    digits.parse::<u32>().is_ok_and(|release| release >= RETRIES_SINCE)
}

async fn version(State(service): Shared) -> Json<Identity> {
    Json(service.identity.clone())
}

async fn health(State(service): Shared) -> (StatusCode, Json<Health>) {
    let database = service.look().await;
    let healthy = database == DatabaseState::Ok && *service.fault.borrow() != Fault::Health;
    let status = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Health { healthy, database }))
}

async fn metrics(State(service): Shared) -> Result<Response, Refusal> {
    let text = service.metrics.text(service.look().await);
    let text = text.map_err(|error| Refusal::internal(format!("{error:#}."), ""))?;
    Ok(([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response())
}

async fn read_fault(State(service): Shared) -> Json<FaultBody> {
    Json(FaultBody { fault: *service.fault.borrow() })
}

async fn set_fault(State(service): Shared, body: Bytes) -> Result<Json<FaultBody>, Refusal> {
    let FaultBody { fault } = http::read(&body, FAULT_EXAMPLE)?;
    // A caller that goes away must not leave it half switched.
    let switching = tokio::spawn(async move { service.switch(fault).await });
    let interrupted = |_| Refusal::internal("The fault could not be switched.", "Try again.");
    switching.await.map_err(interrupted)?;
    Ok(Json(FaultBody { fault }))
}

impl Service {
    async fn look(&self) -> DatabaseState {
        if self.database.is_there().await { DatabaseState::Ok } else { DatabaseState::Lost }
    }

    async fn switch(&self, fault: Fault) {
        let _alone = self.switching.lock().await;
        let before = self.fault.send_replace(fault);
        match (before == Fault::Database, fault == Fault::Database) {
            (false, true) => self.database.lose().await,
            (true, false) => self.database.recover().await,
            (false, false) | (true, true) => {}
        }
        tracing::info!(%before, now = %fault, "fault switched");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_knows_what_it_does_with_payments() {
        for (version, expected) in [("v41", false), ("v42", true), ("v43.1", true), ("42", true), ("main", false)] {
            assert_eq!(retries(&Version::new(version)), expected, "{version}");
        }
    }
}
