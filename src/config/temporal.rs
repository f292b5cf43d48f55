//! How to reach Temporal, read as the `temporal` CLI reads it: a profile of `temporal.toml`, over it the `TEMPORAL_*`
//! variables. Credentials never travel in clear: plain `http://` with any of them is refused here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use crate::config::document::Document;
use crate::config::paths::Surroundings;
use crate::config::problem::{Place, Problem};
use crate::config::raw::{self, Secret};
use crate::config::settings::{Temporal, Tls};
use crate::config::sources::Origins;
use crate::config::web;
use crate::contracts::temporal::names::TASK_QUEUE;

/// The profile taken when none is named.
pub const DEFAULT_PROFILE: &str = "default";

const DEFAULT_ADDRESS: &str = "127.0.0.1:7233";
const DEFAULT_NAMESPACE: &str = "default";
const HEADER_VARIABLE: &str = "TEMPORAL_GRPC_META_";

/// `temporal.toml`. Its keys are the CLI's, which may know more of them than this.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    profile: BTreeMap<String, Profile>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Profile {
    address: Option<String>,
    namespace: Option<String>,
    api_key: Option<Secret>,
    tls: Option<RawTls>,
    grpc_meta: BTreeMap<String, Secret>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawTls {
    disabled: Option<bool>,
    server_name: Option<String>,
    disable_host_verification: Option<bool>,
    client_cert_path: Option<String>,
    client_cert_data: Option<String>,
    client_key_path: Option<String>,
    client_key_data: Option<Secret>,
    server_ca_cert_path: Option<String>,
    server_ca_cert_data: Option<String>,
}

/// The connection that all sources together describe.
pub fn connection(raw: &raw::Temporal, origins: &Origins, surroundings: &Surroundings) -> Result<Temporal, Problem> {
    let path = file_path(raw.config_file.as_deref(), origins, surroundings);
    let document = Document::read(&path)?;
    if document.is_none() && raw.config_file.is_some() {
        // Reading none instead would connect elsewhere, and perhaps without credentials.
        return Err(Problem::new(
            origins.place("temporal.config_file"),
            "temporal.config_file",
            format!("There is no {}.", path.display()),
            "Correct the path, or leave it out.",
        ));
    }
    let file: File = document.as_ref().map(Document::parse).transpose()?.unwrap_or_default();
    let name = raw.profile.clone().unwrap_or_else(|| DEFAULT_PROFILE.to_owned());
    let mut profile = chosen(file, &name, &path, origins)?;
    over(&mut profile, surroundings);
    let place = |key: &str| match &document {
        Some(document) => document.place(&format!("profile.{name}.{key}")),
        None => Place::Nowhere,
    };
    let off = profile.tls.as_ref().is_some_and(|tls| tls.disabled == Some(true));
    let section = profile.tls.take().filter(|_| !off);
    let (written, written_at) = match (&raw.address, &profile.address) {
        (Some(address), _) => (address.as_str(), origins.place("temporal.address")),
        (None, Some(address)) => (address.as_str(), place("address")),
        (None, None) => (DEFAULT_ADDRESS, Place::Nowhere),
    };
    let secret = profile.api_key.is_some() || section.is_some();
    let address = address(written, secret && !off, &written_at)?;
    refuse_plaintext(&address, secret || is_secret(&profile.grpc_meta, &address), written_at)?;
    let tls = section.map(|raw| Section { raw, place: place("tls"), folder: path.parent(), surroundings }.read());
    Ok(Temporal {
        profile: name,
        address,
        namespace: raw.namespace.clone().or(profile.namespace).unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()),
        task_queue: raw.task_queue.clone().unwrap_or_else(|| TASK_QUEUE.to_owned()),
        api_key: profile.api_key.map(|key| key.0),
        tls: tls.transpose()?,
        headers: profile.grpc_meta.into_iter().map(|(name, value)| (header(&name), value.0)).collect(),
    })
}

