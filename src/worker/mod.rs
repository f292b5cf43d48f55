//! The headless worker: connect, register, tune, drain.
