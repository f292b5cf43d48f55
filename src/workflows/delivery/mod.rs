//! The delivery workflows of the specification, one module each.

pub mod production_deployment;
pub mod production_readiness;
