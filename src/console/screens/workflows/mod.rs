//! The list of workflows: live, filtered as typed, sorted by column, asked for by a visibility query.

pub mod complete;
pub mod merge;
pub mod row;
pub mod state;
pub mod update;
pub mod view;
