//! Activities against the real thing: git repositories, SQLite files, HTTP services, processes.

mod database;
mod deploy;
mod git;
mod service;
mod world;
