//! Rollback commits on a real repository.

use gatewatch::activities::git::GitActivities;
use gatewatch::activities::git::repository::Repository;
use gatewatch::activities::git::rollback;
use gatewatch::contracts::actor::{Actor, Via};
use gatewatch::contracts::ids::CommitSha;
use gatewatch::contracts::temporal::activities::{CodeRolledBack, RollbackToCommit};
use temporalio_sdk::testing::{ActivityEnvironment, ActivityEnvironmentError};

use crate::activities::world::{World, deployment, failure};
use crate::support::hook::Hook;
use crate::support::{PATIENCE, wait_until};

async fn roll_back(world: &World, rollback: RollbackToCommit) -> Result<CodeRolledBack, ActivityEnvironmentError> {
    let environment =
        ActivityEnvironment::builder().register_activities(GitActivities { services: world.services() }).build();
    environment.run(GitActivities::rollback_to_commit, rollback).await
}

fn request(id: &str, from: &CommitSha, to: &CommitSha) -> RollbackToCommit {
    RollbackToCommit {
        deployment: deployment(id, from),
        to: to.clone(),
        reason: "error rate 34 %\nDeployment-Id: forged".to_owned(),
        actor: Actor::new("Grace <grace>\nRollback-Of: forged", Via::Console),
    }
}

#[tokio::test]
async fn the_old_content_comes_back_in_a_commit_that_says_why() {
    let world = World::new();
    let old = world.commit("Sell things", &[("app", "one"), ("VERSION", "v41")]);
    let new = world.commit("Sell faster", &[("app", "two"), ("VERSION", "v42"), ("added", "x")]);

    let done = roll_back(&world, request("d-42", &new, &old)).await.unwrap().rollback_commit;

    assert_eq!(world.git(&["rev-parse", "release"]), done.as_str());
    assert_eq!(world.git(&["rev-parse", "release^{tree}"]), world.git(&["rev-parse", &format!("{old}^{{tree}}")]));
    assert_eq!(world.git(&["rev-parse", "release~1"]), new.as_str(), "history is kept");
    let message = world.git(&["log", "-1", "--format=%B", "release"]);
    assert!(message.starts_with(&format!("Roll back to {}: Sell things", old.short())), "{message}");
    assert!(message.contains("    error rate 34 %") && message.contains("Sell faster"), "{message}");
    let trailer =
        |key: &str| world.git(&["log", "-1", &format!("--format=%(trailers:key={key},valueonly)"), "release"]);
    assert_eq!(trailer("Deployment-Id").trim(), "d-42");
    assert_eq!(trailer("Rollback-Of").trim(), new.as_str());
    assert_eq!(trailer("Rollback-To").trim(), old.as_str());
    assert_eq!(world.git(&["log", "-1", "--format=%cn", "release"]), "gatewatch");
    assert!(world.git(&["log", "-1", "--format=%an", "release"]).starts_with("Grace grace"));
}

#[tokio::test]
async fn asked_twice_it_happens_once() {
    let world = World::new();
    let old = world.commit("old", &[("app", "one")]);
    let new = world.commit("new", &[("app", "two")]);
    let first = roll_back(&world, request("d-42", &new, &old)).await.unwrap().rollback_commit;
    world.commit("somebody goes on", &[("other", "x")]);
    let before = world.git(&["rev-parse", "release"]);

    let second = roll_back(&world, request("d-42", &new, &old)).await.unwrap().rollback_commit;

    assert_eq!(first, second);
    assert_eq!(world.git(&["rev-parse", "release"]), before, "nothing was put on top of the later work");
    // An id that begins alike is another deployment.
    let third = roll_back(&world, request("d-4", &new, &old)).await.unwrap().rollback_commit;
    assert_ne!(first, third);
}

/// Given up in the middle of moving the branch, git takes its lock with it: the next attempt finds the branch free.
#[tokio::test]
async fn giving_up_in_the_middle_leaves_no_lock_behind() {
    let world = World::new();
    let old = world.commit("old", &[("app", "one")]);
    let new = world.commit("new", &[("app", "two")]);
    let git_dir = world.service.repository.join(".git");
    let hook = Hook::holding(&git_dir);
    let request = request("d-42", &new, &old);
    tokio::select! {
        done = rollback::to_commit(&world.service, &request) => panic!("nothing holds it: {done:?}"),
        () = hook.reached() => {}
    }
    let lock = git_dir.join("refs/heads/release.lock");
    wait_until("the lock is gone", PATIENCE, async || (!lock.exists()).then_some(())).await;
    hook.release();
    let done = rollback::to_commit(&world.service, &request).await.unwrap();
    assert_eq!(world.git(&["rev-parse", "release"]), done.as_str());
    assert_eq!(world.git(&["rev-parse", "release~1"]), new.as_str(), "it is the only one");
}

