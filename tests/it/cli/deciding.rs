//! Deciding when something is not as it should be: each is told as what it is, in words and in the exit code.

use std::fs;
use std::time::Duration;

use gatewatch::contracts::evidence::CheckStatus;
use gatewatch::contracts::temporal::memo::Published;
use serde_json::json;

use crate::cli::commands::waiting;
use crate::cli::shell::Shell;
use crate::support;
use crate::workflows::bench::{Bench, bounded};
use crate::workflows::world::{check, now};

fn approve<'a>(id: &'a str, digest: &'a str) -> Vec<&'a str> {
    vec!["approve", id, "--gate", "production-approval", "--yes", "--evidence", digest]
}

#[tokio::test(flavor = "multi_thread")]
async fn deciding_twice_says_who_was_first_and_the_same_again_is_no_second_time() {
    bounded(async || {
        let (bench, shell) = (Bench::new().await, Shell::new(None));
        let (id, gate) = waiting(&bench, json!({})).await;
        let digest = gate.digest().unwrap().to_string();
        let once = [&approve(&id, &digest)[..], &["--decision-id", "d1"]].concat();
        let ended = shell.run(&approve(&id, &digest[..7])).await;
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{ended:?}");
        assert!(ended.err.contains("at least 8 characters of the digest are needed"), "{ended:?}");
        assert!(!ended.err.contains("never collected"), "{ended:?}");
        for other in ["0000000000", &format!("{digest}0")] {
            let ended = shell.run(&approve(&id, other)).await;
            assert_eq!((ended.code, ended.out.as_str()), (3, ""), "{other} does not name it: {ended:?}");
        }
        let ended = shell.run(&[&approve(&id, &digest[..8])[..], &["--decision-id", "d1"]].concat()).await;
        assert_eq!(ended.code, 0, "its beginning does: {ended:?}");
        assert!(ended.out.contains("approved by mira"), "{ended:?}");
        let ended = shell.run(&once).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        assert!(ended.out.contains("nothing happened twice"), "{ended:?}");
        for second in [approve(&id, &digest), vec!["reject", &id, "--yes", "--reason", "no"]] {
            let ended = shell.run(&second).await;
            assert_eq!((ended.code, ended.out.as_str()), (3, ""), "{ended:?}");
            assert!(ended.err.contains("approved by mira"), "{ended:?}");
        }
        let decided = bench.published(&id).await.unwrap().decided.unwrap();
        assert_eq!(decided.decision_id.as_str(), "d1");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_approves_while_a_critical_check_fails() {
    bounded(async || {
        let (bench, shell) = (Bench::new().await, Shell::new(None));
        bench.world.checks(vec![check("security-scan-clean", CheckStatus::Failed, true)]);
        let (id, gate) = waiting(&bench, json!({})).await;
        let digest = gate.digest().unwrap().to_string();
        let ended = shell.run(&approve(&id, &digest)).await;
        assert_eq!((ended.code, ended.out.as_str()), (3, ""), "{ended:?}");
        assert!(ended.err.contains("security scan clean") && ended.err.contains("critical-check-failing"), "{ended:?}");
        let ended = shell.run(&[&approve(&id, &digest)[..], &["--json"]].concat()).await;
        assert_eq!((ended.code, &ended.json()["refusal"]["code"]), (3, &json!("critical-check-failing")), "{ended:?}");
        assert!(bench.published(&id).await.unwrap().decided.is_none());
        let ended = shell.run(&["reject", &id, "--yes", "--reason", "the scan fails"]).await;
        assert_eq!(ended.code, 0, "rejecting is always possible: {ended:?}");
    })
    .await;
}

/// Evidence of this size is cut where histories are shown: what it was is read from the whole.
#[tokio::test(flavor = "multi_thread")]
async fn what_changed_since_the_evidence_was_seen_is_told_however_much_of_it_there_is() {
    bounded(async || {
        let (bench, shell) = (Bench::new().await, Shell::new(None));
        let mut checks: Vec<_> = (0..600).map(|n| check(&format!("check-{n}"), CheckStatus::Passed, false)).collect();
        bench.world.checks(checks.clone());
        let (id, gate) = waiting(&bench, json!({})).await;
        let seen = gate.digest().unwrap().to_string();
        checks.push(check("visual-regression", CheckStatus::Failed, false));
        bench.world.checks(checks);
        let ended = shell.run(&["request-evidence", &id, "--yes", "--reason", "look again"]).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        let again = |published: &Published| published.gates.first().is_some_and(|gate| gate.revision == 2);
        bench.until(&id, "the gate asks again", again).await;
        for seen in [seen.as_str(), &seen[..8]] {
            let ended = shell.run(&approve(&id, seen)).await;
            assert_eq!((ended.code, ended.out.as_str()), (3, ""), "{ended:?}");
            assert!(ended.err.contains("visual regression is new: failed"), "{ended:?}");
        }
        let ended = shell.run(&approve(&id, &"0".repeat(64))).await;
        assert!(ended.err.contains("was never collected for it"), "{ended:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_deadline_it_is_too_late_whether_or_not_a_worker_has_noticed() {
    bounded(async || {
        let (mut bench, shell) = (Bench::new().await, Shell::new(None));
        let (id, gate) = waiting(&bench, json!({"deadlineMs": 1500})).await;
        bench.kill_worker();
        let (digest, deadline) = (gate.digest().unwrap().to_string(), gate.deadline.unwrap());
        support::wait_until("the deadline is over", support::PATIENCE, async || (now() > deadline).then_some(())).await;
        let late = [&approve(&id, &digest)[..], &["--decision-id", "late"]].concat();
        let ended = shell.run(&[&late[..], &["--wait", "0"]].concat()).await;
        assert_eq!(ended.code, 4, "nobody can refuse it yet: {ended:?}");
        assert!(ended.err.contains("In doubt") && ended.err.contains("--decision-id late"), "{ended:?}");
        bench.start_worker();
        bench.until(&id, "the gate is closed", |published| published.gates.is_empty()).await;
        for again in [late, approve(&id, &digest)] {
            let ended = shell.run(&again).await;
            assert_eq!((ended.code, ended.out.as_str()), (3, ""), "{ended:?}");
            assert!(ended.err.contains("deadline") || ended.err.contains("Nobody decided"), "{ended:?}");
        }
        assert_ne!(bench.published(&id).await.unwrap().decided.unwrap().decision_id.as_str(), "late");
    })
    .await;
}

/// In doubt, and resolved under the eyes of the one who asked.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_worker_it_is_waited_for_and_told_when_one_comes() {
    bounded(async || {
        let (mut bench, shell) = (Bench::new().await, Shell::new(None));
        let (id, gate) = waiting(&bench, json!({})).await;
        bench.kill_worker();
        let digest = gate.digest().unwrap().to_string();
        let ended = shell.run(&[&approve(&id, &digest)[..], &["--wait", "1", "--decision-id", "d1"]].concat()).await;
        assert_eq!((ended.code, ended.out.as_str()), (4, ""), "{ended:?}");
        assert!(ended.err.contains("No worker has confirmed it yet") && ended.err.contains("In doubt"), "{ended:?}");
        let arguments = [&approve(&id, &digest)[..], &["--wait", "25", "--decision-id", "d1"]].concat();
        let (ended, ()) = tokio::join!(shell.run(&arguments), async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            bench.start_worker();
        });
        assert_eq!(ended.code, 0, "{ended:?}");
        assert!(ended.out.contains("approved by mira"), "{ended:?}");
        let audit = shell.run(&["audit"]).await;
        assert!(audit.out.contains("in doubt") && audit.out.contains("applied"), "{audit:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn read_only_refuses_and_the_trail_has_it() {
    bounded(async || {
        let (bench, shell) = (Bench::new().await, Shell::new(None));
        let (id, gate) = waiting(&bench, json!({})).await;
        let digest = gate.digest().unwrap().to_string();
        let ended = shell.run(&[&["--read-only"][..], &approve(&id, &digest)].concat()).await;
        assert_eq!(ended.code, 3, "{ended:?}");
        assert!(ended.err.contains("read-only"), "{ended:?}");
        let audit = shell.run(&["audit"]).await;
        assert!(audit.out.contains(&format!("asked: approve {id}")) && audit.out.contains("read-only"), "{audit:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trail_that_was_changed_is_an_error_and_is_not_shown() {
    bounded(async || {
        let (bench, shell) = (Bench::new().await, Shell::new(None));
        let (id, _) = waiting(&bench, json!({})).await;
        let ended = shell.run(&["reject", &id, "--yes", "--reason", "not today"]).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        let path = shell.home.path().join(".local/state/gatewatch/audit.jsonl");
        let whole = fs::read_to_string(&path).unwrap();
        let changed = whole.replacen("not today", "all is well", 1);
        let torn = &whole[..whole.len() - 20];
        let headless: String = whole.split_inclusive('\n').skip(1).collect();
        for (text, why) in [
            (changed.as_str(), "Line 1 of the audit trail"),
            (torn, "Line 2 of the audit trail"),
            (headless.as_str(), "Line 1 of the audit trail"),
        ] {
            fs::write(&path, text).unwrap();
            for arguments in [&["audit"][..], &["audit", "verify"], &["audit", "--json"]] {
                let ended = shell.run(arguments).await;
                assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{arguments:?}: {ended:?}");
                assert!(ended.err.contains(why), "{arguments:?}: {ended:?}");
            }
        }
        fs::write(&path, whole).unwrap();
        assert_eq!(shell.run(&["audit", "verify"]).await.code, 0);
    })
    .await;
}
