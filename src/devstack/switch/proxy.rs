//! The public side of the traffic switch: every request goes to whoever is live when it arrives, and comes back as it
//! was answered. It must not know how that is decided.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::Response;
use url::Url;

use crate::devstack::http::Refusal;
use crate::devstack::switch::state::Live;

/// A backend of this machine that takes longer to accept does not accept.
const CONNECT: Duration = Duration::from_secs(2);
/// How long a backend may be silent within one answer.
const SILENCE: Duration = Duration::from_secs(30);
/// Idle connections are not kept for ever: the version they lead to may be gone, and its port somebody else's.
const IDLE: Duration = Duration::from_secs(10);

/// Headers that are between two neighbours, not between the ends.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::EXPECT,
];

#[derive(Clone, Debug)]
struct Proxy {
    live: Arc<Live>,
    http: reqwest::Client,
}

/// The routes of the public address: all of them.
pub fn routes(live: Arc<Live>) -> anyhow::Result<Router> {
    // Whoever was first is fine: every part of gatewatch installs the same provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .pool_idle_timeout(IDLE)
        .build()
        .context("no HTTP client could be made")?;
    Ok(Router::new().fallback(forward).with_state(Proxy { live, http }))
}

async fn forward(State(proxy): State<Proxy>, request: Request) -> Result<Response, Refusal> {
    // Looked up once: whatever is switched meanwhile, this request stays with this backend.
    let Some(backend) = proxy.live.backend() else {
        return Err(Refusal::unavailable("Nothing is live.", "Deploy a version."));
    };
    let url = address(backend, &request)?;
    let (parts, body) = request.into_parts();
    let mut onward = proxy.http.request(parts.method, url).headers(end_to_end(parts.headers));
    if !body.is_end_stream() {
        onward = onward.body(reqwest::Body::wrap_stream(body.into_data_stream()));
    }
    let answer = onward.send().await.map_err(|error| {
        let error = anyhow::Error::new(error.without_url());
        tracing::warn!(%backend, error = format!("{error:#}"), "the live version does not answer");
        Refusal::unavailable(format!("The live version at {backend} does not answer."), "Look whether it still runs.")
    })?;
    let (mut parts, body) = axum::http::Response::from(answer).into_parts();
    parts.headers = end_to_end(parts.headers);
    Ok(Response::from_parts(parts, Body::new(body)))
}

fn address(backend: SocketAddr, request: &Request) -> Result<Url, Refusal> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    // `OPTIONS *` would otherwise become part of the port.
    let path = path.strip_prefix('/');
    path.and_then(|path| Url::parse(&format!("http://{backend}/{path}")).ok())
        .ok_or_else(|| Refusal::invalid("The request names no path.", "Ask for a path that begins with a slash."))
}

/// Without what concerned only the connection it came over.
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in HOP_BY_HOP.iter().chain(&named).chain([&HeaderName::from_static("keep-alive")]) {
        headers.remove(name);
    }
    headers
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn headers_of_one_connection_stay_with_it() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "x-hop, keep-alive"),
            ("x-hop", "1"),
            ("keep-alive", "5"),
            ("transfer-encoding", "chunked"),
            ("host", "shop"),
            ("content-length", "3"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let mut left: Vec<String> = end_to_end(headers).keys().map(ToString::to_string).collect();
        left.sort();
        assert_eq!(left, ["content-length", "host"]);
    }
}
