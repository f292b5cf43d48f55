//! Answers to a question.

use crate::console::action::Action;
use crate::console::ctx::Ctx;
use crate::console::effect::{Effect, Note};
use crate::console::field::Lines;
use crate::console::gates::{self, GateKey};
use crate::console::key::KeyPress;
use crate::console::overlays::confirm::state::{Phase, State};
use crate::console::screen::Context;
use crate::contracts::decision::Outcome;
use crate::contracts::engine::message::Told;
use crate::contracts::failure::Failure;
use crate::contracts::mutation::{Done, Mutation};

/// Whether the question stays open.
#[derive(Clone, Debug, PartialEq)]
pub enum Stay {
    Open(Vec<Effect>),
    Close(Vec<Effect>),
}

impl Stay {
    fn quiet() -> Self {
        Self::Open(Vec::new())
    }
}

/// Whether this action is the yes that needs a person's hand.
pub fn confirms(state: &State, action: Action) -> bool {
    let asks = matches!(state.phase, Phase::Prompting | Phase::Leaving);
    let one_line = state.inputs.get(state.focused).is_none_or(|input| input.lines() == Lines::One);
    asks && (matches!(action, Action::Submit | Action::Open) || (action == Action::NewLine && one_line))
}

pub fn update(state: &mut State, action: Action, ctx: &Ctx<'_>) -> Stay {
    let fields = state.inputs.len();
    if action == Action::Back {
        back(state)
    } else if action == Action::NextField {
        state.focused = (state.focused + 1).checked_rem(fields).unwrap_or(0);
        Stay::quiet()
    } else if action == Action::PreviousField {
        state.focused = (state.focused + fields.saturating_sub(1)).checked_rem(fields).unwrap_or(0);
        Stay::quiet()
    } else if action == Action::Copy {
        Stay::Open(vec![Effect::Copy(state.command(ctx.profile))])
    } else if confirms(state, action) || matches!(action, Action::Open | Action::Submit) {
        yes(state, ctx)
    } else if action == Action::NewLine {
        if let Some(input) = state.inputs.get_mut(state.focused) {
            input.newline();
        }
        Stay::quiet()
    } else {
        let back = ctx.key(Context::Confirm, Action::Back);
        Stay::Open(vec![Effect::Say(Note::info(format!("Answer the question first: {back} closes it.")))])
    }
}

/// A key that types.
pub fn key(state: &mut State, key: KeyPress) {
    state.phase = Phase::Prompting;
    if let Some(input) = state.inputs.get_mut(state.focused) {
        input.key(key);
    }
}

pub fn paste(state: &mut State, text: &str) {
    state.phase = Phase::Prompting;
    if let Some(input) = state.inputs.get_mut(state.focused) {
        input.paste(text);
    }
}

fn back(state: &mut State) -> Stay {
    match state.phase {
        Phase::Prompting if state.has_typed() => {
            state.phase = Phase::Leaving;
            Stay::quiet()
        }
        Phase::Prompting
        | Phase::Leaving
        | Phase::Waiting { .. }
        | Phase::Refused(_)
        | Phase::InDoubt { .. }
        | Phase::Failed(_) => Stay::Close(Vec::new()),
    }
}

fn yes(state: &mut State, ctx: &Ctx<'_>) -> Stay {
    match &state.phase {
        Phase::Waiting { .. } => Stay::Open(vec![Effect::Say(Note::info("It is being sent already."))]),
        // What was refused once is refused again; the person closes it and looks.
        Phase::Refused(_) | Phase::InDoubt { .. } => Stay::Close(Vec::new()),
        Phase::Prompting | Phase::Leaving | Phase::Failed(_) => {
            if let Some(moved) = &state.moved {
                return Stay::Open(vec![Effect::Say(Note::warning(moved.clone()))]);
            }
            if let Some((nth, problem)) = state.first_problem() {
                state.focused = nth;
                return Stay::Open(vec![Effect::Say(Note::info(problem))]);
            }
            state.phase = Phase::Waiting { since: ctx.now };
            Stay::Open(vec![Effect::Mutate(Box::new(state.mutation()))])
        }
    }
}

/// News of the mutation.
pub fn news(state: &mut State, result: &Result<Done, Failure>, ctx: &Ctx<'_>) -> Stay {
    match result {
        Ok(Done::Decided { result: Outcome::Refused { refusal } }) => {
            state.phase = Phase::Refused(refusal.message.clone());
            Stay::quiet()
        }
        Ok(Done::Told { result: Told::Refused { why } }) => {
            state.phase = Phase::Refused(why.clone());
            Stay::quiet()
        }
        Ok(done) if done.is_in_doubt() => {
            state.phase = Phase::InDoubt { since: ctx.now };
            Stay::quiet()
        }
        Ok(_) => Stay::Close(Vec::new()),
        Err(failure) => {
            state.phase = Phase::Failed(failure.clone());
            Stay::quiet()
        }
    }
}

/// Looks whether the gate is still what it was when the question was asked.
pub fn look_again(state: &mut State, ctx: &Ctx<'_>) {
    let Mutation::Decide(request) = &state.question.mutation else { return };
    if !matches!(state.phase, Phase::Prompting | Phase::Leaving) {
        return;
    }
    let key = GateKey { workflow: request.workflow_id.clone(), gate: request.gate.clone() };
    state.moved = match gates::find(ctx, &key) {
        Some(view) if view.digest() == request.evidence.as_ref() => None,
        Some(_) => Some("The evidence changed while you were reading. Close this, read the card again.".to_owned()),
        None => Some("The gate is not open any more. Close this to see what became of it.".to_owned()),
    };
}
