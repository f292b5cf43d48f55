//! What a rollback would do if it were asked for now: to which version, which migrations, from which backup.

use crate::activities::database::backup;
use crate::activities::database::migrations::Migrations;
use crate::activities::deploy::target;
use crate::activities::git::repository::Repository;
use crate::activities::services::Services;
use crate::config::settings::Service;
use crate::contracts::clock::Timestamp;
use crate::contracts::delivery::LiveVersion;
use crate::contracts::ids::CommitSha;
use crate::contracts::rollback::RollbackReadiness;
use crate::contracts::temporal::activities::Subject;

/// Looks at everything that a rollback from `subject` needs.
pub async fn look(services: &Services, subject: &Subject) -> anyhow::Result<RollbackReadiness> {
    let service = services.of(subject)?;
    let commit = Repository::at(&service.repository).commit(&subject.commit).await?.sha;
    let Some(previous) = target::of(services, service).predecessor(&commit).await? else {
        let why_not = Some("Nothing was live before: there is no version to go back to.".to_owned());
        return Ok(RollbackReadiness { why_not, ..RollbackReadiness::default() });
    };
    let undo = Undo::of(service, &commit, &previous.live).await;
    let (undo, unknown) = match undo {
        Ok(undo) => (undo, None),
        Err(error) => (Undo::default(), Some(format!("What to take back is not known: {error:#}."))),
    };
    let irreversible = undo.irreversible.first().filter(|_| undo.backup_verified_at.is_none());
    let irreversible = irreversible.map(|migration| {
        format!("Migration {migration} has no down script, and no backup was verified since the last deployment.")
    });
    let why_not = unknown.or(irreversible);
    Ok(RollbackReadiness {
        ready: why_not.is_none(),
        why_not,
        previous_version: previous.live.version,
        previous_commit: previous.live.commit,
        backup_verified_at: undo.backup_verified_at,
        reversible: undo.irreversible.is_empty(),
        migrations: undo.migrations,
        estimate_ms: previous.estimate,
    })
}

/// What happens to the database.
#[derive(Debug, Default)]
struct Undo {
    /// Newest first.
    migrations: Vec<String>,
    irreversible: Vec<String>,
    backup_verified_at: Option<Timestamp>,
}

impl Undo {
    async fn of(service: &Service, commit: &CommitSha, previous: &LiveVersion) -> anyhow::Result<Self> {
        let Some(database) = &service.database else { return Ok(Self::default()) };
        let ours = Migrations::of(service, database, commit).await?;
        let theirs: Vec<i64> = Migrations::of(service, database, &previous.commit).await?.versions().collect();
        let mut added: Vec<i64> = ours.versions().filter(|version| !theirs.contains(version)).collect();
        added.reverse();
        let title = |version: &i64| ours.title(*version);
        Ok(Self {
            migrations: added.iter().map(title).collect(),
            irreversible: added.iter().filter(|version| !ours.is_reversible(**version)).map(title).collect(),
            // An older one would not hold what the live version has written.
            backup_verified_at: backup::last_verified(database)?.filter(|at| *at >= previous.since),
        })
    }
}
