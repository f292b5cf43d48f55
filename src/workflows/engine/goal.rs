//! A machine in a workflow: how it starts, what is sent to it, what it publishes. No awaits.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::contracts::clock::{Timestamp, UnixMillis};
use crate::contracts::delivery::RefusedMessage;
use crate::contracts::engine::decision::Decision;
use crate::contracts::engine::input::{Decider, EngineInput};
use crate::contracts::engine::output::{EngineOutput, EngineReply, HistorySummary, LeaseReply};
use crate::contracts::engine::state::{self, EngineState, StepState};
use crate::contracts::ids::StepId;
use crate::contracts::temporal::args::Args;
use crate::contracts::temporal::names::update;
use crate::spec::EngineSpec;
use crate::spec::rules::Rules;
use crate::spec::shipped;
use crate::workflows::blocks::context::{Change, Context};
use crate::workflows::blocks::text::clip;
use crate::workflows::engine::machine::event::{Effect, Event, Habits, Outcome, Replacements};
use crate::workflows::engine::machine::{Machine, Memory, next_due};
use crate::workflows::engine::messages;
use crate::workflows::engine::publish::{self, Face};

/// What an update's handler and validator answer when they refuse.
pub(super) type Rejection = Box<dyn std::error::Error + Send + Sync>;

/// Bytes of a goal's description, constraints and criteria: they travel with every run.
const LARGEST_GOAL: usize = 32_000;

/// The argument of every run: how the goal was started, and after continue-as-new where it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Carried {
    #[serde(flatten)]
    input: EngineInput,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    carried: Option<Memory>,
}

/// A goal and its workflow's side.
pub(super) struct Goal {
    input: EngineInput,
    /// Why nothing can be done; none when there is a machine.
    machine: Result<Machine, String>,
    /// The first decision, until it is made: it needs the time.
    boot: Option<Decision>,
    face: Face,
    /// When something is due.
    wake: Option<UnixMillis>,
    /// Counts what happened, so that the driver can wait for more.
    events: u64,
}

impl Goal {
    /// The goal of these arguments. `spec` decides when they name none.
    pub(super) fn begin(args: &Args, spec: &str) -> Self {
        match args.read::<Carried>(&[]) {
            Ok(carried) => Self::of(carried, spec),
            Err(why) => Self::new(EngineInput::default(), None, Err(format!("The input cannot be read: {why}."))),
        }
    }

    fn of(Carried { mut input, carried }: Carried, spec: &str) -> Self {
        let rules = match resolve(&input, spec) {
            Ok(rules) => rules,
            Err(why) => return Self::new(input, None, Err(why)),
        };
        let bytes = json!(input.goal).to_string().len();
        if bytes > LARGEST_GOAL {
            let why = format!("The goal has {bytes} bytes; {LARGEST_GOAL} are the most. Point to a document instead.");
            return Self::new(input, None, Err(why));
        }
        if let Some(memory) = carried {
            let machine = Machine::resume(memory, input.decider, rules);
            return Self::new(input, None, Ok(machine));
        }
        let first = input.first_decision();
        input.boot_decision = None;
        match first {
            Ok(boot) => {
                let machine = Machine::start(&input, rules);
                Self::new(input, boot, Ok(machine))
            }
            Err(why) => Self::new(input, None, Err(why)),
        }
    }

    fn new(input: EngineInput, boot: Option<Decision>, machine: Result<Machine, String>) -> Self {
        let wake = machine.as_ref().ok().and_then(|machine| next_due(machine.state()));
        let mut face = Face::of(&input);
        face.pin = machine.as_ref().ok().and_then(|machine| machine.state().spec.clone());
        Self { face, input, machine, boot, wake, events: 0 }
    }

    /// Why it cannot even start.
    pub(super) fn why_not(&self) -> Option<String> {
        self.machine.as_ref().err().cloned()
    }

    pub(super) fn events(&self) -> u64 {
        self.events
    }

    pub(super) fn wake(&self) -> Option<UnixMillis> {
        self.wake
    }

    /// After how many events of history it continues as new, when the server does not suggest it before.
    pub(super) fn continue_after(&self) -> Option<u32> {
        self.input.continue_after
    }

    /// The argument of the next run.
    pub(super) fn carried(&self) -> Args {
        let carried = self.machine.as_ref().ok().map(|machine| machine.memory().clone());
        // The plan is in the state by now.
        let input = EngineInput { initial_plan: Value::Null, goal: state::Goal::default(), ..self.input.clone() };
        let carried = Carried { input, carried };
        Args::of([serde_json::to_value(carried).unwrap_or_default()])
    }

