//! Backups and migrations on real SQLite files, with a service that has them open.

use std::fs;

use gatewatch::activities::database::DatabaseActivities;
use gatewatch::contracts::ids::{CommitSha, ServiceName};
use gatewatch::contracts::temporal::activities::{
    Backup, MigrationReport, MigrationsRolledBack, RollbackMigration, VerifyBackup,
};
use sqlx::query_scalar;
use sqlx::sqlite::SqliteConnection;
use temporalio_sdk::testing::{ActivityEnvironment, ActivityEnvironmentError};

use crate::activities::world::{SERVICE, World, deployment, failure, sql};

const ORDERS: (&str, &str) = (
    "migrations/0041_orders.up.sql",
    "CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, item TEXT NOT NULL);",
);
const ORDERS_DOWN: (&str, &str) = ("migrations/0041_orders.down.sql", "DROP TABLE orders;");
const RETRY: (&str, &str) =
    ("migrations/0042_add_retry.up.sql", "ALTER TABLE orders ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;");
const RETRY_DOWN: (&str, &str) = ("migrations/0042_add_retry.down.sql", "ALTER TABLE orders DROP COLUMN retries;");

fn environment(world: &World) -> ActivityEnvironment {
    ActivityEnvironment::builder().register_activities(DatabaseActivities { services: world.services() }).build()
}

async fn migrate(world: &World, id: &str, commit: &CommitSha) -> Result<MigrationReport, ActivityEnvironmentError> {
    environment(world).run(DatabaseActivities::run_production_migrations, deployment(id, commit)).await
}

async fn back_up(world: &World, id: &str, commit: &CommitSha) -> Backup {
    environment(world).run(DatabaseActivities::create_production_backup, deployment(id, commit)).await.unwrap()
}

async fn undo(
    world: &World,
    id: &str,
    commit: &CommitSha,
    backup: &Backup,
) -> Result<MigrationsRolledBack, ActivityEnvironmentError> {
    let rollback =
        RollbackMigration { deployment: deployment(id, commit), to: backup.schema_version, backup: backup.clone() };
    environment(world).run(DatabaseActivities::rollback_migration, rollback).await
}

/// A shop at migration 41 with three orders, and a service that keeps its connection.
async fn shop() -> (World, SqliteConnection, CommitSha) {
    let world = World::new();
    let mut service = world.live().await;
    sql(&mut service, "PRAGMA journal_mode = wal;").await;
    let old = world.commit("old", &[ORDERS, ORDERS_DOWN]);
    migrate(&world, "d-41", &old).await.unwrap();
    sql(&mut service, "INSERT INTO orders (item) VALUES ('tea'), ('milk'), ('gone'); DELETE FROM orders WHERE id = 3;")
        .await;
    (world, service, old)
}

async fn number(connection: &mut SqliteConnection, question: &'static str) -> i64 {
    query_scalar(question).fetch_one(connection).await.unwrap()
}

#[tokio::test]
async fn migrates_up_and_back_under_the_running_service() {
    let (world, mut service, _) = shop().await;
    let new = world.commit("new", &[RETRY, RETRY_DOWN]);
    let backup = back_up(&world, "d-42", &new).await;
    assert_eq!(backup.schema_version, 41);

    let report = migrate(&world, "d-42", &new).await.unwrap();
    assert_eq!((report.from, report.to, report.reversible), (41, 42, true));
    assert_eq!(report.applied, ["42 add retry"]);
    assert_eq!(migrate(&world, "d-42", &new).await.unwrap().applied, report.applied, "a retry reports the same");
    sql(&mut service, "UPDATE orders SET retries = 1; INSERT INTO orders (item) VALUES ('later');").await;

    let undone = undo(&world, "d-42", &new, &backup).await.unwrap();
    assert_eq!((undone.reverted.as_slice(), undone.restored_from_backup), (&["42 add retry".to_owned()][..], false));
    assert_eq!(number(&mut service, "SELECT count(*) FROM orders").await, 3, "what was written meanwhile is kept");
    assert_eq!(number(&mut service, "SELECT count(*) FROM pragma_table_info('orders')").await, 2);
    let again = undo(&world, "d-42", &new, &backup).await.unwrap();
    assert_eq!(again.reverted, ["42 add retry"], "a retry reports the same");
}

