//! `gatewatch demo-switch`: the traffic switch of the demo. One public address, behind which all traffic goes to one
//! version, and an admin address that says which. It must not know what is deployed.

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;

use crate::contracts::text;
use crate::devstack::http::{self, Refusal, Stop};
use crate::devstack::switch::state::{Live, Route};
use crate::headless::signals;

pub mod proxy;
pub mod state;

const ROUTE_EXAMPLE: &str = r#"{"backend":"127.0.0.1:4001","deploymentId":"d-1","version":"v41","commit":"9f2c1ab","since":"2026-01-31T12:00:00Z"}"#;

/// Arguments of `gatewatch demo-switch`.
#[derive(Clone, Debug, clap::Args)]
pub struct SwitchArgs {
    /// The public address
    #[arg(long, value_name = "ADDR")]
    pub listen: SocketAddr,
    /// Where the traffic is switched: `GET` and `PUT /switch`
    #[arg(long, value_name = "ADDR")]
    pub admin: SocketAddr,
    /// Remembers what is live
    #[arg(long, value_name = "FILE")]
    pub state: PathBuf,
}

/// The sockets of a switch.
#[derive(Debug)]
pub struct Listeners {
    pub public: TcpListener,
    pub admin: TcpListener,
}

/// Switches until SIGTERM or SIGINT.
pub async fn run(args: SwitchArgs) -> anyhow::Result<()> {
    let told = signals::stopped(signals::listen()?);
    let listeners = Listeners { public: bind(args.listen).await?, admin: bind(args.admin).await? };
    run_with_listeners(&args.state, listeners, told).await
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("the traffic switch cannot listen on {address}"))
}

/// The same on listeners that are there already, until `shutdown`: tests bind port 0.
pub async fn run_with_listeners(
    state: &Path,
    listeners: Listeners,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let live = Arc::new(Live::restore(state)?);
    let (public, admin) = (listeners.public.local_addr()?, listeners.admin.local_addr()?);
    tracing::info!(%public, %admin, backend = ?live.backend(), "the traffic switch listens");
    let stop = Stop::when(shutdown);
    let switching = Arc::new(Admin { live: Arc::clone(&live), own: [public, admin] });
    tokio::try_join!(
        http::serve(listeners.public, proxy::routes(live)?, stop.clone()),
        http::serve(listeners.admin, admin_routes(switching), stop),
    )?;
    Ok(())
}

#[derive(Debug)]
struct Admin {
    live: Arc<Live>,
    /// Our own addresses: traffic sent there would go round for ever.
    own: [SocketAddr; 2],
}

fn admin_routes(admin: Arc<Admin>) -> Router {
    Router::new().route("/switch", get(read_route).put(set_route)).with_state(admin)
}

async fn read_route(State(admin): State<Arc<Admin>>) -> Result<Json<Route>, Refusal> {
    admin.live.route().map(Json).ok_or_else(|| Refusal::not_found("Nothing is live.", "Deploy a version."))
}

async fn set_route(State(admin): State<Arc<Admin>>, body: Bytes) -> Result<Json<Route>, Refusal> {
    let route: Route = http::read(&body, ROUTE_EXAMPLE)?;
    check(&route, &admin.own)?;
    // A caller that goes away must not leave the file ahead of the traffic.
    let live = Arc::clone(&admin.live);
    let replacing = tokio::spawn({
        let route = route.clone();
        async move { live.replace(route).await }
    });
    let replaced = replacing.await.context("switching was interrupted").flatten();
    replaced.map_err(|error| {
        tracing::error!(error = format!("{error:#}"), "the traffic was not switched");
        Refusal::internal(format!("The traffic was not switched: {error:#}."), "Look at the disk, then try again.")
    })?;
    let (backend, version) = (route.backend, text::line(route.version.as_str()));
    tracing::info!(%backend, %version, deployment = %text::line(route.deployment_id.as_str()), "traffic switched");
    Ok(Json(route))
}

fn check(route: &Route, own: &[SocketAddr]) -> Result<(), Refusal> {
    let problem = if route.deployment_id.is_empty() {
        "`deploymentId` is empty"
    } else if route.version.is_empty() {
        "`version` is empty"
    } else if route.commit.is_empty() {
        "`commit` is empty"
    } else if route.backend.port() == 0 {
        "`backend` has no port"
    } else if own.contains(&route.backend) {
        "`backend` is the switch itself"
    } else {
        return Ok(());
    };
    Err(Refusal::invalid(format!("The traffic stays where it is: {problem}."), format!("Send {ROUTE_EXAMPLE}.")))
}
