//! The dev stack: processes, the Temporal server, the demo service and its switch.

mod finder;
mod guard;
mod load;
mod server;
mod service;
mod stack;
mod switch;
mod world;
