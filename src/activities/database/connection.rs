//! Opening SQLite files, and the questions every part of this area asks them.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, query_scalar};

use crate::activities::error::{Cause, permanent};

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The live database, beside the service that uses it.
    Live,
    /// The live database, to put another content into it: rows arrive in any order, so references are not checked.
    Restore,
    /// A backup: nobody may change it, and nobody does.
    ReadOnly,
}

/// How long to wait for the service's own writes.
const BUSY: Duration = Duration::from_secs(10);

/// Opens an existing file.
pub async fn open(file: &Path, access: Access) -> anyhow::Result<SqliteConnection> {
    if !file.is_file() {
        return Err(permanent(Cause::DatabaseMissing, format!("the database {} does not exist", file.display())));
    }
    let options = SqliteConnectOptions::new().filename(file).busy_timeout(BUSY);
    let options = match access {
        Access::Live => options,
        Access::Restore => options.foreign_keys(false),
        Access::ReadOnly => options.read_only(true).immutable(true),
    };
    options.connect().await.with_context(|| format!("the database {} could not be opened", file.display()))
}

/// Closes, so that the file is at rest before it is hashed, moved or handed on.
pub async fn close(connection: SqliteConnection) -> anyhow::Result<()> {
    connection.close().await.context("the database could not be closed")
}

/// The newest applied migration; 0 before the first.
pub async fn schema_version(connection: &mut SqliteConnection) -> sqlx::Result<i64> {
    Ok(applied(connection).await?.last().copied().unwrap_or(0))
}

/// Versions of the applied migrations, oldest first.
pub async fn applied(connection: &mut SqliteConnection) -> sqlx::Result<Vec<i64>> {
    let known: i64 =
        query_scalar("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'")
            .fetch_one(&mut *connection)
            .await?;
    if known == 0 {
        return Ok(Vec::new());
    }
    query_scalar("SELECT version FROM _sqlx_migrations WHERE success ORDER BY version").fetch_all(connection).await
}

/// What `PRAGMA integrity_check` complains about; empty when the file is whole.
pub async fn complaints(connection: &mut SqliteConnection) -> sqlx::Result<Vec<String>> {
    let lines: Vec<String> = query_scalar("PRAGMA integrity_check").fetch_all(connection).await?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

/// Somebody else has the database: worth another attempt.
pub fn is_busy(error: &sqlx::Error) -> bool {
    // Primary result codes SQLITE_BUSY and SQLITE_LOCKED, in the low byte of whatever extended code it is.
    primary_code(error).is_some_and(|code| matches!(code, 5 | 6))
}

/// The file is no database, or not any more.
pub fn is_corrupt(error: &sqlx::Error) -> bool {
    primary_code(error).is_some_and(|code| matches!(code, 11 | 26))
}

fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?.parse::<u32>().ok()?;
    Some(code & 0xff)
}
