//! Every recorded history still leads today's workflow code through the same decisions: what runs in production now
//! survives the next release. `workflows::record` writes new ones.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use gatewatch::workflows::delivery::production_deployment::ProductionDeploymentWorkflow;
use gatewatch::workflows::delivery::production_readiness::ProductionReadinessWorkflow;
use gatewatch::workflows::engine::types::{CodegenWorkflow, EngineWorkflow};
use gatewatch::workflows::registry;
use serde_json::Value;
use temporalio_client::WorkflowHistory;
use temporalio_sdk::workflow_replayer::{WorkflowReplayError, WorkflowReplayer, WorkflowReplayerOptions};

/// Where histories are kept, in the SDK's own JSON.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/histories")
}

fn recorded() -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut histories: Vec<_> = files
        .filter(|file| file.extension().is_some_and(|ending| ending == "json"))
        .map(|file| (file.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read(&file).unwrap()))
        .collect();
    histories.sort();
    histories
}

async fn replay(json: &[u8]) -> Result<(), WorkflowReplayError> {
    let options = WorkflowReplayerOptions::new()
        .register_workflow::<ProductionReadinessWorkflow>()
        .unwrap()
        .register_workflow::<ProductionDeploymentWorkflow>()
        .unwrap()
        .register_workflow::<EngineWorkflow>()
        .unwrap()
        .register_workflow::<CodegenWorkflow>()
        .unwrap()
        .build();
    WorkflowReplayer::new(options).unwrap().replay_workflow(WorkflowHistory::from_json(json).unwrap()).await
}

#[tokio::test]
async fn every_recorded_history_replays() {
    let histories = recorded();
    assert!(histories.len() >= 10, "histories are missing: {}", histories.len());
    for (name, json) in histories {
        let replayed = replay(&json).await;
        assert!(replayed.is_ok(), "{name}: a running workflow would break: {replayed:?}");
    }
}

#[test]
fn every_workflow_has_histories() {
    let workflow_type = |(_, json): (String, Vec<u8>)| {
        let history: Value = serde_json::from_slice(&json).unwrap();
        let started = &history["events"][0]["attributes"]["WorkflowExecutionStartedEventAttributes"];
        started["workflow_type"]["name"].as_str().unwrap().to_owned()
    };
    let covered: BTreeSet<String> = recorded().into_iter().map(workflow_type).collect();
    let described: BTreeSet<String> =
        registry::DESCRIPTIONS.iter().map(|description| description.name.to_owned()).collect();
    assert_eq!(covered, described);
}

#[tokio::test]
async fn a_history_that_took_another_way_is_caught() {
    let (_, json) = recorded().into_iter().find(|(name, _)| name == "deployment-live").unwrap();
    let another = String::from_utf8(json).unwrap().replace("deployToProduction", "deployElsewhere");
    assert!(replay(another.as_bytes()).await.is_err());
}
