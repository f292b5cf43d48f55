//! The only home of the Temporal client and of protos. Everything remote is decoded, bounded and made safe to
//! show here; nothing above sees a proto type.
//!
//! [`Gateway`] reads and sends; [`operate::Operator`] is the one path on which people change anything;
//! [`coordinator::Coordinator`] is the coordinator as a client sees it.

pub mod admin;
pub mod connect;
pub mod coordinator;
pub mod decide;
pub mod describe;
pub mod evidence;
pub mod gates;
pub mod history;
pub mod list;
pub mod operate;
pub mod rollback;
pub mod signal;
pub mod tail;

use crate::contracts::failure::{Failure, FailureKind};

/// A connection to one namespace. Cheap to clone; all clones share one link, which connects in the background and
/// reconnects for ever.
#[derive(Clone, Debug)]
pub struct Gateway {
    link: std::sync::Arc<connect::Shared>,
}

fn unbuilt<T>(what: &str) -> Result<T, Failure> {
    Err(Failure::new(FailureKind::Internal, format!("{what}: not built yet."), ""))
}
