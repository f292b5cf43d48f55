//! Specs of a folder on the command line: a changed file serves new goals at once, and goals that run keep their text
//! until they adopt another.

use std::fs;

use serde_json::{Value, json};

use crate::cli::shell::{Ended, Shell};
use crate::coordinator::rig::{BUILDERS, Rig, answer};
use crate::support::{self, PATIENCE, wait_until};
use crate::workflows::bench::{Bench, bounded};

/// What A leads to.
fn spec(version: u32, next: &str) -> String {
    format!(
        "name = 'mine'\nversion = '{version}'\ndescription = 'Mine.'\n[[rules]]\nname = 'a is done'\non = 'completed'\n\
         kind = 'A'\nthen = [{{ request = '{next}' }}]\n"
    )
}

async fn start(shell: &Shell, bench: &Bench, id: &str) -> Ended {
    shell.run(&["goal", "start", id, "--spec", "mine", "--kind", "A", "--task-queue", &bench.queue]).await
}

async fn shown(shell: &Shell, id: &str) -> Value {
    wait_until("the goal says where it stands", PATIENCE, async || {
        let shown = shell.run(&["goal", "show", id, "--json"]).await.json();
        let is_published = !shown["workflow"]["row"]["published"].is_null();
        (is_published && !shown["state"].is_null()).then_some(shown)
    })
    .await
}

/// Version and hash in the state, and as they are published.
async fn pins(shell: &Shell, id: &str) -> (Value, Value) {
    let shown = shown(shell, id).await;
    (shown["state"]["spec"].clone(), shown["workflow"]["row"]["published"]["spec"].clone())
}

