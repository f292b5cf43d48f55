//! Goals on a real Temporal server, driven by signals as the seeds' coordinator sends them.

use gatewatch::contracts::agent::AgentResponse;
use gatewatch::contracts::engine::output::{EngineOutput, EngineReply};
use gatewatch::contracts::engine::state::{EngineState, EngineStatus, StepStatus};
use gatewatch::contracts::temporal::args::Args;
use gatewatch::spec::EngineSpec;
use gatewatch::spec::decide::decide;
use gatewatch::spec::facts::Fact;
use gatewatch::spec::shipped;
use gatewatch::workflows::engine::types::{CodegenWorkflow, EngineWorkflow};
use serde_json::{Value, json};
use temporalio_client::{
    Client, UntypedSignal, WorkflowCancelOptions, WorkflowExecuteUpdateOptions, WorkflowGetResultOptions,
    WorkflowHandle, WorkflowQueryOptions, WorkflowSignalOptions, WorkflowStartOptions,
};
use temporalio_common::UntypedWorkflow;
use temporalio_common::data_converters::RawValue;
use temporalio_common::protos::temporal::api::enums::v1::WorkflowExecutionStatus;

use crate::support::{self, PATIENCE, wait_until};
use crate::workflows::bench::{Bench, bounded, garbage, payloads};

/// A goal, and whoever plays its agents.
pub(super) struct Goal<'a> {
    bench: &'a Bench,
    pub(super) id: String,
}

impl<'a> Goal<'a> {
    pub(super) async fn codegen(bench: &'a Bench, input: Value) -> Self {
        let id = support::unique("codegen");
        let options = WorkflowStartOptions::new(bench.queue(), id.as_str()).build();
        bench.client.start_workflow(CodegenWorkflow::run, Args::of([input]), options).await.unwrap();
        Self { bench, id }
    }

    pub(super) async fn engine(bench: &'a Bench, input: Value) -> Self {
        let id = support::unique("goal");
        let options = WorkflowStartOptions::new(bench.queue(), id.as_str()).build();
        bench.client.start_workflow(EngineWorkflow::run, Args::of([input]), options).await.unwrap();
        Self { bench, id }
    }

    /// Follows the goal from run to run. Both types answer alike.
    fn handle(&self) -> WorkflowHandle<Client, EngineWorkflow> {
        self.bench.client.get_workflow_handle(&self.id)
    }

    pub(super) async fn send(&self, name: &str, arguments: impl IntoIterator<Item = Value>) {
        self.bench.signal(&self.id, name, payloads(arguments)).await;
    }

    /// The same to a goal that may be over by now.
    async fn offer(&self, name: &str, arguments: impl IntoIterator<Item = Value>) {
        let handle: WorkflowHandle<Client, UntypedWorkflow> = self.bench.client.get_workflow_handle(&self.id);
        let arguments = RawValue::new(payloads(arguments));
        let sent = handle.signal(UntypedSignal::new(name), arguments, WorkflowSignalOptions::default()).await;
        if let Err(error) = sent {
            assert!(self.state().await.status.is_over(), "{error}");
        }
    }

    pub(super) async fn state(&self) -> EngineState {
        let query = async || {
            let handle = self.handle();
            handle.query(EngineWorkflow::current_state, Args::default(), WorkflowQueryOptions::default()).await.ok()
        };
        wait_until("the goal answers", PATIENCE, query).await
    }

    /// Waits until the state is as wanted.
    pub(super) async fn until(&self, what: &str, wanted: impl Fn(&EngineState) -> bool) -> EngineState {
        wait_until(what, PATIENCE, async || Some(self.state().await).filter(&wanted)).await
    }

    /// The first step that waits, once there is one; none when the goal is over.
    async fn next(&self) -> Option<(String, EngineState)> {
        let waiting = |state: &EngineState| {
            let steps = state.in_order();
            let step = steps.into_iter().find(|(_, step)| step.status == StepStatus::Waiting);
            step.map(|(id, _)| id.as_str().to_owned())
        };
        let state = self.until("something waits", |state| state.status.is_over() || waiting(state).is_some()).await;
        waiting(&state).filter(|_| !state.status.is_over()).map(|step| (step, state))
    }

