//! The contract of seed 000: its own workflow, carried over line by line, is driven by our coordinator. It takes the
//! seed's positional arguments and nothing else; what was signalled is read from the server's history by Temporal's CLI.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use temporalio_client::{Client, WorkflowHandle, WorkflowQueryOptions, WorkflowStartOptions};
use temporalio_common::data_converters::MultiArgs2;
use temporalio_sdk::workflows::{workflow, workflow_methods};
use temporalio_sdk::{SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult};
use tokio::process::Command;

use crate::coordinator::rig::{BUILDERS, Rig, answer};
use crate::support::{self, PATIENCE, wait_until};
use crate::workflows::bench::{Bench, bounded, payloads, with};

/// `workflows/codegen.ts`. A value that TypeScript does not look at is not looked at here.
#[workflow]
struct CodegenWorkflow {
    state: Value,
}

#[workflow_methods]
impl CodegenWorkflow {
    #[init]
    fn new(_ctx: &WorkflowContextView, mut args: Value) -> Self {
        let goal = args["goalId"].take();
        Self { state: json!({"goalId": goal, "status": "RUNNING", "openSteps": {}, "artifacts": {}, "log": []}) }
    }

    #[run(name = "CodegenWorkflow")]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        // Parked until somebody cancels it.
        let _ = ctx.wait_condition(|_| false).await;
        Ok(())
    }

    #[query(name = "currentState")]
    fn current_state(&self, _ctx: &WorkflowContextView) -> Value {
        self.state.clone()
    }

    #[signal(name = "agentCompleted")]
    fn agent_completed(&mut self, ctx: &mut SyncWorkflowContext<Self>, args: MultiArgs2<String, Value>) {
        let MultiArgs2(step, resp) = args;
        self.log(ctx, "AGENT_COMPLETED", json!({"stepId": step, "resp": resp}));
        let kind = self.state["openSteps"][&step]["kind"].clone();
        let kind = if kind.is_null() { json!("unknown") } else { kind };
        let status = if resp["status"] == "OK" { "DONE" } else { "FAILED" };
        self.state["openSteps"][&step] = json!({"kind": kind, "status": status});
        for artifact in resp["artifacts"].as_array().into_iter().flatten() {
            let name = artifact["ref"].as_str().map_or_else(|| ctx.uuid4(), str::to_owned);
            self.state["artifacts"][format!("{}:{name}", artifact["type"].as_str().unwrap())] = artifact.clone();
        }
    }

    #[signal(name = "applyDecision")]
    fn apply_decision(&mut self, ctx: &mut SyncWorkflowContext<Self>, decision: Value) {
        let (actions, finalize) = (decision["actions"].as_array().unwrap().clone(), decision["finalize"] == true);
        self.log(ctx, "APPLY_DECISION", decision);
        for action in actions {
            let kind = action["type"].as_str().unwrap();
            let id = action["payload"]["stepId"].as_str();
            let id = id.map_or_else(|| format!("{kind}-{}", ctx.uuid4()), str::to_owned);
            self.state["openSteps"][id] = json!({"kind": kind, "status": "WAITING"});
        }
        if finalize {
            self.state["status"] = json!("COMPLETED");
            self.log(ctx, "FINALIZED", json!({}));
        }
    }

    #[signal(name = "cancelGoal")]
    fn cancel_goal(&mut self, ctx: &mut SyncWorkflowContext<Self>, reason: String) {
        self.state["status"] = json!("CANCELLED");
        self.log(ctx, "CANCELLED", [("reason", reason)].into_iter().collect());
    }
}

impl CodegenWorkflow {
    fn log(&mut self, ctx: &SyncWorkflowContext<Self>, event: &str, data: Value) {
        let at = ctx.workflow_time().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        let at = u64::try_from(at).unwrap();
        let mut entry = json!({"at": at, "event": event});
        entry["data"] = data;
        self.state["log"].as_array_mut().unwrap().push(entry);
    }
}

