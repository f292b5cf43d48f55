//! The dev stack: processes, the Temporal server, the demo service and its switch.

mod finder;
mod guard;
mod server;
