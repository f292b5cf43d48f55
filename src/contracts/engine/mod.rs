//! The engine's words: what is decided, what state that leads to, and how a goal is started.

pub mod budget;
pub mod decision;
pub mod fact;
pub mod input;
pub mod message;
pub mod output;
pub mod spec;
pub mod state;
pub mod tree;
