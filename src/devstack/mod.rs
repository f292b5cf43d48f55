//! The demo: a real Temporal server, worker, coordinator, service, and a story to play.
//!
//! From the bottom: [`guard`] ties a process to its parent, [`child`] starts processes under it, [`finder`] finds the
//! Temporal CLI and [`server`] runs it. Tests stand on the same four. [`part`] is the processes the demo is made of:
//! the [`service`] in its versions, the traffic [`switch`] in front of them, and the [`load`] that makes health
//! something that is measured. [`world`] is all of it together, [`story`] what happens there, [`demo`] the command.

pub mod child;
pub mod command;
pub mod demo;
pub mod environment;
pub mod finder;
pub mod guard;
pub mod http;
pub mod lifeline;
pub mod load;
pub mod part;
pub mod port;
pub mod server;
pub mod service;
pub mod story;
pub mod switch;
pub mod tell;
pub mod world;
