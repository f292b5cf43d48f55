//! Activities against the real thing: git repositories, SQLite files, HTTP services, processes.

mod database;
mod deploy;
mod git;
mod histogram;
mod monitor;
mod service;
mod triggers;
mod world;
