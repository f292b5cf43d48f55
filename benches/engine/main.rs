//! What one decision of an engine goal costs: an agent's answer taken in, the shipped spec's rules gone through, their
//! actions applied. `cargo bench --bench engine`; nothing outside of the process takes part.
//!
//! Control is the state as JSON, written once: less than a query of it costs. Ours and control take turns.

#[path = "../report.rs"]
#[expect(dead_code, reason = "other benchmarks use the rest")]
mod report;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use gatewatch::contracts::agent::{AgentResponse, AgentStatus, Artifact};
use gatewatch::contracts::clock::Timestamp;
use gatewatch::contracts::engine::decision::{Action, Decision};
use gatewatch::contracts::engine::input::{Decider, EngineInput};
use gatewatch::contracts::ids::{DecisionId, GoalId, StepId, WorkKind};
use gatewatch::spec::{EngineSpec, shipped};
use gatewatch::workflows::engine::machine::event::{Event, Outcome};
use gatewatch::workflows::engine::machine::{Machine, Memory};
use report::{Bound, Line, Series};
use serde_json::{Value, json};

const ROUNDS: usize = 2_000;
/// Bytes of what an agent answers.
const ANSWER: usize = 2_000;
/// Steps of a long goal beside those of the flow.
const LONG: usize = 200;
/// The requirement: the shipped spec decides within it.
const WITHIN: Duration = Duration::from_micros(200);

fn main() -> anyhow::Result<()> {
    let spec: Arc<dyn EngineSpec> = Arc::new(shipped::rules("codegen").context("codegen is shipped")??);
    report::say("Spec `codegen`; an answer of 2 KB to IMPLEMENTATION, which requests three pieces of work.\n")?;
    report::head()?;
    let bound = Bound::Median(WITHIN.as_secs_f64() * 1e6);
    measure("a decision of the flow, µs", &spec, 0, bound)?;
    measure("with 200 steps before it, µs", &spec, LONG, Bound::None)
}

fn measure(name: &str, spec: &Arc<dyn EngineSpec>, before: usize, bound: Bound) -> anyhow::Result<()> {
    let (memory, step) = goal(spec, before)?;
    let [mut ours, mut control] = [const { Series::new() }; 2];
    for _ in 0..ROUNDS {
        let mut machine = Machine::resume(memory.clone(), Decider::Spec, Arc::clone(spec));
        let answer = Event::AgentCompleted { step: step.clone(), response: answer(&step) };
        let begun = Instant::now();
        let reaction = black_box(machine.handle(at(0)?, answer));
        ours.add(begun.elapsed().as_secs_f64() * 1e6);
        anyhow::ensure!(reaction.outcome == Outcome::Applied, "it decided nothing: {:?}", reaction.outcome);

        let begun = Instant::now();
        black_box(serde_json::to_vec(black_box(&memory.state))?);
        control.add(begun.elapsed().as_secs_f64() * 1e6);
    }
    Line { name, ours: &ours, control: Some(&control), bound, peer: "" }.say()
}

/// A goal whose implementation is still to be answered, and that step.
fn goal(spec: &Arc<dyn EngineSpec>, before: usize) -> anyhow::Result<(Memory, StepId)> {
    let input = EngineInput { goal_id: GoalId::from("bench"), ..EngineInput::default() };
    let mut machine = Machine::start(&input, Arc::clone(spec));
    let request = Action::RequestWork { work_kind: "IMPLEMENTATION".into(), payload: Value::Null, step_id: None };
    let boot =
        Decision { decision_id: DecisionId::from("boot"), based_on: None, actions: vec![request], finalize: false };
    machine.handle(at(0)?, Event::Boot(boot));
    let (step, _) = machine.state().latest("IMPLEMENTATION").context("nothing was requested")?;
    let step = step.clone();
    for n in 0..before {
        // Of several kinds: rules look at the latest of each.
        let kind = WorkKind::from(format!("KIND_{}", n % 20).as_str());
        let id = StepId::from(format!("step-{n}").as_str());
        machine.handle(at(n)?, Event::RequestWork { kind, payload: json!({"n": n}), step: Some(id.clone()) });
        machine.handle(at(n)?, Event::AgentCompleted { step: id.clone(), response: answer(&id) });
    }
    Ok((machine.memory().clone(), step))
}

fn answer(step: &StepId) -> AgentResponse {
    let artifact = Artifact {
        kind: "PR".to_owned(),
        url: Some("https://forge.example/pr/1".to_owned()),
        reference: Some(step.as_str().to_owned()),
        meta: Value::Null,
    };
    AgentResponse {
        goal_id: GoalId::from("bench"),
        workflow_id: "bench".into(),
        step_id: step.clone(),
        attempt_id: "a1".into(),
        agent_role: "developer".to_owned(),
        status: AgentStatus::Ok,
        content: json!({"branch": "feat/bench", "summary": "x".repeat(ANSWER)}),
        artifacts: vec![artifact],
        metrics: None,
        errors: Value::Null,
    }
}

fn at(millis: usize) -> anyhow::Result<Timestamp> {
    Timestamp::from_unix_millis(1_000 + i64::try_from(millis)?).context("a time")
}