/// The named profile. Only the default one may be missing.
fn chosen(mut file: File, name: &str, path: &Path, origins: &Origins) -> Result<Profile, Problem> {
    match file.profile.remove(name) {
        Some(profile) => Ok(profile),
        None if name == DEFAULT_PROFILE => Ok(Profile::default()),
        None => {
            let known: Vec<_> = file.profile.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "no profile".to_owned() } else { known.join(", ") };
            Err(Problem::new(
                origins.place("temporal.profile"),
                "temporal.profile",
                format!("There is no profile `{name}` in {}, which holds {known}.", path.display()),
                format!(
                    "Name another one, or make it: `temporal config set --profile {name} --prop address --value HOST:PORT`."
                ),
            ))
        }
    }
}

/// The CLI's variables over the profile. Address and namespace are not here: `gatewatch.toml` may set them too.
fn over(profile: &mut Profile, surroundings: &Surroundings) {
    let text = |name: &str| surroundings.variable(name).map(str::to_owned);
    if let Some(key) = text("TEMPORAL_API_KEY") {
        profile.api_key = Some(Secret(key.into()));
    }
    let set =
        surroundings.variables.iter().filter(|(name, value)| name.starts_with("TEMPORAL_TLS") && !value.is_empty());
    if set.count() > 0 {
        over_tls(profile.tls.get_or_insert_default(), &text);
    }
    for (name, value) in &surroundings.variables {
        if let Some(name) = name.strip_prefix(HEADER_VARIABLE) {
            profile.grpc_meta.retain(|known, _| header(known) != header(name));
            if !value.is_empty() {
                profile.grpc_meta.insert(header(name), Secret(value.clone().into()));
            }
        }
    }
}

fn over_tls(tls: &mut RawTls, text: &impl Fn(&str) -> Option<String>) {
    let switch = |name: &str| match text(name)?.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    };
    if let Some(on) = switch("TEMPORAL_TLS") {
        tls.disabled = Some(!on);
    }
    if let Some(off) = switch("TEMPORAL_TLS_DISABLE_HOST_VERIFICATION") {
        tls.disable_host_verification = Some(off);
    }
    let fields = [
        ("TEMPORAL_TLS_SERVER_NAME", &mut tls.server_name),
        ("TEMPORAL_TLS_CLIENT_CERT_PATH", &mut tls.client_cert_path),
        ("TEMPORAL_TLS_CLIENT_CERT_DATA", &mut tls.client_cert_data),
        ("TEMPORAL_TLS_CLIENT_KEY_PATH", &mut tls.client_key_path),
        ("TEMPORAL_TLS_SERVER_CA_CERT_PATH", &mut tls.server_ca_cert_path),
        ("TEMPORAL_TLS_SERVER_CA_CERT_DATA", &mut tls.server_ca_cert_data),
    ];
    for (name, field) in fields {
        if let Some(value) = text(name) {
            *field = Some(value);
        }
    }
    if let Some(key) = text("TEMPORAL_TLS_CLIENT_KEY_DATA") {
        tls.client_key_data = Some(Secret(key.into()));
    }
}

