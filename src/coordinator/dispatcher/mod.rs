//! Gives the work that waits in goals to agents, and their answers back to the goals.
//!
//! | part | what it owns |
//! |---|---|
//! | [`board`] | what every agent does and has done, as this coordinator counts it |
//! | [`plan`] | who gets what: priorities, quotas, fairness; pure |

pub mod board;
pub mod plan;
