//! Migrations of a commit: read from the repository, applied to the live database, taken back.
//!
//! Each migration is one transaction with its own record in `_sqlx_migrations`, so a kill between two of them is
//! continued by the next attempt. What a deployment set out to do is written down before it begins: a later attempt
//! reports the whole of it, not only its own share.

use std::borrow::Cow;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migrate as _, MigrateError, Migration, MigrationType};
use sqlx::sqlite::SqliteConnection;

use crate::activities::database::connection::{self, Access};
use crate::activities::database::{backup, restore};
use crate::activities::error::{Cause, cause, permanent};
use crate::activities::files;
use crate::activities::git::repository::Repository;
use crate::activities::heartbeat::Stop;
use crate::config::settings::{Database, Service};
use crate::contracts::ids::CommitSha;
use crate::contracts::temporal::activities::{DeploymentRef, MigrationReport, MigrationsRolledBack, RollbackMigration};

/// Where `sqlx` keeps what is applied.
const TABLE: &str = "_sqlx_migrations";

/// All migrations of a commit, each with its down script where it has one.
#[derive(Debug)]
pub struct Migrations {
    all: Vec<Migration>,
}

/// What a rollback set out to take back.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Undoing {
    reverted: Vec<String>,
    #[serde(default)]
    restored_from_backup: bool,
}

impl Migrations {
    /// Reads them out of the repository. File names are `sqlx`'s: `0042_add_retry.up.sql`, `0042_add_retry.down.sql`.
    pub async fn of(service: &Service, database: &Database, commit: &CommitSha) -> anyhow::Result<Self> {
        let repository = Repository::at(&service.repository);
        let commit = repository.commit(commit).await?;
        let mut all = Vec::new();
        for blob in repository.folder(&commit, &database.migrations).await? {
            let Some((version, rest)) = blob.name.split_once('_').filter(|(_, rest)| is_script(rest)) else {
                continue;
            };
            let malformed = |why: &str| {
                let message =
                    format!("migration {}/{} of {}: {why}", database.migrations, blob.name, commit.sha.short());
                permanent(Cause::MigrationFailed, message)
            };
            let version: i64 = version.parse().map_err(|_| malformed("its name does not begin with a number"))?;
            let sql = String::from_utf8(blob.content).map_err(|_| malformed("it is not UTF-8"))?;
            let kind = MigrationType::from_filename(rest);
            let description = rest.trim_end_matches(kind.suffix()).replace('_', " ");
            let no_tx = sql.starts_with("-- no-transaction");
            if no_tx {
                return Err(malformed("`-- no-transaction` could leave it half done"));
            }
            let sql = sqlx::AssertSqlSafe(sql).into_sql_str();
            all.push(Migration::new(version, Cow::Owned(description), kind, sql, no_tx));
        }
        all.sort();
        Ok(Self { all })
    }

    /// Versions of the scripts that go up, oldest first.
    pub fn versions(&self) -> impl Iterator<Item = i64> {
        self.all.iter().filter(|migration| !migration.migration_type.is_down_migration()).map(|up| up.version)
    }

    pub fn is_reversible(&self, version: i64) -> bool {
        self.all.iter().any(|migration| migration.version == version && migration.migration_type.is_down_migration())
    }

    /// What people call a migration: `42 add retry`.
    pub fn title(&self, version: i64) -> String {
        self.all
            .iter()
            .find(|migration| migration.version == version)
            .map_or_else(|| version.to_string(), |migration| format!("{version} {}", migration.description))
    }

    /// Applies what is missing.
    pub async fn up(&self, connection: &mut SqliteConnection, stop: &Stop) -> anyhow::Result<()> {
        let missing = self.missing(connection).await.map_err(|error| self.explain(error))?;
        for up in missing {
            stop.check()?;
            connection.apply(TABLE, up).await.map_err(|error| self.explain(error))?;
        }
        Ok(())
    }