/// One of these, its coordinator, and whoever plays its agents.
struct Goal {
    bench: Bench,
    rig: Rig,
    id: String,
}

impl Goal {
    async fn start() -> Self {
        let bench = Bench::of(|options, _| {
            options.register_workflow::<CodegenWorkflow>().unwrap();
        });
        let (bench, rig) = (bench.await, Rig::start(support::temporal()).await);
        let id = support::unique("codegen-abc");
        let options = WorkflowStartOptions::new(bench.queue(), id.as_str()).build();
        let args = json!({"goalId": "goal-123", "initialPlan": null});
        bench.client.start_workflow(CodegenWorkflow::run, args, options).await.unwrap();
        Self { bench, rig, id }
    }

    async fn state(&self) -> Value {
        let handle: WorkflowHandle<Client, CodegenWorkflow> = self.bench.client.get_workflow_handle(&self.id);
        let query =
            async || handle.query(CodegenWorkflow::current_state, (), WorkflowQueryOptions::default()).await.ok();
        wait_until("the workflow answers", PATIENCE, query).await
    }

    /// Kind and status of every step, by id.
    async fn steps(&self) -> BTreeMap<String, (String, String)> {
        let state = self.state().await;
        let steps: &Map<String, Value> = state["openSteps"].as_object().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        steps.iter().map(|(id, step)| (id.clone(), (text(&step["kind"]), text(&step["status"])))).collect()
    }

    async fn until(&self, what: &str, wanted: impl Fn(&BTreeMap<String, (String, String)>) -> bool) {
        wait_until(what, PATIENCE, async || wanted(&self.steps().await).then_some(())).await;
    }

    /// A person's decision, as the seed writes it.
    async fn decide(&self, actions: Value) {
        let decision = json!({"decisionId": "dec-1", "actions": actions, "finalize": false});
        self.bench.signal(&self.id, "applyDecision", payloads([decision])).await;
    }

    /// The seed's sample of an answer, for this step, posted twice. Returns what was applied.
    async fn answer(&self, step: &str, fields: Value) -> Value {
        let sample = json!({
            "goalId": "goal-123", "workflowId": self.id, "stepId": step, "runId": format!("run-of-{step}"),
            "agentRole": "builder", "status": "OK",
            "content": {"summary": "...", "diffUrl": "...", "branch": "feature/x"},
            "artifacts": [], "metrics": {"tokens": {"prompt": 1000, "completion": 2200}, "costUsd": 0.35},
            "errors": null
        });
        let body = with(sample, fields);
        let post = async || answer(self.rig.post("/agent/callback", &body).bearer_auth(BUILDERS)).await;
        let (status, first) = post().await;
        assert_eq!((status.as_u16(), &first["ok"]), (200, &json!(true)), "{step}: {first}");
        assert_eq!(post().await.1, first, "everybody is told the same");
        first["applied"].clone()
    }

    /// Arguments of every signal of this name, as the server has them.
    async fn signals(&self, name: &str) -> Vec<Value> {
        let mut show = Command::new(support::temporal_cli());
        show.args(["workflow", "show", "--output", "json", "--workflow-id", &self.id]);
        let shown = show.args(["--address", &support::server().address().to_string()]).output().await.unwrap();
        assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
        let history: Value = serde_json::from_slice(&shown.stdout).unwrap();
        let signals =
            history["events"].as_array().unwrap().iter().map(|e| &e["workflowExecutionSignaledEventAttributes"]);
        signals.filter(|signal| signal["signalName"] == name).map(|signal| arguments(&signal["input"])).collect()
    }
}

/// Each argument is a JSON payload of its own.
fn arguments(input: &Value) -> Value {
    let argument = |payload: &Value| -> Value {
        let bytes = |place: &str| STANDARD.decode(payload.pointer(place).unwrap().as_str().unwrap()).unwrap();
        assert_eq!(bytes("/metadata/encoding"), b"json/plain");
        serde_json::from_slice(&bytes("/data")).unwrap()
    };
    input["payloads"].as_array().unwrap().iter().map(argument).collect()
}

