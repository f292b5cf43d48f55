//! Putting a backup's content back into the live database while services have it open.
//!
//! Renaming a file over an open SQLite database would leave its users on the file that is gone, and a stale write-ahead
//! log beside the new one. So the content is replaced inside the database, in one transaction: whoever has it open sees
//! the old content or the new, and a kill in the middle leaves the old. Only a file that is gone, or no database any
//! more, is replaced as a file.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, query, query_as, query_scalar};

use crate::activities::database::backup::{self, quoted};
use crate::activities::database::connection::{self, Access};
use crate::activities::error::{Cause, cause, permanent};
use crate::activities::files;
use crate::config::settings::Database;
use crate::contracts::temporal::activities::Backup;

/// Makes the live database hold what the backup holds.
pub async fn from_backup(database: &Database, source: &Backup) -> anyhow::Result<()> {
    if source.id.is_empty() {
        return Err(permanent(Cause::BackupDamaged, "there is no backup to restore"));
    }
    let file = backup::whole(database, source).await?;
    match in_place(&database.file, &file).await {
        Err(error) if cannot_be_opened(&error) => {
            tracing::warn!(error = format!("{error:#}"), "the live database is damaged or gone: replacing its file");
            replace(&database.file, &file)?;
        }
        outcome => outcome?,
    }
    let mut live = connection::open(&database.file, Access::Live).await?;
    let complaints = connection::complaints(&mut live).await?;
    let reached = connection::schema_version(&mut live).await?;
    connection::close(live).await?;
    if let Some(complaint) = complaints.first() {
        anyhow::bail!("after restoring, the integrity check says: {complaint}");
    }
    anyhow::ensure!(reached == source.schema_version, "after restoring, the schema is at {reached}");
    Ok(())
}

fn cannot_be_opened(error: &anyhow::Error) -> bool {
    error.downcast_ref::<sqlx::Error>().is_some_and(connection::is_corrupt)
        || cause(error) == Some(Cause::DatabaseMissing)
}

async fn in_place(live: &Path, backup: &Path) -> anyhow::Result<()> {
    let mut connection = connection::open(live, Access::Restore).await?;
    // Damage that a copy of the tables would not notice.
    if let Some(complaint) = connection::complaints(&mut connection).await?.first() {
        tracing::warn!(complaint, "the live database is damaged");
    }
    let path = backup.to_str().context("the backup folder's name is not UTF-8")?;
    query("ATTACH DATABASE ? AS backup").bind(path).execute(&mut connection).await?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    clear(&mut transaction).await?;
    fill(&mut transaction).await?;
    transaction.commit().await?;
    query("DETACH DATABASE backup").execute(&mut connection).await?;
    connection::close(connection).await
}

/// Drops everything there is.
async fn clear(live: &mut SqliteConnection) -> anyhow::Result<()> {
    let objects: Vec<(String, String)> = query_as(
        "SELECT type, name FROM main.sqlite_master WHERE type IN ('trigger', 'view', 'table') \
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY CASE type WHEN 'trigger' THEN 1 WHEN 'view' THEN 2 ELSE 3 END",
    )
    .fetch_all(&mut *live)
    .await?;
    for (kind, name) in objects {
        live.execute(AssertSqlSafe(format!("DROP {kind} main.{}", quoted(&name)))).await?;
    }
    Ok(())
}

/// Makes everything that the backup has: tables, their rows, then what watches the rows.
async fn fill(live: &mut SqliteConnection) -> anyhow::Result<()> {
    let objects: Vec<(String, String, String)> = query_as(
        "SELECT type, name, sql FROM backup.sqlite_master WHERE sql IS NOT NULL \
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY CASE type WHEN 'table' THEN 1 WHEN 'index' THEN 2 \
         WHEN 'view' THEN 3 ELSE 4 END, rowid",
    )
    .fetch_all(&mut *live)
    .await?;
    for (kind, name, sql) in objects {
        let virtual_table = sql.get(..14).is_some_and(|head| head.eq_ignore_ascii_case("CREATE VIRTUAL"));
        if virtual_table {
            let message = format!("`{name}` is a virtual table: restore this database by hand, as a file");
            return Err(permanent(Cause::BackupDamaged, message));
        }
        live.execute(AssertSqlSafe(sql)).await?;
        if kind == "table" {
            copy_rows(live, &name).await?;
        }
    }
    let sequences: i64 = query_scalar("SELECT count(*) FROM backup.sqlite_master WHERE name = 'sqlite_sequence'")
        .fetch_one(&mut *live)
        .await?;
    if sequences > 0 {
        live.execute("DELETE FROM main.sqlite_sequence").await?;
        live.execute("INSERT INTO main.sqlite_sequence SELECT * FROM backup.sqlite_sequence").await?;
    }
    for pragma in ["user_version", "application_id"] {
        let value: i64 = query_scalar(AssertSqlSafe(format!("PRAGMA backup.{pragma}"))).fetch_one(&mut *live).await?;
        live.execute(AssertSqlSafe(format!("PRAGMA main.{pragma} = {value}"))).await?;
    }
    Ok(())
}

async fn copy_rows(live: &mut SqliteConnection, table: &str) -> anyhow::Result<()> {
    // Generated columns are computed again, not copied.
    let columns: Vec<String> = query_scalar("SELECT name FROM pragma_table_xinfo(?, 'backup') WHERE hidden = 0")
        .bind(table)
        .fetch_all(&mut *live)
        .await?;
    let columns = columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ");
    let table = quoted(table);
    let sql = format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM backup.{table}");
    live.execute(AssertSqlSafe(sql)).await?;
    Ok(())
}

/// Puts the backup in the place of a file that is gone, or no database any more.
fn replace(live: &Path, backup: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(live.parent().unwrap_or(Path::new("."))).context("the database's folder could not be made")?;
    fs::copy(backup, files::beside(live)).context("the backup could not be copied")?;
    for ending in ["-wal", "-shm", "-journal"] {
        let mut name = live.as_os_str().to_owned();
        name.push(ending);
        match fs::remove_file(Path::new(&name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).context("a log of the damaged database could not be removed");
            }
            Ok(()) | Err(_) => {}
        }
    }
    files::publish(live)
}