#[tokio::test]
async fn ten_at_once_make_one_commit() {
    let world = World::new();
    let old = world.commit("old", &[("app", "one")]);
    let new = world.commit("new", &[("app", "two")]);
    let attempts = (0..10).map(|_| roll_back(&world, request("d-42", &new, &old)));
    let done: Vec<CommitSha> =
        futures::future::join_all(attempts).await.into_iter().map(|done| done.unwrap().rollback_commit).collect();
    assert!(done.iter().all(|commit| *commit == done[0]), "{done:?}");
    assert_eq!(world.git(&["rev-list", "--count", "release"]), "3");
}

#[tokio::test]
async fn rollbacks_that_race_do_not_lose_each_other() {
    let world = World::new();
    let old = world.commit("old", &[("app", "one")]);
    let new = world.commit("new", &[("app", "two")]);
    let ids = ["d-1", "d-2", "d-3", "d-4"];
    let attempts = ids.map(|id| roll_back(&world, request(id, &new, &old)));
    for done in futures::future::join_all(attempts).await {
        let commit = done.unwrap().rollback_commit;
        world.git(&["merge-base", "--is-ancestor", commit.as_str(), "release"]);
    }
    assert_eq!(world.git(&["rev-list", "--count", "release"]), "6");
}

#[tokio::test]
async fn a_commit_that_is_none_stays_a_failure() {
    let world = World::new();
    let new = world.commit("new", &[("app", "two")]);
    for bad in ["", "--output=/etc/passwd", "release", "0123456789012345678901234567890123456789", "HEAD~1"] {
        let (kind, message) = failure(roll_back(&world, request("d", &new, &CommitSha::new(bad))).await);
        assert_eq!(kind.as_deref(), Some("UnknownCommit"), "{bad}: {message}");
    }
    let mut elsewhere = request("d", &new, &new);
    elsewhere.deployment.service = "nowhere".into();
    let (kind, message) = failure(roll_back(&world, elsewhere).await);
    assert_eq!(kind.as_deref(), Some("UnknownService"));
    assert!(message.contains("nowhere") && message.contains("checkout"), "{message}");
}

#[tokio::test]
async fn files_are_read_as_they_are_in_the_commit() {
    let world = World::new();
    let old = world.commit("old", &[("VERSION", "v41\n"), ("a/1.sql", "one"), ("a/b/2.sql", "deep")]);
    world.commit("new", &[("VERSION", "v42\n"), ("a/3.sql", "three")]);
    let repository = Repository::at(&world.service.repository);
    let commit = repository.commit(&old).await.unwrap();
    assert_eq!((commit.subject.as_str(), commit.author.as_str()), ("old", "Ada"));
    assert_eq!(repository.line(&commit, "VERSION").await.unwrap().as_deref(), Some("v41"));
    assert_eq!(repository.file(&commit, "absent").await.unwrap(), None);
    assert_eq!(repository.file(&commit, "a").await.unwrap(), None, "a folder is no file");
    let names: Vec<String> = repository.folder(&commit, "a").await.unwrap().into_iter().map(|blob| blob.name).collect();
    assert_eq!(names, ["1.sql"]);
    assert!(repository.folder(&commit, "none").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_branch_named_like_a_commit_is_not_that_commit() {
    let world = World::new();
    let (old, new) = (world.commit("old", &[("app", "one")]), world.commit("new", &[("app", "two")]));
    let short = CommitSha::new(&old.as_str()[..8]);
    let repository = Repository::at(&world.service.repository);
    assert_eq!(repository.commit(&short).await.unwrap().sha, old);
    assert_eq!(repository.commit(&CommitSha::new(short.as_str().to_ascii_uppercase())).await.unwrap().sha, old);

    world.git(&["branch", short.as_str(), new.as_str()]);

    let error = repository.commit(&short).await.unwrap_err().to_string();
    assert!(error.contains("the name of a branch"), "approving {old} must not deploy {new}: {error}");
    assert_eq!(repository.commit(&old).await.unwrap().sha, old);
}
