//! One goal: its plan as a tree of steps, what they left behind, and what happened.

pub mod row;
pub mod state;
pub mod text;
pub mod update;
pub mod view;