/// d-43 has migrated on: d-42's commit has no way back from there, and its backup lacks what was written since.
#[tokio::test]
async fn what_a_later_deployment_migrated_is_not_taken_back_with_an_older_backup() {
    let (world, mut service, _) = shop().await;
    let new = world.commit("new", &[RETRY, RETRY_DOWN]);
    let backup = back_up(&world, "d-42", &new).await;
    migrate(&world, "d-42", &new).await.unwrap();
    let third = world.commit("third", &[("migrations/0043_notes.up.sql", "CREATE TABLE notes (text TEXT);")]);
    migrate(&world, "d-43", &third).await.unwrap();
    sql(&mut service, "INSERT INTO orders (item) VALUES ('later'); INSERT INTO notes VALUES ('kept');").await;

    let undone = undo(&world, "d-42", &new, &backup).await.unwrap();
    assert_eq!(undone.kept_for.as_deref(), Some("migration 43, which a later deployment has applied"));
    assert!(undone.reverted.is_empty() && !undone.restored_from_backup, "{undone:?}");
    assert_eq!(number(&mut service, "SELECT count(*) FROM orders").await, 3);
    assert_eq!(number(&mut service, "SELECT count(*) FROM notes").await, 1);
}

/// Both find the migration missing unless the second waits for the first to be through with it.
#[tokio::test(flavor = "multi_thread")]
async fn two_deployments_that_migrate_take_turns() {
    let (world, _service, _) = shop().await;
    let slow = format!(
        "{}; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) \
         UPDATE orders SET retries = (SELECT count(*) FROM n) - 1000000;",
        RETRY.1.trim_end_matches(';')
    );
    let new = world.commit("new", &[(RETRY.0, &slow), RETRY_DOWN]);
    let (one, other) = tokio::join!(migrate(&world, "d-42", &new), migrate(&world, "d-43", &new));
    let mut applied = [one.unwrap().applied, other.unwrap().applied];
    applied.sort();
    assert_eq!(applied, [vec![], vec!["42 add retry".to_owned()]]);
    let said = fs::read_to_string(world.database().backups.join(".lock")).unwrap();
    assert!(said.starts_with("the migrations of deployment d-4"), "{said}");
}

#[tokio::test]
async fn a_backup_is_taken_once_and_is_whole() {
    let (world, mut service, old) = shop().await;
    let backup = back_up(&world, "d-42", &old).await;
    sql(&mut service, "INSERT INTO orders (item) VALUES ('later');").await;
    assert_eq!(back_up(&world, "d-42", &old).await.sha256, backup.sha256);
    let verify = VerifyBackup { service: ServiceName::new(SERVICE), backup: backup.clone() };
    let verified = environment(&world).run(DatabaseActivities::verify_backup, verify.clone()).await.unwrap();
    // Two orders, one record of a migration.
    assert_eq!((verified.tables, verified.rows), (2, 3));

    let file = world.database().backups.join("d-42.db");
    let mut bytes = fs::read(&file).unwrap();
    bytes[5000] ^= 1;
    fs::write(&file, bytes).unwrap();
    let (kind, message) = failure(environment(&world).run(DatabaseActivities::verify_backup, verify).await);
    assert_eq!(kind.as_deref(), Some("BackupDamaged"), "{message}");
}

#[tokio::test]
async fn what_a_crash_left_of_a_backup_is_no_backup() {
    let (world, _service, old) = shop().await;
    let backups = &world.database().backups;
    fs::create_dir_all(backups).unwrap();
    fs::write(backups.join("d-42.db.partial"), b"half a database").unwrap();
    // Renamed, and killed before its manifest was written.
    fs::write(backups.join("d-42.db"), b"nobody vouches for this").unwrap();
    let backup = back_up(&world, "d-42", &old).await;
    let verify = VerifyBackup { service: ServiceName::new(SERVICE), backup };
    assert_eq!(environment(&world).run(DatabaseActivities::verify_backup, verify).await.unwrap().rows, 3);
    assert!(!backups.join("d-42.db.partial").exists());
}

#[tokio::test]
async fn a_failing_down_script_restores_the_backup_in_place() {
    let (world, mut service, _) = shop().await;
    let wrong = ("migrations/0042_add_retry.down.sql", "DROP TABLE orders; SELECT nonsense FROM nowhere;");
    let new = world.commit("new", &[RETRY, wrong]);
    let backup = back_up(&world, "d-42", &new).await;
    migrate(&world, "d-42", &new).await.unwrap();
    sql(&mut service, "CREATE TABLE junk (x); CREATE VIEW v AS SELECT * FROM junk; DELETE FROM orders;").await;

    let undone = undo(&world, "d-42", &new, &backup).await.unwrap();

    assert!(undone.restored_from_backup);
    // The service's own connection sees it: its file is still the file.
    assert_eq!(number(&mut service, "SELECT count(*) FROM orders").await, 2);
    assert_eq!(number(&mut service, "SELECT count(*) FROM pragma_table_info('orders')").await, 2);
    assert_eq!(number(&mut service, "SELECT count(*) FROM sqlite_master WHERE name IN ('junk', 'v')").await, 0);
    assert_eq!(number(&mut service, "SELECT max(version) FROM _sqlx_migrations").await, 41);
    sql(&mut service, "INSERT INTO orders (item) VALUES ('next');").await;
    assert_eq!(number(&mut service, "SELECT max(id) FROM orders").await, 4, "ids are not given out twice");
    assert!(undo(&world, "d-42", &new, &backup).await.unwrap().restored_from_backup, "a retry reports the same");
    assert_eq!(number(&mut service, "SELECT count(*) FROM orders").await, 3, "and does not restore again");
}

