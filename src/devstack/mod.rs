//! The demo: a real Temporal server, worker, coordinator, service, and a story to play.
