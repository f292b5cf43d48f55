//! Sibling workflows: work of goals that a workflow of its own does, of whatever type and SDK.
//!
//! One is remembered before its step is taken, begun under an id that is never used again, followed to its end, and its
//! end handed to the intake, which tells the goal once (`childCompleted`). Each part may have happened before: whatever is
//! killed in between, any coordinator on the same database goes on with it. When its step is somebody else's, or the goal
//! has ended, it is cancelled.
//!
//! | part | what it owns |
//! |---|---|
//! | [`plan`] | what is to be begun: id and input, filled from the goal |
//! | `follow` | how far each is, and what comes next |
//! | `ending` | from how it ended to what the goal is told |

mod ending;
mod follow;
pub mod plan;

use std::sync::Arc;

use crate::contracts::clock::Millis;
use crate::coordinator::dispatcher::board::Board;
use crate::coordinator::intake::Intake;
use crate::coordinator::metrics::Metrics;
use crate::gateway::Gateway;
use crate::store::Store;

/// How long whoever looks after one has it for themselves: longer than that takes.
const LEASE: Millis = Millis::from_secs(30);

/// Looks after sibling workflows. Cheap to clone.
#[derive(Clone)]
pub struct Siblings(Arc<Inner>);

/// What it takes.
pub struct Inner {
    pub gateway: Gateway,
    pub store: Store,
    pub intake: Intake,
    pub board: Arc<Board>,
    pub metrics: Metrics,
}

impl Siblings {
    pub fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }
}
