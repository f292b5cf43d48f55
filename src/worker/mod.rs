//! The headless worker: connects, registers what `workflows` and `activities` list, polls, drains.
//!
//! It never exits because Temporal is not there: it waits, retries, and its `/readyz` says so. Each worker of the
//! process runs its workflow code on one thread of its own, as the SDK demands; activities share the runtime.

pub mod connect;
pub mod describe;
pub mod metrics;
pub mod monitor;
pub mod options;
pub mod run;
pub mod status;
