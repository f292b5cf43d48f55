//! The keys of a screen, generated from the action table and the keymap.

pub mod state;
pub mod view;
