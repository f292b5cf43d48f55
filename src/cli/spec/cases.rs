//! The cases of `gatewatch spec test`: a state, what happened, and what is expected of the spec.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cli::exit::{Exit, Stop};
use crate::cli::output::{Output, Tone};
use crate::cli::spec::contents;
use crate::config::problem::{Place, Problem};
use crate::contracts::agent::AgentResponse;
use crate::contracts::engine::decision::{Action, Decision};
use crate::contracts::engine::state::{EngineState, StepState, StepStatus};
use crate::contracts::failure::Failure;
use crate::contracts::ids::{DecisionId, StepId};
use crate::contracts::text;
use crate::spec::EngineSpec;
use crate::spec::decide::{Decided, decide};
use crate::spec::facts::Fact;

/// One case as its author writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Case {
    name: String,
    /// Before it happened.
    #[serde(default)]
    state: EngineState,
    #[serde(default)]
    response: Option<AgentResponse>,
    #[serde(default)]
    event: Option<Event>,
    #[serde(default)]
    approved: Option<StepId>,
    #[serde(default)]
    rejected: Option<Rejected>,
    #[serde(default)]
    child: Option<Child>,
    #[serde(default)]
    expect: Option<Expected>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    #[serde(rename = "type")]
    name: String,
    #[serde(default)]
    payload: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Rejected {
    step_id: StepId,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Child {
    kind: String,
    #[serde(default)]
    result: Value,
}

/// What is compared; what is left out is not.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    actions: Option<Vec<Action>>,
    rules: Option<Vec<String>>,
    finalize: Option<bool>,
}

/// What is said of a case.
#[derive(Debug, Serialize)]
struct Report<'a> {
    name: &'a str,
    #[serde(flatten)]
    decided: Decided,
    /// What came out otherwise than expected; empty when nothing did.
    unexpected: Vec<String>,
}

pub(super) fn read(path: &Path) -> Result<Vec<Case>, Failure> {
    let cases: Vec<Case> = serde_json::from_str(&contents(path)?).map_err(|error| {
        let place = Place::File { path: path.to_owned(), line: Some(error.line()) };
        Problem::new(place, "", format!("This is no list of cases: {error}."), "See `gatewatch spec test --help`.")
    })?;
    for (position, case) in cases.iter().enumerate() {
        if case.facts() != 1 {
            let place = Place::File { path: path.to_owned(), line: None };
            let why = "A case has exactly one of `response`, `event`, `approved`, `rejected` and `child`.";
            return Err(Problem::new(place, &format!("[{position}]"), why, "Make two cases of it, or add one.").into());
        }
    }
    Ok(cases)
}

/// Decides every case and says what came out.
pub(super) fn run(out: Output, spec: &dyn EngineSpec, cases: &[Case]) -> Result<Exit, Stop> {
    let reports: Vec<Report<'_>> = cases.iter().map(|case| case.report(spec)).collect();
    let good = reports.iter().all(|report| report.unexpected.is_empty());
    if out.is_json() {
        out.json(&reports)?;
    } else {
        for report in &reports {
            out.lines(report.lines(out))?;
        }
    }
    Ok(if good { Exit::Ok } else { Exit::Failure })
}

impl Case {
    fn facts(&self) -> usize {
        [
            self.response.is_some(),
            self.event.is_some(),
            self.approved.is_some(),
            self.rejected.is_some(),
            self.child.is_some(),
        ]
        .into_iter()
        .filter(|given| *given)
        .count()
    }

    fn report(&self, spec: &dyn EngineSpec) -> Report<'_> {
        let mut state = self.state.clone();
        let id = DecisionId::from("dec-test");
        let decided = self.fact(&mut state).map(|fact| decide(spec, &state, &fact, id));
        let decided = decided.unwrap_or_else(|why| Decided {
            decision: Decision::default(),
            rules: Vec::new(),
            troubles: vec![why],
        });
        let mut unexpected = decided.troubles.clone();
        if let Some(expected) = &self.expect {
            compare(&mut unexpected, "actions", expected.actions.as_ref(), &decided.decision.actions);
            compare(&mut unexpected, "rules", expected.rules.as_ref(), &decided.rules);
            compare(&mut unexpected, "finalize", expected.finalize.as_ref(), &decided.decision.finalize);
        }
        Report { name: &self.name, decided, unexpected }
    }

    /// What happened; the state takes it in, as a workflow's does.
    fn fact(&self, state: &mut EngineState) -> Result<Fact<'_>, String> {
        if let Some(response) = &self.response {
            step(state, &response.step_id)?.take(response);
            state.artifacts.extend(response.keyed_artifacts());
            return Ok(Fact::Completed { response });
        }
        if let Some(id) = &self.approved {
            step(state, id)?.status = StepStatus::Done;
            return Ok(Fact::Approved { step: id });
        }
        if let Some(Rejected { step_id, reason }) = &self.rejected {
            step(state, step_id)?.status = StepStatus::Failed;
            return Ok(Fact::Rejected { step: step_id, reason });
        }
        if let Some(Event { name, payload }) = &self.event {
            return Ok(Fact::Event { name, payload });
        }
        let Some(Child { kind, result }) = &self.child else { return Err("Nothing happened.".to_owned()) };
        Ok(Fact::ChildCompleted { kind, result })
    }
}

fn step<'a>(state: &'a mut EngineState, id: &StepId) -> Result<&'a mut StepState, String> {
    state.open_steps.get_mut(id).ok_or_else(|| format!("The state has no step {id} in its openSteps."))
}

fn compare<T: PartialEq + Serialize>(unexpected: &mut Vec<String>, what: &str, expected: Option<&T>, is: &T) {
    if let Some(expected) = expected.filter(|expected| *expected != is) {
        let json = |value: &T| serde_json::to_string(value).unwrap_or_default();
        unexpected.push(format!("{what}: expected {}, decided {}", json(expected), json(is)));
    }
}

impl Report<'_> {
    fn lines(&self, out: Output) -> Vec<String> {
        let good = self.unexpected.is_empty();
        let verdict = if good { out.paint(Tone::Good, "ok  ") } else { out.paint(Tone::Bad, "FAIL") };
        let mut lines = vec![format!("{verdict}  {}", text::line(self.name))];
        let mut say = |line: String| lines.push(format!("      {}", text::line(&line)));
        for rule in &self.decided.rules {
            say(format!("rule     {rule}"));
        }
        for action in &self.decided.decision.actions {
            say(match action {
                Action::RequestWork { work_kind, payload, .. } => format!("request  {work_kind} {}", shown(payload)),
                Action::RequestApproval { payload, .. } => format!("approval {}", shown(payload)),
                Action::Annotate { key, value } => format!("annotate {key} = {}", shown(value)),
            });
        }
        if self.decided.decision.finalize {
            say("finalize the goal is complete".to_owned());
        }
        for why in &self.unexpected {
            say(format!("wrong    {why}"));
        }
        lines
    }
}

fn shown(value: &Value) -> String {
    if value.is_null() { String::new() } else { value.to_string() }
}
