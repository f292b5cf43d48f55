//! The terminal UI: the Elm architecture at the root, one folder per screen, stateless widgets below.
//!
//! Event → [`keymap`](action) → action → `update` → effect → `perform` → event.

pub mod action;
pub mod key;
pub mod remote;
pub mod screen;
