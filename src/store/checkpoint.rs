//! Checkpoints of SQLite's log beside the writing, over a connection of their own: what was committed is copied into the
//! database while more is. A commit that finds the log long does the rest, whatever that is then: it would keep whoever
//! waits for it waiting for all of it.

use std::convert::Infallible;
use std::str::FromStr as _;

use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions as _, Row as _, query};
use tokio::time::Duration;

/// How often the log is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// Pages of 4 KB that are worth the disk's while.
const MANY: i64 = 1_000;

pub(super) async fn connect(url: &str) -> sqlx::Result<AnyConnection> {
    // What takes long here keeps nobody waiting: it need not be logged.
    AnyConnectOptions::from_str(url)?.disable_statement_logging().connect().await
}

/// Whoever runs it ends it.
pub(super) async fn keep_short(mut connection: AnyConnection) -> Infallible {
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut is_told = false;
    loop {
        look.tick().await;
        let written = write_back(&mut connection).await;
        if let Err(error) = &written
            && !is_told
        {
            tracing::warn!(%error, "the database's log is not written back beside the writing; commits do it");
        }
        is_told = written.is_err();
    }
}

/// Waits for nobody and keeps nobody waiting: what somebody still reads stays for later.
async fn write_back(connection: &mut AnyConnection) -> sqlx::Result<()> {
    // It answers with whether somebody was in the way, the log's pages, and those of them that are written back.
    let state = query("PRAGMA wal_checkpoint(NOOP)").fetch_one(&mut *connection).await?;
    let (log, done): (i64, i64) = (state.try_get(1)?, state.try_get(2)?);
    if log - done >= MANY {
        query("PRAGMA wal_checkpoint(PASSIVE)").execute(connection).await?;
    }
    Ok(())
}
