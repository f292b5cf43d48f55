//! The history of one run, newest first, and what is in its events.

pub mod row;
pub mod state;
pub mod update;
pub mod view;
