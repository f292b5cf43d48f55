//! The orders of the demo service, in SQLite, and a database that can really be lost.
//!
//! The schema belongs to the migrations of the service's repository. Only `orders (id, item)` is relied on, which
//! every migration keeps, so a version works before a migration, after it, and after it was taken back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{query, query_scalar};
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;

/// The first migration of whoever runs the service.
pub const SCHEMA: &str = "CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, item TEXT NOT NULL);";

/// How many orders are kept: a demo that runs for days must not fill the disk.
const KEPT: i64 = 1000;
/// How long a migration, a backup or a restore may keep the service waiting.
const BUSY: Duration = Duration::from_secs(2);
/// A look at the database that takes longer found it lost.
const LOOK: Duration = Duration::from_secs(2);
/// Connections are opened anew now and then: a file that was replaced is found.
const LIFETIME: Duration = Duration::from_secs(30);
const CONNECTIONS: u32 = 4;

/// The database of a version.
#[derive(Debug)]
pub struct Database {
    file: PathBuf,
    pool: watch::Sender<SqlitePool>,
    /// Held while the pool is replaced.
    replacing: Mutex<()>,
}

/// What taking an order led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub number: i64,
    /// How many orders there are, this one included.
    pub orders: i64,
}

impl Database {
    /// Connects when it is first asked. That the file is missing is found then, and told by the health endpoint.
    pub fn open(file: &Path) -> Self {
        Self { file: file.to_owned(), pool: watch::Sender::new(pool(file)), replacing: Mutex::new(()) }
    }

    /// Takes an order.
    pub async fn order(&self, item: &str) -> sqlx::Result<Order> {
        // Writing from the start: a transaction that reads first may find that it can no longer write.
        let mut transaction = self.pool().begin_with("BEGIN IMMEDIATE").await?;
        let number: i64 = query_scalar("INSERT INTO orders (item) VALUES (?) RETURNING id")
            .bind(item)
            .fetch_one(&mut *transaction)
            .await?;
        query("DELETE FROM orders WHERE id <= ?").bind(number - KEPT).execute(&mut *transaction).await?;
        let orders = query_scalar("SELECT count(*) FROM orders").fetch_one(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(Order { number, orders })
    }

    /// Asks it something that only the file can answer.
    pub async fn is_there(&self) -> bool {
        let pool = self.pool();
        let look = query_scalar::<_, i64>("SELECT coalesce(max(id), 0) FROM orders").fetch_one(&pool);
        match timeout(LOOK, look).await {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the database is lost");
                false
            }
            Err(_) => {
                tracing::warn!("the database does not answer");
                false
            }
        }
    }

    /// Loses it: from here on the file cannot be found.
    pub async fn lose(&self) {
        // The file is no folder, so nothing can ever be there.
        self.replace(pool(&self.file.join("lost"))).await;
    }

    /// Finds it again.
    pub async fn recover(&self) {
        self.replace(pool(&self.file)).await;
    }

    /// Lets go of the file, so that its write-ahead log is folded in.
    pub async fn close(&self) {
        self.pool().close().await;
    }

    async fn replace(&self, new: SqlitePool) {
        let _alone = self.replacing.lock().await;
        // Orders that are being taken keep the old one until they are through.
        self.pool.send_replace(new).close().await;
    }

    fn pool(&self) -> SqlitePool {
        self.pool.borrow().clone()
    }
}

fn pool(file: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY);
    SqlitePoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(BUSY)
        .max_lifetime(LIFETIME)
        .connect_lazy_with(options)
}
