//! Mutations of this console that are under way or just over: what tells the outcome, keeps one's own actions out of the
//! notifications, and is named when the console is left before they ended.

use crate::console::effect::Note;
use crate::contracts::clock::Timestamp;
use crate::contracts::decision::{Outcome, Verdict};
use crate::contracts::engine::message::Told;
use crate::contracts::failure::Failure;
use crate::contracts::http::RollbackOutcome;
use crate::contracts::ids::WorkflowId;
use crate::contracts::mutation::{Done, Mutation};

/// Everything that was sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sent {
    list: Vec<One>,
}

/// One mutation.
#[derive(Clone, Debug, PartialEq)]
pub struct One {
    pub mutation: Mutation,
    pub since: Timestamp,
    pub state: State,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Waiting,
    InDoubt,
    Over,
}

/// How many are remembered.
const KEPT: usize = 32;

impl Sent {
    /// Says whether it may be sent: what waits under the same id is not sent twice.
    pub fn begin(&mut self, mutation: &Mutation, now: Timestamp) -> bool {
        let same = self.list.iter().position(|one| one.mutation.id() == mutation.id());
        if let Some(one) = same.and_then(|at| self.list.get_mut(at)) {
            if one.state == State::Waiting {
                return false;
            }
            one.state = State::Waiting;
            return true;
        }
        // What is not over is remembered however many there are: it is still followed, and named on leaving.
        let over = self.list.iter().position(|one| one.state == State::Over);
        if let Some(oldest) = over.filter(|_| self.list.len() >= KEPT) {
            self.list.remove(oldest);
        }
        self.list.push(One { mutation: mutation.clone(), since: now, state: State::Waiting });
        true
    }

    /// News of one. Returns which it was and what to say, or nothing when nobody here sent it.
    pub fn news(&mut self, id: &str, result: &Result<Done, Failure>) -> Option<(Mutation, Note)> {
        let one = self.list.iter_mut().find(|one| one.mutation.id() == id)?;
        let in_doubt = result.as_ref().is_ok_and(Done::is_in_doubt);
        one.state = if in_doubt { State::InDoubt } else { State::Over };
        Some((one.mutation.clone(), note(&one.mutation, result).about(deed(&one.mutation))))
    }

    /// What nobody knows the outcome of yet.
    pub fn unfinished(&self) -> impl Iterator<Item = &One> {
        self.list.iter().filter(|one| one.state != State::Over)
    }

    /// Whether a rollback of this workflow may still come of what was sent.
    pub fn may_roll_back(&self, workflow: &WorkflowId) -> bool {
        let is_it =
            |one: &One| matches!(&one.mutation, Mutation::Rollback(sent) if sent.target.workflow_id == *workflow);
        self.unfinished().any(is_it)
    }

    /// Whether nothing was heard yet of something that was asked for.
    pub fn is_waiting(&self) -> bool {
        self.list.iter().any(|one| one.state == State::Waiting)
    }
}

/// What makes two mutations the same deed, tried twice: what is sent by one name may be another thing each time.
fn deed(mutation: &Mutation) -> String {
    let said = if let Mutation::Signal(signal) = mutation {
        format!("{:?}", signal.args)
    } else if let Mutation::Tell(tell) = mutation {
        format!("{:?}", tell.message)
    } else {
        String::new()
    };
    format!("{} {said}", doing(mutation))
}

/// What a mutation is called while it is under way: `Approving production-approval of prod-checkout-42`.
pub fn doing(mutation: &Mutation) -> String {
    let on = mutation.workflow().map(|id| format!(" {id}")).unwrap_or_default();
    match mutation {
        Mutation::Decide(request) => {
            let verb = match request.verdict {
                Verdict::Approve => "Approving",
                Verdict::Reject => "Rejecting",
                Verdict::RequestEvidence => "Asking for more evidence on",
            };
            format!("{verb} {} of{on}", request.gate)
        }
        Mutation::Rollback(_) => format!("Rolling back{on}"),
        Mutation::ExtendMonitoring(_) => format!("Extending the watch on{on}"),
        Mutation::PauseMonitoring(_) => format!("Pausing automatic rollback of{on}"),
        Mutation::ResumeMonitoring(_) => format!("Resuming automatic rollback of{on}"),
        Mutation::Signal(signal) => format!("Sending {} to{on}", signal.name),
        Mutation::Tell(tell) => {
            let step = tell.message.step().map(|step| format!(" for {step}")).unwrap_or_default();
            format!("Sending {}{step} to{on}", tell.message.name())
        }
        Mutation::Start(_) => format!("Starting{on}"),
        Mutation::Cancel(_) => format!("Cancelling{on}"),
        Mutation::Terminate(_) => format!("Terminating{on}"),
        Mutation::RegisterAttributes => "Registering search attributes".to_owned(),
    }
}