    /// How it ended; none while it goes on.
    pub(super) fn output(&self) -> Option<EngineOutput> {
        let state = self.state()?;
        let completion = state.completion.clone().filter(|_| state.status.is_over())?;
        Some(EngineOutput { goal_id: state.goal_id.clone(), status: state.status, completion })
    }

    /// Lets an event happen and publishes what came of it.
    pub(super) fn happen(&mut self, ctx: &impl Context, event: Event) -> Outcome {
        self.keep_habits(ctx);
        let adopts = matches!(event, Event::AdoptSpec { .. });
        let outcome = self.react(ctx.now(), as_begun(ctx, event));
        if adopts && outcome == Outcome::Applied && ctx.has(Change::Pins) {
            self.face.pin = self.state().and_then(|state| state.spec.clone());
        }
        self.publish(ctx);
        outcome
    }

    /// The first decision is made, whatever else has arrived.
    pub(super) fn boot(&mut self, ctx: &impl Context) {
        self.keep_habits(ctx);
        self.make_first_decision(ctx.now());
        self.publish(ctx);
    }

    /// A signal: obeyed, or recorded as refused.
    pub(super) fn signalled(&mut self, ctx: &impl Context, name: &str, args: &Args) {
        self.keep_habits(ctx);
        let now = ctx.now();
        let outcome = match messages::read(name, args) {
            Ok(event) => self.react(now, as_begun(ctx, event)),
            Err(why) => {
                let why = clip(&why, 300);
                if let Ok(machine) = &mut self.machine {
                    machine.refuse(now, &format!("{name}: {why}"));
                }
                Outcome::Refused(why)
            }
        };
        if let Outcome::Refused(why) = outcome {
            self.face.refused = Some(RefusedMessage { at: now, name: name.to_owned(), why });
        }
        self.publish(ctx);
    }

    /// Whether an update would be obeyed. Nothing changes.
    pub(super) fn check(&self, name: &str, args: &Args) -> Result<(), Rejection> {
        let event = messages::read(name, args)?;
        let mut rehearsal = self.machine.clone()?;
        // No outcome depends on the time.
        let now = UnixMillis::default().timestamp().ok_or("there is no time")?;
        if let Some(boot) = self.boot.clone() {
            rehearsal.handle(now, Event::Boot(boot));
        }
        match rehearsal.handle(now, event).outcome {
            Outcome::Applied | Outcome::Repeated => Ok(()),
            Outcome::Refused(why) => Err(why.into()),
        }
    }

    /// An update: the same as the signal, and answered.
    pub(super) fn updated(&mut self, ctx: &impl Context, name: &str, args: &Args) -> Result<EngineReply, Rejection> {
        let event = messages::read(name, args)?;
        self.answered(ctx, event)
    }

    /// The update `lease`: whoever takes the step is told with the answer what is to be done.
    pub(super) fn leased(&mut self, ctx: &impl Context, args: &Args) -> Result<LeaseReply, Rejection> {
        let event = messages::read(update::LEASE, args)?;
        let Event::Lease { step, .. } = &event else { return Err("the update is no lease".into()) };
        let step = step.clone();
        let reply = self.answered(ctx, event)?;
        let state = self.state().ok_or("the goal did not start")?;
        let leased = state.open_steps.get(&step).ok_or("there is no such step")?;
        // What an agent answered before is not for the next one.
        let step = StepState { content: Value::Null, ..leased.clone() };
        Ok(LeaseReply { reply, goal_id: state.goal_id.clone(), goal: state.goal.clone(), step })
    }

    fn answered(&mut self, ctx: &impl Context, event: Event) -> Result<EngineReply, Rejection> {
        let outcome = self.happen(ctx, event);
        let status = self.state().map(|state| state.status).unwrap_or_default();
        match outcome {
            Outcome::Applied => Ok(EngineReply { repeated: false, status }),
            Outcome::Repeated => Ok(EngineReply { repeated: true, status }),
            Outcome::Refused(why) => Err(why.into()),
        }
    }

    pub(super) fn state(&self) -> Option<&EngineState> {
        self.machine.as_ref().ok().map(Machine::state)
    }

    /// The text of the rules in effect.
    pub(super) fn document(&self) -> Option<String> {
        let shipped =
            || self.state()?.spec.as_ref().and_then(|pin| shipped::text(pin.name.as_str())).map(str::to_owned);
        self.input.spec_document.clone().or_else(shipped)
    }

