//! Checkpoints of SQLite's log beside the writing, over a connection of their own: what was committed is copied into the
//! database while more is. Else a commit that finds the log long copies all of it, and keeps whoever waits for it waiting;
//! so it finds little left.

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
    let mut is_failing = false;
    loop {
        look.tick().await;
        let written = write_back(&mut connection).await;
        if let Err(error) = &written
            && !is_failing
        {
            tracing::warn!(%error, "the database's log is not written back beside the writing; commits do it");
        }
        is_failing = written.is_err();
        // A slow disk is not asked for the next at once.
        look.reset();
    }
}

/// Waits for nobody and keeps nobody waiting: what somebody still reads stays for later.
async fn write_back(connection: &mut AnyConnection) -> sqlx::Result<()> {
    // It answers with whether somebody was in the way, the log's pages, and those of them that are written back. SQLite
    // knows NOOP since 3.51; an older one, which the driver does not bring, would write back here.
    let state = query("PRAGMA wal_checkpoint(NOOP)").fetch_one(&mut *connection).await?;
    let (log, done): (i64, i64) = (state.try_get(1)?, state.try_get(2)?);
    if log - done >= MANY {
        query("PRAGMA wal_checkpoint(PASSIVE)").execute(connection).await?;
    }
    Ok(())
}
