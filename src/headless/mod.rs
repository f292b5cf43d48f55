//! One headless process: `gatewatch-worker worker|coordinator|all`, and the same as a hidden command of `gatewatch`.
//!
//! It owns what is the process's own: arguments, logs, signals, exit code. What the services do is theirs.

pub mod args;
pub mod run;
pub mod signals;
