//! What workflows share. Everything that can be is a pure state machine, tested without Temporal; the rest is
//! generic over the workflow that uses it.

pub mod activity;
pub mod authority;
pub mod context;
pub mod decision;
pub mod gate;
pub mod monitor;
pub mod pause;
pub mod phases;
pub mod publish;
pub mod refused;
pub mod retry;
pub mod saga;
pub mod seen;
pub mod text;
