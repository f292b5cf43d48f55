//! Pure data that every layer shares: the words of the field, their wire form, and nothing else.
//!
//! No I/O, no clock, no Temporal types outside [`temporal`]. Wire names follow the seeds: `camelCase`
//! fields, `kebab-case` words, times in RFC 3339 UTC, durations as whole milliseconds in fields that end in `Ms`.

pub mod actor;
pub mod agent;
pub mod callback;
pub mod clock;
pub mod decision;
pub mod delivery;
pub mod engine;
pub mod evidence;
pub mod failure;
pub mod gate;
pub mod health;
pub mod hex;
pub mod http;
pub mod ids;
pub mod link;
pub mod mutation;
pub mod phase;
pub mod rollback;
pub mod roster;
pub mod shell;
pub mod temporal;
pub mod text;
pub mod workflow;
