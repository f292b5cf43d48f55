//! Every action by name, with its key; greyed with the reason where it is not possible.

pub mod state;
pub mod view;
