//! Which rules a goal follows.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::contracts::ids::{SpecHash, SpecName};

/// A spec by name, version and content: what a running goal is pinned to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpecPin {
    pub name: SpecName,
    /// The author's own, such as `3`.
    #[serde(default)]
    pub version: String,
    pub hash: SpecHash,
}

/// Characters of a hash that are shown: they tell two texts of one name apart.
const SHOWN: usize = 12;

impl SpecPin {
    /// The beginning of the hash.
    pub fn short_hash(&self) -> String {
        self.hash.as_str().chars().take(SHOWN).collect()
    }
}
