//! Configuration: what was written ([`raw`]), where it came from ([`sources`]), what it means ([`settings`]).
//!
//! One file, `gatewatch.toml`, is under the environment, which is under the flags. Connecting to Temporal is
//! configured where the `temporal` CLI configures it: `temporal.toml` profiles and `TEMPORAL_*` variables.

mod accounts;
pub mod agents;
pub mod document;
pub mod paths;
pub mod problem;
mod queue;
pub mod raw;
pub mod routes;
pub mod settings;
pub mod sources;
pub mod temporal;
pub mod validate;
pub mod web;

/// A `gatewatch.toml` with every key, its default and what it does. A test holds it to the parser.
pub const EXAMPLE: &str = include_str!("example.toml");
