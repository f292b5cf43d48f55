//! The link to Temporal: connects in the background, notices when it is lost, reconnects for ever with a jittered
//! back-off. What is known about it is in [`Link`]; nothing here waits for a person or makes one wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::ExposeSecret as _;
use temporalio_client::grpc::WorkflowService as _;
use temporalio_client::tonic::IntoRequest as _;
use temporalio_client::{
    Client, ClientOptions, ClientTlsOptions, ConnectionOptions, GrpcCompression, RetryOptions, TlsOptions,
};
use temporalio_common::protos::temporal::api::workflowservice::v1::GetSystemInfoRequest;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::config::settings;
use crate::contracts::clock::Timestamp;
use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::link::Link;
use crate::gateway::failure;

/// How long one attempt to connect may take, TLS and first answer included. The second and later get more: a link
/// may be slow and good.
const ATTEMPT: Duration = Duration::from_secs(5);
const PATIENT_ATTEMPT: Duration = Duration::from_secs(12);
/// After this long without any answer the server is asked whether it is there.
const QUIET: Duration = Duration::from_secs(10);
/// How long that may take.
const PING: Duration = Duration::from_secs(3);
const FIRST_BACK_OFF: Duration = Duration::from_millis(250);
const LAST_BACK_OFF: Duration = Duration::from_secs(10);

/// Connects once. `identity` is what Temporal shows as the one who did something; `retries` is what the client does by
/// itself with a call that fails.
pub async fn dial(temporal: &settings::Temporal, identity: &str, retries: RetryOptions) -> Result<Client, Failure> {
    let address = temporal.cluster().address;
    let client = ClientOptions::new(&temporal.namespace).build();
    let options = options(temporal, identity, retries);
    Client::connect(options, client).await.map_err(|error| failure::of_connecting(&address, &error))
}

/// Whether a server is there and answers for real; asked once.
pub async fn answers(temporal: &settings::Temporal, identity: &str) -> bool {
    dial(temporal, identity, RetryOptions::no_retries()).await.is_ok()
}

fn options(temporal: &settings::Temporal, identity: &str, retries: RetryOptions) -> ConnectionOptions {
    // TLS follows the scheme, and `https` without TLS options does not connect. Settings refuse credentials over
    // `http`, where the options would be ignored and the credentials sent in clear.
    let tls = (temporal.address.scheme() == "https").then(|| tls(temporal.tls.as_ref()));
    let headers: HashMap<_, _> =
        temporal.headers.iter().map(|(name, value)| (name.clone(), value.expose_secret().to_owned())).collect();
    ConnectionOptions::new(temporal.address.clone())
        .identity(identity)
        .maybe_api_key(temporal.api_key.as_ref().map(|key| key.expose_secret().to_owned()))
        .maybe_tls_options(tls)
        .headers(headers)
        .connect_timeout(PATIENT_ATTEMPT)
        .grpc_compression(GrpcCompression::None)
        .retry_options(retries)
        .build()
}

fn tls(extra: Option<&settings::Tls>) -> TlsOptions {
    let Some(extra) = extra else { return TlsOptions::default() };
    let identity = extra.client_cert.clone().zip(extra.client_key.as_ref()).map(|(cert, key)| {
        let key = key.expose_secret().as_bytes().to_vec();
        ClientTlsOptions::builder().client_cert(cert).client_private_key(key).build()
    });
    TlsOptions::builder()
        .maybe_server_root_ca_cert(extra.server_ca.clone())
        .maybe_domain(extra.server_name.clone())
        .maybe_client_tls_options(identity)
        .build()
}

/// The link's state, which its task and every caller share.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) settings: settings::Temporal,
    pub(crate) link: watch::Sender<Link>,
    pub(crate) identity: String,
    client: Mutex<Option<Client>>,
    heard: Mutex<Instant>,
    doubt: Notify,
    retry: Notify,
}

impl Wire {
    pub(crate) fn new(settings: settings::Temporal) -> Self {
        let (link, _) = watch::channel(Link::Connecting { attempt: 1, since: now() });
        Self {
            settings,
            link,
            identity: identity(),
            client: Mutex::new(None),
            heard: Mutex::new(Instant::now()),
            doubt: Notify::new(),
            retry: Notify::new(),
        }
    }

