//! What `doctor` and the frame ask: who polls a queue, what the server is, which search attributes are missing.

use crate::contracts::failure::Failure;
use crate::contracts::link::ServerInfo;
use crate::contracts::temporal::names::AttributeKind;
use crate::gateway::{Gateway, unbuilt};

/// A search attribute that should be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    pub name: &'static str,
    pub kind: AttributeKind,
}

#[expect(clippy::unused_async, reason = "the signature, for those who compile against it")]
impl Gateway {
    /// How many workers poll a queue for workflow tasks.
    pub async fn pollers(&self, _queue: &str) -> Result<u32, Failure> {
        unbuilt("pollers")
    }

    /// Attributes of [`crate::contracts::temporal::names::attribute::ALL`] that the namespace lacks.
    pub async fn missing_attributes(&self) -> Result<Vec<Attribute>, Failure> {
        unbuilt("search attributes")
    }

    /// Registers what is missing and says what that was.
    pub async fn register_attributes(&self) -> Result<Vec<Attribute>, Failure> {
        unbuilt("search attributes")
    }

    pub async fn server_info(&self) -> Result<ServerInfo, Failure> {
        unbuilt("server")
    }
}
