//! Records the histories that `replay` replays: `cargo test --test it workflows::record -- --ignored`. Run it when a
//! workflow learns something new, and keep the old ones as long as such workflows may still be running.

use gatewatch::contracts::decision::Verdict;
use gatewatch::contracts::engine::state::EngineState;
use gatewatch::contracts::evidence::CheckStatus;
use gatewatch::contracts::health::Trigger;
use gatewatch::contracts::temporal::activities::FiredTrigger;
use serde_json::json;
use temporalio_client::{
    Client, UntypedWorkflow, WorkflowCancelOptions, WorkflowFetchHistoryOptions, WorkflowGetResultOptions,
    WorkflowHandle,
};

use crate::replay;
use crate::workflows::bench::{
    Bench, Deployment, Readiness, bounded, decide, deployment_input, garbage, payloads, readiness_input, with,
};
use crate::workflows::goals::{self, Goal};
use crate::workflows::readiness::{open_gate, say};
use crate::workflows::rollback::ask;
use crate::workflows::world::{check, now};

/// Waits until it is over, however it ends, and writes its history down.
async fn keep(bench: &Bench, id: &str, name: &str) {
    let handle: WorkflowHandle<Client, UntypedWorkflow> = bench.client.get_workflow_handle(id);
    // A failure and a cancel are ways to end, too.
    let _ = handle.get_result(WorkflowGetResultOptions::default()).await;
    let json = handle.fetch_history(WorkflowFetchHistoryOptions::default()).to_json().await.unwrap();
    std::fs::create_dir_all(replay::folder()).unwrap();
    std::fs::write(replay::folder().join(format!("{name}.json")), json).unwrap();
}

async fn readiness(bench: &Bench) -> (Readiness, String) {
    let handle = bench.readiness(with(readiness_input(), json!({"authority": {"signals": "open"}}))).await;
    let id = handle.info().workflow_id.clone();
    (handle, id)
}

async fn deployment(bench: &Bench) -> (Deployment, String) {
    let handle = bench.deployment(deployment_input()).await;
    let id = handle.info().workflow_id.clone();
    (handle, id)
}

