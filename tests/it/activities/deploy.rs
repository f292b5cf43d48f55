//! Deploying real processes behind a real switch, and going back.

use std::fs;
use std::time::Duration;

use gatewatch::activities::database::DatabaseActivities;
use gatewatch::activities::deploy::DeployActivities;
use gatewatch::activities::deploy::process::child;
use gatewatch::activities::deploy::process::record::{Record, Records};
use gatewatch::activities::git::GitActivities;
use gatewatch::config::settings::Target;
use gatewatch::contracts::actor::{Actor, Via};
use gatewatch::contracts::clock::Timestamp;
use gatewatch::contracts::delivery::LiveVersion;
use gatewatch::contracts::ids::{CommitSha, DeploymentId, Environment, ServiceName};
use gatewatch::contracts::rollback::RollbackReadiness;
use gatewatch::contracts::temporal::activities::{
    Backup, RedeployPrevious, RollbackMigration, RollbackToCommit, Subject, VerifyDeployment,
};
use temporalio_sdk::testing::{ActivityEnvironment, ActivityEnvironmentError};

use crate::activities::service::{Switch, TOO_MUCH, command};
use crate::activities::world::{SERVICE, World, deployment, failure, go_live};
use crate::support::{PATIENCE, wait_until};

struct Shop {
    world: World,
    switch: Switch,
    old: CommitSha,
    new: CommitSha,
}

impl Shop {
    /// Two commits with a version each; nothing live.
    async fn new() -> Self {
        let mut world = World::new();
        let switch = Switch::start().await;
        fs::create_dir(world.path("flags")).unwrap();
        world.service.public_url = switch.public.clone();
        let command = command(&world);
        let Target::Process(target) = &mut world.service.target;
        target.switch = switch.admin.clone();
        target.command = command;
        let old = world.commit("old", &[("VERSION", "v41\n")]);
        let new = world.commit("new", &[("VERSION", "v42\n")]);
        Self { world, switch, old, new }
    }

    fn environment(&self) -> ActivityEnvironment {
        ActivityEnvironment::builder().register_activities(DeployActivities { services: self.world.services() }).build()
    }

    async fn deploy(&self, id: &str, commit: &CommitSha) -> LiveVersion {
        self.environment().run(DeployActivities::deploy_to_production, deployment(id, commit)).await.unwrap();
        self.promote(id, commit).await.unwrap()
    }

    /// Over whatever is live.
    async fn promote(&self, id: &str, commit: &CommitSha) -> Result<LiveVersion, ActivityEnvironmentError> {
        let environment = self.environment();
        let live = environment.run(DeployActivities::get_deployment_status, ServiceName::new(SERVICE)).await;
        let replaces = live.ok().map(|live| live.deployment_id);
        self.promote_over(id, commit, replaces.as_ref().map(DeploymentId::as_str)).await
    }

    async fn promote_over(
        &self,
        id: &str,
        commit: &CommitSha,
        replaces: Option<&str>,
    ) -> Result<LiveVersion, ActivityEnvironmentError> {
        self.environment().run(DeployActivities::wait_for_deployment, go_live(id, commit, replaces)).await
    }

    async fn verify(&self, version: &str, commit: &CommitSha) -> Result<(), ActivityEnvironmentError> {
        let verify =
            VerifyDeployment { service: ServiceName::new(SERVICE), version: version.into(), commit: commit.clone() };
        self.environment().run(DeployActivities::verify_deployment, verify).await.map(drop)
    }

    async fn restore(&self, undone: &str, previous: &LiveVersion) -> Result<LiveVersion, ActivityEnvironmentError> {
        let redeploy = RedeployPrevious {
            service: ServiceName::new(SERVICE),
            undone: DeploymentId::new(undone),
            previous: previous.clone(),
        };
        self.environment().run(DeployActivities::rollback_deployment, redeploy).await
    }

    async fn readiness(&self, commit: &CommitSha) -> RollbackReadiness {
        self.readiness_in("production", commit).await.unwrap()
    }

    async fn readiness_in(
        &self,
        environment: &str,
        commit: &CommitSha,
    ) -> Result<RollbackReadiness, ActivityEnvironmentError> {
        let environment = Environment::new(environment);
        let subject = Subject { service: ServiceName::new(SERVICE), commit: commit.clone(), environment };
        self.environment().run(DeployActivities::get_rollback_readiness, subject).await
    }

    fn record(&self, id: &str) -> Record {
        Records::of(&self.world.path("state")).get(&DeploymentId::new(id)).unwrap().unwrap()
    }

