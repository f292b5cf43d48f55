//! A question before something is done to the world, its fields, and what became of it.

pub mod state;
pub mod update;
pub mod view;
