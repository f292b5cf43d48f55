//! One workflow: its phases, what it waits for, its children and gates, and what happened.

pub mod row;
pub mod state;
pub mod text;
pub mod update;
pub mod view;