    /// An agent answers, positionally as the seeds do.
    pub(super) async fn answer(&self, step: &str) -> AgentResponse {
        let content = json!({"branch": "feature/x", "title": "Hello", "text": "World"});
        let artifacts = match step.split_once('-').map(|(kind, _)| kind) {
            Some("open") => json!([{"type": "PR", "url": "https://forge/pr/7", "ref": "7"}]),
            Some("requirements") => json!([{"type": "REQ", "url": "https://docs/req"}]),
            _ => json!([]),
        };
        let response = json!({
            "goalId": "g-1", "workflowId": self.id, "stepId": step, "runId": format!("run-{step}"), "agentRole": "builder",
            "status": "OK", "content": content, "artifacts": artifacts, "errors": null,
            "metrics": {"tokens": {"prompt": 10, "completion": 20}, "costUsd": 0.35},
        });
        self.offer("agentCompleted", [json!(step), response.clone()]).await;
        serde_json::from_value(response).unwrap()
    }

    pub(super) async fn update(&self, name: &str, argument: Value) -> Result<EngineReply, String> {
        let (options, handle) = (WorkflowExecuteUpdateOptions::default(), self.handle());
        let args = Args::of([argument]);
        let reply = match name {
            "approve" => handle.execute_update(EngineWorkflow::update_approve, args, options).await,
            "lease" => {
                let leased = handle.execute_update(EngineWorkflow::update_lease, args, options).await;
                leased.map(|leased| leased.reply)
            }
            "requestWork" => handle.execute_update(EngineWorkflow::update_request_work, args, options).await,
            "requeue" => handle.execute_update(EngineWorkflow::update_requeue, args, options).await,
            "override" => handle.execute_update(EngineWorkflow::update_override, args, options).await,
            "adoptSpec" => handle.execute_update(EngineWorkflow::update_adopt_spec, args, options).await,
            other => panic!("{other}"),
        };
        reply.map_err(|error| format!("{error} {error:?}"))
    }

    async fn result(&self) -> EngineOutput {
        self.handle().get_result(WorkflowGetResultOptions::default()).await.unwrap()
    }

    /// The run that is the latest now.
    async fn run(&self) -> String {
        self.bench.describe(&self.id).await.workflow_execution_info.unwrap().execution.unwrap().run_id
    }

    async fn closed_as(&self) -> WorkflowExecutionStatus {
        let handle: WorkflowHandle<Client, UntypedWorkflow> = self.bench.client.get_workflow_handle(&self.id);
        // A failure and a cancel are ways to end, too.
        let _ = handle.get_result(WorkflowGetResultOptions::default()).await;
        self.bench.describe(&self.id).await.workflow_execution_info.unwrap().status()
    }
}

/// How seed 001 starts codegen.
pub(super) fn boot() -> Value {
    json!({"goalId": "g-1", "repo": "shop", "tenant": "acme", "bootDecision": {"decisionId": "boot", "actions": [
        {"type": "ANNOTATE", "key": "title", "value": "Implement feature X"},
        {"type": "REQUEST_WORK", "workKind": "REQUIREMENTS", "payload": {"prompt": "Write requirements"}},
    ]}})
}

/// Answers everything that waits, until nothing does and `more` has nothing to say.
pub(super) async fn play(goal: &Goal<'_>) {
    while let Some((step, _)) = goal.next().await {
        goal.answer(&step).await;
        goal.until("the answer is taken in", |state| !state.open_steps[&step.as_str().into()].status.is_open()).await;
        if step == "pr-review-1" {
            goal.send("custom", [json!("ciStatusChanged"), json!({"status": "SUCCESS"})]).await;
        }
    }
}