    fn is_alive(&self, id: &str) -> bool {
        child::is_alive(&self.record(id).process.unwrap())
    }

    async fn visit(&self) -> String {
        reqwest::get(self.switch.public.clone()).await.unwrap().text().await.unwrap()
    }

    fn flag(&self, name: &str) -> std::path::PathBuf {
        self.world.path("flags").join(name)
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // Its processes end by themselves when the folder is gone; each in its own group, none is ours to wait for.
        let _ = fs::remove_dir_all(self.world.path("flags"));
    }
}

#[tokio::test]
async fn a_version_is_deployed_rolled_back_and_ended() {
    let shop = Shop::new().await;
    let first = shop.deploy("d-41", &shop.old).await;
    assert_eq!(first.version.as_str(), "v41");
    assert!(!shop.readiness(&shop.old).await.ready, "there is nothing to go back to");

    let second = shop.deploy("d-42", &shop.new).await;
    assert_eq!((second.version.as_str(), second.commit.as_str()), ("v42", shop.new.as_str()));
    assert_eq!(shop.visit().await, "shop v42 sells tea");
    shop.verify("v42", &shop.new).await.unwrap();
    assert!(shop.is_alive("d-41"), "what was superseded stays, for an instant way back");
    let ready = shop.readiness(&shop.new).await;
    assert!(ready.ready && ready.estimate_ms.is_some(), "{ready:?}");
    assert_eq!((ready.previous_version.as_str(), ready.previous_commit.as_str()), ("v41", shop.old.as_str()));

    let back = shop.restore("d-42", &first).await.unwrap();
    assert_eq!(back.deployment_id.as_str(), "d-41");
    assert!(shop.is_alive("d-42"), "nothing is ended before the old version was seen serving");
    shop.verify("v41", &shop.old).await.unwrap();
    assert_eq!(shop.visit().await, "shop v41 sells tea");
    assert!(!shop.is_alive("d-42"));
    assert!(shop.is_alive("d-41"));

    // All of it again, as after a lost answer: nothing moves.
    assert_eq!(shop.restore("d-42", &first).await.unwrap(), back);
    shop.verify("v41", &shop.old).await.unwrap();
}

#[tokio::test]
async fn only_the_live_version_and_the_one_before_it_keep_running() {
    let shop = Shop::new().await;
    let first = shop.deploy("d-41", &shop.old).await;
    let second = shop.deploy("d-42", &shop.new).await;
    let newest = shop.world.commit("newest", &[("VERSION", "v43\n")]);
    shop.deploy("d-43", &newest).await;
    assert!(shop.is_alive("d-41"), "nothing is ended before the new version was seen serving");
    shop.verify("v43", &newest).await.unwrap();
    assert_eq!([shop.is_alive("d-41"), shop.is_alive("d-42"), shop.is_alive("d-43")], [false, true, true]);
    shop.restore("d-43", &second).await.unwrap();
    shop.verify("v42", &shop.new).await.unwrap();
    assert_eq!([shop.is_alive("d-41"), shop.is_alive("d-42"), shop.is_alive("d-43")], [false, true, false]);
    // One that was ended is no dead end: it is started again.
    assert_eq!(shop.restore("d-42", &first).await.unwrap().deployment_id.as_str(), "d-41");
    assert_eq!(shop.visit().await, "shop v41 sells tea");
}

/// What a version says of itself is read to a limit: one that never ends counts as one that hangs.
#[tokio::test]
async fn a_version_that_talks_without_end_is_not_listened_to() {
    let shop = Shop::new().await;
    shop.deploy("d-41", &shop.old).await;
    shop.deploy("d-42", &shop.new).await;
    fs::write(shop.flag("endless-v41"), b"").unwrap();
    let listen = shop.record("d-41").listen.unwrap();
    wait_until("it talks without end", PATIENCE, async || {
        let answer = reqwest::get(format!("http://{listen}/version")).await.unwrap().bytes().await.unwrap();
        (answer.len() > TOO_MUCH).then_some(())
    })
    .await;
    // Going back to one that answers takes as long as asking it; to another, as long as starting it took.
    let started = shop.record("d-41").healthy_in;
    assert_eq!(shop.readiness(&shop.new).await.estimate_ms, started);
}