    /// Steps something is still to come of.
    pub(super) fn open_steps(&self) -> BTreeMap<StepId, StepState> {
        let steps = self.state().into_iter().flat_map(|state| &state.open_steps);
        let open = steps.filter(|(_, step)| step.status.is_open());
        open.map(|(id, step)| (id.clone(), step.clone())).collect()
    }

    pub(super) fn history(&self) -> HistorySummary {
        let state = self.state();
        HistorySummary {
            entries: state.map(|state| state.log.iter().cloned().collect()).unwrap_or_default(),
            dropped: state.map(|state| state.log_dropped).unwrap_or_default(),
        }
    }

    fn make_first_decision(&mut self, now: Timestamp) {
        if let Some(boot) = self.boot.take() {
            self.handle(now, Event::Boot(boot));
        }
    }

    fn react(&mut self, now: Timestamp, event: Event) -> Outcome {
        self.make_first_decision(now);
        if let Event::AdoptSpec { document, .. } = &event {
            let document = document.clone();
            let outcome = self.handle(now, event);
            if outcome == Outcome::Applied {
                // The next run is pinned to it.
                self.input.spec_document = Some(document);
                self.input.spec_name = self.state().and_then(|state| state.spec.clone()).unwrap_or_default().name;
            }
            return outcome;
        }
        self.handle(now, event)
    }

    fn handle(&mut self, now: Timestamp, event: Event) -> Outcome {
        let Ok(machine) = &mut self.machine else { return Outcome::Refused("The goal did not start.".to_owned()) };
        let reaction = machine.handle(now, event);
        for effect in reaction.effects {
            match effect {
                Effect::WakeAt(wake) => self.wake = wake,
                Effect::End(_) => self.wake = None,
            }
        }
        self.events += 1;
        reaction.outcome
    }

    /// What ran before something was thought of goes on as it did.
    fn keep_habits(&mut self, ctx: &impl Context) {
        if let Ok(machine) = &mut self.machine {
            let facts_wait = machine.decider() == Decider::Coordinator && ctx.has(Change::FactsWait);
            let only_work_counts = machine.spec().guardrails().limits_attempts() && ctx.has(Change::Attempts);
            let facts_stay = facts_wait && ctx.has(Change::FactsStay);
            machine.keep_to(Habits { facts_wait, facts_stay, only_work_counts });
        }
    }

    fn publish(&mut self, ctx: &impl Context) {
        if let Ok(machine) = &self.machine {
            let reminders = publish::reminders(machine.state());
            // What ran before reminders were published goes on without.
            let told = !reminders.is_empty() && ctx.has(Change::Reminders);
            let reminders = if told { reminders } else { Vec::new() };
            ctx.upsert(self.face.next(machine.state(), ctx.now(), reminders));
        }
    }
}

/// The event as this run takes it: one that began before something was thought of goes on as it did.
fn as_begun(ctx: &impl Context, event: Event) -> Event {
    let Event::Once { id, event } = event else { return as_known(ctx, event) };
    let change = if matches!(*event, Event::Custom { .. }) { Change::Once } else { Change::AskedOnce };
    let event = as_known(ctx, *event);
    if ctx.has(change) { Event::Once { id, event: Box::new(event) } } else { event }
}

fn as_known(ctx: &impl Context, mut event: Event) -> Event {
    if let Event::Override { replacements, .. } = &mut event
        && !ctx.has(Change::Withdraws)
    {
        *replacements = Replacements::Leave;
    }
    if let Event::ChildCompleted { answer, .. } = &mut event
        && answer.is_some()
        && !ctx.has(Change::Siblings)
    {
        *answer = None;
    }
    event
}

/// The rules a goal is pinned to: the document in its input, or a shipped spec by name. A shipped text never changes
/// under its name, so a name is a pin, too.
fn resolve(input: &EngineInput, default: &str) -> Result<Arc<dyn EngineSpec>, String> {
    let name = match (input.spec_name.as_str(), input.decider) {
        ("", Decider::Spec) => default,
        // The coordinator decides; only the guardrails are the workflow's.
        ("", decider @ Decider::Coordinator) => shipped::default_of(decider),
        (name, _) => name,
    };
    let rules = match &input.spec_document {
        Some(document) => Rules::read(&format!("spec {name}"), document).map_err(|problem| problem.to_string())?,
        None => match shipped::rules(name) {
            Some(rules) => rules.map_err(|problem| problem.to_string())?,
            None => return Err(format!("Unknown spec: {name}")),
        },
    };
    Ok(Arc::new(rules))
}