fn decision(step: &str, id: &Value, actions: &Value) -> Value {
    let based_on = json!({"stepId": step, "runId": format!("run-of-{step}")});
    json!([{"decisionId": id, "basedOn": based_on, "actions": actions, "finalize": false}])
}

/// The seed's example flow, with a review that fails once: from the first decision to COMPLETED.
#[tokio::test(flavor = "multi_thread")]
async fn the_seeds_own_workflow_is_driven_to_its_end() {
    bounded(async || {
        let goal = Goal::start().await;
        goal.decide(json!([{"type": "REQUEST_REQUIREMENTS"}, {"type": "REQUEST_ACCEPTANCE_CRITERIA"}])).await;
        goal.until("both are requested", |steps| steps.len() == 2).await;
        // It has named them itself.
        let steps = goal.steps().await;
        let named = |kind: &str| steps.iter().find(|(_, step)| step.0 == kind).unwrap().0.clone();
        let requirements = named("REQUEST_REQUIREMENTS");
        assert!(requirements.starts_with("REQUEST_REQUIREMENTS-"), "{requirements}");

        let document = json!({"artifacts": [{"type": "REQ", "url": "https://docs/req", "ref": "1"}]});
        goal.answer(&requirements, document).await;
        goal.answer(&named("REQUEST_ACCEPTANCE_CRITERIA"), json!({})).await;
        goal.answer("ticket-creation-1", json!({})).await;
        let request = json!({"artifacts": [{"type": "PR", "url": "https://forge/pr/42", "ref": "42"}]});
        goal.answer("implementation-1", request).await;
        goal.answer("pr-review-1", json!({"status": "FAIL", "errors": ["a test is missing"]})).await;
        goal.answer("qa-1", json!({})).await;
        goal.answer("rework-1", json!({})).await;
        goal.answer("pr-review-2", json!({"content": {}})).await;
        goal.answer("qa-2", json!({"content": {}})).await;
        let last = goal.answer("docs-1", json!({})).await;
        assert_eq!(last["finalize"], json!(true), "{last}");
        let over = async || Some(goal.state().await).filter(|state| state["status"] == "COMPLETED");
        let state = wait_until("it is complete", PATIENCE, over).await;
        assert!(goal.steps().await.values().all(|(kind, status)| {
            kind.starts_with("REQUEST_") && (status == "DONE" || (kind == "REQUEST_PR_REVIEW" && status == "FAILED"))
        }));

        let completed = goal.signals("agentCompleted").await;
        assert_eq!(completed.len(), 10, "each answer once: {completed:?}");
        let expected = json!(["implementation-1", {
            "goalId": "goal-123", "workflowId": goal.id, "stepId": "implementation-1", "runId": "run-of-implementation-1",
            "agentRole": "builder", "status": "OK",
            "content": {"summary": "...", "diffUrl": "...", "branch": "feature/x"},
            "artifacts": [{"type": "PR", "url": "https://forge/pr/42", "ref": "42"}],
        }]);
        assert!(completed.contains(&expected), "two arguments, and what it cost stays outside: {completed:?}");

        let decisions = goal.signals("applyDecision").await;
        let on = |step: &str| decisions.iter().find(|sent| sent[0]["basedOn"]["stepId"] == step).unwrap().clone();
        for (step, actions) in [
            (requirements.as_str(), json!([
                {"type": "REQUEST_TICKET_CREATION", "payload": {"reqDoc": "https://docs/req", "stepId": "ticket-creation-1"}},
                {"type": "REQUEST_IMPLEMENTATION", "payload": {"reqDoc": "https://docs/req", "stepId": "implementation-1"}},
            ])),
            ("implementation-1", json!([
                {"type": "REQUEST_PR_REVIEW", "payload": {"prUrl": "https://forge/pr/42", "stepId": "pr-review-1"}},
                {"type": "REQUEST_QA", "payload": {"branch": "feature/x", "stepId": "qa-1"}},
            ])),
            ("pr-review-1", json!([{"type": "REQUEST_REWORK", "payload": {
                "reason": ["a test is missing"], "target": "IMPLEMENTATION", "found": "PR_REVIEW", "branch": "feature/x",
                "stepId": "rework-1",
            }}])),
            ("rework-1", json!([
                {"type": "REQUEST_PR_REVIEW", "payload": {"prUrl": "https://forge/pr/42", "stepId": "pr-review-2"}},
                {"type": "REQUEST_QA", "payload": {"branch": "feature/x", "stepId": "qa-2"}},
            ])),
            // Branch and pull request are from answers of long before, which only its log has.
            ("qa-2", json!([{"type": "REQUEST_DOCS", "payload": {
                "branch": "feature/x", "prUrl": "https://forge/pr/42", "stepId": "docs-1",
            }}])),
        ] {
            let sent = on(step);
            assert_eq!(sent, decision(step, &sent[0]["decisionId"], &actions));
            assert!(sent[0]["decisionId"].as_str().unwrap().starts_with("dec-"));
        }
        let closing = on("docs-1");
        assert_eq!((&closing[0]["actions"], &closing[0]["finalize"]), (&json!([]), &json!(true)));
        assert_eq!(decisions.len(), 7, "a person's, and one for each answer that led to something: {decisions:?}");
        assert_eq!(state["log"].as_array().unwrap().len(), 10 + 7 + 1);
    })
    .await;
}

