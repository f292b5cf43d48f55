//! From what was written to what it means: defaults filled in, texts parsed, paths made absolute, contradictions
//! refused. Each problem names its place, its key and its remedy.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::config::paths::Surroundings;
use crate::config::problem::{Place, Problem};
use crate::config::raw::{self, Raw};
use crate::config::settings::{
    Console, Coordinator, CoordinatorClient, Database, Journey, ProcessTarget, Service, Settings, Store, Target,
    UNKNOWN_ACTOR, View, Worker,
};
use crate::config::sources::{Origins, Sources};
use crate::config::temporal;
use crate::config::web;
use crate::contracts::ids::{Environment, ServiceName};

const TOKEN_FILE: &str = "coordinator_client.token_file";

/// The whole, checked.
pub fn settings(raw: &Raw, origins: &Origins, sources: Sources) -> Result<Settings, Problem> {
    let surroundings = &sources.surroundings;
    let check = Check { origins, surroundings };
    let console = check.console(&raw.console)?;
    let services = raw.services.iter().map(|(name, service)| {
        let name = ServiceName::new(name.as_str());
        Ok((name.clone(), check.service(name, service)?))
    });
    Ok(Settings {
        temporal: temporal::connection(&raw.temporal, origins, surroundings)?,
        worker: check.worker(&raw.worker)?,
        coordinator: check.coordinator(&raw.coordinator, &console.state_dir)?,
        coordinator_client: check.coordinator_client(&raw.coordinator_client)?,
        services: services.collect::<Result<BTreeMap<_, _>, _>>()?,
        dispatcher: check.dispatcher(&raw.dispatcher)?,
        agents: check.agents(&raw.agents)?,
        specs_folder: match raw.specs.folder.as_deref() {
            Some(folder) => check.path("specs.folder", folder),
            None => console.config_dir.join("specs"),
        },
        console,
        sources,
    })
}

/// What every check needs to know.
pub(super) struct Check<'a> {
    origins: &'a Origins,
    surroundings: &'a Surroundings,
}

/// The views there are where none are configured.
const SHIPPED_VIEWS: [(&str, &str); 2] =
    [("running", "ExecutionStatus = 'Running'"), ("failed", "ExecutionStatus IN ('Failed', 'TimedOut', 'Terminated')")];

