//! The questions that screens ask before something is done: one function for each kind of mutation, so that the same
//! thing is asked in the same words wherever it is asked from.

use crate::console::action::Action;
use crate::console::ctx::Ctx;
use crate::console::gates::{self, GateView};
use crate::console::question::{Fact, Field, Mood, Question, Required, Value};
use crate::contracts::clock::Millis;
use crate::contracts::decision::Verdict;
use crate::contracts::engine::message::Message;
use crate::contracts::engine::state::{EngineState, StepState, StepStatus};
use crate::contracts::http::DecisionRequest;
use crate::contracts::ids::{DecisionId, Environment, RequestId, StepId, WorkflowId};
use crate::contracts::mutation::{Extend, Mutation, Pause, Target, Tell};

/// What the action says of a gate, if it decides one.
pub fn verdict(action: Action) -> Option<Verdict> {
    [
        (Action::Approve, Verdict::Approve),
        (Action::Reject, Verdict::Reject),
        (Action::RequestEvidence, Verdict::RequestEvidence),
    ]
    .into_iter()
    .find_map(|(known, verdict)| (known == action).then_some(verdict))
}

/// Approve, reject or ask for more evidence; or why that cannot be asked now.
pub fn decide(ctx: &Ctx<'_>, view: &GateView<'_>, verdict: Verdict) -> Result<Question, String> {
    gates::may(ctx, view, verdict)?;
    let (verb, fields) = match verdict {
        Verdict::Approve => {
            let word = ctx.word_for(view.row.environment.as_ref());
            let word = word.map(|expected| Field::Word { what: "the environment".to_owned(), expected });
            ("Approve", word.into_iter().collect())
        }
        Verdict::Reject => ("Reject", vec![Field::Reason { required: Required::Yes }]),
        Verdict::RequestEvidence => ("Ask for more evidence on", vec![Field::Reason { required: Required::Yes }]),
    };
    Ok(Question {
        title: format!("{verb} {}?", view.title()),
        facts: gate_facts(view),
        effect: effect(view, verdict),
        warning: None,
        production: view.is_production(),
        fields,
        mutation: decision(ctx, view, verdict),
        needs_proof: view.gate.is_some_and(|gate| gate.needs_proof),
    })
}

fn decision(ctx: &Ctx<'_>, view: &GateView<'_>, verdict: Verdict) -> Mutation {
    if view.is_step() {
        let step_id = StepId::new(view.id.as_str());
        let message = match verdict {
            Verdict::Approve => Message::Approve { step_id },
            Verdict::Reject | Verdict::RequestEvidence => Message::Reject { step_id, reason: String::new() },
        };
        return Mutation::Tell(Tell { target: target(ctx, &view.row.id), message });
    }
    Mutation::Decide(DecisionRequest {
        decision_id: DecisionId::new(ctx.new_id()),
        workflow_id: view.row.id.clone(),
        gate: view.id.clone(),
        verdict,
        evidence: view.digest().cloned(),
        reason: None,
    })
}

fn effect(view: &GateView<'_>, verdict: Verdict) -> String {
    match verdict {
        Verdict::Approve => match view.gate.map(|gate| gate.effect.as_str()).filter(|effect| !effect.is_empty()) {
            Some(effect) => format!("{effect}."),
            None if view.is_step() => "The goal goes on.".to_owned(),
            None => "The workflow goes on.".to_owned(),
        },
        Verdict::Reject if view.is_step() => {
            "The goal's rules say what follows; where they do not, it fails.".to_owned()
        }
        Verdict::Reject => "The gate closes for good; nothing is deployed.".to_owned(),
        Verdict::RequestEvidence => "The evidence is collected again and the gate asks at a new revision.".to_owned(),
    }
}