/// What the seed's policy does for its sample, and what it gets wrong: matched by kind (H2), never final with work
/// open (H1), and nothing requested without end.
#[tokio::test(flavor = "multi_thread")]
async fn the_seeds_samples_lead_to_the_seeds_decisions() {
    bounded(async || {
        let goal = Goal::start().await;
        goal.decide(json!([{"type": "REQUEST_IMPLEMENTATION", "payload": {"stepId": "write-impl-1"}}])).await;
        goal.until("it is requested", |steps| steps.contains_key("write-impl-1")).await;
        let report = json!({"status": "PARTIAL", "content": {"summary": "half"}});
        assert_eq!(goal.answer("write-impl-1", report).await, Value::Null, "a report on the way decides nothing");
        let request = json!([{"type": "PR", "url": "https://x/pr/42", "ref": "42"}]);
        let applied = goal.answer("write-impl-1", json!({"artifacts": request})).await;
        assert_eq!(applied["finalize"], json!(false), "all steps that there were are done: {applied}");
        goal.until("what follows waits", |steps| {
            steps.get("pr-review-1").is_some_and(|step| step.1 == "WAITING") && steps.contains_key("qa-1")
        })
        .await;

        // A step that nobody asked for.
        assert_eq!(goal.answer("surprise", json!({"status": "FAIL"})).await, Value::Null);
        for attempt in 1..5 {
            goal.answer(&format!("qa-{attempt}"), json!({"status": "FAIL", "errors": "x"})).await;
            goal.answer(&format!("rework-{attempt}"), json!({})).await;
        }
        goal.answer("qa-5", json!({"status": "FAIL", "errors": "x"})).await;
        assert_eq!(goal.answer("rework-5", json!({})).await, Value::Null, "five times are enough");
        assert!(!goal.steps().await.contains_key("qa-6"));

        goal.bench.signal(&goal.id, "cancelGoal", payloads([json!("enough")])).await;
        let over = async || Some(goal.state().await).filter(|state| state["status"] == "CANCELLED");
        wait_until("it is cancelled", PATIENCE, over).await;
        assert_eq!(goal.answer("pr-review-1", json!({})).await, Value::Null, "nothing is decided on what is over");
    })
    .await;
}
