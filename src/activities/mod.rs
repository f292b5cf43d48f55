//! The outside world: what workflows ask for and cannot do themselves.
//!
//! One folder an area: a thin `mod.rs` (decode, call, map the error) over plain functions, with a trait where
//! another kind of target will come. Every effect happens once however often it is asked for: it is keyed by
//! the deployment's id and recorded durably ([`files`]) before or together with the effect.

pub mod body;
pub mod checks;
pub mod database;
pub mod deploy;
pub mod error;
pub mod files;
pub mod git;
pub mod heartbeat;
pub mod incident;
pub mod monitor;
pub mod registry;
pub mod services;
