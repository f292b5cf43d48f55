//! Activities against the real thing: git repositories, SQLite files, HTTP services, processes.

mod checks;
mod database;
mod demo;
mod deploy;
mod git;
mod histogram;
mod incident;
mod monitor;
mod registry;
mod service;
mod triggers;
mod world;
