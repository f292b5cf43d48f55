//! The coordinator's durable state: which answers were taken in, how far each is handled, who else is told of it, what was
//! answered and what it cost, and which workflows were begun for steps. SQLite for one coordinator, PostgreSQL for several that share the work; the same statements run on both.
//!
//! It knows neither HTTP nor Temporal. Each method is one transaction: a crash leaves a whole phase behind.

mod batch;
pub mod callbacks;
mod checkpoint;
pub mod deciding;
pub mod reminders;
pub mod routed;
pub mod siblings;
pub mod usage;
mod writer;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use secrecy::ExposeSecret as _;
use sqlx::any::{AnyPoolOptions, install_default_drivers};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyPool, Executor as _, SqlSafeStr as _};
use tokio::sync::mpsc;

use crate::config::settings;
use crate::contracts::failure::{Failure, FailureKind};
use crate::store::writer::Write;

/// How long a statement waits for a connection, and on SQLite for another writer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections to PostgreSQL. SQLite has one: it has one writer at a time anyway, and waiting here is fair.
const CONNECTIONS: u32 = 16;

/// How often a database is tried to be opened, and the time between.
const OPENINGS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(300);

/// What a connection to SQLite is told first.
const PRAGMAS: [&str; 6] = [
    "PRAGMA busy_timeout = 5000",
    "PRAGMA journal_mode = WAL",
    // What was answered survives a power failure, too.
    "PRAGMA synchronous = FULL",
    // 64 MB in pages of 4 KB. By then most is written back already, beside the writing.
    "PRAGMA wal_autocheckpoint = 16000",
    // 16 MB.
    "PRAGMA cache_size = -16000",
    // What a statement may have to take back need not be on a disk.
    "PRAGMA temp_store = MEMORY",
];

/// Version, name and text of every migration, oldest first.
const MIGRATIONS: [(i64, &str, &str); 10] = [
    (1, "callbacks", include_str!("migrations/0001_callbacks.sql")),
    (2, "deciding", include_str!("migrations/0002_deciding.sql")),
    (3, "reminders", include_str!("migrations/0003_reminders.sql")),
    (4, "open", include_str!("migrations/0004_open.sql")),
    (5, "routed", include_str!("migrations/0005_routed.sql")),
    (6, "siblings", include_str!("migrations/0006_siblings.sql")),
    (7, "usage_workflow", include_str!("migrations/0007_usage_workflow.sql")),
    (8, "deciding_owner", include_str!("migrations/0008_deciding_owner.sql")),
    (9, "indexes", include_str!("migrations/0009_indexes.sql")),
    (10, "lean", include_str!("migrations/0010_lean.sql")),
];

/// A database. Cheap to clone; all clones share its connections.
#[derive(Clone, Debug)]
pub struct Store {
    pool: AnyPool,
    /// Takes what is written most, to be committed together.
    writer: mpsc::Sender<Write>,
}

/// The database did not do what it was asked to: nobody knows more than that it may be tried again.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the coordinator's database did not answer as it should: {0}")]
pub struct StoreError(Arc<sqlx::Error>);

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        // What the database says may name hosts and users: it is for the log.
        tracing::error!(%error, "the store failed");
        Self::new(
            FailureKind::Unavailable,
            "The coordinator's database does not answer.",
            "Send the same request again: it has one effect.",
        )
    }
}

impl Store {
    /// Opens the database and brings its tables up to date. An SQLite file is made where there is none.
    pub async fn open(settings: &settings::Store) -> anyhow::Result<Self> {
        install_default_drivers();
        match settings {
            settings::Store::Sqlite(file) => {
                if let Some(folder) = file.parent() {
                    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
                }
                // What agents answer is nobody else's on this machine. SQLite makes its log as the database is.
                let mut made = std::fs::OpenOptions::new();
                made.append(true).create(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut made, 0o600);
                made.open(file).with_context(|| format!("making {}", file.display()))?;
                let mut url = url::Url::parse("sqlite:///").context("no URL of SQLite")?;
                url.set_path(&file.to_string_lossy());
                url.set_query(Some("mode=rwc"));
                let opened = Self::connect(url.as_str(), 1, true).await;
                let store = opened.with_context(|| format!("opening the coordinator's database {}", file.display()))?;
                // A file has one coordinator: whoever had something in hand before is gone.
                store.release().await?;
                Ok(store)
            }
            settings::Store::Postgres(url) => {
                let opened = Self::connect(url.expose_secret(), CONNECTIONS, false).await;
                opened.context("opening the coordinator's PostgreSQL database")
            }
        }
    }

    /// Tries more than once: processes that start together on one SQLite file are in each other's way.
    async fn connect(url: &str, connections: u32, sqlite: bool) -> anyhow::Result<Self> {
        for _ in 1..OPENINGS {
            match Self::connect_once(url, connections, sqlite).await {
                Err(error) => tracing::warn!(error = format!("{error:#}"), "the database did not open"),
                opened => return opened,
            }
            tokio::time::sleep(PAUSE).await;
        }
        Self::connect_once(url, connections, sqlite).await
    }

    async fn connect_once(url: &str, connections: u32, sqlite: bool) -> anyhow::Result<Self> {
        // A file does not hang up: it need not be asked before every statement whether it is there.
        let options =
            AnyPoolOptions::new().max_connections(connections).acquire_timeout(PATIENCE).test_before_acquire(!sqlite);
        let options = options.after_connect(move |connection, _| {
            Box::pin(async move {
                for pragma in if sqlite { &PRAGMAS[..] } else { &[] } {
                    connection.execute(*pragma).await?;
                }
                Ok(())
            })
        });
        let pool = options.connect(url).await?;
        migrator().run(&pool).await.context("its tables cannot be brought up to date")?;
        let checkpoints = if sqlite { Some(checkpoint::connect(url).await?) } else { None };
        Ok(Self { writer: writer::start(pool.clone(), checkpoints), pool })
    }

    /// Whether it answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }
}

fn migrator() -> Migrator {
    let migration = |(version, name, text): (i64, &'static str, &'static str)| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator { migrations: MIGRATIONS.into_iter().map(migration).collect(), ..Migrator::DEFAULT }
}
