//! Migrations are rehearsed: up, down and up again on a copy of the live database, and nothing may be lost on the way.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, query, query_as, query_scalar};

use crate::activities::checks::reports::Verdict;
use crate::activities::database::backup::quoted;
use crate::activities::database::connection::{self, Access};
use crate::activities::database::migrations::Migrations;
use crate::activities::error::{Cause, cause};
use crate::activities::files;
use crate::activities::heartbeat::Stop;
use crate::config::settings::{Database, Service};
use crate::contracts::ids::CommitSha;

/// What must be the same after going up and down: columns and number of rows of each table.
type Shape = BTreeMap<String, (Vec<(String, String, bool, bool)>, i64)>;

/// Rehearses the migrations that a commit would bring.
pub async fn run(service: &Service, commit: &CommitSha) -> anyhow::Result<Verdict> {
    let Some(database) = &service.database else {
        return Ok(Verdict::NotApplicable("the service has no database".to_owned()));
    };
    let migrations = match Migrations::of(service, database, commit).await {
        Ok(migrations) => migrations,
        Err(error) => return failed(error),
    };
    fs::create_dir_all(&database.backups).context("the backup folder could not be made")?;
    // One at a time, under one name: what a kill leaves behind is overwritten.
    let _lock = files::Lock::acquire(&database.backups.join(".rehearsal.lock"), "a rehearsal of migrations").await?;
    let copy = database.backups.join("rehearsal.db");
    copy_live(database, &copy).await?;
    let outcome = rehearse(&migrations, &copy).await;
    remove(&copy)?;
    outcome.or_else(failed)
}

/// A migration that fails is an answer; anything else is tried again.
fn failed(error: anyhow::Error) -> anyhow::Result<Verdict> {
    match cause(&error) {
        Some(Cause::MigrationFailed) => Ok(Verdict::Failed(format!("{error:#}"))),
        Some(_) | None => Err(error),
    }
}

async fn copy_live(database: &Database, copy: &Path) -> anyhow::Result<()> {
    remove(copy)?;
    let mut live = connection::open(&database.file, Access::Live).await?;
    let target = copy.to_str().context("the backup folder's name is not UTF-8")?;
    query("VACUUM INTO ?").bind(target).execute(&mut live).await.context("the database could not be copied")?;
    connection::close(live).await
}

async fn rehearse(migrations: &Migrations, copy: &Path) -> anyhow::Result<Verdict> {
    let mut connection = connection::open(copy, Access::Live).await?;
    let verdict = there_and_back(migrations, &mut connection).await;
    connection::close(connection).await?;
    verdict
}

async fn there_and_back(migrations: &Migrations, copy: &mut SqliteConnection) -> anyhow::Result<Verdict> {
    let applied = connection::applied(copy).await?;
    let from = applied.last().copied().unwrap_or(0);
    let pending: Vec<i64> = migrations.versions().filter(|version| !applied.contains(version)).collect();
    if pending.is_empty() {
        return Ok(Verdict::NotApplicable("this commit brings no migration".to_owned()));
    }
    if let Some(early) = pending.iter().find(|version| **version < from) {
        let detail = format!(
            "{} is older than what is applied ({from}): it could not be taken back alone",
            migrations.title(*early)
        );
        return Ok(Verdict::Failed(detail));
    }
    let before = shape(copy).await?;
    migrations.up(copy, &Stop::default()).await?;
    migrations.down(copy, from).await?;
    let after = shape(copy).await?;
    if let Some(table) = before.keys().chain(after.keys()).find(|table| before.get(*table) != after.get(*table)) {
        return Ok(Verdict::Failed(format!("after going up and down, table `{table}` is not what it was")));
    }
    migrations.up(copy, &Stop::default()).await?;
    if let Some(complaint) = connection::complaints(copy).await?.first() {
        return Ok(Verdict::Failed(format!("the integrity check says: {complaint}")));
    }
    let rows: i64 = before.values().map(|(_, n_rows)| n_rows).sum();
    let titles: Vec<String> = pending.iter().map(|version| migrations.title(*version)).collect();
    Ok(Verdict::Passed(format!("{}: up, down and up with {rows} rows, none lost", titles.join(", "))))
}

async fn shape(copy: &mut SqliteConnection) -> anyhow::Result<Shape> {
    let tables: Vec<String> = query_scalar(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
         AND name <> '_sqlx_migrations'",
    )
    .fetch_all(&mut *copy)
    .await?;
    let mut shape = Shape::new();
    for table in tables {
        let mut columns: Vec<(String, String, bool, bool)> =
            query_as("SELECT name, type, \"notnull\", pk > 0 FROM pragma_table_xinfo(?)")
                .bind(&table)
                .fetch_all(&mut *copy)
                .await?;
        // A column that is added again stands last: the order is no loss.
        columns.sort();
        let count = format!("SELECT count(*) FROM {}", quoted(&table));
        let n_rows: i64 = query_scalar(AssertSqlSafe(count)).fetch_one(&mut *copy).await?;
        shape.insert(table, (columns, n_rows));
    }
    Ok(shape)
}

fn remove(file: &Path) -> anyhow::Result<()> {
    for ending in ["", "-wal", "-shm", "-journal"] {
        let mut name = file.as_os_str().to_owned();
        name.push(ending);
        match fs::remove_file(Path::new(&name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("{} could not be removed", file.display()));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
