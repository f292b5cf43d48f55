//! How a connection to an upstream stands, as plain data that a screen can show and a test can compare.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::contracts::clock::Timestamp;
use crate::contracts::failure::Failure;

/// The connection to Temporal. It is a fact about the last answer, not a promise about the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Link {
    /// Nothing has been heard yet.
    Connecting { attempt: u32, since: Timestamp },
    /// The last call was answered.
    Up { since: Timestamp },
    /// The last call was not. It is tried again by itself, for ever.
    Down {
        failure: Failure,
        since: Timestamp,
        #[serde(rename = "retryAt")]
        retry_at: Timestamp,
        attempt: u32,
    },
}

impl Link {
    pub fn is_up(&self) -> bool {
        matches!(self, Self::Up { .. })
    }
}

/// What a server says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerInfo {
    pub version: String,
    /// Absent where the server does not tell, as Temporal Cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Where lists come from: `sqlite`, `postgres12`, `elasticsearch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility_store: Option<String>,
}

/// Who polls a task queue for work. A worker that died is among them until it should have asked again: a poll may wait a
/// minute for work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pollers {
    pub count: u32,
    /// When one of them last asked.
    pub polled_at: Option<Timestamp>,
}