    /// What `sqlx migrate run` would apply. (Its `Migrator` is not `Send` enough for an activity; its parts are.)
    async fn missing(&self, connection: &mut SqliteConnection) -> Result<Vec<&Migration>, MigrateError> {
        connection.ensure_migrations_table(TABLE).await?;
        if let Some(version) = connection.dirty_version(TABLE).await? {
            return Err(MigrateError::Dirty(version));
        }
        let applied = connection.list_applied_migrations(TABLE).await?;
        let ups: Vec<&Migration> =
            self.all.iter().filter(|migration| !migration.migration_type.is_down_migration()).collect();
        for done in &applied {
            match ups.iter().find(|up| up.version == done.version) {
                None => return Err(MigrateError::VersionMissing(done.version)),
                Some(up) if up.checksum != done.checksum => return Err(MigrateError::VersionMismatch(done.version)),
                Some(_) => {}
            }
        }
        Ok(ups.into_iter().filter(|up| applied.iter().all(|done| done.version != up.version)).collect())
    }

    /// Takes back what is newer than `to`; an error when one of them has no way back.
    pub async fn down(&self, connection: &mut SqliteConnection, to: i64) -> anyhow::Result<()> {
        let applied = connection::applied(connection).await.context("the applied migrations could not be read")?;
        if let Some(stuck) = applied.iter().find(|version| **version > to && !self.is_reversible(**version)) {
            let message = format!("migration {} has no down script in this commit", self.title(*stuck));
            return Err(permanent(Cause::MigrationFailed, message));
        }
        for down in self.all.iter().rev().filter(|migration| migration.migration_type.is_down_migration()) {
            if down.version > to && applied.contains(&down.version) {
                connection.revert(TABLE, down).await.map_err(|error| self.explain(error))?;
            }
        }
        Ok(())
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "sqlx's enum: what is not named here is told in its own words")]
    fn explain(&self, error: MigrateError) -> anyhow::Error {
        let failed = |message: String| permanent(Cause::MigrationFailed, message);
        match error {
            MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) if connection::is_busy(&cause) => {
                anyhow::Error::new(cause).context("the database is busy")
            }
            MigrateError::ExecuteMigration(cause, version) => {
                failed(format!("migration {} fails: {cause}", self.title(version)))
            }
            MigrateError::VersionMismatch(version) => {
                failed(format!("migration {} was changed after it had been applied", self.title(version)))
            }
            MigrateError::VersionMissing(version) => {
                failed(format!("migration {version} is applied, but this commit does not have it"))
            }
            other => anyhow::Error::new(other).context("the migrations could not be run"),
        }
    }
}

fn is_script(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending == "sql")
}

/// Migrates the live database to a commit; without a database there is nothing to do.
pub async fn run(service: &Service, deployment: &DeploymentRef, stop: &Stop) -> anyhow::Result<MigrationReport> {
    let Some(database) = &service.database else {
        return Ok(MigrationReport { reversible: true, ..MigrationReport::default() });
    };
    let migrations = Migrations::of(service, database, &deployment.commit).await?;
    let _lock = backup::lock(database, &format!("the migrations of deployment {}", deployment.deployment_id)).await?;
    let mut live = connection::open(&database.file, Access::Live).await?;
    let plan = backup::place(database, deployment.deployment_id.as_str(), ".migrations.json");
    let report = if let Some(report) = files::read_json::<MigrationReport>(&plan)? {
        report
    } else {
        let report = planned(&migrations, &mut live).await?;
        files::write_json(&plan, &report)?;
        report
    };
    migrations.up(&mut live, stop).await?;
    connection::close(live).await?;
    Ok(report)
}

async fn planned(migrations: &Migrations, live: &mut SqliteConnection) -> anyhow::Result<MigrationReport> {
    let applied = connection::applied(live).await.context("the applied migrations could not be read")?;
    let from = applied.last().copied().unwrap_or(0);
    let pending: Vec<i64> = migrations.versions().filter(|version| !applied.contains(version)).collect();
    Ok(MigrationReport {
        from,
        to: pending.last().copied().unwrap_or(0).max(from),
        applied: pending.iter().map(|version| migrations.title(*version)).collect(),
        reversible: pending.iter().all(|version| migrations.is_reversible(*version)),
    })
}