    /// The client of the latest connection; none before the first.
    pub(crate) fn client(&self) -> Option<Client> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The server said something: the link is up.
    pub(crate) fn hear(&self) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn heard_since(&self, at: Instant) -> bool {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) > at
    }

    /// A call went unanswered: have a look.
    pub(crate) fn doubt(&self) {
        self.doubt.notify_one();
    }

    /// Ends the wait before the next attempt.
    pub(crate) fn retry_now(&self) {
        self.retry.notify_one();
    }

    /// Keeps the link for as long as anybody holds the gateway.
    pub(crate) async fn keep(self: Arc<Self>) {
        let mut lost = None;
        loop {
            self.reconnect(lost).await;
            lost = Some(self.watch().await);
        }
    }

    /// Tries until it works. `lost` is why a link that was up no longer is; then the first attempt is made at once.
    async fn reconnect(&self, lost: Option<Failure>) {
        let since = now();
        if let Some(failure) = lost {
            self.link.send_replace(Link::Down { failure, since, retry_at: since, attempt: 1 });
        }
        for attempt in 1_u32.. {
            let limit = if attempt == 1 { ATTEMPT } else { PATIENT_ATTEMPT };
            let address = self.settings.cluster().address;
            // Deadlines are per call and belong to the caller: a call that fails is reported, not repeated behind its
            // back.
            let dialling = dial(&self.settings, &self.identity, RetryOptions::no_retries());
            let failure = match timeout(limit, dialling).await {
                Ok(Ok(client)) => {
                    *self.client.lock().unwrap_or_else(PoisonError::into_inner) = Some(client);
                    self.hear();
                    self.link.send_replace(Link::Up { since: now() });
                    return;
                }
                Ok(Err(failure)) => failure,
                Err(_) => silent(&address, limit),
            };
            let delay = back_off(attempt, failure.kind);
            let next = now().plus(delay.into());
            tracing::warn!(attempt, %failure, "no link to Temporal");
            self.link.send_replace(Link::Down { failure, since, retry_at: next, attempt: attempt.saturating_add(1) });
            tokio::select! {
                () = sleep(delay) => {}
                () = self.retry.notified() => {}
            }
        }
    }

    /// Returns why the link is lost, once it is.
    async fn watch(&self) -> Failure {
        loop {
            let quiet = self.heard.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
            tokio::select! {
                () = sleep(QUIET.saturating_sub(quiet)) => {}
                () = self.doubt.notified() => {}
                () = self.retry.notified() => {}
            }
            let Some(client) = self.client() else { continue };
            let asked = Instant::now();
            // A server with too much to do may be slow to answer this, and answer something else meanwhile.
            if let Err(failure) = self.ping(client).await
                && !self.heard_since(asked)
            {
                tracing::warn!(%failure, "the link to Temporal is lost");
                return failure;
            }
        }
    }

    async fn ping(&self, mut client: Client) -> Result<(), Failure> {
        let address = self.settings.cluster().address;
        match timeout(PING, client.get_system_info(GetSystemInfoRequest::default().into_request())).await {
            Ok(Ok(_)) => {
                self.hear();
                Ok(())
            }
            Ok(Err(status)) => match failure::of_status(&format!("reach Temporal at {address}"), &status) {
                trouble if trouble.is_loss() => Err(trouble.into()),
                // Busy, or not willing to answer this: it is there.
                trouble => {
                    tracing::debug!(failure = %trouble.failure(), "the link holds");
                    self.hear();
                    Ok(())
                }
            },
            Err(_) => Err(silent(&address, PING)),
        }
    }
}

fn silent(address: &str, limit: Duration) -> Failure {
    Failure::new(
        FailureKind::Unavailable,
        format!("Temporal at {address} does not answer (waited {} s).", limit.as_secs()),
        "Something takes the connection but says nothing: check the address, the VPN and whether the server hangs.",
    )
}

/// Doubles up to a limit, a quarter off either way, so that many consoles do not knock together. Credentials do not
/// get better by themselves within seconds.
fn back_off(attempt: u32, kind: FailureKind) -> Duration {
    let hopeless = matches!(kind, FailureKind::Unauthenticated | FailureKind::Denied | FailureKind::Invalid);
    let base = if hopeless { LAST_BACK_OFF / 2 } else { FIRST_BACK_OFF };
    let doubled = base.saturating_mul(1 << (attempt - 1).min(10)).min(LAST_BACK_OFF);
    doubled.mul_f64(0.75 + fastrand::f64() / 2.0)
}

/// Who Temporal says did something, where no person is named.
fn identity() -> String {
    let host = rustix::system::uname();
    format!("gatewatch/{}@{}", std::process::id(), host.nodename().to_string_lossy())
}

pub(crate) fn now() -> Timestamp {
    Timestamp(chrono::Utc::now())
}

#[cfg(test)]
mod tests {
    use super::{FailureKind, LAST_BACK_OFF, back_off};
    use std::time::Duration;

    #[test]
    fn the_back_off_grows_to_its_limit_and_scatters() {
        let at = |attempt| back_off(attempt, FailureKind::Unavailable);
        assert!(at(1) < Duration::from_millis(320), "the first retry comes quickly");
        for attempt in [7, 50, u32::MAX] {
            assert!(at(attempt) >= LAST_BACK_OFF.mul_f64(0.74) && at(attempt) <= LAST_BACK_OFF.mul_f64(1.26));
        }
        let distinct: std::collections::BTreeSet<_> = (0..20).map(|_| at(5)).collect();
        assert!(distinct.len() > 10, "clients must not knock together");
        assert!(back_off(1, FailureKind::Unauthenticated) > Duration::from_secs(3));
    }
}
