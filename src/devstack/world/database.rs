//! The database of a service as it is before the demo: at the schema of the live release, with orders in it.

use std::borrow::Cow;
use std::path::Path;

use anyhow::Context as _;
use sqlx::migrate::{Migrate as _, Migration, MigrationType};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, SqlSafeStr as _};

use crate::devstack::world::releases::Release;

/// Where `sqlx migrate` keeps what is applied: the release's migrations find it as their own.
const TABLE: &str = "_sqlx_migrations";
const ORDERS: u32 = 240;

/// Makes the database with the migrations of the release and some orders.
pub async fn create(file: &Path, release: &Release) -> anyhow::Result<()> {
    let options =
        SqliteConnectOptions::new().filename(file).create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
    let connection = options.connect().await;
    let mut connection = connection.with_context(|| format!("{} cannot be made", file.display()))?;
    connection.ensure_migrations_table(TABLE).await.context("the migrations' table cannot be made")?;
    for migration in migrations(release)? {
        connection.apply(TABLE, &migration).await.with_context(|| format!("{} fails", migration.description))?;
    }
    fill(&mut connection).await.context("the orders cannot be written")?;
    connection.close().await.context("the database cannot be closed")
}

/// The scripts that go up, oldest first.
fn migrations(release: &Release) -> anyhow::Result<Vec<Migration>> {
    let mut found = Vec::new();
    for (path, sql) in &release.files {
        let Some(name) = path.strip_prefix("migrations/").filter(|name| name.ends_with(".up.sql")) else { continue };
        let (number, rest) = name.split_once('_').with_context(|| format!("{path} has no number"))?;
        let version: i64 = number.parse().with_context(|| format!("{path} has no number"))?;
        let description = rest.trim_end_matches(".up.sql").replace('_', " ");
        let sql = AssertSqlSafe(sql.clone()).into_sql_str();
        found.push(Migration::new(version, Cow::Owned(description), MigrationType::ReversibleUp, sql, false));
    }
    found.sort();
    Ok(found)
}

async fn fill(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let mut transaction = connection.begin().await?;
    for number in 0..ORDERS {
        let item = if number % 3 == 0 { "kettle" } else { "green tea" };
        sqlx::query("INSERT INTO orders (item) VALUES (?)").bind(item).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}
