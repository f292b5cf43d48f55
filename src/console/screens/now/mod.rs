//! What needs somebody now: open gates by deadline, live deployments, what failed or is stuck within the hour.

pub mod row;
pub mod state;
pub mod update;
pub mod view;
