//! A service to work on: a real repository and a real database in a folder that goes away.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use gatewatch::activities::services::Services;
use gatewatch::config::settings::{Database, ProcessTarget, Service, Target};
use gatewatch::contracts::ids::{CommitSha, DeploymentId, Environment, ServiceName};
use gatewatch::contracts::temporal::activities::{DeploymentRef, GoLive};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Executor as _};
use tempfile::TempDir;
use temporalio_sdk::activities::ActivityError;
use temporalio_sdk::testing::ActivityEnvironmentError;
use url::Url;

pub(crate) const SERVICE: &str = "checkout";

/// The folder, and what is in it.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) service: Service,
}

impl World {
    /// An empty repository, and a database with one migration and a few orders.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let service = Service {
            name: ServiceName::new(SERVICE),
            environment: Environment::production(),
            public_url: Url::parse("http://127.0.0.1:9").unwrap(),
            health_path: "/healthz".to_owned(),
            metrics_path: "/metrics".to_owned(),
            version_path: "/version".to_owned(),
            repository: path("repository"),
            branch: "release".to_owned(),
            database: Some(Database {
                file: path("shop.db"),
                migrations: "migrations".to_owned(),
                backups: path("backups"),
            }),
            target: Target::Process(ProcessTarget {
                command: Vec::new(),
                switch: Url::parse("http://127.0.0.1:9").unwrap(),
                state: path("state"),
            }),
            records: path("records"),
            journeys: Vec::new(),
            not_applicable: Vec::new(),
        };
        fs::create_dir(&service.repository).unwrap();
        let world = Self { folder, service };
        world.git(&["init", "--quiet", "--initial-branch=release"]);
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn services(&self) -> Arc<Services> {
        let services = BTreeMap::from([(self.service.name.clone(), self.service.clone())]);
        Arc::new(Services::new(services).unwrap())
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .arg("-C")
            .arg(&self.service.repository)
            .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"])
            .args(args)
            .output()
            .unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Commits the files given, beside those that are there.
    pub(crate) fn commit(&self, subject: &str, files: &[(&str, &str)]) -> CommitSha {
        for (path, content) in files {
            let path = self.service.repository.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", subject]);
        CommitSha::new(self.git(&["rev-parse", "HEAD"]))
    }

    pub(crate) fn database(&self) -> &Database {
        self.service.database.as_ref().unwrap()
    }

    /// The live database, made when it is not there, as its service has it open.
    pub(crate) async fn live(&self) -> SqliteConnection {
        open(&self.database().file).await
    }
}

pub(crate) async fn open(file: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(file).create_if_missing(true).connect().await.unwrap()
}

pub(crate) async fn sql(connection: &mut SqliteConnection, script: &str) {
    connection.execute(sqlx::AssertSqlSafe(script.to_owned())).await.unwrap();
}

pub(crate) fn deployment(id: &str, commit: &CommitSha) -> DeploymentRef {
    DeploymentRef { service: ServiceName::new(SERVICE), deployment_id: DeploymentId::new(id), commit: commit.clone() }
}

/// `id` is to take the traffic from `replaces`.
pub(crate) fn go_live(id: &str, commit: &CommitSha, replaces: Option<&str>) -> GoLive {
    GoLive { deployment: deployment(id, commit), replaces: replaces.map(DeploymentId::new) }
}

/// What Temporal would be told: the failure's type when no retry can help, and its words.
pub(crate) fn failure<T: std::fmt::Debug>(outcome: Result<T, ActivityEnvironmentError>) -> (Option<String>, String) {
    match outcome {
        Err(ActivityEnvironmentError::Activity(ActivityError::Application(failure))) => {
            let kind = failure.is_non_retryable().then(|| failure.type_name().unwrap_or("untyped").to_owned());
            (kind, failure.to_string())
        }
        other => panic!("this should have failed: {other:?}"),
    }
}