fn gate_facts(view: &GateView<'_>) -> Vec<Fact> {
    let mut facts = vec![Fact::new("workflow", view.row.id.as_str())];
    let Some(gate) = view.gate else { return facts };
    if let Some(evidence) = &gate.evidence {
        for check in &evidence.failing {
            let critical = if check.critical { " (critical)" } else { "" };
            facts.push(Fact::new("failing", format!("{}: {}{critical}", check.title, check.detail)).with(Mood::Bad));
        }
        facts.push(Fact::new("commit", format!("{}  {}", evidence.commit.short(), evidence.subject)));
        facts.push(Fact::new(
            "score",
            format!("{}/100, {} passed, {} failed", evidence.score, evidence.passed, evidence.failed),
        ));
        let what = format!("{} collected", evidence.digest.short());
        facts.push(Fact::of("evidence", Value::Ago { what, at: evidence.collected_at }));
    }
    if let Some(deadline) = gate.deadline {
        facts.push(Fact::of("deadline", Value::Deadline { at: deadline, then: view.then() }));
    }
    facts
}

/// What can be done to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Approve,
    Reject,
    Nudge,
    Requeue,
    Done,
    Failed,
}

impl Deed {
    pub fn of(action: Action) -> Option<Self> {
        [
            (Action::Approve, Self::Approve),
            (Action::Reject, Self::Reject),
            (Action::Nudge, Self::Nudge),
            (Action::Requeue, Self::Requeue),
            (Action::OverrideDone, Self::Done),
            (Action::OverrideFailed, Self::Failed),
        ]
        .into_iter()
        .find_map(|(known, deed)| (known == action).then_some(deed))
    }

    /// What it says of an approval, if it decides one.
    pub fn verdict(self) -> Option<Verdict> {
        match self {
            Self::Approve => Some(Verdict::Approve),
            Self::Reject => Some(Verdict::Reject),
            Self::Nudge | Self::Requeue | Self::Done | Self::Failed => None,
        }
    }

    fn title(self, step: &StepId) -> String {
        match self {
            Self::Approve => format!("Approve {step}?"),
            Self::Reject => format!("Reject {step}?"),
            Self::Nudge => format!("Nudge the agent of {step}?"),
            Self::Requeue => format!("Requeue {step}?"),
            Self::Done => format!("Say that {step} is done?"),
            Self::Failed => format!("Say that {step} has failed?"),
        }
    }

    /// Why the goal would refuse it, if so. It has the last word.
    fn why_not(self, step: &StepState) -> Option<String> {
        let standing = step.standing();
        match self {
            Self::Approve | Self::Reject if !step.is_approval() => {
                Some("This step is an agent's, no approval.".to_owned())
            }
            Self::Approve | Self::Reject if !step.status.is_open() => Some(format!("It is {standing} already.")),
            Self::Nudge if step.status != StepStatus::InProgress => Some(format!("Nobody works on it: it {standing}.")),
            Self::Requeue if !matches!(step.status, StepStatus::InProgress | StepStatus::Blocked) => {
                Some("Only what is in progress or blocked can be offered again.".to_owned())
            }
            Self::Done | Self::Failed if step.is_approval() => {
                Some("It is an approval: approve or reject it.".to_owned())
            }
            Self::Done | Self::Failed if step.status == StepStatus::Skipped => Some(format!("It is {standing}.")),
            Self::Done if step.status == StepStatus::Done => Some("It is done already.".to_owned()),
            Self::Failed if step.status == StepStatus::Failed => Some("It has failed already.".to_owned()),
            Self::Approve | Self::Reject | Self::Nudge | Self::Requeue | Self::Done | Self::Failed => None,
        }
    }

    fn message(self, step_id: StepId) -> Message {
        let reason = String::new();
        match self {
            Self::Approve => Message::Approve { step_id },
            Self::Reject => Message::Reject { step_id, reason },
            Self::Nudge => Message::Nudge { step_id },
            Self::Requeue => Message::Requeue { step_id, reason },
            Self::Done => Message::Override { step_id, status: StepStatus::Done, reason },
            Self::Failed => Message::Override { step_id, status: StepStatus::Failed, reason },
        }
    }

    fn fields(self) -> Vec<Field> {
        match self {
            Self::Approve | Self::Nudge => Vec::new(),
            Self::Requeue => vec![Field::Reason { required: Required::No }],
            Self::Reject | Self::Done | Self::Failed => vec![Field::Reason { required: Required::Yes }],
        }
    }
}

