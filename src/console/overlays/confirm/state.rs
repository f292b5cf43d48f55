//! The state of a question: `Prompting → Waiting → over`, so that a second yes can never be a second mutation.

use crate::console::ctx::Profile;
use crate::console::field::{Lines, TextField};
use crate::console::question::{Field, Question, Required};
use crate::console::screen::Focus;
use crate::contracts::clock::{Millis, Timestamp};
use crate::contracts::failure::Failure;
use crate::contracts::mutation::Mutation;

/// A question and its answers so far.
#[derive(Clone, Debug)]
pub struct State {
    pub question: Question,
    /// One for each field of the question, in its order.
    pub inputs: Vec<TextField>,
    pub focused: usize,
    pub phase: Phase,
    /// What the target has become since the question was asked: no yes counts any more.
    pub moved: Option<String>,
}

/// Where a question stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    Prompting,
    /// Esc was pressed with something typed: Esc again throws it away.
    Leaving,
    /// Sent; not answered yet.
    Waiting {
        since: Timestamp,
    },
    /// The workflow said no, and why.
    Refused(String),
    /// No worker has taken it yet. It may still be applied, and is followed.
    InDoubt {
        since: Timestamp,
    },
    /// It could not be sent, or the answer did not come.
    Failed(Failure),
}

impl State {
    pub fn new(question: Question) -> Self {
        let input = |field: &Field| match field {
            Field::Reason { .. } => TextField::new(Lines::Many, ""),
            Field::Duration { initial, .. } => TextField::new(Lines::One, &spell(*initial)),
            Field::Word { .. } => TextField::new(Lines::One, ""),
        };
        Self {
            inputs: question.fields.iter().map(input).collect(),
            question,
            focused: 0,
            phase: Phase::Prompting,
            moved: None,
        }
    }

    /// Keys type while there is a field and the question still stands.
    pub fn focus(&self) -> Focus {
        let asks = matches!(self.phase, Phase::Prompting | Phase::Leaving);
        if asks && !self.inputs.is_empty() { Focus::Text } else { Focus::Keys }
    }

    /// What is wrong with a field, if it is.
    pub fn problem(&self, nth: usize) -> Option<String> {
        let (field, input) = (self.question.fields.get(nth)?, self.inputs.get(nth)?);
        match field {
            Field::Reason { required: Required::Yes } if input.is_blank() => Some("A reason is required.".to_owned()),
            Field::Reason { .. } => None,
            Field::Duration { at_most, .. } => match (parse(input.text().trim()), at_most) {
                (None, _) => Some("Write a time like `90s`, `5m` or `1h`.".to_owned()),
                (Some(time), Some(most)) if time > *most => Some(format!("{} at most.", spell(*most))),
                (Some(_), _) => None,
            },
            Field::Word { expected, .. } => {
                (input.text().trim() != expected).then(|| format!("`{expected}` is not typed yet."))
            }
        }
    }

    /// The first thing that is missing.
    pub fn first_problem(&self) -> Option<(usize, String)> {
        (0..self.inputs.len()).find_map(|nth| Some((nth, self.problem(nth)?)))
    }

    /// The mutation with what was typed in it.
    pub fn mutation(&self) -> Mutation {
        let mut mutation = self.question.mutation.clone();
        for (field, input) in self.question.fields.iter().zip(&self.inputs) {
            match field {
                Field::Reason { .. } => set_reason(&mut mutation, input.text().trim()),
                Field::Duration { .. } => {
                    if let Some(time) = parse(input.text().trim()) {
                        set_duration(&mut mutation, time);
                    }
                }
                Field::Word { .. } => {}
            }
        }
        mutation
    }

    /// The same as a command: with `temporal`, or with our own where that could not prove who decides.
    pub fn command(&self, profile: &Profile) -> String {
        let (mutation, cluster) = (self.mutation(), &profile.cluster);
        let own = mutation.own_command(cluster, profile.config.as_deref()).filter(|_| self.question.needs_proof);
        own.unwrap_or_else(|| mutation.describe(cluster).command)
    }

    /// Decisions of gates go through the coordinator where there is one.
    pub fn goes_by_coordinator(&self) -> bool {
        matches!(self.question.mutation, Mutation::Decide(_))
    }

    /// Whether leaving now would lose something a person typed.
    pub fn has_typed(&self) -> bool {
        let typed = |(field, input): (&Field, &TextField)| match field {
            Field::Reason { .. } => !input.is_blank(),
            Field::Duration { .. } | Field::Word { .. } => false,
        };
        self.question.fields.iter().zip(&self.inputs).any(typed)
    }
}

fn set_reason(mutation: &mut Mutation, text: &str) {
    let reason = || (!text.is_empty()).then(|| text.to_owned());
    match mutation {
        Mutation::Decide(request) => request.reason = reason(),
        Mutation::Rollback(rollback) => rollback.reason = reason(),
        Mutation::PauseMonitoring(pause) => text.clone_into(&mut pause.reason),
        Mutation::Cancel(stop) | Mutation::Terminate(stop) => text.clone_into(&mut stop.reason),
        Mutation::Tell(tell) => {
            if let Some(reason) = tell.message.reason_mut() {
                text.clone_into(reason);
            }
        }
        Mutation::ExtendMonitoring(_)
        | Mutation::ResumeMonitoring(_)
        | Mutation::Signal(_)
        | Mutation::Start(_)
        | Mutation::RegisterAttributes => {}
    }
}

fn set_duration(mutation: &mut Mutation, time: Millis) {
    match mutation {
        Mutation::PauseMonitoring(pause) => pause.for_ms = time,
        Mutation::ExtendMonitoring(extend) => extend.by_ms = time,
        Mutation::Decide(_)
        | Mutation::Rollback(_)
        | Mutation::ResumeMonitoring(_)
        | Mutation::Signal(_)
        | Mutation::Tell(_)
        | Mutation::Start(_)
        | Mutation::Cancel(_)
        | Mutation::Terminate(_)
        | Mutation::RegisterAttributes => {}
    }
}

/// A time as a person types it: `90s`, `5m`, `1h`; a bare number is minutes. Nothing takes no time.
pub fn parse(text: &str) -> Option<Millis> {
    let number_end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(number_end);
    let seconds = match unit.trim() {
        "s" => 1,
        "" | "m" | "min" => 60,
        "h" => 3600,
        _ => return None,
    };
    let amount: u64 = number.parse().ok().filter(|amount| *amount > 0)?;
    Some(Millis::from_secs(amount.checked_mul(seconds)?))
}

/// The way back from [`parse`].
pub fn spell(time: Millis) -> String {
    let seconds = time.0 / 1000;
    match (seconds / 3600, seconds / 60, seconds % 60) {
        (hours, minutes, 0) if hours > 0 && minutes % 60 == 0 => format!("{hours}h"),
        (_, minutes, 0) => format!("{minutes}m"),
        _ => format!("{seconds}s"),
    }
}
