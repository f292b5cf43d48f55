//! Leaving the console. What was asked for a moment ago gets a moment to be sent, and what nobody knows the outcome of
//! then is named once the screen is gone.

use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use crate::console::event::{Event, Stamped};
use crate::console::model::Model;
use crate::console::sent::{One, State, doing};
use crate::console::update::update;
use crate::contracts::ids::WorkflowId;
use crate::contracts::shell;

/// How long leaving waits at most.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Takes in news until something was heard of every mutation. A second wish to end is not made to wait.
pub fn wait(model: &mut Model, events: &Receiver<Stamped>, patience: Duration) {
    let until = Instant::now() + patience;
    while model.sent.is_waiting() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        let Ok(stamped) = events.recv_timeout(left) else { return };
        if matches!(stamped.event, Event::Shutdown) {
            return;
        }
        if matches!(stamped.event, Event::Mutated { .. }) {
            // What would be asked of the outside now is not worth staying for.
            update(model, stamped);
        }
    }
}

/// One line for each mutation whose outcome is not known.
pub fn farewell(model: &Model) -> Vec<String> {
    model.sent.unfinished().map(line).collect()
}

fn line(one: &One) -> String {
    let what = doing(&one.mutation);
    let known = match one.state {
        State::Waiting => "it may not have been sent: nothing was heard of it.",
        State::InDoubt | State::Over => "it was sent; the outcome was not known yet.",
    };
    let see = |id: &WorkflowId| format!(" See `{}`.", shell::command(["gatewatch", "show", id.as_str()]));
    let command = one.mutation.workflow().map(see).unwrap_or_default();
    format!("{what}: {known}{command}")
}