#[tokio::test]
async fn a_migration_without_a_way_back_restores_the_backup() {
    let (world, mut service, _) = shop().await;
    let new = world.commit("new", &[RETRY]);
    let backup = back_up(&world, "d-42", &new).await;
    assert!(!migrate(&world, "d-42", &new).await.unwrap().reversible);
    assert!(undo(&world, "d-42", &new, &backup).await.unwrap().restored_from_backup);
    assert_eq!(number(&mut service, "SELECT count(*) FROM pragma_table_info('orders')").await, 2);
}

#[tokio::test]
async fn a_damaged_live_file_is_replaced() {
    let (world, service, _) = shop().await;
    let new = world.commit("new", &[RETRY]);
    let backup = back_up(&world, "d-42", &new).await;
    migrate(&world, "d-42", &new).await.unwrap();
    drop(service);
    fs::write(&world.database().file, b"this is no database at all, and long enough to be read as a header.....")
        .unwrap();
    assert!(undo(&world, "d-42", &new, &backup).await.unwrap().restored_from_backup);
    assert_eq!(number(&mut world.live().await, "SELECT count(*) FROM orders").await, 2);
}

#[tokio::test]
async fn a_live_file_that_is_gone_is_restored() {
    for made_anew in [false, true] {
        let (world, service, _) = shop().await;
        let new = world.commit("new", &[RETRY, RETRY_DOWN]);
        let backup = back_up(&world, "d-42", &new).await;
        migrate(&world, "d-42", &new).await.unwrap();
        drop(service);
        for ending in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{ending}", world.database().file.display()));
        }
        if made_anew {
            sql(&mut world.live().await, "CREATE TABLE orders (id INTEGER PRIMARY KEY)").await;
        }

        let undone = undo(&world, "d-42", &new, &backup).await.unwrap();

        assert!(undone.restored_from_backup, "made anew: {made_anew}");
        assert_eq!(number(&mut world.live().await, "SELECT count(*) FROM orders").await, 2);
        assert!(undo(&world, "d-42", &new, &backup).await.unwrap().restored_from_backup, "a retry reports the same");
    }
}

#[tokio::test]
async fn a_service_without_a_database_has_nothing_to_back_up_or_migrate() {
    let mut world = World::new();
    world.service.database = None;
    let commit = world.commit("new", &[RETRY]);
    let backup = back_up(&world, "d-42", &commit).await;
    assert!(!backup.is_there());
    let report = migrate(&world, "d-42", &commit).await.unwrap();
    assert!(report.applied.is_empty() && report.reversible, "{report:?}");
    let undone = undo(&world, "d-42", &commit, &backup).await.unwrap();
    assert!(undone.reverted.is_empty() && !undone.restored_from_backup, "{undone:?}");
}

#[tokio::test]
async fn a_failing_migration_changes_nothing_and_is_not_tried_again() {
    let (world, mut service, _) = shop().await;
    let wrong =
        ("migrations/0042_add_retry.up.sql", "ALTER TABLE orders ADD COLUMN a; ALTER TABLE nowhere ADD COLUMN b;");
    let new = world.commit("new", &[wrong, RETRY_DOWN]);
    let backup = back_up(&world, "d-42", &new).await;
    let (kind, message) = failure(migrate(&world, "d-42", &new).await);
    assert_eq!(kind.as_deref(), Some("MigrationFailed"));
    assert!(message.contains("42 add retry") && message.contains("nowhere"), "{message}");
    assert_eq!(number(&mut service, "SELECT count(*) FROM pragma_table_info('orders')").await, 2, "all or nothing");
    let undone = undo(&world, "d-42", &new, &backup).await.unwrap();
    assert!(undone.reverted.is_empty() && !undone.restored_from_backup, "there was nothing to undo: {undone:?}");
}

#[tokio::test]
async fn an_older_commit_is_refused_where_its_schema_is_not() {
    let (world, _service, old) = shop().await;
    let new = world.commit("new", &[RETRY, RETRY_DOWN]);
    migrate(&world, "d-42", &new).await.unwrap();
    let (kind, message) = failure(migrate(&world, "d-43", &old).await);
    assert_eq!(kind.as_deref(), Some("MigrationFailed"));
    assert!(message.contains("42"), "{message}");
}

#[tokio::test]
async fn ids_are_never_paths() {
    let (world, _service, old) = shop().await;
    let backup = back_up(&world, "../../escape/deploy:é", &old).await;
    assert_eq!(backup.id, "../../escape/deploy:é");
    assert!(!world.path("escape").exists());
    let verify = VerifyBackup { service: ServiceName::new(SERVICE), backup };
    environment(&world).run(DatabaseActivities::verify_backup, verify).await.unwrap();
}