#[tokio::test]
async fn deployments_that_are_over_are_forgotten_but_for_the_newest() {
    let shop = Shop::new().await;
    shop.deploy("d-41", &shop.old).await;
    shop.deploy("d-42", &shop.new).await;
    let state = shop.world.path("state");
    let mut over = shop.record("d-41");
    (over.process, over.listen) = (None, None);
    for n in 0..60 {
        let id = format!("over-{n:02}");
        over.deployment_id = DeploymentId::new(id.as_str());
        over.stopped_at = Timestamp::from_unix_millis(1000 + n);
        fs::write(state.join(format!("{id}.deployment.json")), serde_json::to_vec(&over).unwrap()).unwrap();
        fs::write(state.join(format!("{id}.log")), b"words").unwrap();
    }
    shop.verify("v42", &shop.new).await.unwrap();
    let is_there = |id: &str, ending: &str| state.join(format!("{id}{ending}")).exists();
    for ending in [".deployment.json", ".log"] {
        assert!(!is_there("over-09", ending) && is_there("over-10", ending) && is_there("over-59", ending), "{ending}");
        assert!(is_there("d-41", ending) && is_there("d-42", ending), "{ending}: a rollback needs them");
    }
}

#[tokio::test]
async fn deploying_twice_starts_one_process() {
    let shop = Shop::new().await;
    let first = shop.deploy("d-41", &shop.old).await;
    let process = shop.record("d-41").process;
    assert_eq!(shop.deploy("d-41", &shop.old).await, first, "the same deployment, live since the same moment");
    assert_eq!(shop.record("d-41").process, process);

    // The worker died between starting the process and writing its number down.
    let mut forgotten = shop.record("d-41");
    let (listen, number) = (forgotten.listen.take(), forgotten.process.take());
    let path = shop.world.path("state").join("d-41.deployment.json");
    fs::write(&path, serde_json::to_vec(&forgotten).unwrap()).unwrap();
    shop.deploy("d-41", &shop.old).await;
    let found = shop.record("d-41");
    assert_eq!((found.listen, found.process.map(|p| p.pid)), (listen, number.map(|p| p.pid)));
    // And while writing: a half-written file is none.
    fs::write(path.with_extension("json.partial"), b"{\"deploymentId\": \"d-4").unwrap();
    shop.deploy("d-41", &shop.old).await;
}

#[tokio::test]
async fn going_back_starts_the_previous_version_when_it_is_gone() {
    let shop = Shop::new().await;
    let first = shop.deploy("d-41", &shop.old).await;
    let gone = shop.record("d-41").process.unwrap();
    shop.deploy("d-42", &shop.new).await;
    child::stop(&gone).await.unwrap();
    assert!(shop.readiness(&shop.new).await.estimate_ms.unwrap().0 > 0, "what starting it took the last time");

    shop.restore("d-42", &first).await.unwrap();

    assert_ne!(shop.record("d-41").process.unwrap().pid, gone.pid);
    shop.verify("v41", &shop.old).await.unwrap();
    assert_eq!(shop.visit().await, "shop v41 sells tea");
}

#[tokio::test]
async fn a_late_attempt_does_not_bring_back_what_was_undone() {
    let shop = Shop::new().await;
    let first = shop.deploy("d-41", &shop.old).await;
    shop.deploy("d-42", &shop.new).await;
    shop.restore("d-42", &first).await.unwrap();

    let (kind, message) = failure(shop.promote("d-42", &shop.new).await);
    assert_eq!(kind.as_deref(), Some("RolledBack"), "{message}");
    let start = shop.environment().run(DeployActivities::deploy_to_production, deployment("d-42", &shop.new)).await;
    assert_eq!(failure(start).0.as_deref(), Some("RolledBack"));
    // One whose first attempt never arrived is fenced as well.
    shop.restore("d-43", &first).await.unwrap();
    let start = shop.environment().run(DeployActivities::deploy_to_production, deployment("d-43", &shop.new)).await;
    assert_eq!(failure(start).0.as_deref(), Some("RolledBack"));
    assert_eq!(shop.visit().await, "shop v41 sells tea");
}

