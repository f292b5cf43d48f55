//! The CLI: pure parts as tables, commands as processes against the real workflows.

mod commands;
mod deciding;
mod goal;
mod operations;
mod pure;
mod shell;
mod spec;
mod specs;
mod surface;
