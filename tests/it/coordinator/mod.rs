//! The coordinator on a real listener: who may what, what it says of itself, that garbage is answered, not obeyed.

mod auth;
mod callbacks;
mod decisions;
mod document;
mod ended;
mod garbage;
mod happened;
mod key;
mod proof;
mod queue;
pub(crate) mod rig;
mod routes;
mod schema;
mod seed;
mod signatures;
mod steps;
mod stream;
mod tenants;
