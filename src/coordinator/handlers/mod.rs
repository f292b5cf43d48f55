//! One file per resource. A handler reads the request, makes one gateway call and writes the answer; no logic.

pub mod agents;
pub mod callback;
pub mod decisions;
pub mod gates;
pub mod goals;
pub mod health;
pub mod key;
pub mod operations;
pub mod rollback;
pub mod specs;
pub mod start;
pub mod steps;
pub mod usage;
