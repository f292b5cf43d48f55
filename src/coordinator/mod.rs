//! The coordinator: people's decisions come in over HTTP, exactly one effect on exactly one workflow goes out.
//!
//! It checks who asks, signs what they decide and streams health. It holds no state that a second coordinator
//! could not share: what is open, decided or live is Temporal's, read anew for every request.

mod auth;
mod error;
mod extract;
mod guard;
mod handlers;
mod key;
mod metrics;
mod openapi;
mod router;
pub mod server;
mod state;
mod stream;
mod task;
