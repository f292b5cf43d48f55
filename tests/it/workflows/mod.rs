//! Both workflows on a real Temporal server, with activities that do what each test says. The unit under test is
//! the workflow: what it orders, in which order, and what survives.

pub(crate) mod bench;
mod deployment;
mod fakes;
mod goals;
mod messages;
mod readiness;
mod record;
mod rollback;
pub(crate) mod world;
