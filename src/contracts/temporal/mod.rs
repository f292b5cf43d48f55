//! What both sides of Temporal share: names, the memo, the definitions of activities, the tolerant argument.

pub mod activities;
pub mod args;
pub mod memo;
pub mod names;
