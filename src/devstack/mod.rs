//! The demo: a real Temporal server, worker, coordinator, service, and a story to play.
//!
//! [`part`] is the processes it is made of: the [`service`] in its versions, the traffic [`switch`] in front of them,
//! and the [`load`] that makes health something that is measured.

pub mod http;
pub mod lifeline;
pub mod load;
pub mod part;
pub mod service;
pub mod switch;
