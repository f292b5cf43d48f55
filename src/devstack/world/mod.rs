//! The world that the demo plays in: a folder, a Temporal server, services that really serve, worker and coordinator.
//!
//! It builds the world and ends it; what happens in it is [`crate::devstack::story`]'s.

pub mod build;
pub mod configuration;
pub mod database;
pub mod folder;
pub mod releases;
pub mod repository;
pub mod running;
pub mod site;
pub mod supervisor;