/// Something that is done to a step of a goal.
pub fn step(
    ctx: &Ctx<'_>,
    workflow: &WorkflowId,
    goal: &EngineState,
    (id, step): (&StepId, &StepState),
    deed: Deed,
) -> Result<Question, String> {
    ctx.may_write()?;
    if goal.status.is_over() {
        return Err(format!("The goal is {}: nothing changes any more.", goal.status.as_str().to_lowercase()));
    }
    if let Some(why) = deed.why_not(step) {
        return Err(why);
    }
    let message = deed.message(id.clone());
    let mut facts = vec![Fact::new("workflow", workflow.as_str())];
    if let Some(asks) = step.payload.get("title").and_then(|title| title.as_str()).filter(|_| step.is_approval()) {
        facts.push(Fact::new("asks", asks));
    }
    facts.push(Fact::new("step", format!("{id}, {}", step.standing())));
    if let Some(reason) = &step.reason {
        facts.push(Fact::new("why", reason.as_str()));
    }
    if let Some(agent) = step.agent.as_ref().filter(|_| !step.is_approval()) {
        facts.push(Fact::new("agent", format!("{agent}, attempt {}", step.attempts)));
    }
    Ok(Question {
        title: deed.title(id),
        facts,
        effect: message.effect(),
        warning: None,
        production: false,
        fields: deed.fields(),
        mutation: Mutation::Tell(Tell { target: target(ctx, workflow), message }),
        needs_proof: false,
    })
}

/// Hold automatic rollback back for a limited time.
pub fn pause(ctx: &Ctx<'_>, workflow: &WorkflowId, environment: Option<&Environment>) -> Result<Question, String> {
    ctx.may_write()?;
    let initial = Millis::from_secs(300);
    Ok(Question {
        title: format!("Pause automatic rollback of {workflow}?"),
        facts: vec![Fact::new("workflow", workflow.as_str())],
        effect: "Triggers are measured but do not act until then; it resumes by itself.".to_owned(),
        warning: Some("Dangerous: while this lasts nothing but a person rolls back.".to_owned()),
        production: environment.is_some_and(Environment::is_production),
        fields: vec![
            Field::Duration { initial, at_most: Some(Millis::from_secs(600)) },
            Field::Reason { required: Required::Yes },
        ],
        mutation: Mutation::PauseMonitoring(Pause {
            target: target(ctx, workflow),
            for_ms: initial,
            reason: String::new(),
        }),
        needs_proof: false,
    })
}

/// Let automatic rollback act again.
pub fn resume(ctx: &Ctx<'_>, workflow: &WorkflowId, environment: Option<&Environment>) -> Result<Question, String> {
    ctx.may_write()?;
    Ok(Question {
        title: format!("Resume automatic rollback of {workflow}?"),
        facts: vec![Fact::new("workflow", workflow.as_str())],
        effect: "Triggers that are above their limits act at the next look.".to_owned(),
        warning: None,
        production: environment.is_some_and(Environment::is_production),
        fields: Vec::new(),
        mutation: Mutation::ResumeMonitoring(target(ctx, workflow)),
        needs_proof: false,
    })
}

/// Watch a deployment for longer.
pub fn extend(ctx: &Ctx<'_>, workflow: &WorkflowId, environment: Option<&Environment>) -> Result<Question, String> {
    ctx.may_write()?;
    let initial = Millis::from_secs(300);
    Ok(Question {
        title: format!("Watch {workflow} for longer?"),
        facts: vec![Fact::new("workflow", workflow.as_str())],
        effect: "Automatic rollback stays armed for that much longer.".to_owned(),
        warning: None,
        production: environment.is_some_and(Environment::is_production),
        fields: vec![Field::Duration { initial, at_most: Some(Millis::from_hours(24)) }],
        mutation: Mutation::ExtendMonitoring(Extend { target: target(ctx, workflow), by_ms: initial }),
        needs_proof: false,
    })
}

fn target(ctx: &Ctx<'_>, workflow: &WorkflowId) -> Target {
    Target { workflow_id: workflow.clone(), request_id: RequestId::new(ctx.new_id()) }
}