#[tokio::test]
async fn seed_001_codegen_runs_to_completed_by_signals() {
    bounded(async || {
        let bench = Bench::new().await;
        let goal = Goal::codegen(&bench, boot()).await;
        play(&goal).await;
        let output = goal.result().await;
        assert_eq!((output.status, output.goal_id.as_str()), (EngineStatus::Completed, "g-1"));
        let state = goal.state().await;
        assert_eq!(state.open_steps.len(), 8, "{:?}", state.open_steps.keys());
        assert!(!serde_json::to_string(&state).unwrap().contains("0.35"), "cost is the coordinator's to keep");
        for (name, value) in [
            ("goalId", "\"g-1\""),
            ("status", "\"COMPLETED\""),
            ("phase", "\"completed\""),
            ("repo", "\"shop\""),
            ("tenant", "\"acme\""),
            ("branch", "\"feature/x\""),
            ("prNumber", "7"),
            ("spec", "[\"codegen\"]"),
        ] {
            let is = bench.attribute(&goal.id, name).await;
            assert!(is == value || is == value.trim_matches(['[', ']']), "{name}: {is}");
        }
    })
    .await;
}

/// Seed 000: the plan is the first decision, and the coordinator sends the others.
#[tokio::test]
async fn seed_000_runs_to_completed_with_a_coordinator_that_decides() {
    bounded(async || {
        let bench = Bench::new().await;
        let policy = shipped::rules("codegen-coordinator").unwrap().unwrap();
        let plan = json!([{"type": "REQUEST_REQUIREMENTS", "payload": {}}, {"type": "REQUEST_ACCEPTANCE_CRITERIA", "payload": {}}]);
        let input = json!({"goalId": "g-0", "initialPlan": plan, "decider": "coordinator"});
        let goal = Goal::codegen(&bench, input).await;
        while let Some((step, _)) = goal.next().await {
            let response = goal.answer(&step).await;
            let state = goal
                .until("the answer is taken in", |state| {
                    state.open_steps[&response.step_id].status == StepStatus::Done
                })
                .await;
            let fact = Fact::Completed { response: &response };
            let decided = decide(&policy as &dyn EngineSpec, &state, &fact, format!("dec-{step}").into());
            assert_eq!(decided.troubles, Vec::<String>::new());
            let mut decision = serde_json::to_value(&decided.decision).unwrap();
            decision["basedOn"] = json!({"stepId": step, "runId": format!("run-{step}")});
            goal.send("applyDecision", [decision.clone()]).await;
            goal.send("applyDecision", [decision]).await;
            goal.until("it is decided", |state| {
                let id = format!("dec-{step}");
                state.status.is_over() || state.log.iter().any(|entry| entry.data["decisionId"] == json!(id))
            })
            .await;
        }
        assert_eq!(goal.result().await.status, EngineStatus::Completed);
        let kinds: Vec<String> =
            goal.state().await.in_order().into_iter().map(|(id, _)| id.as_str().to_owned()).collect();
        assert_eq!(kinds[4..], ["pr-review-1", "qa-1", "docs-1"]);
    })
    .await;
}

/// Everything is sent three times, and every run is short: still each step once, each effect once.
#[tokio::test]
async fn what_is_sent_again_after_continue_as_new_has_one_effect() {
    bounded(async || {
        let bench = Bench::new().await;
        let mut input = boot();
        input["continueAfter"] = json!(12);
        let goal = Goal::codegen(&bench, input).await;
        let first = goal.run().await;
        let extra = json!({"decisionId": "extra", "actions": [{"type": "REQUEST_WORK", "workKind": "EXTRA"}]});
        let mut sent = Vec::new();
        while let Some((step, _)) = goal.next().await {
            sent.push(step.clone());
            for step in &sent {
                for _ in 0..2 {
                    goal.answer(step).await;
                }
            }
            goal.offer("applyDecision", [extra.clone()]).await;
            goal.until("the answer is taken in", |state| !state.open_steps[&step.as_str().into()].status.is_open())
                .await;
            goal.offer("custom", [json!("ciStatusChanged"), json!({"status": "SUCCESS"})]).await;
        }
        assert_eq!(goal.closed_as().await, WorkflowExecutionStatus::Completed);
        let state = goal.state().await;
        let kinds: std::collections::BTreeSet<&str> =
            state.open_steps.values().map(|step| step.kind.as_str()).collect();
        assert_eq!(kinds.len(), 9, "{:?}", state.open_steps.keys());
        assert_eq!(state.open_steps.len(), 9, "each once: {:?}", state.open_steps.keys());
        let last = goal.run().await;
        assert_ne!(first, last, "it continued as new");
    })
    .await;
}