impl Check<'_> {
    fn worker(&self, raw: &raw::Worker) -> Result<Worker, Problem> {
        if raw.concurrency == Some(0) {
            return Err(self.wrong("worker.concurrency", "A worker that may do nothing.", "Give 1 or more."));
        }
        if raw.workers.is_some_and(|workers| workers == 0 || workers > 64) {
            return Err(self.wrong("worker.workers", "It is not between 1 and 64.", "Give a number of that range."));
        }
        let drain = raw.drain.as_deref().map(|text| self.duration("worker.drain", text)).transpose()?;
        Ok(Worker {
            workers: raw.workers.unwrap_or(1),
            concurrency: raw.concurrency.unwrap_or(50),
            listen: raw.listen.as_deref().map(|text| self.listen("worker.listen", text)).transpose()?,
            drain: drain.unwrap_or(Duration::from_secs(20)),
        })
    }

    fn coordinator(&self, raw: &raw::Coordinator, state: &Path) -> Result<Coordinator, Problem> {
        let signing_key = raw.signing_key.as_deref().map(|path| self.path("coordinator.signing_key", path));
        let service_accounts = self.service_accounts(&raw.service_accounts)?;
        Ok(Coordinator {
            listen: self.listen("coordinator.listen", raw.listen.as_deref().unwrap_or("127.0.0.1:7400"))?,
            signing_key: signing_key.unwrap_or_else(|| state.join("coordinator.key")),
            store: self.store(raw.store.as_ref(), state)?,
            people: self.people(&raw.people)?,
            nats: raw.nats.as_ref().map(|raw| self.nats(raw, &service_accounts)).transpose()?,
            service_accounts,
            routes: self.routes(&raw.routes)?,
        })
    }

    /// What is wrong is told without the URL: it may hold a password.
    fn store(&self, raw: Option<&raw::Secret>, state: &Path) -> Result<Store, Problem> {
        const KEY: &str = "coordinator.store";
        let Some(raw::Secret(url)) = raw else { return Ok(Store::Sqlite(state.join("coordinator.db"))) };
        match url.expose_secret().split_once("://") {
            Some(("sqlite", file)) if !file.is_empty() && !file.contains('?') => {
                Ok(Store::Sqlite(self.path(KEY, file)))
            }
            Some(("postgres" | "postgresql", _)) if Url::parse(url.expose_secret()).is_ok() => {
                Ok(Store::Postgres(url.clone()))
            }
            _ => Err(self.wrong(
                KEY,
                "It is no URL of a database.",
                "Write `sqlite:///path/to/file`, or `postgres://user@host/database`.",
            )),
        }
    }

    /// Of a token, which is nowhere but with its owner.
    pub(super) fn digest(&self, key: &str, written: &str) -> Result<String, Problem> {
        let digest = written.trim().to_ascii_lowercase();
        if digest.len() == 64 && digest.chars().all(|c| c.is_ascii_hexdigit()) {
            return Ok(digest);
        }
        Err(self.wrong(key, "It is no SHA-256 in hex.", "Make it with `printf %s \"$TOKEN\" | sha256sum`."))
    }

    fn coordinator_client(&self, raw: &raw::CoordinatorClient) -> Result<Option<CoordinatorClient>, Problem> {
        const URL: &str = "coordinator_client.url";
        let Some(written) = &raw.url else { return Ok(None) };
        let url = self.url(URL, written)?;
        let token = match (&raw.token, &raw.token_file) {
            (Some(token), Some(file)) => match self.stronger("coordinator_client.token", TOKEN_FILE) {
                Ordering::Greater => Some(token.0.clone()),
                Ordering::Less => Some(self.token(file)?),
                Ordering::Equal => {
                    return Err(self.wrong(TOKEN_FILE, "Both token and token_file are set.", "Keep one of them."));
                }
            },
            (Some(token), None) => Some(token.0.clone()),
            (None, Some(file)) => Some(self.token(file)?),
            (None, None) => None,
        };
        let clear = url.scheme() == "http" && !web::is_loopback(&url);
        if clear && token.is_some() && raw.allow_plaintext != Some(true) {
            return Err(self.wrong(
                URL,
                format!(
                    "{} is plaintext to another machine: the token would travel in clear.",
                    web::shown(url.as_str())
                ),
                "Use `https://`, or set coordinator_client.allow_plaintext where the network itself is private.",
            ));
        }
        Ok(Some(CoordinatorClient { url, token }))
    }

    fn token(&self, file: &str) -> Result<SecretString, Problem> {
        self.secret(TOKEN_FILE, file)
    }

    /// What the file that a key names holds, without the line's end.
    pub(super) fn secret(&self, key: &str, file: &str) -> Result<SecretString, Problem> {
        let text = self.read(key, file)?;
        if text.trim().is_empty() {
            let why = format!("{} is empty.", self.path(key, file).display());
            return Err(self.wrong(key, why, "Write the token into it."));
        }
        Ok(text.trim().into())
    }

    /// The text of the file that a key names.
    pub(super) fn read(&self, key: &str, file: &str) -> Result<String, Problem> {
        let path = self.path(key, file);
        std::fs::read_to_string(&path).map_err(|error| {
            let why = format!("{} cannot be read: {error}.", path.display());
            self.wrong(key, why, "Correct the path or its permissions.")
        })
    }

    fn console(&self, raw: &raw::Console) -> Result<Console, Problem> {
        let dir =
            |key: &str, written: Option<&str>, default: PathBuf| written.map_or(default, |path| self.path(key, path));
        let user = ["USER", "LOGNAME"].iter().find_map(|name| self.surroundings.variable(name));
        let views = match &raw.views {
            Some(views) => self.views(views)?,
            None => SHIPPED_VIEWS.map(|(name, query)| View { name: name.to_owned(), query: query.to_owned() }).into(),
        };
        Ok(Console {
            theme: raw.theme.clone().unwrap_or_else(|| "dark".to_owned()),
            keymap: raw.keymap.clone().unwrap_or_else(|| "default".to_owned()),
            read_only: raw.read_only.unwrap_or(false),
            bell: raw.bell.unwrap_or(true),
            desktop_notifications: raw.desktop_notifications.unwrap_or(true),
            typed_production: raw.typed_production.unwrap_or(true),
            direct_rollback: raw.direct_rollback.unwrap_or(true),
            config_dir: dir("console.config_dir", raw.config_dir.as_deref(), self.surroundings.config_dir()),
            state_dir: dir("console.state_dir", raw.state_dir.as_deref(), self.surroundings.state_dir()),
            actor: raw.actor.clone().unwrap_or_else(|| user.unwrap_or(UNKNOWN_ACTOR).to_owned()),
            views,
        })
    }

    /// A view is told from another by its name, and by its query which of them is shown.
    fn views(&self, raw: &[raw::View]) -> Result<Vec<View>, Problem> {
        let mut views: Vec<View> = Vec::with_capacity(raw.len());
        for (at, one) in raw.iter().enumerate() {
            let view = self.view(at, one)?;
            for (part, same) in [
                ("name", views.iter().any(|known| known.name == view.name)),
                ("query", views.iter().any(|known| known.query == view.query)),
            ] {
                if same {
                    let key = format!("console.views[{at}].{part}");
                    return Err(self.wrong(&key, format!("Another view has the same {part}."), "Keep one of them."));
                }
            }
            views.push(view);
        }
        Ok(views)
    }

    fn view(&self, at: usize, raw: &raw::View) -> Result<View, Problem> {
        let part = |name: &str, written: Option<&str>| {
            let key = format!("console.views[{at}].{name}");
            let text = self.required(&key, written)?;
            if text.contains(char::is_control) {
                return Err(self.wrong(&key, "It is more than one line.", "Write it in one."));
            }
            Ok(text)
        };
        Ok(View { name: part("name", raw.name.as_deref())?, query: part("query", raw.query.as_deref())? })
    }

    fn service(&self, name: ServiceName, raw: &raw::Service) -> Result<Service, Problem> {
        let key = |part: &str| format!("services.{name}.{part}");
        let route =
            |part: &str, written: Option<&str>, default: &str| self.route(&key(part), written.unwrap_or(default));
        let target = raw.target.as_ref().ok_or_else(|| {
            self.wrong(&key("target"), "It is missing.", "Add a table that says where versions of the service run.")
        })?;
        let journeys = raw.journeys.iter().enumerate();
        Ok(Service {
            environment: raw.environment.as_deref().map_or_else(Environment::production, Environment::new),
            public_url: self.required_url(&key("public_url"), raw.public_url.as_deref())?,
            health_path: route("health_path", raw.health_path.as_deref(), "/healthz")?,
            metrics_path: route("metrics_path", raw.metrics_path.as_deref(), "/metrics")?,
            version_path: route("version_path", raw.version_path.as_deref(), "/version")?,
            repository: self.required_path(&key("repository"), raw.repository.as_deref())?,
            branch: raw.branch.clone().unwrap_or_else(|| "main".to_owned()),
            database: raw.database.as_ref().map(|raw| self.database(&key("database"), raw)).transpose()?,
            target: self.target(&key("target"), target)?,
            records: self.required_path(&key("records"), raw.records.as_deref())?,
            journeys: journeys
                .map(|(at, raw)| self.journey(&key(&format!("journeys[{at}]")), raw))
                .collect::<Result<_, _>>()?,
            not_applicable: raw.not_applicable.clone(),
            name,
        })
    }

    fn database(&self, key: &str, raw: &raw::Database) -> Result<Database, Problem> {
        Ok(Database {
            file: self.required_path(&format!("{key}.file"), raw.file.as_deref())?,
            migrations: raw.migrations.clone().unwrap_or_else(|| "migrations".to_owned()),
            backups: self.required_path(&format!("{key}.backups"), raw.backups.as_deref())?,
        })
    }

    fn target(&self, key: &str, raw: &raw::Target) -> Result<Target, Problem> {
        let kind = format!("{key}.kind");
        let written = self.required(&kind, raw.kind.as_deref())?;
        if written != "process" {
            let why = format!("There is no deploy target `{written}`.");
            return Err(self.wrong(&kind, why, "The one there is is `process`."));
        }
        if raw.command.is_empty() {
            let command = format!("{key}.command");
            return Err(self.wrong(&command, "It is missing.", "Give the program and its arguments as a list."));
        }
        Ok(Target::Process(ProcessTarget {
            command: raw.command.clone(),
            switch: self.required_url(&format!("{key}.switch"), raw.switch.as_deref())?,
            state: self.required_path(&format!("{key}.state"), raw.state.as_deref())?,
        }))
    }

    fn journey(&self, key: &str, raw: &raw::Journey) -> Result<Journey, Problem> {
        let path = self.required(&format!("{key}.path"), raw.path.as_deref())?;
        Ok(Journey {
            name: self.required(&format!("{key}.name"), raw.name.as_deref())?,
            path: self.route(&format!("{key}.path"), &path)?,
            expect_status: raw.expect_status.unwrap_or(200),
            expect_text: raw.expect_text.clone(),
            critical: raw.critical.unwrap_or(true),
        })
    }

    pub(super) fn place(&self, key: &str) -> Place {
        self.origins.place(key)
    }

    pub(super) fn wrong(&self, key: &str, why: impl Into<String>, fix: &str) -> Problem {
        Problem::new(self.origins.place(key), key, why, fix)
    }

    /// Which of two keys was set where more weight is given: a flag goes over a variable, which goes over the file.
    fn stronger(&self, left: &str, right: &str) -> Ordering {
        let weight = |key: &str| match self.origins.place(key) {
            Place::Flag(_) => 2,
            Place::Variable(_) => 1,
            Place::File { .. } | Place::Nowhere => 0,
        };
        weight(left).cmp(&weight(right))
    }

    pub(super) fn required(&self, key: &str, written: Option<&str>) -> Result<String, Problem> {
        match written.map(str::trim) {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => {
                let table = key.rsplit_once('.').map_or(key, |(table, _)| table);
                Err(Problem::new(
                    self.origins.place(table),
                    key,
                    "It is missing.",
                    "Add it; `gatewatch config --example` shows how.",
                ))
            }
        }
    }

    fn required_path(&self, key: &str, written: Option<&str>) -> Result<PathBuf, Problem> {
        self.required(key, written).map(|path| self.path(key, &path))
    }

    pub(super) fn required_url(&self, key: &str, written: Option<&str>) -> Result<Url, Problem> {
        self.required(key, written).and_then(|url| self.url(key, &url))
    }

    pub(super) fn path(&self, key: &str, written: &str) -> PathBuf {
        self.origins.path(key, written, self.surroundings)
    }

    pub(super) fn url(&self, key: &str, written: &str) -> Result<Url, Problem> {
        let parsed = Url::parse(written).ok().filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"));
        parsed.ok_or_else(|| {
            self.wrong(
                key,
                format!("`{}` is no web address.", web::shown(written)),
                "Write it like `http://127.0.0.1:7400`.",
            )
        })
    }

    fn route(&self, key: &str, written: &str) -> Result<String, Problem> {
        if written.starts_with('/') {
            return Ok(written.to_owned());
        }
        Err(self.wrong(key, format!("`{written}` does not begin with a slash."), "Write it like `/healthz`."))
    }

    fn listen(&self, key: &str, written: &str) -> Result<SocketAddr, Problem> {
        written.parse().map_err(|_| {
            let why = format!("`{written}` is no address to listen on.");
            self.wrong(key, why, "Write an IP address and a port, like `127.0.0.1:7400`.")
        })
    }

    pub(super) fn duration(&self, key: &str, written: &str) -> Result<Duration, Problem> {
        duration(written).ok_or_else(|| {
            self.wrong(key, format!("`{written}` is no duration."), "Write it like `500ms`, `30s`, `10m` or `2h`.")
        })
    }
}

/// `500ms`, `30s`, `10m`, `2h`.
pub fn duration(written: &str) -> Option<Duration> {
    let unit = written.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = written.split_at(unit);
    let number: u64 = number.parse().ok()?;
    let millis = match unit.trim() {
        "ms" => 1,
        "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}
