//! The steps of a goal on a real terminal, against a real server and worker.

use std::process::{Command, Output};

use crate::pty::rig::Pty;
use crate::support::{self, GATEWATCH, unique};
use crate::workflows::bench::{Bench, bounded};

fn gatewatch(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let address = support::server().address().to_string();
    let mut command = Command::new(GATEWATCH);
    command.args(arguments).args(["--address", &address]).env_clear().env("HOME", folder.path());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    output
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_given_among_the_steps_and_a_worker_that_is_gone_is_said_to_be() {
    bounded(async || {
        let mut bench = Bench::new().await;
        let id = unique("steps");
        gatewatch(&["goal", "start", &id, "--spec", "tutorial", "--kind", "DRAFT", "--task-queue", &bench.queue]);
        let mut console = Pty::start(&support::server().address().to_string(), 80, 24);
        console.wait_for("q quit");
        console.press("3");
        console.wait_for("▸3 Workflows");
        console.press("/");
        for letter in id.chars() {
            console.send(&letter.to_string());
        }
        console.press("\r");
        console.wait_for(&format!("▸{id}"));
        console.press("\r");
        console.wait_for("EngineWorkflow");
        console.press("6");
        console.wait_for("draft-1");

        gatewatch(&["goal", "answer", &id, "draft-1", "--status", "OK", "--content", r#"{"title":"Hello"}"#]);
        console.wait_for("approval-1");
        console.press("G");
        console.wait_for("Publish \"Hello\"?");
        console.press("a");
        console.wait_for("Approve approval-1?");
        console.press("\r");
        console.wait_for("publish-1");

        bench.kill_worker();
        gatewatch(&["signal", &id, "custom", r#"{"eventType":"noted"}"#]);
        console.wait_for("no worker: as of");
        console.assert_shows(&["publish-1"]);
        bench.start_worker();
        console.wait_until_gone("no worker:");
        console.press("q");
        assert_eq!(console.exit_code(), 0);
    })
    .await;
}
