//! The console without a terminal: keys in, effects and pictures out.

mod action;
mod deployment;
mod history;
mod rig;
mod workflow;
