//! The configured services, and the HTTP client that looks at them. Everything an activity needs from the worker.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use url::Url;

use crate::activities::error::{Cause, permanent};
use crate::config::settings::{Database, Service};
use crate::contracts::ids::ServiceName;
use crate::contracts::temporal::activities::Subject;

/// Shared by all activities of a worker.
#[derive(Debug)]
pub struct Services {
    services: BTreeMap<ServiceName, Service>,
    http: reqwest::Client,
}

impl Services {
    /// The longest that anything may take to answer one request.
    pub const HTTP_DEADLINE: Duration = Duration::from_secs(5);

    pub fn new(services: BTreeMap<ServiceName, Service>) -> anyhow::Result<Self> {
        // Whoever was first is fine: every part of gatewatch installs the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .timeout(Self::HTTP_DEADLINE)
            .connect_timeout(Duration::from_secs(2))
            // A probe must be answered by what it asks: no proxy's word, no page that a redirect leads to.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("gatewatch/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("no HTTP client could be made")?;
        Ok(Self { services, http })
    }

    pub fn get(&self, name: &ServiceName) -> anyhow::Result<&Service> {
        self.services.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.services.keys().map(ServiceName::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            permanent(
                Cause::UnknownService,
                format!(
                    "this worker knows no service `{name}` (it knows: {known}): add [services.{name}] to gatewatch.toml"
                ),
            )
        })
    }

    /// The service that a subject names, if it is configured for the environment that people were told.
    pub fn of(&self, subject: &Subject) -> anyhow::Result<&Service> {
        let service = self.get(&subject.service)?;
        if service.environment != subject.environment {
            let message = format!(
                "service `{}` is configured for the environment `{}`, not for `{}`: name the one that is meant",
                service.name, service.environment, subject.environment
            );
            return Err(permanent(Cause::InvalidRequest, message));
        }
        Ok(service)
    }

    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }
}

impl Service {
    /// An address of the service as people reach it.
    pub fn public(&self, path: &str) -> anyhow::Result<Url> {
        join(&self.public_url, path)
    }

    pub fn database(&self) -> anyhow::Result<&Database> {
        self.database.as_ref().ok_or_else(|| {
            permanent(Cause::Configuration, format!("service `{}` has no [database] in gatewatch.toml", self.name))
        })
    }
}

/// `base` with `path` in place of its own; a path beginning with `//` must not name another host.
pub fn join(base: &Url, path: &str) -> anyhow::Result<Url> {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let mut url = base.clone();
    let prefix = base.path().trim_end_matches('/');
    url.set_path(&format!("{prefix}/{}", path.trim_start_matches('/')));
    url.set_query(query);
    url.set_fragment(None);
    Ok(url)
}
