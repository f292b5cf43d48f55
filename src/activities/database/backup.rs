//! Backups: one file a deployment, whole or absent, with a manifest that says what must be in it.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, query, query_scalar};

use crate::activities::database::connection::{self, Access};
use crate::activities::error::{Cause, permanent};
use crate::activities::files;
use crate::config::settings::Database;
use crate::contracts::clock::Timestamp;
use crate::contracts::ids::DeploymentId;
use crate::contracts::temporal::activities::{Backup, VerifiedBackup};

/// That a backup was opened and found whole, for whoever asks later.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    pub id: String,
    pub verified_at: Timestamp,
}

/// Where something about a deployment's backup is kept.
pub fn place(database: &Database, id: &str, ending: &str) -> PathBuf {
    database.backups.join(format!("{}{ending}", files::name(id)))
}

/// Held by whoever copies or changes a service's database: two deployments of it take turns.
pub async fn lock(database: &Database, owner: &str) -> anyhow::Result<files::Lock> {
    files::Lock::acquire(&database.backups.join(".lock"), owner).await
}

/// Copies the live database, once per deployment. The copy is consistent however busy the service is.
pub async fn create(database: &Database, deployment: &DeploymentId) -> anyhow::Result<Backup> {
    let id = deployment.as_str();
    if id.is_empty() {
        return Err(permanent(Cause::InvalidRequest, "a backup is named after its deployment, and this one has no id"));
    }
    fs::create_dir_all(&database.backups)
        .with_context(|| format!("{} could not be made", database.backups.display()))?;
    let _lock = lock(database, &format!("the backup of deployment {id}")).await?;
    let (file, manifest) = (place(database, id, ".db"), place(database, id, ".backup.json"));
    if let Some(backup) = files::read_json::<Backup>(&manifest)?
        && sha256(&file).await.is_ok_and(|sha| sha == backup.sha256)
    {
        return Ok(backup);
    }
    let backup = copy(database, id, &file).await?;
    files::write_json(&manifest, &backup)?;
    Ok(backup)
}

async fn copy(database: &Database, id: &str, file: &Path) -> anyhow::Result<Backup> {
    let partial = files::beside(file);
    match fs::remove_file(&partial) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("{} is in the way", partial.display()));
        }
        Ok(()) | Err(_) => {}
    }
    let taken_at = Timestamp::from(SystemTime::now());
    let mut live = connection::open(&database.file, Access::Live).await?;
    let target = partial.to_str().context("the backup folder's name is not UTF-8")?;
    query("VACUUM INTO ?").bind(target).execute(&mut live).await.context("the database could not be copied")?;
    connection::close(live).await?;
    let mut copy = connection::open(&partial, Access::ReadOnly).await?;
    let schema_version = connection::schema_version(&mut copy).await.context("the copy could not be read")?;
    connection::close(copy).await?;
    let (sha256, bytes) = (sha256(&partial).await?, fs::metadata(&partial)?.len());
    files::publish(file)?;
    Ok(Backup { id: id.to_owned(), bytes, sha256, taken_at: Some(taken_at), schema_version })
}

/// Opens a backup and reads all of it: what was written is what is there, and a database can be made of it.
pub async fn verify(database: &Database, backup: &Backup) -> anyhow::Result<VerifiedBackup> {
    let file = whole(database, backup).await?;
    let mut copy = connection::open(&file, Access::ReadOnly).await?;
    let damaged = |why: String| permanent(Cause::BackupDamaged, format!("backup {} is damaged: {why}", file.display()));
    let complaints = connection::complaints(&mut copy).await.map_err(|error| damaged(error.to_string()))?;
    if let Some(first) = complaints.first() {
        return Err(damaged(first.clone()));
    }
    let (tables, rows) = count(&mut copy).await.context("the backup's rows could not be counted")?;
    connection::close(copy).await?;
    let verified_at = Timestamp::from(SystemTime::now());
    let verification = Verification { id: backup.id.clone(), verified_at };
    files::write_json(&place(database, &backup.id, ".verified.json"), &verification)?;
    Ok(VerifiedBackup { verified_at, tables, rows })
}

/// The file of a backup, once its content is what the manifest promised.
pub async fn whole(database: &Database, backup: &Backup) -> anyhow::Result<PathBuf> {
    let file = place(database, &backup.id, ".db");
    if !file.is_file() {
        return Err(permanent(Cause::BackupDamaged, format!("backup {} is not there", file.display())));
    }
    let found = sha256(&file).await?;
    if found != backup.sha256 {
        let message = format!("backup {} changed: its SHA-256 was {} and is {found}", file.display(), backup.sha256);
        return Err(permanent(Cause::BackupDamaged, message));
    }
    Ok(file)
}

/// When the newest verified backup was verified.
pub fn last_verified(database: &Database) -> anyhow::Result<Option<Timestamp>> {
    let all: Vec<Verification> = files::read_all(&database.backups, ".verified.json")?;
    Ok(all.into_iter().map(|verification| verification.verified_at).max())
}

/// How many tables and rows there are.
async fn count(connection: &mut SqliteConnection) -> sqlx::Result<(u32, u64)> {
    let tables: Vec<String> =
        query_scalar("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
            .fetch_all(&mut *connection)
            .await?;
    let mut rows = 0;
    for table in &tables {
        let count = format!("SELECT count(*) FROM {}", quoted(table));
        let n_rows: i64 = query_scalar(AssertSqlSafe(count)).fetch_one(&mut *connection).await?;
        rows += u64::try_from(n_rows).unwrap_or(0);
    }
    Ok((u32::try_from(tables.len()).unwrap_or(u32::MAX), rows))
}

/// A name as SQL takes it, whatever is in it.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// SHA-256 of a file, in hex.
async fn sha256(file: &Path) -> anyhow::Result<String> {
    let file = file.to_owned();
    let digest = tokio::task::spawn_blocking(move || -> std::io::Result<String> {
        let mut reader = File::open(&file)?;
        let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 64 * 1024]);
        loop {
            let n_read = reader.read(&mut buffer)?;
            if n_read == 0 {
                return Ok(format!("{:x}", hasher.finalize()));
            }
            hasher.update(buffer.get(..n_read).unwrap_or_default());
        }
    });
    digest.await.context("hashing was interrupted")?.context("a file could not be hashed")
}