fn done(mutation: &Mutation) -> String {
    let on = mutation.workflow().map(ToString::to_string).unwrap_or_default();
    match mutation {
        Mutation::Decide(request) => {
            let verb = match request.verdict {
                Verdict::Approve => "Approved",
                Verdict::Reject => "Rejected",
                Verdict::RequestEvidence => "Evidence is collected again for",
            };
            format!("{verb} {} of {on}", request.gate)
        }
        Mutation::Rollback(_) => format!("{on} is rolling back"),
        Mutation::ExtendMonitoring(_) => format!("{on} is watched for longer"),
        Mutation::PauseMonitoring(_) => format!("Automatic rollback of {on} is paused"),
        Mutation::ResumeMonitoring(_) => format!("Automatic rollback of {on} acts again"),
        Mutation::Signal(signal) => format!("{} reached {on}", signal.name),
        Mutation::Tell(tell) => {
            let step = tell.message.step().map(|step| format!(" of {step}")).unwrap_or_default();
            format!("{on} has taken in {}{step}", tell.message.name())
        }
        Mutation::Start(_) => format!("Started {on}"),
        Mutation::Cancel(_) => format!("{on} was asked to end"),
        Mutation::Terminate(_) => format!("Terminated {on}"),
        Mutation::RegisterAttributes => "Search attributes are registered".to_owned(),
    }
}

fn note(mutation: &Mutation, result: &Result<Done, Failure>) -> Note {
    match result {
        Err(failure) => Note::error(format!("{}: not done. {failure}", doing(mutation))),
        Ok(Done::Decided { result: Outcome::Refused { refusal } }) => {
            Note::error(format!("Not done: {}", refusal.message))
        }
        Ok(Done::Told { result: Told::Refused { why } }) => Note::error(format!("Not done: {why}")),
        Ok(Done::Decided { result: Outcome::InDoubt { .. } } | Done::Told { result: Told::InDoubt }) => {
            Note::warning(format!("{}: in doubt. Nobody has confirmed it yet; it is followed.", doing(mutation)))
        }
        Ok(Done::RolledBack { result: RollbackOutcome::InDoubt { .. } }) => Note::warning(format!(
            "{}: asked for durably. No worker has taken it yet; it will act as soon as there is one.",
            doing(mutation)
        )),
        Ok(Done::Unanswered) => Note::warning(format!(
            "{}: no answer came. It may have arrived or not; it is asked again under the same id.",
            doing(mutation)
        )),
        Ok(Done::Signalled { seen_at: None }) => {
            Note::warning(format!("{}: the server has it; no effect is seen yet.", doing(mutation)))
        }
        Ok(Done::Decided { result: Outcome::Repeated { record } }) => {
            Note::done(format!("{}: was decided before, under the same id, by {}.", done(mutation), record.actor.name))
        }
        Ok(Done::RolledBack { result: RollbackOutcome::Accepted { reply } }) if reply.already => {
            Note::done(format!("{}: {} had asked before.", done(mutation), reply.cause.actor.name))
        }
        Ok(
            Done::Decided { result: Outcome::Applied { .. } }
            | Done::RolledBack { result: RollbackOutcome::Accepted { .. } }
            | Done::Signalled { seen_at: Some(_) }
            | Done::Told { result: Told::Taken { .. } }
            | Done::Started { .. }
            | Done::Stopping { .. }
            | Done::Registered { .. },
        ) => Note::done(format!("{}.", done(mutation))),
    }
}

#[cfg(test)]
mod tests {
    use super::Sent;
    use crate::contracts::clock::Timestamp;
    use crate::contracts::failure::{Failure, FailureKind};
    use crate::contracts::ids::{RequestId, WorkflowId};
    use crate::contracts::mutation::{Done, Mutation, Rollback, Signal, Target};

    fn target(id: &str) -> Target {
        Target { workflow_id: "w".into(), request_id: RequestId::new(id) }
    }

    fn told(sent: &mut Sent, mutation: &Mutation, result: &Result<Done, Failure>) -> Option<String> {
        sent.begin(mutation, Timestamp(chrono::DateTime::UNIX_EPOCH));
        sent.news(mutation.id(), result).unwrap().1.about
    }

    fn failed() -> Result<Done, Failure> {
        Err(Failure::new(FailureKind::Unavailable, "no answer", ""))
    }

    #[test]
    fn a_deed_tried_again_is_the_same_and_another_one_of_its_name_is_not() {
        let signal = |id: &str, said: &str| {
            let args = vec![said.into()];
            Mutation::Signal(Signal { target: target(id), run_id: None, name: "custom".to_owned(), args })
        };
        let mut sent = Sent::default();
        let first = told(&mut sent, &signal("1", "deployed"), &failed());
        assert_eq!(first, told(&mut sent, &signal("2", "deployed"), &failed()));
        assert_ne!(first, told(&mut sent, &signal("3", "merged"), &failed()));
    }

    #[test]
    fn a_rollback_in_doubt_is_still_to_come_when_another_one_fails() {
        let rollback = |id: &str| Mutation::Rollback(Rollback { target: target(id), reason: None });
        let (mut sent, workflow) = (Sent::default(), WorkflowId::from("w"));
        told(&mut sent, &rollback("1"), &Ok(Done::Unanswered));
        told(&mut sent, &rollback("2"), &failed());
        assert!(sent.may_roll_back(&workflow) && !sent.may_roll_back(&"v".into()));
        told(&mut sent, &rollback("1"), &failed());
        assert!(!sent.may_roll_back(&workflow));
    }
}