/// The CLI's rule: lower case, hyphens.
fn header(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

fn address(written: &str, tls: bool, place: &Place) -> Result<Url, Problem> {
    let scheme = if tls { "https" } else { "http" };
    let whole = if written.contains("://") { written.to_owned() } else { format!("{scheme}://{written}") };
    let wrong = |why: &str| {
        let fix = "Write `host:7233`, or `https://host:7233` for TLS.";
        Problem::new(place.clone(), "address", format!("`{}` {why}.", web::shown(written)), fix)
    };
    let url = Url::parse(&whole).ok().filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or_else(|| wrong("is no address of a Temporal server"))?;
    // Only a scheme that was written down stands for its usual port.
    let says_port = written.contains("://") || written.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    if says_port { Ok(url) } else { Err(wrong("names no port")) }
}

/// The `temporal.toml` that counts. `config_file` is what the settings name, if they do.
fn file_path(config_file: Option<&str>, origins: &Origins, surroundings: &Surroundings) -> PathBuf {
    match config_file {
        Some(written) => origins.path("temporal.config_file", written, surroundings),
        None => surroundings.config_home.join("temporalio").join("temporal.toml"),
    }
}

/// Where a key of the connection was set. `config_file` is what the settings name for `temporal.toml`, if they do.
pub fn place(
    key: &str,
    profile: &str,
    config_file: Option<&str>,
    origins: &Origins,
    surroundings: &Surroundings,
) -> Place {
    let variable = |wanted: &str| {
        let is_set = |name: &&String| name.starts_with(wanted) && surroundings.variable(name).is_some();
        surroundings.variables.keys().find(is_set).map(|name| Place::Variable(name.clone()))
    };
    let by_variable = match key {
        "api_key" => variable("TEMPORAL_API_KEY"),
        "tls" => variable("TEMPORAL_TLS"),
        _ => None,
    };
    by_variable.unwrap_or_else(|| match Document::read(&file_path(config_file, origins, surroundings)) {
        Ok(Some(document)) => document.place(&format!("profile.{profile}.{key}")),
        Ok(None) | Err(_) => Place::Nowhere,
    })
}

/// Whether headers may hold credentials: any may, under whatever name. Within this machine, where a proxy may add what is
/// missing, only `authorization` counts.
fn is_secret(headers: &BTreeMap<String, Secret>, address: &Url) -> bool {
    if web::is_loopback(address) {
        return headers.keys().any(|name| header(name) == "authorization");
    }
    !headers.is_empty()
}

/// TLS follows the scheme, so `http://` would send the credentials in clear.
fn refuse_plaintext(address: &Url, secret: bool, place: Place) -> Result<(), Problem> {
    if !secret || address.scheme() == "https" {
        return Ok(());
    }
    Err(Problem::new(
        place,
        "address",
        format!(
            "{} is plaintext, but the profile holds credentials, headers or a TLS section: they would travel in clear.",
            web::shown(address.as_str())
        ),
        "Write the address with `https://` or without a scheme, or take the credentials out of the profile.",
    ))
}

/// A TLS section with what is needed to read its files.
struct Section<'a> {
    raw: RawTls,
    place: Place,
    folder: Option<&'a Path>,
    surroundings: &'a Surroundings,
}

impl Section<'_> {
    fn read(self) -> Result<Tls, Problem> {
        let wrong = |why: &str, fix: &str| Problem::new(self.place.clone(), "tls", why, fix);
        if self.raw.disable_host_verification == Some(true) {
            return Err(wrong(
                "disable_host_verification is set, but gatewatch always checks who answers.",
                "Take it out and name the authority in server_ca_cert_path.",
            ));
        }
        let raw = &self.raw;
        let cert = self.pem("client_cert", raw.client_cert_path.as_deref(), raw.client_cert_data.as_deref())?;
        let key_data = raw.client_key_data.as_ref().map(|key| secrecy::ExposeSecret::expose_secret(&key.0));
        let key = self.pem("client_key", raw.client_key_path.as_deref(), key_data)?;
        if cert.is_some() != key.is_some() {
            return Err(wrong(
                "A client certificate and its key belong together, but one of them is missing.",
                "Set client_cert_path and client_key_path, or neither.",
            ));
        }
        let key = key.map(String::from_utf8).transpose();
        let key = key.map_err(|_| wrong("The client key is not PEM.", "Convert it to PEM."))?;
        Ok(Tls {
            server_name: raw.server_name.clone(),
            server_ca: self.pem(
                "server_ca_cert",
                raw.server_ca_cert_path.as_deref(),
                raw.server_ca_cert_data.as_deref(),
            )?,
            client_cert: cert,
            client_key: key.map(SecretString::from),
        })
    }

    fn pem(&self, name: &str, path: Option<&str>, data: Option<&str>) -> Result<Option<Vec<u8>>, Problem> {
        let key = format!("tls.{name}");
        let wrong = |why: String, fix: &str| Problem::new(self.place.clone(), &key, why, fix);
        match (path, data) {
            (Some(_), Some(_)) => Err(wrong(format!("Both {name}_path and {name}_data are set."), "Keep one of them.")),
            (None, None) => Ok(None),
            (None, Some(data)) => Ok(Some(data.as_bytes().to_vec())),
            (Some(path), None) => {
                let path = self.surroundings.absolute(path, self.folder.unwrap_or(Path::new("")));
                std::fs::read(&path).map(Some).map_err(|error| {
                    wrong(
                        format!("{} cannot be read: {error}.", path.display()),
                        "Correct the path or its permissions.",
                    )
                })
            }
        }
    }
}
