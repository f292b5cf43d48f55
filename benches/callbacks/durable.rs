//! A plain program that makes the promise of `202`: a handler of axum that reads the body, and a writer that commits what
//! came in meanwhile, in a table with a unique key, on SQLite with the coordinator's own durability. Nobody is asked who
//! they are; nothing is read, checked, counted, found again or told to anybody. Checkpoints have a connection of their
//! own, as in the coordinator.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// As many rows in one commit as the coordinator has.
const MOST: usize = 128;

struct Kept {
    key: Vec<u8>,
    body: Bytes,
    reply: oneshot::Sender<()>,
}

pub(crate) async fn serve(folder: &Path) -> anyhow::Result<SocketAddr> {
    let options = SqliteConnectOptions::new()
        .filename(folder.join("durable.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // A statement for each size of a batch.
        .statement_cache_capacity(MOST + 1)
        .pragma("wal_autocheckpoint", "16000")
        .pragma("cache_size", "-16000");
    let mut connection = options.connect().await?;
    connection.execute("CREATE TABLE kept (key BLOB PRIMARY KEY, body TEXT NOT NULL)").await?;
    let mut checkpoints = options.connect().await?;
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            if checkpoints.execute("PRAGMA wal_checkpoint(PASSIVE)").await.is_err() {
                return;
            }
        }
    });
    let (bring, brought) = mpsc::channel(1024);
    tokio::spawn(write(connection, brought));
    let handler = async |State(bring): State<Arc<mpsc::Sender<Kept>>>, body: Bytes| {
        let (reply, written) = oneshot::channel();
        let kept = Kept { key: Sha256::digest(&body).to_vec(), body, reply };
        match (bring.send(kept).await, written.await) {
            (Ok(()), Ok(())) => (StatusCode::ACCEPTED, Json(json!({"ok": true}))),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"ok": false}))),
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = Router::new().route("/agent/callback", post(handler)).with_state(Arc::new(bring));
    tokio::spawn(async move { axum::serve(listener, router.into_make_service()).await });
    Ok(address)
}

async fn write(mut connection: SqliteConnection, mut brought: mpsc::Receiver<Kept>) {
    let mut batch = Vec::new();
    while brought.recv_many(&mut batch, MOST).await > 0 {
        let rows = vec!["(?, ?)"; batch.len()].join(", ");
        let sql = format!("INSERT INTO kept VALUES {rows} ON CONFLICT DO NOTHING");
        let mut insert = sqlx::query(AssertSqlSafe(sql));
        for kept in &batch {
            insert = insert.bind(kept.key.as_slice()).bind(str::from_utf8(&kept.body).unwrap_or_default());
        }
        if insert.execute(&mut connection).await.is_err() {
            // Whoever waits is answered 500, which ends the benchmark.
            batch.clear();
        }
        for kept in batch.drain(..) {
            let _ = kept.reply.send(());
        }
    }
}