#[tokio::test]
async fn of_two_deployments_one_takes_the_traffic_and_keeps_it() {
    let shop = Shop::new().await;
    let first = shop.deploy("d-41", &shop.old).await;
    let other = shop.world.commit("other", &[("VERSION", "v43\n")]);
    for (id, commit) in [("d-42", &shop.new), ("d-43", &other)] {
        shop.environment().run(DeployActivities::deploy_to_production, deployment(id, commit)).await.unwrap();
    }
    let won = shop.promote_over("d-42", &shop.new, Some("d-41")).await.unwrap();

    let (kind, message) = failure(shop.promote_over("d-43", &other, Some("d-41")).await);
    assert_eq!(kind.as_deref(), Some("Overtaken"), "{message}");
    assert!(message.contains("`d-42` has it"), "{message}");
    assert_eq!(shop.promote_over("d-42", &shop.new, Some("d-41")).await.unwrap(), won, "asked again: it has it");

    assert_eq!(shop.restore("d-43", &first).await.unwrap(), won, "what lost has nothing to give back");
    assert_eq!(shop.visit().await, "shop v42 sells tea");
    assert_eq!(shop.restore("d-42", &first).await.unwrap().version.as_str(), "v41");
    assert_eq!(shop.visit().await, "shop v41 sells tea");
}

/// v43 is the newest that works. Taking v42 back must take nothing from it: neither traffic, nor database, nor code.
#[tokio::test]
async fn what_was_superseded_takes_nothing_from_what_came_after_it() {
    let shop = Shop::new().await;
    let first = shop.deploy("d-41", &shop.old).await;
    shop.deploy("d-42", &shop.new).await;
    let third = shop.world.commit("third", &[("VERSION", "v43\n")]);
    let live = shop.deploy("d-43", &third).await;

    let services = || shop.world.services();
    let activities = ActivityEnvironment::builder()
        .register_activities(DatabaseActivities { services: services() })
        .register_activities(GitActivities { services: services() })
        .build();
    let migrations =
        |id, commit| RollbackMigration { deployment: deployment(id, commit), to: 0, backup: Backup::default() };
    let undone = activities.run(DatabaseActivities::rollback_migration, migrations("d-42", &shop.new)).await;
    assert_eq!(undone.unwrap().kept_for.as_deref(), Some("v43 of deployment `d-43`, which came after it"));
    let head = shop.world.git(&["rev-parse", "release"]);
    let code = RollbackToCommit {
        deployment: deployment("d-42", &shop.new),
        to: shop.old.clone(),
        reason: "error rate".to_owned(),
        actor: Actor::new("mira", Via::Console),
    };
    assert!(activities.run(GitActivities::rollback_to_commit, code).await.unwrap().kept_for.is_some());
    assert_eq!(shop.world.git(&["rev-parse", "release"]), head, "no commit takes v43's code back");
    assert_eq!(shop.restore("d-42", &first).await.unwrap(), live);
    assert_eq!(shop.visit().await, "shop v43 sells tea");

    // What is live takes back what is its own.
    let own = activities.run(DatabaseActivities::rollback_migration, migrations("d-43", &third)).await;
    let (kind, message) = failure(own.map(|undone| undone.kept_for));
    assert_eq!(kind.as_deref(), Some("BackupDamaged"), "it set about it, and this shop has no backup: {message}");
}

#[tokio::test]
async fn what_nothing_leads_back_to_is_ended() {
    let shop = Shop::new().await;
    shop.deploy("d-41", &shop.old).await;
    shop.deploy("d-42", &shop.new).await;
    let third = shop.world.commit("third", &[("VERSION", "v43\n")]);
    shop.deploy("d-43", &third).await;
    // On its way: it has never had the traffic.
    shop.environment().run(DeployActivities::deploy_to_production, deployment("d-44", &shop.new)).await.unwrap();

    shop.verify("v43", &third).await.unwrap();

    assert!(!shop.is_alive("d-41"), "two steps behind what is live");
    for id in ["d-42", "d-43", "d-44"] {
        assert!(shop.is_alive(id), "{id}");
    }
}

#[tokio::test]
async fn what_was_seen_serving_is_verified_whatever_cannot_be_ended() {
    let shop = Shop::new().await;
    shop.deploy("d-41", &shop.old).await;
    fs::write(shop.world.path("state").join("broken.deployment.json"), b"{").unwrap();
    shop.verify("v41", &shop.old).await.unwrap();
}

#[tokio::test]
async fn another_environment_than_the_configured_one_is_refused() {
    let shop = Shop::new().await;
    shop.deploy("d-41", &shop.old).await;
    let (kind, message) = failure(shop.readiness_in("staging", &shop.new).await);
    assert_eq!(kind.as_deref(), Some("InvalidRequest"));
    assert!(message.contains("`production`, not for `staging`"), "{message}");
}

