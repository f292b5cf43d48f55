//! Deterministic workflows: what is decided, in which order, and what survives. They see the world only through
//! the activities declared in [`crate::contracts::temporal::activities`], take time from the workflow's own clock
//! and never name `activities`, the client or the network.
//!
//! | module | what it owns |
//! |---|---|
//! | [`registry`] | the one list of workflows: registration and description |
//! | [`blocks`] | what workflows share: gate, authority, monitor, saga, publish, pause, retry |
//! | [`engine`] | goals: what agents are asked for, what they answered, what is decided next |
//! | [`delivery`] | the delivery workflows, one module each |

#![deny(clippy::disallowed_methods)]

pub mod blocks;
pub mod delivery;
pub mod engine;
pub mod registry;
