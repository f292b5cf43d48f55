//! The console without a terminal: keys in, effects and pictures out.

mod action;