#[tokio::test]
#[ignore = "writes tests/histories"]
async fn readiness_histories() {
    bounded(async || {
        let bench = Bench::new().await;

        let then = json!({"thenDeploy": {"workflowId": crate::support::unique("deploy"), "input": deployment_input()}});
        let handle = bench.readiness(with(readiness_input(), then)).await;
        let gate = open_gate(&bench, &handle, 1).await;
        decide(&handle, &say(Verdict::Approve, &gate)).await.unwrap();
        keep(&bench, &handle.info().workflow_id, "readiness-approved").await;

        let (handle, id) = readiness(&bench).await;
        let gate = open_gate(&bench, &handle, 1).await;
        bench.signal(&id, "rejectProduction", garbage()).await;
        bench.world.checks(vec![check("security-scan-clean", CheckStatus::Failed, true)]);
        decide(&handle, &say(Verdict::RequestEvidence, &gate)).await.unwrap();
        open_gate(&bench, &handle, 2).await;
        bench.signal(&id, "rejectProduction", payloads([json!("mira"), json!("the scan fails")])).await;
        keep(&bench, &id, "readiness-rejected-after-more-evidence").await;

        let handle = bench.readiness(with(readiness_input(), json!({"deadlineMs": 200}))).await;
        keep(&bench, &handle.info().workflow_id, "readiness-expired").await;

        let (handle, id) = readiness(&bench).await;
        open_gate(&bench, &handle, 1).await;
        handle.cancel(WorkflowCancelOptions::default()).await.unwrap();
        keep(&bench, &id, "readiness-cancelled").await;

        bench.world.fails_for_good("validateAllGates");
        let (_, id) = readiness(&bench).await;
        keep(&bench, &id, "readiness-without-checks").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "writes tests/histories"]
async fn deployment_histories() {
    bounded(async || {
        let bench = Bench::new().await;
        bench.world.holds("monitorHealth");
        let (_, id) = deployment(&bench).await;
        bench.world.reached("monitorHealth").await;
        bench.signal(&id, "extendMonitoring", payloads([json!({"byMs": 100})])).await;
        bench.signal(&id, "pauseMonitoring", payloads([json!(50), json!("dns change")])).await;
        bench.signal(&id, "pauseMonitoring", garbage()).await;
        bench.until(&id, "the messages have arrived", |published| published.refused.is_some()).await;
        bench.world.heals("monitorHealth");
        keep(&bench, &id, "deployment-live").await;

        let bench = Bench::new().await;
        bench.world.fails_for_good("verifyBackup");
        let (_, id) = deployment(&bench).await;
        keep(&bench, &id, "deployment-failed-before-anything-changed").await;

        let bench = Bench::new().await;
        bench.world.holds("createProductionBackup");
        let (handle, id) = deployment(&bench).await;
        bench.world.reached("createProductionBackup").await;
        ask(&handle, "r-1").await;
        keep(&bench, &id, "deployment-aborted").await;

        let bench = Bench::new().await;
        bench.world.holds("monitorHealth");
        let (handle, id) = deployment(&bench).await;
        bench.world.reached("monitorHealth").await;
        handle.cancel(WorkflowCancelOptions::default()).await.unwrap();
        keep(&bench, &id, "deployment-cancelled").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "writes tests/histories"]
async fn goal_histories() {
    bounded(async || {
        let bench = Bench::new().await;
        let goal = Goal::codegen(&bench, goals::boot()).await;
        bench.signal(&goal.id, "approve", garbage()).await;
        goals::play(&goal).await;
        keep(&bench, &goal.id, "codegen-completed").await;

        let goal = Goal::codegen(&bench, with(goals::boot(), json!({"continueAfter": 30}))).await;
        goals::play(&goal).await;
        keep(&bench, &goal.id, "codegen-continued").await;

        let spec = "name = \"x\"\n[guardrails]\ndue-minutes = 0\noverdue = [\"replace\"]\n";
        let plan = json!([{"type": "REQUEST_WORK", "workKind": "A"}, {"type": "REQUEST_APPROVAL", "payload": {}}]);
        let input = json!({"goalId": "g", "specDocument": spec, "initialPlan": plan, "decider": "coordinator"});
        let goal = Goal::engine(&bench, input).await;
        goal.update("lease", json!({"stepId": "a-1", "runId": "r", "agent": "x"})).await.unwrap();
        goal.until("it is taken back", |state| state.log.iter().any(|entry| entry.event == "REPLACED")).await;
        goal.send("reject", [json!("approval-1"), json!("no")]).await;
        goal.send("cancel", [json!("not wanted")]).await;
        keep(&bench, &goal.id, "goal-overdue-and-cancelled").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "writes tests/histories"]
async fn overridden_histories() {
    bounded(async || {
        let bench = Bench::new().await;
        let draft = json!([{"type": "REQUEST_WORK", "workKind": "DRAFT"}]);
        let goal = Goal::engine(&bench, json!({"goalId": "g", "specName": "tutorial", "initialPlan": draft})).await;
        goal.send("agentCompleted", [json!("draft-1"), json!({"status": "FAIL", "runId": "r"})]).await;
        goal.until("it is asked for again", |state| state.open_steps.len() == 2).await;
        let done = json!({"stepId": "draft-1", "status": "DONE", "reason": "it was good"});
        goal.update("override", done).await.unwrap();
        goal.send("approve", [json!("approval-1")]).await;
        goal.send("agentCompleted", [json!("publish-1"), json!({"status": "OK", "runId": "r"})]).await;
        let published =
            |state: &EngineState| state.open_steps.get(&"publish-1".into()).is_some_and(|step| !step.status.is_open());
        // Before replacements were withdrawn, such a goal stayed open.
        if goal.until("all is done", published).await.status.is_over() {
            keep(&bench, &goal.id, "goal-overridden").await;
        } else {
            goal.send("cancel", [json!("it never ends")]).await;
            keep(&bench, &goal.id, "goal-overridden-without-withdrawing").await;
        }
    })
    .await;
}

#[tokio::test]
#[ignore = "writes tests/histories"]
async fn reminded_histories() {
    bounded(async || {
        let bench = Bench::new().await;
        let spec = "name = \"x\"\n[guardrails]\ndue-seconds = 1\noverdue = [\"remind\", \"fail\"]\n";
        let plan = json!([{"type": "REQUEST_WORK", "workKind": "A"}]);
        let goal = Goal::engine(&bench, json!({"goalId": "g", "specDocument": spec, "initialPlan": plan})).await;
        goal.update("lease", json!({"stepId": "a-1", "runId": "r", "agent": "x"})).await.unwrap();
        goal.until("it is reminded", |state| state.log.iter().any(|entry| entry.event == "REMINDED")).await;
        let published = bench.until(&goal.id, "it says who has it", |published| !published.phases.is_empty()).await;
        goal.until("it has failed", |state| state.log.iter().any(|entry| entry.event == "OVERDUE")).await;
        goal.send("cancel", [json!("recorded")]).await;
        // Before reminders were published, nobody outside was told.
        let name = if published.reminders.is_empty() { "goal-reminded-unpublished" } else { "goal-reminded" };
        keep(&bench, &goal.id, name).await;
    })
    .await;
}

#[tokio::test]
#[ignore = "writes tests/histories"]
async fn undecided_histories() {
    bounded(async || {
        let bench = Bench::new().await;
        let spec = |version: u32| format!("name = \"x\"\nversion = \"{version}\"\n[guardrails]\nmax-attempts = 1\n");
        let plan = json!([{"type": "REQUEST_WORK", "workKind": "A"}, {"type": "REQUEST_APPROVAL", "payload": {}}]);
        let input = json!({"goalId": "g", "specDocument": spec(1), "initialPlan": plan, "decider": "coordinator"});
        let goal = Goal::engine(&bench, input).await;
        // Each is told alone: what it publishes, or does not, is the difference.
        let noted = |event: &'static str| move |state: &EngineState| state.log.iter().any(|entry| entry.event == event);
        goal.until("it has begun", |state| state.open_steps.len() == 2).await;
        goal.send("custom", [json!("ci"), json!({})]).await;
        goal.until("it has heard", noted("EVENT")).await;
        goal.send("applyDecision", [json!({"decisionId": "fact-1", "actions": []})]).await;
        goal.send("approve", [json!("approval-1")]).await;
        goal.until("it is approved", noted("APPROVED")).await;
        goal.update("requestWork", json!({"kind": "APPROVAL"})).await.unwrap();
        goal.update("requeue", json!({"stepId": "approval-2"})).await.unwrap();
        goal.update("adoptSpec", json!({"document": spec(2)})).await.unwrap();
        goal.send("cancel", [json!("recorded")]).await;
        // Before facts waited for a decision, nobody was asked, and approvals were attempts.
        let waits = goal.state().await.undecided.is_some();
        keep(&bench, &goal.id, if waits { "goal-undecided" } else { "goal-undecided-unasked" }).await;
    })
    .await;
}

#[tokio::test]
#[ignore = "writes tests/histories"]
async fn sibling_histories() {
    bounded(async || {
        let bench = Bench::new().await;
        let spec = "name = 'x'\n[[rules]]\nname = 'it ended'\non = 'child-completed'\nevent = 'QA'\n\
            then = [{ annotate = 'ended', value = '${child.result.status}' }]\n[finalize]\n";
        let plan = json!([{"type": "REQUEST_WORK", "workKind": "QA"}]);
        let goal = Goal::engine(&bench, json!({"goalId": "g", "specDocument": spec, "initialPlan": plan})).await;
        let lease = json!({"stepId": "qa-1", "runId": "r", "agent": "x", "child": "g/qa-1/1"});
        goal.update("lease", lease).await.unwrap();
        for _ in 0..2 {
            goal.send("custom", [json!("seen"), json!({"by": 1}), json!("once")]).await;
        }
        let result = json!({"stepId": "qa-1", "runId": "r", "status": "OK", "workflowId": "g/qa-1/1"});
        goal.send("childCompleted", [json!("QA"), result]).await;
        keep(&bench, &goal.id, "goal-with-sibling").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "writes tests/histories"]
async fn put_off_histories() {
    bounded(async || {
        let bench = Bench::new().await;
        let plan = json!([{"type": "REQUEST_WORK", "workKind": "QA"}]);
        let input =
            json!({"goalId": "g", "specDocument": "name = 'x'\n", "initialPlan": plan, "decider": "coordinator"});
        let goal = Goal::engine(&bench, input).await;
        for _ in 0..2 {
            goal.update("requestWork", json!({"kind": "DOCS", "requestId": "once"})).await.unwrap();
        }
        goal.send("agentCompleted", [json!("docs-1"), json!({"status": "OK", "runId": "r"})]).await;
        let result = json!({"stepId": "qa-1", "runId": "r", "status": "OK", "workflowId": "g/qa-1/1"});
        goal.send("childCompleted", [json!("QA"), result]).await;
        let based_on = json!({"stepId": "qa-1", "runId": "r"});
        goal.send("applyDecision", [json!({"decisionId": "d", "basedOn": based_on, "finalize": true})]).await;
        goal.until("it is put off", |state| state.log.iter().any(|entry| entry.event == "FINALIZE_PUT_OFF")).await;
        for fact in ["fact-1", "fact-2"] {
            goal.send("applyDecision", [json!({"decisionId": fact, "actions": []})]).await;
        }
        keep(&bench, &goal.id, "goal-put-off").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "writes tests/histories"]
async fn rollback_histories() {
    bounded(async || {
        let fired = || FiredTrigger { trigger: Trigger::ErrorRate, detail: "3.4× the baseline".into(), at: now() };
        let bench = Bench::new().await;
        bench.world.fires(fired());
        let (_, id) = deployment(&bench).await;
        keep(&bench, &id, "rollback-by-trigger").await;

        let bench = Bench::new().await;
        bench.world.holds("runProductionMigrations");
        let (handle, id) = deployment(&bench).await;
        bench.world.reached("runProductionMigrations").await;
        ask(&handle, "r-1").await;
        keep(&bench, &id, "rollback-while-migrating").await;

        let bench = Bench::new().await;
        bench.world.hangs("monitorHealth");
        let (_, id) = deployment(&bench).await;
        bench.world.reached("monitorHealth").await;
        bench.signal(&id, "triggerRollback", payloads([json!("it burns")])).await;
        keep(&bench, &id, "rollback-past-a-hung-monitor").await;
        bench.world.heals("monitorHealth");

        let bench = Bench::new().await;
        bench.world.fires(fired());
        bench.world.migrations(Vec::new());
        for step in ["rollbackToCommit", "verifyDeployment(v41)", "createIncidentTicket"] {
            bench.world.fails(step, 3);
        }
        bench.world.holds("documentRollback");
        let (handle, id) = deployment(&bench).await;
        bench.world.reached("documentRollback").await;
        ask(&handle, "r-1").await;
        handle.cancel(WorkflowCancelOptions::default()).await.unwrap();
        bench.world.heals("documentRollback");
        keep(&bench, &id, "rollback-with-failing-steps").await;
    })
    .await;
}
