//! The deployment screen.

pub mod state;
pub mod update;
pub mod view;
