//! `kill -9` of the worker, with nothing fake: while it watches, in the middle of each step of a rollback, and when a
//! step is done and nobody has heard of it yet. The story still ends rolled back, each effect once.

mod drain;
mod rollback;
mod stage;
mod wire;
