//! The one integration binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on should say where and stop"
)]

mod activities;
mod assets;
mod cli;
mod config;
mod console;
mod coordinator;
mod demo;
mod devstack;
mod dispatch;
mod engine;
mod gateway;
mod kill;
mod library;
mod pty;
mod replay;
mod spec;
mod store;
mod support;
mod tidy;
mod worker;
mod workflows;