#[tokio::test]
async fn garbage_wedges_nothing_and_is_noted() {
    bounded(async || {
        let bench = Bench::new().await;
        let goal = Goal::codegen(&bench, boot()).await;
        let names = [
            "agentCompleted",
            "applyDecision",
            "requestWork",
            "childCompleted",
            "custom",
            "approve",
            "reject",
            "cancel",
            "cancelGoal",
            "cancel_workflow",
        ];
        for name in names {
            bench.signal(&goal.id, name, garbage()).await;
            goal.send(name, [json!(1), json!([2]), json!("3"), json!(4)]).await;
        }
        // Without an argument only cancelling means something.
        let speechless = names.len() - 3;
        for name in &names[..speechless] {
            goal.send(name, []).await;
        }
        goal.send("agentCompleted", [json!({"stepId": "requirements-1"})]).await;
        let refused = |state: &EngineState| state.log.iter().filter(|entry| entry.event == "REFUSED").count();
        let state = goal.until("all of it is noted", |state| refused(state) == 2 * names.len() + speechless + 1).await;
        assert_eq!((state.status, state.open_steps.len()), (EngineStatus::Running, 1));
        let published = bench.until(&goal.id, "the memo says so", |published| published.refused.is_some()).await;
        assert_eq!(published.refused.unwrap().name, "agentCompleted");
        // One object in place of two arguments, and the response alone.
        let response = json!({"stepId": "requirements-1", "runId": "r", "status": "OK"});
        goal.send("agentCompleted", [response]).await;
        goal.until("it goes on", |state| state.open_steps.len() == 4).await;
        let wrapped = json!({"stepId": "implementation-1", "response": {"status": "OK", "runId": "i"}});
        goal.send("agentCompleted", [wrapped]).await;
        goal.until("it goes on", |state| state.open_steps.len() == 7).await;
    })
    .await;
}

#[tokio::test]
async fn updates_are_acknowledged_once_and_refused_before_history() {
    bounded(async || {
        let bench = Bench::new().await;
        let input = json!({"goalId": "g-2", "specName": "tutorial", "initialPlan": [{"type": "REQUEST_WORK", "workKind": "DRAFT"}]});
        let goal = Goal::engine(&bench, input).await;
        let lease = json!({"stepId": "draft-1", "runId": "r-1", "agent": "author"});
        let reply = goal.update("lease", lease.clone()).await.unwrap();
        assert_eq!((reply.repeated, reply.status), (false, EngineStatus::Running));
        assert!(goal.update("lease", lease).await.unwrap().repeated);
        let refused = goal.update("lease", json!({"stepId": "draft-1", "runId": "r-2", "agent": "other"})).await;
        assert!(refused.unwrap_err().contains("draft-1 is IN_PROGRESS"));
        assert!(goal.update("approve", json!({"stepId": "draft-1"})).await.unwrap_err().contains("not an approval"));
        assert!(goal.update("approve", json!({})).await.unwrap_err().contains("`stepId` is missing"));
        assert!(!goal.state().await.log.iter().any(|entry| entry.event == "REFUSED"), "nothing entered the history");

        let draft = json!({"stepId": "draft-1", "runId": "r-1", "status": "OK", "content": {"title": "A", "text": "B"}});
        goal.send("agentCompleted", [draft]).await;
        goal.until("a person is asked", |state| state.status == EngineStatus::AwaitingApproval).await;
        assert_eq!(goal.update("approve", json!({"stepId": "approval-1"})).await.unwrap().status, EngineStatus::Running);
        goal.answer("publish-1").await;
        assert_eq!(goal.result().await.status, EngineStatus::Completed);
    })
    .await;
}