#[tokio::test]
async fn a_version_that_crashes_gets_no_traffic_and_it_is_said_where_to_read_why() {
    let shop = Shop::new().await;
    shop.deploy("d-41", &shop.old).await;
    fs::write(shop.flag("crash-v42"), "").unwrap();
    let outcome = shop.environment().run(DeployActivities::deploy_to_production, deployment("d-42", &shop.new)).await;
    let (kind, message) = failure(outcome);
    assert_eq!(kind, None, "another attempt may help");
    let (ended, log) = message.split_once("; its log is ").expect("where its log is");
    assert!(ended.ends_with("v42 ended before it answered"), "{message}");
    assert!(!message.contains("told to crash"), "what a service writes may be secret, and this enters a history");
    let (log, _host) = log.split_once(" on ").unwrap();
    assert!(fs::read_to_string(log).unwrap().contains("told to crash"), "{log}");
    assert_eq!(shop.visit().await, "shop v41 sells tea");
}

#[tokio::test]
async fn traffic_waits_for_health() {
    let shop = Shop::new().await;
    shop.deploy("d-41", &shop.old).await;
    fs::write(shop.flag("sick-v42"), "").unwrap();
    shop.environment().run(DeployActivities::deploy_to_production, deployment("d-42", &shop.new)).await.unwrap();
    let environment = shop.environment();
    let mut waiting =
        Box::pin(environment.run(DeployActivities::wait_for_deployment, go_live("d-42", &shop.new, Some("d-41"))));
    assert!(tokio::time::timeout(Duration::from_millis(500), &mut waiting).await.is_err(), "it is sick");
    assert_eq!(shop.visit().await, "shop v41 sells tea");
    fs::remove_file(shop.flag("sick-v42")).unwrap();
    waiting.await.unwrap();
    assert_eq!(shop.visit().await, "shop v42 sells tea");
}

#[tokio::test]
async fn waiting_can_be_cancelled() {
    let shop = Shop::new().await;
    fs::write(shop.flag("sick-v42"), "").unwrap();
    shop.environment().run(DeployActivities::deploy_to_production, deployment("d-42", &shop.new)).await.unwrap();
    let environment = shop.environment();
    let waiting = environment.run(DeployActivities::wait_for_deployment, go_live("d-42", &shop.new, None));
    let cancelling = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        environment.cancel();
    };
    let (outcome, ()) = tokio::time::timeout(Duration::from_secs(5), async { tokio::join!(waiting, cancelling) })
        .await
        .expect("cancelling ends the wait");
    assert!(format!("{outcome:?}").contains("Cancelled"), "{outcome:?}");
}

#[tokio::test]
async fn a_version_that_somebody_else_put_on_can_be_gone_back_to() {
    let shop = Shop::new().await;
    let answers = crate::activities::service::answers("v41", shop.old.as_str());
    let address = crate::activities::service::serve(answers, "127.0.0.1:0".parse().unwrap()).await;
    let route = serde_json::json!({
        "backend": address.to_string(), "deploymentId": "by-hand", "version": "v41", "commit": shop.old,
        "since": "2026-11-21T10:00:00Z",
    });
    let admin = format!("{}switch", shop.switch.admin);
    reqwest::Client::new().put(admin).json(&route).send().await.unwrap().error_for_status().unwrap();
    let environment = shop.environment();
    let before =
        environment.run(DeployActivities::get_deployment_status, shop.world.service.name.clone()).await.unwrap();
    assert_eq!(before.deployment_id.as_str(), "by-hand");

    shop.deploy("d-42", &shop.new).await;
    assert_eq!(shop.readiness(&shop.new).await.previous_version.as_str(), "v41");
    shop.restore("d-42", &before).await.unwrap();

    assert_eq!(shop.switch.backend(), Some(address.to_string()));
    shop.verify("v41", &shop.old).await.unwrap();
}

#[tokio::test]
async fn nothing_live_is_said_plainly() {
    let shop = Shop::new().await;
    let status = shop.environment().run(DeployActivities::get_deployment_status, ServiceName::new(SERVICE)).await;
    assert_eq!(failure(status).0.as_deref(), Some("NothingLive"));
    let commit = shop.world.commit("nameless", &[]);
    fs::remove_file(shop.world.service.repository.join("VERSION")).unwrap();
    let nameless = shop.world.commit("nameless", &[]);
    assert_ne!(commit, nameless);
    let start = shop.environment().run(DeployActivities::deploy_to_production, deployment("d", &nameless)).await;
    let (kind, message) = failure(start);
    assert_eq!(kind.as_deref(), Some("InvalidRequest"));
    assert!(message.contains("VERSION"), "{message}");
}
