//! One deployment while it is live, and its rollback: the screen an engineer stares at.

pub mod board;
pub mod charts;
pub mod facts;
pub mod plan;
pub mod scene;
pub mod state;
pub mod update;
pub mod view;
pub mod words;