#[tokio::test]
async fn another_spec_is_adopted_and_stays_over_continue_as_new_and_what_is_due_comes() {
    bounded(async || {
        let bench = Bench::new().await;
        let spec = |version: u32, overdue: &str| {
            format!(
                "name = \"mine\"\nversion = \"{version}\"\n[guardrails]\ndue-minutes = 0\noverdue = [\"{overdue}\"]\n"
            )
        };
        let input = json!({"goalId": "g-3", "specDocument": spec(1, "replace"), "continueAfter": 12,
                           "initialPlan": [{"type": "REQUEST_WORK", "workKind": "A"}]});
        let goal = Goal::engine(&bench, input).await;
        goal.update("lease", json!({"stepId": "a-1", "runId": "r-1", "agent": "x"})).await.unwrap();
        let noted = |state: &EngineState, event: &str| state.log.iter().any(|entry| entry.event == event);
        let state = goal.until("it is taken from its agent", |state| noted(state, "REPLACED")).await;
        assert_eq!(state.open_steps[&"a-1".into()].status, StepStatus::Waiting);

        assert!(goal.update("adoptSpec", json!({"document": "nam = 1"})).await.unwrap_err().contains("name"));
        goal.update("adoptSpec", json!({"document": spec(2, "fail")})).await.unwrap();
        goal.update("requestWork", json!({"kind": "B", "stepId": "b"})).await.unwrap();
        for n in 0..8 {
            goal.send("custom", [json!("tick"), json!(n)]).await;
        }
        goal.until("all is taken in", |state| state.log.iter().filter(|entry| entry.event == "EVENT").count() == 8)
            .await;
        goal.update("lease", json!({"stepId": "b", "runId": "r-2", "agent": "x"})).await.unwrap();
        let state = goal.until("it has failed", |state| noted(state, "OVERDUE")).await;
        assert_eq!(state.open_steps[&"b".into()].status, StepStatus::Failed);
        assert_eq!(state.spec.unwrap().version, "2");
    })
    .await;
}

#[tokio::test]
async fn a_goal_ends_as_what_it_is() {
    bounded(async || {
        let bench = Bench::new().await;
        let goal = Goal::codegen(&bench, boot()).await;
        goal.send("cancelGoal", [json!("not wanted")]).await;
        assert_eq!(goal.closed_as().await, WorkflowExecutionStatus::Canceled);
        assert_eq!(goal.state().await.completion.unwrap().reason, "not wanted");

        let goal = Goal::codegen(&bench, boot()).await;
        goal.state().await;
        goal.handle().cancel(WorkflowCancelOptions::default()).await.unwrap();
        assert_eq!(goal.closed_as().await, WorkflowExecutionStatus::Canceled);
        assert_eq!(goal.state().await.status, EngineStatus::Cancelled);

        let goal = Goal::engine(&bench, json!({"goalId": "g", "specName": "nonsense"})).await;
        let error = goal.handle().get_result(WorkflowGetResultOptions::default()).await.unwrap_err();
        assert!(format!("{error:?}").contains("Unknown spec: nonsense"), "{error:?}");

        let plan = json!([{"type": "REQUEST_APPROVAL", "payload": {}}]);
        let spec = "name = \"x\"\n";
        let goal = Goal::engine(&bench, json!({"goalId": "g", "specDocument": spec, "initialPlan": plan})).await;
        goal.send("reject", [json!("approval-1"), json!("no budget")]).await;
        assert_eq!(goal.closed_as().await, WorkflowExecutionStatus::Failed);
    })
    .await;
}
