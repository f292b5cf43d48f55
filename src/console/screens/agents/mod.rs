//! Who does the work of goals: load, failures and cost of every agent, as the coordinator counts them.

pub mod row;
pub mod state;
pub mod text;
pub mod update;
pub mod view;