/// What step A leads to in this goal.
async fn follows(shell: &Shell, id: &str) -> Vec<String> {
    let answered = shell.run(&["goal", "answer", id, "a-1", "--status", "OK"]).await;
    assert_eq!(answered.code, 0, "{answered:?}");
    let steps = shown(shell, id).await["state"]["openSteps"].as_object().unwrap().clone();
    steps.into_iter().map(|(id, _)| id).filter(|id| id != "a-1").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_serves_new_goals_with_no_restart_and_a_running_one_adopts_it() {
    bounded(async || {
        let (bench, shell) = (Bench::new().await, Shell::new(None));
        let folder = shell.home.path().join(".config/gatewatch/specs");
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("mine.toml");
        fs::write(&file, spec(1, "OLD")).unwrap();
        let [old, adopts, new] = ["old", "adopts", "new"].map(support::unique);
        for id in [&old, &adopts] {
            let started = start(&shell, &bench, id).await;
            assert!(started.code == 0 && started.out.contains("pinned to spec mine ("), "{started:?}");
        }
        let first = pins(&shell, &old).await;
        assert_eq!((&first.0["version"], &first.1["version"]), (&json!("1"), &json!("1")), "{first:?}");

        // The worker that runs all of them is never told.
        fs::write(&file, spec(2, "NEW")).unwrap();
        assert_eq!(start(&shell, &bench, &new).await.code, 0);
        let second = pins(&shell, &new).await;
        assert_eq!((&second.0["version"], &second.1["version"]), (&json!("2"), &json!("2")), "{second:?}");
        assert_ne!(first.1["hash"], second.1["hash"]);
        assert!(second.0["hash"].as_str().unwrap().starts_with(second.1["hash"].as_str().unwrap()), "{second:?}");
        assert_eq!(pins(&shell, &adopts).await, first, "what runs keeps its text");
        assert_eq!(shell.run(&["goal", "adopt", &adopts, "--spec", "mine"]).await.code, 0);
        let adopted = async || Some(pins(&shell, &adopts).await).filter(|pins| *pins == second);
        wait_until("it is published that it was adopted", PATIENCE, adopted).await;
        assert_eq!(pins(&shell, &old).await, first);

        let query = "spec = 'mine'";
        let listed = async || {
            let list = shell.run(&["list", query, "--json"]).await.json();
            let rows = list.as_array()?.clone();
            let version = |id: &str| {
                let row = rows.iter().find(|row| row["id"] == id)?;
                row["published"]["spec"]["version"].as_str().map(str::to_owned)
            };
            let all = [version(&old)?, version(&adopts)?, version(&new)?];
            (all == ["1", "2", "2"]).then_some(())
        };
        wait_until("lists tell the versions apart", PATIENCE, listed).await;
        let human = shell.run(&["goal", "show", &old]).await;
        assert!(human.out.contains(&format!("mine 1 ({})", first.1["hash"].as_str().unwrap())), "{human:?}");
        assert_eq!(follows(&shell, &old).await, ["old-1"]);
        assert_eq!(follows(&shell, &adopts).await, ["new-1"]);
        assert_eq!(follows(&shell, &new).await, ["new-1"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_is_listed_and_what_is_wrong_in_it_is_said() {
    let shell = Shell::at("127.0.0.1:1");
    let folder = shell.home.path().join("my specs");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("mine.toml"), spec(1, "B")).unwrap();
    fs::write(folder.join("broken.toml"), "name = 'broken'\n[guardrails]\nbudget-usd = -1\n").unwrap();
    let run = async |arguments: &[&str]| shell.run_with(&[("GATEWATCH_SPECS_FOLDER", "my specs")], arguments).await;
    let listed = run(&["spec", "list", "--json"]).await;
    let json = listed.json();
    let mine = json.as_array().unwrap().iter().find(|spec| spec["name"] == "mine").unwrap();
    assert!(mine["file"].as_str().unwrap().ends_with("my specs/mine.toml"), "{mine}");
    assert_eq!(json.as_array().unwrap().len(), 4, "{json}");
    for ended in [&listed, &run(&["spec", "list"]).await] {
        assert!(ended.code == 0 && ended.err.contains("broken.toml:3: guardrails.budget-usd:"), "{ended:?}");
    }
    let shown = run(&["spec", "show", "mine"]).await;
    assert!(shown.code == 0 && shown.out.contains("a is done"), "{shown:?}");
    let broken = run(&["spec", "show", "broken"]).await;
    assert!(broken.code == 2 && broken.err.contains("broken.toml:3"), "{broken:?}");
    let config = run(&["config", "--json"]).await.json();
    assert!(config["specs.folder"].as_str().unwrap().ends_with("/my specs"), "{config}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_goal_may_cost_and_has_cost_is_shown() {
    bounded(async || {
        let (bench, rig) = (Bench::new().await, Rig::start(support::temporal()).await);
        let shell = Shell::new(Some(&rig));
        fs::write(shell.home.path().join("dear.toml"), "name = 'dear'\n[guardrails]\nbudget-usd = 5.0\n").unwrap();
        let id = support::unique("dear");
        let start = ["goal", "start", &id, "--spec", "dear.toml", "--kind", "A", "--task-queue", &bench.queue];
        assert_eq!(shell.run(&start).await.code, 0);
        shown(&shell, &id).await;
        let said = json!({"goalId": id, "workflowId": id, "stepId": "a-1", "runId": "r", "agentRole": "x", "status": "PARTIAL",
            "metrics": {"tokens": {"prompt": 100, "completion": 50}, "costUsd": 0.5}});
        assert_eq!(answer(rig.post("/agent/callback", &said).bearer_auth(BUILDERS)).await.0, 200);
        let human = shell.run(&["goal", "show", &id]).await;
        for row in ["budget    5.00 USD", "spent     0.50 of 5.00 USD and 150 tokens in all"] {
            assert!(human.out.contains(row), "{row}: {human:?}");
        }
        let spent = shown(&shell, &id).await["spent"].clone();
        assert_eq!(spent, json!({"usd": 0.5, "tokens": 150, "budgetUsd": 5.0}));
    })
    .await;
}
