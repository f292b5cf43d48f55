//! The coordinator: people's decisions come in over HTTP, exactly one effect on exactly one workflow goes out.
//!
//! It checks who asks, signs what they decide, streams health and takes agents' answers in. It holds no state that a
//! second coordinator could not share: what is open, decided or live is Temporal's, read anew for every request; which
//! answers were taken in is the store's.

pub mod auth;
pub mod background;
pub mod backoff;
pub mod clock;
pub mod dispatcher;
pub mod error;
pub mod extract;
pub mod guard;
pub mod handlers;
pub mod intake;
pub mod key;
pub mod metrics;
pub mod openapi;
pub mod queue;
pub mod router;
pub mod senders;
pub mod server;
pub mod siblings;
pub mod specs;
pub mod state;
pub mod stream;
pub mod task;