/// Takes the migrations of a deployment back: by their down scripts, or else from the backup.
pub async fn undo(service: &Service, rollback: &RollbackMigration) -> anyhow::Result<MigrationsRolledBack> {
    let Some(database) = &service.database else { return Ok(MigrationsRolledBack::default()) };
    let migrations = Migrations::of(service, database, &rollback.deployment.commit).await?;
    let _lock =
        backup::lock(database, &format!("the rollback of deployment {}", rollback.deployment.deployment_id)).await?;
    let record = backup::place(database, rollback.deployment.deployment_id.as_str(), ".undone.json");
    let undoing = if let Some(undoing) = files::read_json::<Undoing>(&record)? {
        undoing
    } else {
        if let Some(kept_for) = later_migration(database, &rollback.deployment).await? {
            return Ok(MigrationsRolledBack { kept_for: Some(kept_for), ..MigrationsRolledBack::default() });
        }
        let undoing = undoing(&migrations, database, rollback.to).await?;
        files::write_json(&record, &undoing)?;
        undoing
    };
    let restored = match down(&migrations, database, rollback.to).await {
        Ok(()) => undoing.restored_from_backup,
        Err(error) if matches!(cause(&error), Some(Cause::MigrationFailed | Cause::DatabaseMissing)) => {
            tracing::warn!(error = format!("{error:#}"), "the down scripts fail: restoring the backup");
            restore::from_backup(database, &rollback.backup).await.with_context(|| {
                format!("the down scripts failed ({error:#}) and so did restoring backup `{}`", rollback.backup.id)
            })?;
            files::write_json(&record, &Undoing { restored_from_backup: true, ..undoing.clone() })?;
            true
        }
        Err(error) => return Err(error),
    };
    Ok(MigrationsRolledBack { reverted: undoing.reverted, restored_from_backup: restored, kept_for: None })
}

/// What a later deployment has put on top of this one's migrations. This commit has no way back from it, and the backup
/// is older than what was written since: the database stays as it is.
async fn later_migration(database: &Database, deployment: &DeploymentRef) -> anyhow::Result<Option<String>> {
    let plan = backup::place(database, deployment.deployment_id.as_str(), ".migrations.json");
    let Some(plan) = files::read_json::<MigrationReport>(&plan)? else { return Ok(None) };
    let newest = applied(database).await?.into_iter().next_back();
    let later = newest.filter(|newest| *newest > plan.to);
    Ok(later.map(|later| format!("migration {later}, which a later deployment has applied")))
}

/// Versions of the applied migrations, oldest first. Nothing when the live file is gone or cannot even be read.
async fn applied(database: &Database) -> anyhow::Result<Vec<i64>> {
    match connection::open(&database.file, Access::Live).await {
        Ok(mut live) => match connection::applied(&mut live).await {
            Err(error) if connection::is_corrupt(&error) => Ok(Vec::new()),
            applied => applied.context("the applied migrations could not be read"),
        },
        Err(error) if cause(&error) == Some(Cause::DatabaseMissing) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// What is to be taken back, newest first.
async fn undoing(migrations: &Migrations, database: &Database, to: i64) -> anyhow::Result<Undoing> {
    let applied = applied(database).await?;
    let reverted = applied.iter().rev().filter(|version| **version > to);
    Ok(Undoing { reverted: reverted.map(|version| migrations.title(*version)).collect(), restored_from_backup: false })
}

/// Runs the down scripts and holds the result against what it must be.
async fn down(migrations: &Migrations, database: &Database, to: i64) -> anyhow::Result<()> {
    let failed = |message: String| permanent(Cause::MigrationFailed, message);
    let mut live = connection::open(&database.file, Access::Live).await?;
    let outcome = async {
        migrations.down(&mut live, to).await?;
        let reached = connection::schema_version(&mut live).await?;
        // Lower than that is a database that somebody made anew: its rows are gone.
        if reached != to {
            return Err(failed(format!("the schema is at {reached}, not at {to}")));
        }
        match connection::complaints(&mut live).await?.first() {
            Some(complaint) => Err(failed(format!("the integrity check says: {complaint}"))),
            None => Ok(()),
        }
    };
    let outcome = outcome.await.map_err(|error: anyhow::Error| match error.downcast_ref::<sqlx::Error>() {
        Some(cause) if connection::is_corrupt(cause) => failed(format!("the database is damaged: {cause}")),
        _ => error,
    });
    connection::close(live).await?;
    outcome
}
